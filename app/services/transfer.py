"""Moving everything: lines of JSON out of one installation, and into another.

The first line says what follows, the last one that nothing is missing. Between them each line holds
one account, ticket, run or event with all that belongs to it, and needs only lines before it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from app.domain import keys
from app.domain.accounts import Actor, Role
from app.domain.documents import ImportItem, ImportResult, Span
from app.domain.evidence import EvidenceState
from app.domain.exports import EXPORTS
from app.domain.filters import TicketFilter
from app.domain.search import other_texts, search_texts
from app.domain.tickets import Category, ChecklistItem, Location, Section
from app.errors import FieldError, FindingsError, Forbidden, InvalidInput
from app.services.access import describe, require
from app.services.evidence import place_all
from app.services.sight import sight
from app.storage.unit import Stores, UnitOfWork

FORMAT = "findings"
VERSION = 1

KINDS = (
    "specialist",
    "account",
    "target",
    "text",
    "ticket",
    "relation",
    "run",
    "counter",
    "audit",
)
_BATCH_LINES = 200
_BATCH_BYTES = 4 << 20
_EXPORTS_AT_ONCE = 3
_CATEGORIES = frozenset(category.value for category in Category)
_STATES = frozenset(state.value for state in EvidenceState)


class TransferService:
    """All that an installation knows, but for its secrets."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        # Each holds a connection for as long as its reader takes.
        self._room = asyncio.Semaphore(_EXPORTS_AT_ONCE)

    async def lines(self, actor: Actor, wanted: TicketFilter) -> AsyncGenerator[bytes]:
        """Yield an export, all of it as it is at one moment.

        Accounts, and events about none of the tickets, are for admins: without them the export is
        not complete.

        Args:
            actor: who reads.
            wanted: only these tickets, and what belongs to them.

        Raises:
            Forbidden: the actor reviews blind, and an export holds every verdict.
        """
        if sight() is not None:
            *first, last = (name for name, export in EXPORTS.items() if export.writer)
            raise Forbidden(
                f"An export in JSON Lines holds every verdict, and {describe(actor)} reviews "
                f"blind. Take format={', '.join(first)} or {last}, or an account that is not "
                "blind.",
                needs="an account that does not review blind",
                you=describe(actor),
            )
        complete = actor.role.includes(Role.ADMIN)
        chosen = None if wanted == TicketFilter() else wanted
        async with self._room, self._unit.snapshot() as stores:
            spans = await stores.transfer.spans(chosen)
            head = {
                "kind": "export",
                "format": FORMAT,
                "version": VERSION,
                "at": datetime.now(UTC),
                "complete": complete and chosen is None,
                "installations": sorted(await stores.transfer.installations()),
                "numbers": {name: asdict(span) for name, span in spans.items()},
            }
            yield _line(head)
            count = 1
            for kind in KINDS:
                async for line in stores.transfer.lines(kind, chosen, complete=complete):
                    yield line.encode() + b"\n"
                    count += 1
        yield _line({"kind": "end", "lines": count + 1})

    async def restore(
        self, actor: Actor, lines: AsyncIterator[bytes], *, dry_run: bool = False
    ) -> list[ImportItem]:
        """Take an export in: all of it, or nothing.

        Accounts are known by their names: one that is here stays as it is, and what it did
        elsewhere is its own. Tickets whose keys are here make the whole import fail.

        Args:
            actor: who imports.
            lines: of the export, without their ends.
            dry_run: go the whole way, and leave nothing.

        Returns:
            What became of each ticket.

        Raises:
            Forbidden: the actor is no admin.
            InvalidInput: a line is none of an export, or does not fit; or lines are missing.
            AlreadyTaken: something of it is here already.
        """
        require(actor, Role.ADMIN)
        async with self._unit.begin(commit=not dry_run) as stores:
            intake = _Intake(stores)
            async for line in lines:
                await intake.take(line)
            await intake.end()
            # What covers them elsewhere may be declared otherwise here, or not at all.
            await place_all(stores)
            await stores.audit.record(
                actor, "export.restored", changes={"tickets": [None, len(intake.items)]}
            )
        return intake.items


def _line(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z) + b"\n"


class _Intake:
    """Takes the lines of an export, in batches of one kind."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._number = 0
        self._kind = ""
        self._held: list[tuple[int, bytes, dict[str, Any]]] = []
        self._bytes = 0
        self._spans: dict[str, Span] = {}
        self._shifts: dict[str, int] = {}
        self._same: dict[bytes, bytes] = {}
        """Ids of accounts elsewhere, and what they are here."""
        self._ended = False
        self.items: list[ImportItem] = []

    async def take(self, line: bytes) -> None:
        self._number += 1
        if not line.strip():
            return
        for theirs, ours in self._same.items():
            line = line.replace(theirs, ours)
        found = self._parsed(line)
        kind = found.get("kind")
        if self._ended:
            raise self._wrong("stands behind the end of the export")
        if not self._spans:
            await self._begin(found)
        elif kind == "end":
            await self._flush()
            if found.get("lines") != self._number:
                raise self._wrong(f"lines are missing: {found.get('lines')} were exported")
            self._ended = True
        elif kind not in KINDS or not isinstance(found.get(kind), dict):
            raise self._wrong(f"is of no known kind: {str(kind)[:40]!r}")
        else:
            if kind != self._kind or self._bytes > _BATCH_BYTES or len(self._held) >= _BATCH_LINES:
                await self._flush()
            self._kind = kind
            await self._hold(line, found)

    async def end(self) -> None:
        """Check that the export is whole.

        Raises:
            InvalidInput: its end is missing.
        """
        if not self._ended:
            raise self._wrong("the export breaks off here: its last line is missing")
        await self._stores.transfer.finish()

    async def _begin(self, head: Mapping[str, Any]) -> None:
        if head.get("kind") != "export" or head.get("format") != FORMAT:
            raise self._wrong("is not the beginning of an export")
        if head.get("version") != VERSION:
            raise self._wrong(f"is of version {head.get('version')!r}; {VERSION} is read here")
        try:
            numbers = head["numbers"]
            for name in ("tickets", "audit_events"):
                first, last = int(numbers[name]["first"]), int(numbers[name]["last"])
                if not 0 <= first <= last < 1 << 60:
                    raise ValueError
                self._spans[name] = Span(first, last)
        except (KeyError, TypeError, ValueError):
            raise self._wrong("says not which numbers follow") from None
        if head.get("complete") is True:
            await self._stores.transfer.note_installations(self._installations(head))
        self._shifts = await self._stores.transfer.reserve(self._spans)

    def _installations(self, head: Mapping[str, Any]) -> list[UUID]:
        """Return which installations an export is of; older versions do not say."""
        try:
            return [UUID(one) for one in head.get("installations", [])]
        except (TypeError, ValueError, AttributeError):
            raise self._wrong("says not which installation it is of") from None

    async def _hold(self, line: bytes, found: dict[str, Any]) -> None:
        row = found[self._kind]
        match self._kind:
            case "account":
                if await self._is_here(row):
                    return
            case "text":
                self._check_text(row)
            case "ticket":
                self._check_ticket(row)
                self._check_number("tickets", row)
            case "audit":
                self._check_number("audit_events", row)
        self._held.append((self._number, line, found))
        self._bytes += len(line)

    async def _is_here(self, row: Mapping[str, Any]) -> bool:
        """Tell whether an account of that name is here; then theirs stands for it from now on."""
        name, theirs = str(row.get("name")), str(row.get("id"))
        here = (await self._stores.transfer.accounts_named([name])).get(name)
        if here is None:
            return False
        if len(theirs) != len(here):
            raise self._wrong("is an account without an id")
        if here != theirs:
            self._same[theirs.encode()] = here.encode()
        return True

    def _check_text(self, row: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(str(row.get("text")).encode()).hexdigest()
        if digest != row.get("digest"):
            raise self._wrong("is a text with another digest than its own")

    def _check_ticket(self, row: Mapping[str, Any]) -> None:
        if not keys.is_key(str(row.get("key")), allow_copy=True):
            raise self._wrong(f"holds no ticket key: {str(row.get('key'))[:60]!r}")
        if not set(row.get("categories") or ()) <= _CATEGORIES:
            raise self._wrong("holds an unknown category")
        if row.get("evidence_state") not in _STATES:
            raise self._wrong("holds an unknown state of evidence")

    def _check_number(self, name: str, row: Mapping[str, Any]) -> None:
        span, number = self._spans[name], row.get("id")
        if not isinstance(number, int) or not span.first <= number <= span.last:
            raise self._wrong("has a number that its first line does not announce")

    async def _flush(self) -> None:
        held, self._held, self._bytes = self._held, [], 0
        if not held:
            return
        lines = [line for _, line, _ in held]
        try:
            await self._stores.transfer.add(self._kind, lines, self._shifts)
        except FindingsError:
            # One of them is wrong; taken singly it is found.
            for self._number, line, _ in held:
                await self._add_one(line)
        if self._kind == "ticket":
            await self._note_tickets(held)

    async def _add_one(self, line: bytes) -> None:
        try:
            await self._stores.transfer.add(self._kind, [line], self._shifts)
        except InvalidInput as error:
            raise self._wrong(error.errors[0].detail) from None
        except FindingsError as error:
            raise type(error)(f"Line {self._number}: {error.detail}") from None

    async def _note_tickets(self, held: list[tuple[int, bytes, dict[str, Any]]]) -> None:
        found = []
        for number, _, line in held:
            row = line["ticket"]
            self.items.append(ImportItem(None, row["key"], ImportResult.CREATED, number))
            texts = search_texts(
                row["key"],
                row["title"],
                row["summary"],
                [Location(**_only(place, Location)) for place in line.get("locations", ())],
                [Section(s["heading"], s["body"]) for s in line.get("sections", ())],
                other_texts(
                    [ChecklistItem(item["text"]) for item in line.get("checklist", ())],
                    row.get("resolution_text"),
                    row.get("commits") or (),
                ),
            )
            found.append((row["id"] + self._shifts["ticket_shift"], texts))
        await self._stores.transfer.save_search(found)

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise self._wrong(f"is not JSON: {error.msg}") from None
        if not isinstance(found, dict):
            raise self._wrong("is no JSON object")
        return found

    def _wrong(self, reason: str) -> InvalidInput:
        return InvalidInput(FieldError("", f"line {self._number} {reason}; nothing was taken"))


def _only(values: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in kind.__dataclass_fields__}
