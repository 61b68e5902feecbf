"""Everything that is no secret, as lines of JSON, and back into tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    cast,
    exists,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from app.domain.documents import Span
from app.domain.filters import TicketFilter
from app.domain.search import SearchTexts
from app.errors import AlreadyTaken, FieldError, InvalidInput
from app.schema.accounts import accounts
from app.schema.audit import audit_events
from app.schema.operations import installations
from app.schema.runs import runs
from app.schema.sweeps import sweep_items, sweeps
from app.schema.tickets import (
    ticket_relations,
    ticket_similarity_keys,
    tickets,
)
from app.schema.verification import (
    submitted_tests,
    texts,
    ticket_patches,
)
from app.storage.lines import KINDS, inserts, lines_of
from app.storage.search import vector_of
from app.storage.store import Store
from app.storage.tickets.filters import conditions, under


class TransferStore(Store):
    """Lines of JSON from tables, and into them."""

    async def installation(self) -> str:
        """Return the id of this installation."""
        own = select(installations.c.id).where(installations.c.own)
        return str(await self._connection.scalar(own))

    async def installations(self) -> frozenset[str]:
        """Return the ids by which exports may name tickets that are here."""
        return frozenset(map(str, await self._connection.scalars(select(installations.c.id))))

    async def note_installations(self, ids: Iterable[UUID]) -> None:
        """Let exports of other installations, all of whose tickets came, name tickets here."""
        rows = [{"id": one} for one in ids]
        if rows:
            await self._connection.execute(upsert(installations).on_conflict_do_nothing(), rows)

    async def spans(self, wanted: TicketFilter | None) -> dict[str, Span]:
        """Return the numbers that tickets and audit events have, the first and the last."""
        wanted = under(self._context.gate, wanted)
        found = {}
        for name, kind in (("tickets", KINDS["ticket"]), ("audit_events", KINDS["audit"])):
            number = kind.table.c.id
            chosen = _chosen(kind.name, wanted, complete=True)
            query = select(func.min(number), func.max(number)).where(chosen)
            first, last = (await self._connection.execute(query)).one()
            found[name] = Span(first or 0, last or 0)
        return found

    async def lines(
        self, name: str, wanted: TicketFilter | None, *, complete: bool
    ) -> AsyncIterator[str]:
        """Yield the lines of a kind, fetched as they are taken.

        Args:
            name: of the kind.
            wanted: only these tickets, and what belongs to them; None for all there is.
            complete: with what only admins may see.
        """
        chosen = _chosen(name, under(self._context.gate, wanted), complete=complete)
        query = lines_of(KINDS[name]).where(chosen)
        query = query.order_by(*(KINDS[name].table.c[column] for column in KINDS[name].order))
        result = await self._connection.stream(query.execution_options(yield_per=200))
        async for (line,) in result:
            yield line

    async def accounts_named(self, names: Sequence[str]) -> dict[str, str]:
        """Return the ids of those `names` that accounts here have."""
        rows = await self._connection.execute(
            select(accounts.c.name, cast(accounts.c.id, Text)).where(accounts.c.name.in_(names))
        )
        return {row[0]: row[1] for row in rows}

    async def reserve(self, spans: Mapping[str, Span]) -> dict[str, int]:
        """Return by how much the numbers of an import move on, so that none is taken.

        They do not move where there are none yet. From now on nobody else gets one of them.
        """
        shifts = {}
        for name, table in (("tickets", tickets), ("audit_events", audit_events)):
            last = int(await self._connection.scalar(select(func.max(table.c.id))) or 0)
            span = spans[name]
            shift = 0 if last < span.first or not span.last else last - span.first + 1
            await self._connection.execute(
                _ADVANCE[name], {"highest": max(last, span.last + shift, 1)}
            )
            shifts[name] = shift
        return {"ticket_shift": shifts["tickets"], "audit_shift": shifts["audit_events"]}

    async def add(self, name: str, lines: Sequence[bytes], shifts: Mapping[str, int]) -> None:
        """Add the rows of lines of one kind: all of them, or none.

        Raises:
            AlreadyTaken: one of them is here already.
            InvalidInput: a line does not fit the tables.
        """
        values = {"lines": (b"[" + b",".join(lines) + b"]").decode(), **shifts}
        try:
            async with self._connection.begin_nested():
                for statement in inserts(KINDS[name]):
                    used = {n: v for n, v in values.items() if f":{n}" in statement}
                    await self._connection.execute(text(statement), used)
        except DBAPIError as error:
            raise _refusal(error) from None

    async def save_search(self, found: Sequence[tuple[int, SearchTexts]]) -> None:
        """Store what new tickets are found by, by their ids."""
        for ticket_id, texts_of in found:
            await self._connection.execute(
                update(tickets).where(tickets.c.id == ticket_id).values(search=vector_of(texts_of))
            )
        keys = [
            {"key": key, "ticket_id": ticket_id}
            for ticket_id, texts_of in found
            for key in texts_of.similarity_keys
        ]
        if keys:
            await self._connection.execute(ticket_similarity_keys.insert(), keys)

    async def finish(self) -> None:
        """Let specialists that are new from now on stand behind those that came.

        What an earlier edition's rules decided is stale.
        """
        await self._connection.execute(_ADVANCE_SPECIALISTS)
        await self._connection.execute(_OF_EARLIER_RULES)
        await self._connection.execute(_SWEEPS_WITHOUT_JOB)


_ADVANCE = {
    name: text(
        f"SELECT setval(pg_get_serial_sequence('{name}', 'id'),"  # noqa: S608  # own names
        f" greatest(CAST(:highest AS bigint), (SELECT last_value FROM {name}_id_seq)))"
    )
    for name in ("tickets", "audit_events")
}
_ADVANCE_SPECIALISTS = text(
    "SELECT setval(pg_get_serial_sequence('specialists', 'position'),"
    " (SELECT max(position) FROM specialists))"
)


_SWEEPS_WITHOUT_JOB = text(
    "UPDATE sweeps SET status = 'cancelled', finished_at = now(),"
    " reason = 'It was not over where it came from.'"
    " WHERE status IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j"
    " WHERE j.args ->> 'run_id' = sweeps.id::text)"
)
_OF_EARLIER_RULES = text(
    "UPDATE tickets SET evidence_stale = true, evidence_stale_reason = 'rules changed'"
    " WHERE jsonb_typeof(decision) = 'object' AND NOT jsonb_exists(decision, 'rules')"
)


def _chosen(name: str, wanted: TicketFilter | None, *, complete: bool) -> ColumnElement[bool]:
    """Return which rows of a kind belong to an export."""
    if name == "account":
        return true() if complete else ~true()
    if name == "audit" and wanted is None:
        about = audit_events.c.ticket_id.is_not(None)
        # What the installation did by itself is no part of what can be moved to another one.
        return or_(about, audit_events.c.actor_id.is_not(None)) if complete else about
    if wanted is None:
        return true()
    chosen = select(tickets.c.id).where(*conditions(wanted))
    match name:
        case "ticket":
            return tickets.c.id.in_(chosen)
        case "relation":
            columns = ticket_relations.c
            return columns.ticket_id.in_(chosen) & columns.other_id.in_(chosen)
        case "run":
            return runs.c.ticket_id.in_(chosen)
        case "sweep_item":
            return sweep_items.c.ticket_id.in_(chosen)
        case "sweep":
            said = select(sweep_items.c.sweep_id).where(sweep_items.c.ticket_id.in_(chosen))
            return sweeps.c.id.in_(said)
        case "audit":
            return audit_events.c.ticket_id.in_(chosen)
        case "text":
            return _is_used_by(chosen)
    return true()


def _is_used_by(chosen: Select[Any]) -> ColumnElement[bool]:
    digest = texts.c.digest
    return or_(
        *(
            exists().where(table.c.digest == digest, table.c.ticket_id.in_(chosen))
            for table in (ticket_patches, submitted_tests)
        ),
        exists().where(
            runs.c.ticket_id.in_(chosen), func.strpos(cast(runs.c.plan, Text), digest) > 0
        ),
    )


def _refusal(error: DBAPIError) -> Exception:
    """Return why rows cannot be added, in a client's words."""
    reason = str(error.orig).strip().splitlines()
    detail = next((line for line in reason if line.startswith("DETAIL:")), reason[0])
    detail = detail.removeprefix("DETAIL:").strip()
    state = getattr(error.orig, "sqlstate", "") or ""
    if state == "23505":
        return AlreadyTaken(f"This is here already: {detail}")
    if state.startswith(("22", "23")):
        return InvalidInput(FieldError("", f"does not fit: {detail}"))
    return error
