"""Reading a document of an import, before anything is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain import keys
from app.domain.documents import MAX_PATH, SourceFile, StatusFrom
from app.formats import tracked
from app.formats.documents import opened
from app.formats.layouts import Layout, to_plain
from app.formats.markdown import FormatError, FormatProblem, TicketFacts, disposition, drift
from app.formats.markdown.words import status_words

MAX_TITLE = 1000
MAX_SUMMARY = 20_000
"""Characters; longer ones are no title and no summary."""

MAX_PARTS = 2_000
"""Parts of a kind; no page and no reader of a ticket is made for more."""


@dataclass(frozen=True)
class Reading:
    """A document that can be taken for a ticket."""

    path: str
    content: bytes
    digest: str
    facts: TicketFacts
    """What it states."""
    held: TicketFacts
    """What the tracker makes of that."""
    folder: str | None
    """Of those that say something of their tickets."""
    lines: Mapping[str, int]
    """Where fields stand, from 1; ``""`` is the line to name when a field has none."""
    warnings: tuple[str, ...]
    layout: Mapping[str, Any] | None = None
    """Of another project, as its TOML holds it; None for the own format."""

    def line_of(self, fields: tuple[str, ...]) -> int:
        """The line of the first of `fields`."""
        return next((self.lines[f] for f in fields if f in self.lines), self.lines[""])


def read(file: SourceFile, status_from: StatusFrom, layout: Layout | None = None) -> Reading:
    """Read a document, by the layout of another project where one is given.

    Raises:
        FormatError: it cannot be taken for a ticket; each reason with its line.
    """
    document = opened(file.content, layout, source_path=file.path)
    stated, lines = document.facts, document.lines
    path = file.path or f"{stated.key}.md"
    _check(path, stated, lines)
    said = disposition(path)
    kept = tracked.held(stated, said if status_from is StatusFrom.FOLDER else None)
    warnings = [*map(str, document.warnings), *tracked.not_held(stated, kept)]
    word = document.status_raw
    if layout is not None:
        word = status_words(stated.status, stated.resolution)[0]
    disagreement = drift(said.folder if said else None, word)
    if disagreement:
        taken = "; the folder's word was taken" if status_from is StatusFrom.FOLDER else ""
        warnings.append(f"drift: {disagreement}{taken}")
    return Reading(
        path=path,
        content=file.content,
        digest=hashlib.sha256(file.content).hexdigest(),
        facts=stated,
        held=kept,
        folder=said.folder if said else None,
        lines=lines,
        warnings=tuple(warnings),
        layout=None if layout is None else to_plain(layout),
    )


def _check(path: str, stated: TicketFacts, lines: Mapping[str, int]) -> None:
    problems = []
    if len(path) > MAX_PATH:
        problems.append(FormatProblem(1, f"the path is longer than {MAX_PATH} characters"))
    if not keys.is_key(stated.key, allow_copy=True):
        reason = f"Ticket ID {stated.key[:50]!r} is longer than {keys.MAX_LENGTH} characters"
        problems.append(FormatProblem(lines[""], reason))
    for field, most in (("title", MAX_TITLE), ("summary", MAX_SUMMARY)):
        if len(getattr(stated, field) or "") > most:
            reason = f"the {field} is longer than {most} characters"
            problems.append(FormatProblem(lines[field], reason))
    for field in ("sections", "locations", "checklist", "reviews", "relations", "reports"):
        if (count := len(getattr(stated, field))) > MAX_PARTS:
            reason = f"{count:,} {field}, and a ticket has at most {MAX_PARTS:,}; split it"
            problems.append(FormatProblem(lines.get(field, lines[""]), reason))
    if problems:
        raise FormatError(problems)
