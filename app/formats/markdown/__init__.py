"""Tickets as Markdown documents, without loss.

:func:`parse` reads bytes into a :class:`Document`, which knows for every value the lines that
state it. :func:`facts` says what the document states in the tracker's words, :func:`to_json` in
its own. :func:`merge` edits a ticket's present facts into its document; :func:`write` makes a
document for a ticket that has none.
"""

from __future__ import annotations

from app.formats.markdown.document import Document
from app.formats.markdown.facts import RelationText, ReviewText, TicketFacts
from app.formats.markdown.folders import (
    DISPOSITIONS,
    Disposition,
    agrees,
    disposition,
    drift,
    home_of,
    moved,
)
from app.formats.markdown.merge import merge, unsaid
from app.formats.markdown.metadata import extra_fields
from app.formats.markdown.problems import FormatError, FormatProblem, Limits
from app.formats.markdown.reader import parse
from app.formats.markdown.stated import canonical, facts, to_json
from app.formats.markdown.write import write

__all__ = [
    "DISPOSITIONS",
    "Disposition",
    "Document",
    "FormatError",
    "FormatProblem",
    "Limits",
    "RelationText",
    "ReviewText",
    "TicketFacts",
    "agrees",
    "canonical",
    "disposition",
    "drift",
    "extra_fields",
    "facts",
    "home_of",
    "merge",
    "moved",
    "parse",
    "to_json",
    "unsaid",
    "write",
]
