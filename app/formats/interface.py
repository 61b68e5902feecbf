"""The shape that every streamed export has.

A format opens a file, writes one item after another, and closes the file; it holds no more than
one item, so that memory does not grow with the count::

    yield form.opening()
    for item in items:
        yield form.item(item)
    yield form.closing()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol, TypeVar

from app.domain.tickets import Ticket

T_contra = TypeVar("T_contra", contravariant=True)
T = TypeVar("T")


class StreamFormat(Protocol[T_contra]):
    """A file of many items of one kind."""

    def opening(self) -> bytes:
        """What stands before the first item."""
        ...

    def item(self, value: T_contra) -> bytes:
        """One item."""
        ...

    def closing(self) -> bytes:
        """What stands behind the last item."""
        ...


def stream(form: StreamFormat[T], items: Iterable[T]) -> Iterator[bytes]:
    """A whole file, piece by piece."""
    yield form.opening()
    for value in items:
        yield form.item(value)
    yield form.closing()


@dataclass(frozen=True)
class Circumstances:
    """Of an export of tickets."""

    url: str
    """Where the service is reached, for links to tickets."""
    version: str
    """Of the service."""
    installation: str
    """The id of the installation, by which it knows its own tickets again."""
    now: datetime
    omit: bool = False
    """Leave out what is settled or suppressed, where the format can say so."""


class Items(Enum):
    """What a format of exports writes of each ticket."""

    SUMMARY = auto()
    """`app.domain.tickets.TicketSummary`."""
    TICKET = auto()
    """`app.domain.tickets.Ticket`."""
    REPORTED = auto()
    """`ReportedTicket`."""
    DOCUMENT = auto()
    """`ExportedDocument`."""


class TicketWriter(StreamFormat[Any], Protocol):
    """A format of exports; it is made from `Circumstances` for each file."""

    items: Items
    """What it is given."""


@dataclass(frozen=True)
class ReportedBy:
    """What a scanner reported of a ticket, as it is kept."""

    scanner: str
    tool: str
    rule: str
    said: Mapping[str, Any]


@dataclass(frozen=True)
class ReportedTicket:
    """A ticket, and what a scanner reported of it, if one did."""

    ticket: Ticket
    by: ReportedBy | None


@dataclass(frozen=True)
class ExportedDocument:
    """The document of a ticket as it should be now."""

    path: str
    content: bytes
    ticket: Ticket

    @property
    def etag(self) -> str:
        """Of the ticket."""
        return self.ticket.etag
