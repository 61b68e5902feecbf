"""Exports: tickets as documents and tables, streamed a batch at a time.

Between two batches no connection is held: a slow reader costs the database nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.documents import StoredDocument
from app.domain.reviews import Review
from app.domain.sight import seen_ticket
from app.domain.tickets import Relation, Ticket, TicketSummary, severity_words
from app.formats import tracked
from app.formats.archive import ArchiveWriter
from app.formats.csv import CsvRows
from app.formats.documents import opened_again
from app.formats.interface import StreamFormat
from app.formats.markdown import FormatError, write
from app.formats.osv import OsvWriter
from app.formats.sarif.writer import ReportedBy, SarifWriter, suppressions
from app.formats.vex import VexWriter
from app.services.access import shown
from app.services.sight import seen_reviews, sight, within_sight
from app.storage.ticket_lists import TicketFilter
from app.storage.unit import Stores, UnitOfWork

_BATCH = 100
_FOLDERS: Mapping[tuple[str, str | None], str] = {
    ("closed", "not-a-bug"): "not-a-bug",
    ("wont-fix", "wont-fix"): "wontfix",
}


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


@dataclass(frozen=True)
class _Source:
    """What a document is made of."""

    ticket: Ticket
    stored: StoredDocument | None
    given_here: Sequence[Review]
    pending: Sequence[Relation]
    path: str

    def exported(self) -> ExportedDocument:
        return ExportedDocument(self.path, self._content(), self.ticket)

    def _content(self) -> bytes:
        """The document's own bytes, but for the lines of what was changed here."""
        if self.stored is None:
            return self._written()
        try:
            document = opened_again(self.stored.content, self.stored.layout)
        except FormatError:
            return self._written()  # a version with other limits took it
        fresh = document.facts
        left = tracked.from_plain(self.stored.facts)
        now = replace(
            tracked.current(fresh, left, tracked.of_ticket(self.ticket)),
            relations=tracked.current_relations(fresh, self.ticket, self.pending),
            reviews=tracked.current_reviews(fresh, self.given_here),
        )
        return document.edited(now)

    def _written(self) -> bytes:
        return write(
            tracked.written(self.ticket, self.given_here),
            lenient=True,
            external_ref=self.ticket.external_ref,
        )


class ExportService:
    """Tickets as others read them."""

    def __init__(self, unit: UnitOfWork, url: str, version: str) -> None:
        self._unit = unit
        self._url, self._version = url, version

    async def document(self, key: str) -> ExportedDocument:
        """Return the document of a ticket.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            (source,) = await _sources(stores, [await shown(stores, key)])
        return await asyncio.to_thread(source.exported)

    async def worded(self, key: str) -> tuple[dict[str, Any], str]:
        """Return a ticket as its document words it, and the ticket's ETag.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            (source,) = await _sources(stores, [await shown(stores, key)])
        return await asyncio.to_thread(_worded, source)

    async def markdown(self, wanted: TicketFilter) -> AsyncGenerator[bytes]:
        """Yield a zip archive with the documents of tickets, under the paths they came from."""
        archive = ArchiveWriter()
        async for items in self._batches(wanted):
            async with self._unit.read() as stores:
                tickets = await _whole(stores, [item.key for item in items])
                sources = await _sources(stores, tickets)
            yield await asyncio.to_thread(_packed, archive, sources)
        yield archive.close()

    async def csv(self, wanted: TicketFilter) -> AsyncGenerator[bytes]:
        """Yield a table of tickets that spreadsheets can open without harm."""
        rows = CsvRows(bom=True)
        opening = rows.opening()
        async for items in self._batches(wanted):
            yield opening + b"".join(rows.item(csv_row(item)) for item in items)
            opening = b""
        if opening:
            yield opening

    async def sarif(self, wanted: TicketFilter, *, omit: bool) -> AsyncGenerator[bytes]:
        """Yield tickets as SARIF; with `omit` without those that are settled or suppressed."""
        writer = SarifWriter(self._url, self._version)
        yield writer.opening()
        async for items in self._batches(wanted):
            yield await self._as_sarif(writer, [item.key for item in items], omit=omit)
        yield writer.closing()

    def openvex(self, wanted: TicketFilter) -> AsyncGenerator[bytes]:
        """Yield tickets as statements of one OpenVEX document."""
        return self._each(
            VexWriter(self._url, f"Findings {self._version}", datetime.now(UTC)), wanted
        )

    def osv(self, wanted: TicketFilter) -> AsyncGenerator[bytes]:
        """Yield tickets as records of OSV."""
        return self._each(OsvWriter(self._url), wanted)

    async def _each(
        self, form: StreamFormat[Ticket], wanted: TicketFilter
    ) -> AsyncGenerator[bytes]:
        yield form.opening()
        async for items in self._batches(wanted):
            async with self._unit.read() as stores:
                tickets = await _whole(stores, [item.key for item in items])
            yield b"".join(map(form.item, tickets))
        yield form.closing()

    async def sarif_of(self, key: str) -> bytes:
        """Return a ticket as SARIF.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            await shown(stores, key)
        writer = SarifWriter(self._url, self._version)
        pieces = [writer.opening(), await self._as_sarif(writer, [key], omit=False)]
        return b"".join([*pieces, writer.closing()])

    async def _as_sarif(self, writer: SarifWriter, keys: Sequence[str], *, omit: bool) -> bytes:
        async with self._unit.read() as stores:
            tickets = await _whole(stores, keys)
            reported = await stores.scanning.reported_by([ticket.id for ticket in tickets])
        pieces = []
        for ticket in tickets:
            by = ReportedBy(*reported[ticket.id]) if ticket.id in reported else None
            settled = ticket.status.is_final or suppressions(ticket, by.said if by else {})
            if not (omit and settled):
                pieces.append(writer.item(ticket, by))
        return b"".join(pieces)

    async def _batches(self, wanted: TicketFilter) -> AsyncIterator[Sequence[TicketSummary]]:
        position: tuple[Any, ...] | None = None
        while True:
            async with self._unit.read() as stores:
                page = await stores.ticket_lists.page(
                    within_sight(wanted), "key", after=position, limit=_BATCH
                )
            if page.items:
                yield page.items
            position = page.next_position
            if position is None:
                return


def _worded(source: _Source) -> tuple[dict[str, Any], str]:
    """Write a document and read it again, in its own words."""
    found = source.exported()
    layout = source.stored.layout if source.stored else None
    return opened_again(found.content, layout).to_json(found.path), found.etag


def _packed(archive: ArchiveWriter, sources: Iterable[_Source]) -> bytes:
    pieces = []
    for source in sources:
        found = source.exported()
        pieces.append(archive.add(found.path, found.content, _moment(found.ticket)))
    return b"".join(pieces)


def _moment(ticket: Ticket) -> datetime:
    return ticket.updated_at


async def _whole(stores: Stores, keys: Sequence[str]) -> list[Ticket]:
    found = sight()
    return [seen_ticket(ticket, found) for ticket in await stores.documents.whole(keys)]


async def _sources(stores: Stores, tickets: Sequence[Ticket]) -> list[_Source]:
    ids = [ticket.id for ticket in tickets]
    # A document says what its reviewers said: where that is hidden it is written anew.
    open_ids = [ticket.id for ticket in tickets if not ticket.verdicts_hidden]
    stored = await stores.documents.of_tickets(open_ids)
    given = await stores.documents.given_here(ids)
    pending = await stores.documents.pending_of(ids)
    paths = {ticket.id: _own_path(ticket) for ticket in tickets if ticket.id not in stored}
    taken = await stores.documents.taken_paths(paths.values()) if paths else set()
    return [
        _Source(
            ticket,
            stored.get(ticket.id),
            seen_reviews(ticket, given[ticket.id]),
            pending[ticket.id],
            stored[ticket.id].source_path
            if ticket.id in stored
            else _free(paths[ticket.id], taken),
        )
        for ticket in tickets
    ]


def _own_path(ticket: Ticket) -> str:
    """Where a ticket that came from no document would lie."""
    state = (ticket.status.value, ticket.resolution.value if ticket.resolution else None)
    folder = _FOLDERS.get(state, "fixed" if ticket.status.is_final else "triaged")
    return f"{folder}/{ticket.key}.md"


def _free(path: str, taken: set[str]) -> str:
    """A path beside those of imported documents; a key has no blank, so this one is free."""
    return path.replace(".md", " (filed here).md") if path in taken else path


def _closed_without(item: TicketSummary) -> str | None:
    said = item.evidence.get("closed_without")
    return said and f"{said['by']}: {said['reason']}"


def csv_row(item: TicketSummary) -> dict[str, Any]:
    """Return what a table shows of a ticket, by column."""
    state = item.evidence["state"]
    return {
        "key": item.key,
        "title": item.title,
        "severity": severity_words(item.severity, item.severity_raw),
        "status": item.status,
        "resolution": item.resolution,
        "batch": item.batch,
        "agent": item.agent,
        "domains": item.domains,
        "target": item.target,
        "categories": item.categories,
        "assignee": item.assignee,
        "summary": item.summary,
        "evidence": f"{state} (stale)" if item.evidence["stale"] else state,
        "closed_without_evidence": _closed_without(item),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
