"""Tests linked with tickets: by the suite's markers, or by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement

from app.domain.accounts import Account
from app.domain.catalogue import fold
from app.domain.runs import LinkedTest, TestPurpose
from app.domain.tickets import TestLink
from app.schema.tickets import tickets
from app.schema.verification import submitted_tests, test_links, tests
from app.storage.prepared import Prepared
from app.storage.rows import new_id
from app.storage.store import Store


@dataclass(frozen=True)
class ExpandedTest:
    """A concrete test behind the links of a ticket."""

    node_id: str
    purpose: TestPurpose
    digest: str

    @property
    def linked(self) -> LinkedTest:
        """The test as a run's plan names it."""
        return LinkedTest(self.node_id, self.purpose, self.digest)


def within(node_id: ColumnElement[str], selector: ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether a test is what `selector` names: a file, a class, a test or a parameter.

    What names a parameter names nothing else: ``x[a]`` is not ``x[a][b]``.
    """
    inside = or_(
        func.starts_with(node_id, selector.op("||")("::")),
        func.starts_with(node_id, selector.op("||")("[")),
    )
    return or_(node_id == selector, and_(inside, selector.not_like("%::%[%")))


def _target_of(ticket_id: ColumnElement[int]) -> ColumnElement[str | None]:
    placed = tickets.alias("placed")
    query = select(placed.c.target).where(placed.c.id == ticket_id)
    return query.correlate(tickets).scalar_subquery()


def links_of(
    ticket_id: ColumnElement[int], key: ColumnElement[str], target: ColumnElement[str | None]
) -> CompoundSelect[tuple[Any, ...]]:
    """Return the links of a ticket: those by hand, and those by marker that no hand overrides.

    A marker's link is not stored but read off the catalogue, so it can never be out of step with
    the suite. Its id is derived from key and node id and therefore stable.
    """
    covered = tests.alias("covered")
    by_hand = (
        select(
            test_links.c.id,
            test_links.c.node_id,
            test_links.c.purpose,
            test_links.c.origin,
            cast(test_links.c.checklist_item_id, Text).label("checklist_item"),
            func.max(covered.c.digest).label("digest"),
            func.coalesce(
                func.max(covered.c.last_outcome).filter(covered.c.last_outcome != "passed"),
                func.max(covered.c.last_outcome),
            ).label("last_outcome"),
        )
        .outerjoin(
            covered,
            and_(
                covered.c.target == test_links.c.target,
                within(covered.c.node_id, test_links.c.node_id),
            ),
        )
        .where(test_links.c.ticket_id == ticket_id)
        .group_by(test_links.c.id)
        .correlate(tickets)
    )
    overridden = (
        exists()
        .where(test_links.c.ticket_id == ticket_id, test_links.c.node_id == tests.c.node_id)
        .correlate(tests, tickets)
    )
    by_marker = (
        select(
            cast(func.md5(key.op("||")(" ").op("||")(tests.c.node_id)), postgresql.UUID).label(
                "id"
            ),
            tests.c.node_id,
            tests.c.purpose,
            literal("marker").label("origin"),
            cast(null(), Text).label("checklist_item"),
            tests.c.digest,
            tests.c.last_outcome,
        )
        .where(
            tests.c.findings.contains(cast(postgresql.array([key]), tests.c.findings.type)),
            tests.c.target == func.coalesce(target, tests.c.target),
            ~overridden,
        )
        .correlate(tickets)
    )
    file = submitted_tests.alias("file")
    single = func.unnest(file.c.node_ids).label("node_id")
    submitted = (
        select(
            file.c.id,
            single,
            file.c.purpose,
            literal("submitted").label("origin"),
            cast(null(), Text).label("checklist_item"),
            file.c.digest,
            cast(null(), Text).label("last_outcome"),
        )
        .where(file.c.ticket_id == ticket_id)
        .correlate(tickets)
    )
    return union_all(by_hand, by_marker, submitted)


def _expanded_of(
    wanted: ColumnElement[int], key: ColumnElement[str]
) -> Select[tuple[str, str, str, int]]:
    own = _target_of(wanted)
    links = links_of(wanted, key, own).cte("links", nesting=True)
    of_suite = (
        select(
            tests.c.node_id,
            links.c.purpose,
            tests.c.digest,
            tests.c.position,
            func.length(links.c.node_id).label("length"),
        )
        .select_from(tests)
        .join(links, within(tests.c.node_id, links.c.node_id))
        .where(tests.c.target == func.coalesce(own, tests.c.target))
    )
    handed_in = select(
        links.c.node_id, links.c.purpose, links.c.digest, cast(null(), Integer), literal(0)
    ).where(links.c.origin == "submitted")
    both = union_all(of_suite, handed_in).subquery()
    columns = (both.c.node_id, both.c.purpose, both.c.digest, both.c.position)
    return select(*columns).order_by(
        both.c.position.nulls_last(), both.c.length.desc(), both.c.node_id
    )


def _expanded() -> Select[tuple[str, str, str, int]]:
    return _expanded_of(
        bindparam("wanted_id", type_=BigInteger), bindparam("wanted_key", type_=Text)
    )


def _expanded_of_many() -> Select[tuple[int, str, str, str, int]]:
    each = _expanded_of(tickets.c.id, tickets.c.key).lateral("each")
    wanted = bindparam("wanted", type_=postgresql.ARRAY(BigInteger))
    return select(tickets.c.id.label("ticket"), each).where(tickets.c.id == func.any(wanted))


_EXPANDED = Prepared(_expanded)
_EXPANDED_OF_MANY = Prepared(_expanded_of_many)


class LinkStore(Store):
    """Links between tickets and tests."""

    async def of_ticket(self, ticket_id: int, key: str) -> list[TestLink]:
        """Return the links of a ticket in the order of node ids."""
        wanted = literal(ticket_id)
        links = links_of(wanted, literal(key), _target_of(wanted)).subquery()
        rows = await self._connection.execute(select(links).order_by(links.c.node_id))
        return [TestLink(**row._mapping) for row in rows]

    async def expanded(self, ticket_id: int, key: str, support: str) -> list[ExpandedTest]:
        """Return the concrete tests behind the links, each once, in suite order.

        Where two links name the same test, the more specific one says what it is for. `support` is
        the digest of the suite's files that are no test files: a submitted test depends on them as
        those of the suite do.
        """
        values = {"wanted_id": ticket_id, "wanted_key": key}
        return _each_once(await _EXPANDED.rows(self._connection, **values), support)

    async def expanded_of(
        self, ticket_ids: Collection[int], support: str
    ) -> dict[int, list[ExpandedTest]]:
        """Return the same of many tickets, by id; those without tests are left out."""
        rows: dict[int, list[Any]] = {}
        for row in await _EXPANDED_OF_MANY.rows(self._connection, wanted=list(ticket_ids)):
            rows.setdefault(row.ticket, []).append(row)
        return {ticket: _each_once(of_one, support) for ticket, of_one in rows.items()}

    async def add(
        self,
        ticket_id: int,
        target: str,
        node_id: str,
        purpose: TestPurpose,
        checklist_item: UUID | None,
        author: Account,
    ) -> UUID | None:
        """Add a link by hand and return its id; None when the ticket has it already."""
        present = await self._connection.scalar(
            select(test_links.c.id).where(
                test_links.c.ticket_id == ticket_id, test_links.c.node_id == node_id
            )
        )
        if present is not None:
            return None
        link_id = new_id()
        await self._connection.execute(
            insert(test_links).values(
                id=link_id,
                ticket_id=ticket_id,
                target=target,
                node_id=node_id,
                purpose=purpose.value,
                checklist_item_id=checklist_item,
                created_by=author.id,
            )
        )
        return link_id

    async def remove(self, ticket_id: int, link_id: UUID) -> str | None:
        """Remove a link by hand; return its node id, or None when there is none."""
        return await self._connection.scalar(
            delete(test_links)
            .where(test_links.c.ticket_id == ticket_id, test_links.c.id == link_id)
            .returning(test_links.c.node_id)
        )

    async def tickets_of(self, target: str, node_ids: Collection[str]) -> set[str]:
        """Return the keys of the tickets that one of these tests is linked with."""
        named = tests.c.node_id.in_(list(node_ids))
        by_marker = select(func.unnest(tests.c.findings)).where(tests.c.target == target, named)
        by_hand = (
            select(test_links.c.ticket_id)
            .join(tests, within(tests.c.node_id, test_links.c.node_id))
            .where(tests.c.target == target, test_links.c.target == target, named)
        )
        handed_in = select(submitted_tests.c.ticket_id).where(
            submitted_tests.c.node_ids.overlap(list(node_ids))
        )
        rows = await self._connection.scalars(
            select(tickets.c.key).where(
                or_(
                    tickets.c.key.in_(by_marker),
                    tickets.c.id.in_(by_hand),
                    tickets.c.id.in_(handed_in),
                )
            )
        )
        return set(rows)


def _each_once(rows: Iterable[Any], support: str) -> list[ExpandedTest]:
    found: dict[str, ExpandedTest] = {}
    for row in rows:
        digest = fold((row.digest, support)) if row.position is None else row.digest
        found.setdefault(row.node_id, ExpandedTest(row.node_id, TestPurpose(row.purpose), digest))
    return list(found.values())
