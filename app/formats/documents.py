"""Documents of tickets, in the own format or read by the layout of another project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

from app.formats.layouts import Layout, from_plain, nearest, read
from app.formats.layouts.scan import scan
from app.formats.markdown import (
    Document,
    FormatError,
    FormatProblem,
    TicketFacts,
    facts,
    merge,
    parse,
    to_json,
)

_ROWS = MappingProxyType(
    {
        "severity": "Severity",
        "status": "Status",
        "batch": "Batch",
        "agent": "Agent",
        "domains": "Domain",
        "assignee": "Assignee",
        "created": "Created",
    }
)


class OpenDocument(Protocol):
    """A document that was read."""

    @property
    def facts(self) -> TicketFacts:
        """What it states."""

    @property
    def status_raw(self) -> str | None:
        """The word of its status, as written."""

    @property
    def lines(self) -> Mapping[str, int]:
        """Where fields stand, from 1; ``""`` is the line to name when a field has none."""

    @property
    def warnings(self) -> Sequence[FormatProblem]:
        """What is odd about it."""

    def edited(self, now: TicketFacts) -> bytes:
        """Return it with what `now` says otherwise; all other lines are as they were."""

    def to_json(self, source_path: str | None) -> dict[str, Any]:
        """Return it in its own words, raw tokens beside normal ones."""


@dataclass(frozen=True)
class _Own:
    """A document in the own format."""

    document: Document

    @cached_property
    def facts(self) -> TicketFacts:
        return facts(self.document)

    @property
    def status_raw(self) -> str | None:
        return self.document.status_raw

    @property
    def lines(self) -> Mapping[str, int]:
        document = self.document
        found = {"title": document.title.line + 1}
        for field, row in _ROWS.items():
            cell = document.metadata.get(row)
            if cell is not None:
                found[field] = cell.line + 1
        if document.summary is not None:
            found["summary"] = document.summary.line + 1
        key = document.metadata.get("Ticket ID")
        found[""] = key.line + 1 if key is not None else 1
        return found

    @property
    def warnings(self) -> Sequence[FormatProblem]:
        return self.document.warnings

    def edited(self, now: TicketFacts) -> bytes:
        return merge(self.document, now, lenient=True)

    def to_json(self, source_path: str | None) -> dict[str, Any]:
        return {**to_json(self.document), "source_path": source_path}


def opened(
    content: bytes,
    layout: Layout | None = None,
    *,
    source_path: str | None = None,
    warn: bool = True,
) -> OpenDocument:
    """Read a document.

    Args:
        content: its bytes.
        layout: of another project; None for the own format.
        source_path: where it lies, which is compared with its id.
        warn: of what is odd about it, too.

    Raises:
        FormatError: it cannot be taken for a ticket; each reason with its line.
    """
    if layout is not None:
        return read(content, layout)
    try:
        return _Own(parse(content, source_path=source_path, warn=warn))
    except FormatError as error:
        raise _with_layout(content, error) from None


def opened_again(content: bytes, layout: Mapping[str, Any] | None) -> OpenDocument:
    """Read a document that is kept, by the layout that is kept with it; warn of nothing."""
    return opened(content, None if layout is None else from_plain(layout), warn=False)


def _with_layout(content: bytes, error: FormatError) -> FormatError:
    """Name the layout that comes nearest to a document which is none of the own format."""
    foreign = [problem.reason.startswith("not a ticket") for problem in error.problems]
    if not any(foreign):
        return error
    try:
        near = nearest(scan(content))
    except FormatError:
        near = None
    told = "no layout that ships fits it; layout=guess (--layout guess) shows what could be read"
    if near is not None:
        name = near.layout.name
        told = f"nearest is the layout {name}: import it with layout={name} (--layout {name})"
    return FormatError(
        [
            FormatProblem(problem.line, f"{problem.reason}; {told}") if mine else problem
            for problem, mine in zip(error.problems, foreign, strict=True)
        ]
    )
