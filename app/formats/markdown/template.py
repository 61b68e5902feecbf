"""The skeleton of a ticket as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.formats.markdown.facts import ChecklistEntry, Location, SectionText, TicketFacts
from app.formats.markdown.write import write

KEY = "B1-CR-01"
"""Stands where the ticket's own key belongs."""


def template(skeleton: Mapping[str, Any], severities: Mapping[str, str]) -> bytes:
    """Return the skeleton of a document, with the meaning of the severities beside it.

    Args:
        skeleton: the fields of a draft, as a client files it.
        severities: when to choose which.
    """
    facts = TicketFacts(
        key=KEY,
        **{name: skeleton[name] for name in ("title", "severity", "batch", "agent", "summary")},
        domains=tuple(skeleton["domains"]),
        categories=tuple(skeleton["categories"]),
        locations=tuple(Location(**item) for item in skeleton["locations"]),
        sections=(
            *(SectionText(**item) for item in skeleton["sections"]),
            SectionText("Severity", "\n".join(_legend(severities))),
        ),
        checklist=tuple(ChecklistEntry(**item) for item in skeleton["checklist"]),
    )
    return write(facts)


def _legend(severities: Mapping[str, str]) -> list[str]:
    words = [f"- `{severity}`: {meaning}" for severity, meaning in severities.items()]
    return ["Choose one for the table above, and leave this section out:", "", *words]
