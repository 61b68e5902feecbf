"""Changes to a ticket: its document's fields and parts, and what evidence says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from app.domain.evidence import Decision, EvidenceState, Shown
from app.domain.search import SearchTexts
from app.domain.tickets import ChecklistItem, Location, Resolution, Section, Status
from app.errors import AlreadyTaken, StillInUse
from app.schema.strength import ticket_strength
from app.schema.tickets import (
    checklist_items,
    ticket_locations,
    ticket_sections,
    ticket_similarity_keys,
    tickets,
)
from app.schema.verification import submitted_tests, test_links, tests
from app.storage.commits import mark_all_unknown_commits, mark_unknown_commits
from app.storage.places import PLACED, looked_up
from app.storage.prepared import Prepared, as_json, new, new_values
from app.storage.rows import batched
from app.storage.search import vector_of
from app.storage.store import Store
from app.storage.tickets.evidence import columns_of, decision_from, shown_from
from app.storage.tickets.tickets import checklist_rows, domain_paths, section_rows


@dataclass(frozen=True)
class EvidenceRow:
    """What evidence of a ticket rests on, and what is shown of it."""

    decision: Decision | None
    domains: tuple[str, ...]
    shown: Shown
    target: str | None = None
    """What its domains place it with."""


@dataclass(frozen=True)
class LinkedTicket:
    """A ticket that tests are linked with, as a sweep meets it."""

    id: int
    key: str
    status: Status
    resolution: Resolution | None
    decided: EvidenceState | None
    """By the decision that stands; None: there is none."""


class TicketEditStore(Store):
    """Writes to tickets whose row the caller has locked."""

    async def save_fields(
        self,
        ticket_id: int,
        fields: Mapping[str, Any],
        *,
        content_changed: bool,
        search: SearchTexts | None = None,
    ) -> int:
        """Store changed scalar fields, count the version up and return it.

        Args:
            ticket_id: the ticket.
            fields: new values by column.
            content_changed: reviews speak of something else from now on.
            search: what the ticket is found by, where that changes.

        Raises:
            AlreadyTaken: the new external reference is that of another ticket of the same author.
        """
        values: dict[str, Any] = dict(fields)
        if "domains" in values:
            values["domain_paths"] = domain_paths(values["domains"])
            values["target"] = self._context.placement.of(values["domains"])
        version = tickets.c.version + 1
        values |= {"version": version, "updated_at": func.now()}
        if content_changed:
            values["content_version"] = version
        if search is not None:
            values["search"] = vector_of(search)
        statement = (
            update(tickets)
            .where(tickets.c.id == ticket_id)
            .values(values)
            .returning(tickets.c.version, tickets.c.target, tickets.c.commits)
        )
        try:
            new = (await self._connection.execute(statement)).one_or_none()
        except IntegrityError as error:
            if "external_ref" not in str(error.orig):
                raise
            raise AlreadyTaken(
                f"The author of this ticket has already filed another one as "
                f"{fields.get('external_ref')!r}.",
                extra={"external_ref": fields.get("external_ref")},
            ) from None
        assert new is not None
        if "commits" in values or "domains" in values:
            await mark_unknown_commits(
                self._connection, self._context.placement, ticket_id, new.target, new.commits
            )
        return int(new.version)

    async def look_for_commits(self, target: str) -> None:
        """Look again at the commits of a target's tickets: some may be there by now."""
        await mark_all_unknown_commits(self._connection, self._context.placement, target)

    async def save_similarity_keys(
        self, ticket_id: int, new: Sequence[int], *, old: Sequence[int]
    ) -> None:
        """Let tickets that are alike find a ticket by `new` keys instead of the `old` ones."""
        table = ticket_similarity_keys
        if gone := set(old).difference(new):
            await self._connection.execute(
                delete(table).where(table.c.ticket_id == ticket_id, table.c.key.in_(gone))
            )
        if added := [{"key": key, "ticket_id": ticket_id} for key in set(new).difference(old)]:
            await self._connection.execute(insert(table), added)

    async def save_sections(self, ticket_id: int, sections: Iterable[Section]) -> None:
        """Make `sections` the sections of a ticket; those with an id stay the same part."""
        await self._replace(ticket_sections, ticket_id, section_rows(sections))

    async def save_locations(self, ticket_id: int, locations: Iterable[Location]) -> None:
        """Make `locations` the locations of a ticket.

        Of one that names the same as before stays what it held when it was filed.
        """
        table = ticket_locations.c
        names = ("path", "start_line", "end_line", "symbol")
        known = await self._connection.execute(
            select(table.id, *(table[name] for name in names)).where(table.ticket_id == ticket_id)
        )
        stays = {str(row.id): tuple(row[1:]) for row in known}
        target = await self._connection.scalar(
            select(tickets.c.target).where(tickets.c.id == ticket_id)
        )
        rows = looked_up(self._context.book, target or self._context.placement.only, locations)
        for row in rows:
            if stays.get(str(row["id"])) == tuple(row[name] for name in names):
                for name in PLACED:
                    del row[name]
        await self._replace(ticket_locations, ticket_id, rows)

    async def save_checklist(self, ticket_id: int, items: Iterable[ChecklistItem]) -> None:
        """Make `items` the checklist of a ticket.

        Raises:
            StillInUse: an item that would go has tests behind it.
        """
        try:
            async with self._connection.begin_nested():
                await self._replace(checklist_items, ticket_id, checklist_rows(items))
        except IntegrityError:
            raise StillInUse(
                "A checklist item that you leave out has tests behind it. Keep the item, or "
                "unlink its tests first."
            ) from None

    async def _replace(self, table: Table, ticket_id: int, rows: Sequence[dict[str, Any]]) -> None:
        mine = table.c.ticket_id == ticket_id
        found = await _PARTS[table.name].rows(self._connection, ticket_id=ticket_id)
        present = {str(row.id): row for row in found}
        if gone := present.keys() - {str(row["id"]) for row in rows}:
            await self._connection.execute(delete(table).where(mine, table.c.id.in_(gone)))
        fresh = [{"ticket_id": ticket_id, **row} for row in rows if str(row["id"]) not in present]
        # A document may have tens of thousands of parts, of which an edit changes a few.
        changed = defaultdict(list)
        for row in rows:
            old = present.get(str(row["id"]))
            if old is not None and any(
                row[name] != getattr(old, name) for name in row if name != "id"
            ):
                changed[tuple(row)].append({f"new_{name}": value for name, value in row.items()})
        for names, given in changed.items():
            new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
            one = table.c.id == new.pop("id")
            await self._connection.execute(update(table).where(mine, one).values(new), given)
        if fresh:
            await self._connection.execute(insert(table), fresh)

    async def save_testability(self, ticket_id: int, said: Mapping[str, Any]) -> None:
        """Store whether a ticket can be tested. The document's version stays as it is."""
        await self._connection.execute(
            update(tickets).where(tickets.c.id == ticket_id).values(testability=dict(said))
        )

    async def evidence_row(self, ticket_id: int) -> EvidenceRow:
        """Return the decision that stands for a ticket, and what is shown of it."""
        row = await _EVIDENCE_ROW.row(self._connection, wanted_id=ticket_id)
        assert row is not None
        return _evidence_row_from(row)

    async def hold(self, ticket_id: int) -> EvidenceRow | None:
        """Lock a ticket until the transaction ends and return how it stands; None: it is gone."""
        row = await _HOLD.row(self._connection, wanted_id=ticket_id)
        return None if row is None else _evidence_row_from(row)

    async def hold_free(self, keys: Collection[str]) -> list[tuple[int, str]]:
        """Lock those of the tickets that nobody else holds; return their ids and keys."""
        if not keys:
            return []
        rows = await self._connection.execute(
            select(tickets.c.id, tickets.c.key)
            .where(tickets.c.key.in_(list(keys)))
            .order_by(tickets.c.id)
            .with_for_update(key_share=True, skip_locked=True)
        )
        return [(row.id, row.key) for row in rows]

    async def save_evidence(self, ticket_id: int, shown: Shown) -> None:
        """Store how evidence is shown. The document's version stays as it is."""
        await _SAVE_EVIDENCE.run(self._connection, wanted_id=ticket_id, **new(columns_of(shown)))

    async def save_evidence_of(self, ids: Collection[int], shown: Shown) -> None:
        """Store how evidence of several tickets is shown, alike."""
        await self._connection.execute(
            update(tickets).where(tickets.c.id.in_(ids)).values(columns_of(shown))
        )

    async def save_decision(
        self,
        ticket_id: int,
        decision: Decision,
        shown: Shown,
        *,
        attempt: Mapping[str, Any] | None = None,
    ) -> None:
        """Store the decision that evidence rests on from now, and how it is shown.

        `attempt` tells of the newest run where that is not the deciding one.
        """
        await _SAVE_DECISION.run(
            self._connection,
            wanted_id=ticket_id,
            new_decision=as_json(decision),
            new_last_attempt=as_json(attempt),
            **new(columns_of(shown)),
        )

    async def save_last_attempt(self, ticket_id: int, attempt: Mapping[str, Any] | None) -> None:
        """Store what the newest run said, when it decided nothing."""
        await _SAVE_LAST_ATTEMPT.run(
            self._connection, wanted_id=ticket_id, new_last_attempt=as_json(attempt)
        )

    async def place_all(self) -> dict[str | None, list[tuple[int, str]]]:
        """Place all tickets anew; return (id, key) of those that moved, by their new target."""
        found = await self._connection.execute(
            select(tickets.c.domains, tickets.c.target).distinct()
        )
        moved: dict[str | None, list[tuple[int, str]]] = defaultdict(list)
        for domains, target in found:
            now = self._context.placement.of(domains)
            if now == target:
                continue
            alike = await self._connection.scalars(
                select(tickets.c.id)
                .where(tickets.c.domains == domains, tickets.c.target.is_not_distinct_from(target))
                .order_by(tickets.c.id)
            )
            for ids in batched(alike.all()):
                rows = await self._connection.execute(
                    update(tickets)
                    .where(tickets.c.id.in_(ids), tickets.c.domains == domains)
                    .values(target=now)
                    .returning(tickets.c.id, tickets.c.key)
                )
                moved[now] += [(row.id, row.key) for row in rows]
        return moved

    async def bare(self, ids: Collection[int]) -> dict[int, EvidenceRow]:
        """Return how those of the tickets stand that nothing was found out about.

        They have no test, and nothing that earlier ones left behind.
        """
        table = tickets.c
        claim = cast(postgresql.array([table.key]), tests.c.findings.type)
        rows = await self._connection.execute(
            _evidence_row_of(
                table.id.in_(ids),
                table.decision.is_(None),
                table.bisected.is_(None),
                ~exists().where(tests.c.findings.contains(claim)),
                *(~exists().where(one.c.ticket_id == table.id) for one in _FOUND_OUT),
            )
        )
        return {row.id: _evidence_row_from(row) for row in rows}

    async def linked(self, target: str) -> list[LinkedTicket]:
        """Return every ticket of `target` that tests are linked with."""
        by_marker = select(func.unnest(tests.c.findings)).where(tests.c.target == target)
        by_hand = select(test_links.c.ticket_id).where(test_links.c.target == target)
        handed_in = select(submitted_tests.c.ticket_id).where(submitted_tests.c.target == target)
        unplaced = [tickets.c.target.is_(None)] if self._context.placement.only == target else []
        decided = tickets.c.decision["state"].astext.label("decided")
        rows = await self._connection.execute(
            select(tickets.c.id, tickets.c.key, tickets.c.status, tickets.c.resolution, decided)
            .where(
                or_(
                    tickets.c.key.in_(by_marker),
                    tickets.c.id.in_(by_hand),
                    tickets.c.id.in_(handed_in),
                ),
                or_(tickets.c.target == target, *unplaced),
            )
            .order_by(tickets.c.id)
        )
        return [
            LinkedTicket(
                row.id,
                row.key,
                Status(row.status),
                None if row.resolution is None else Resolution(row.resolution),
                None if row.decided is None else EvidenceState(row.decided),
            )
            for row in rows
        ]

    async def with_evidence(self, target: str) -> list[tuple[int, str]]:
        """Return (id, key) of every ticket whose evidence a sync of `target` could change."""
        by_marker = select(func.unnest(tests.c.findings)).where(tests.c.target == target)
        by_hand = select(test_links.c.ticket_id).where(test_links.c.target == target)
        unplaced = [tickets.c.target.is_(None)] if self._context.placement.only == target else []
        rows = await self._connection.execute(
            select(tickets.c.id, tickets.c.key)
            .where(
                or_(
                    tickets.c.key.in_(by_marker),
                    tickets.c.id.in_(by_hand),
                    tickets.c.decision.is_not(None),
                    tickets.c.evidence_state.not_in(("none", "not-covered")),
                    # The target was not there when it was filed.
                    and_(tickets.c.evidence_state == "not-covered", tickets.c.target == target),
                ),
                or_(tickets.c.target == target, *unplaced),
            )
            .order_by(tickets.c.id)
            .with_for_update(key_share=True)
        )
        return [(row.id, row.key) for row in rows]


def _parts(table: Table) -> Select[Any]:
    return select(table).where(table.c.ticket_id == bindparam("ticket_id"))


_PARTS = {
    table.name: Prepared(partial(_parts, table))
    for table in (ticket_sections, ticket_locations, checklist_items)
}

_FOUND_OUT = (test_links, submitted_tests, ticket_strength)
"""What is there once a ticket has tests, beside the markers of the suite."""
_SHOWN = ("evidence_state", "evidence_stale", "evidence_stale_reason", "evidence_doubt")
_ONE = tickets.c.id == bindparam("wanted_id", type_=BigInteger)


def _evidence_row_of(*which: ColumnElement[bool]) -> Select[Any]:
    names = ("id", "decision", "domains", "target", *_SHOWN)
    return select(*(tickets.c[name] for name in names)).where(*which)


def _saving(*names: str) -> Update:
    return update(tickets).where(_ONE).values(new_values(tickets, *names))


_EVIDENCE_ROW = Prepared(lambda: _evidence_row_of(_ONE))
_HOLD = Prepared(lambda: _evidence_row_of(_ONE).with_for_update(key_share=True))
_SAVE_EVIDENCE = Prepared(lambda: _saving(*_SHOWN))
_SAVE_DECISION = Prepared(lambda: _saving("decision", "last_attempt", *_SHOWN))
_SAVE_LAST_ATTEMPT = Prepared(lambda: _saving("last_attempt"))


def _evidence_row_from(row: Row[Any]) -> EvidenceRow:
    return EvidenceRow(
        decision=decision_from(row.decision),
        domains=tuple(row.domains),
        target=row.target,
        shown=shown_from(row),
    )
