"""Exports: tickets as documents and tables, streamed a batch at a time.

Between two batches no connection is held: a slow reader costs the database nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from app.domain.accounts import Actor
from app.domain.documents import StoredDocument
from app.domain.exports import EXPORTS, ExportName
from app.domain.filters import TicketFilter, TicketOrder
from app.domain.reviews import Review
from app.domain.sight import seen_ticket
from app.domain.tickets import Relation, Ticket, TicketSummary
from app.formats import tracked
from app.formats.documents import opened_again
from app.formats.interface import (
    Circumstances,
    ExportedDocument,
    Items,
    ReportedBy,
    ReportedTicket,
    TicketWriter,
    stream,
)
from app.formats.markdown import FormatError, write
from app.services.access import load_ticket
from app.services.sight import seen_reviews, sight, within_sight
from app.services.transfer import TransferService
from app.storage.unit import Stores, UnitOfWork

_BATCH = 100
_FOLDERS: Mapping[tuple[str, str | None], str] = {
    ("closed", "not-a-bug"): "not-a-bug",
    ("wont-fix", "wont-fix"): "wontfix",
}


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

    def __init__(self, unit: UnitOfWork, transfer: TransferService, url: str, version: str) -> None:
        self._unit, self._transfer = unit, transfer
        self._url, self._version = url, version

    async def document(self, key: str) -> ExportedDocument:
        """Return the document of a ticket.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            (source,) = await _sources(stores, [await load_ticket(stores, key)])
        return await asyncio.to_thread(source.exported)

    async def worded(self, key: str) -> tuple[dict[str, Any], str]:
        """Return a ticket as its document words it, and the ticket's ETag.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            (source,) = await _sources(stores, [await load_ticket(stores, key)])
        return await asyncio.to_thread(_worded, source)

    def file(
        self,
        actor: Actor,
        name: ExportName,
        wanted: TicketFilter,
        *,
        order: TicketOrder = "key",
        omit: bool = False,
    ) -> AsyncGenerator[bytes]:
        """Return a file of tickets, piece by piece.

        Args:
            actor: who reads it.
            name: of the format.
            wanted: which tickets.
            order: of the tickets; the whole export has its own.
            omit: leave out what is settled or suppressed, where the format can say so.
        """
        if not EXPORTS[name].writer:
            return self._transfer.lines(actor, wanted)
        return self._written(name, wanted, order, omit=omit)

    async def _writer(self, name: ExportName, *, omit: bool = False) -> TicketWriter:
        module, _, kind = EXPORTS[name].writer.partition(":")
        made: Callable[[Circumstances], TicketWriter]
        made = getattr(import_module(f"app.formats.{module}"), kind)
        async with self._unit.read() as stores:
            own = await stores.transfer.installation()
        return made(Circumstances(self._url, self._version, own, datetime.now(UTC), omit))

    async def _written(
        self, name: ExportName, wanted: TicketFilter, order: TicketOrder, *, omit: bool
    ) -> AsyncGenerator[bytes]:
        writer = await self._writer(name, omit=omit)
        # With the first tickets, so that what cannot be read is a problem and no file.
        before = writer.opening()
        async for items in self._batches(wanted, order):
            yield before + await self._pieces(writer, items)
            before = b""
        yield before + writer.closing()

    async def _pieces(self, writer: TicketWriter, items: Sequence[TicketSummary]) -> bytes:
        keys = [item.key for item in items]
        match writer.items:
            case Items.SUMMARY:
                return b"".join(map(writer.item, items))
            case Items.TICKET:
                async with self._unit.read() as stores:
                    tickets = await _whole(stores, keys)
                return b"".join(map(writer.item, tickets))
            case Items.REPORTED:
                return b"".join(map(writer.item, await self._reported(keys)))
            case Items.DOCUMENT:
                async with self._unit.read() as stores:
                    sources = await _sources(stores, await _whole(stores, keys))
                # Read and written again word by word, beside the other calls.
                return await asyncio.to_thread(
                    lambda: b"".join(writer.item(source.exported()) for source in sources)
                )

    async def _reported(self, keys: Sequence[str]) -> list[ReportedTicket]:
        async with self._unit.read() as stores:
            tickets = await _whole(stores, keys)
            by = await stores.scanning.reported_by([ticket.id for ticket in tickets])
        return [
            ReportedTicket(ticket, ReportedBy(*by[ticket.id]) if ticket.id in by else None)
            for ticket in tickets
        ]

    async def sarif_of(self, key: str) -> bytes:
        """Return a ticket as SARIF.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            await load_ticket(stores, key)
        return b"".join(stream(await self._writer("sarif"), await self._reported([key])))

    async def _batches(
        self, wanted: TicketFilter, order: TicketOrder
    ) -> AsyncIterator[Sequence[TicketSummary]]:
        position: tuple[Any, ...] | None = None
        while True:
            async with self._unit.read() as stores:
                page = await stores.ticket_lists.page(
                    within_sight(wanted), order, after=position, limit=_BATCH
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
