"""What others report of the tests of tickets."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ScalarSelect,
    Select,
    any_,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)

from app.domain.accounts import Account
from app.domain.external import (
    KEPT,
    ExternalResult,
    ReportedOutcome,
    ReportedTest,
    ReportOrigin,
)
from app.domain.plain import from_plain
from app.schema.accounts import accounts
from app.schema.external import external_results
from app.schema.tickets import tickets
from app.schema.verification import submitted_tests, test_links, tests
from app.storage.rows import json_list, new_id
from app.storage.store import Store

SHOWN = 20
"""So many of the newest are shown with a ticket."""

_BIGINTS = ARRAY(BigInteger)
_LOCK = 0x6A756E69  # "juni"
_FIELDS = """
    id uuid, ticket_id bigint, node_id text, outcome text, source text, "commit" text, url text,
    message text, passes int, failures int, duration_s double precision, ran_at timestamptz,
    reported_by uuid
"""
_NAMES = ", ".join(field.split()[0] for field in _FIELDS.split(","))
_SAVE = text(f"""
INSERT INTO external_results ({_NAMES})
SELECT {_NAMES} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new({_FIELDS})
ORDER BY ticket_id, node_id
ON CONFLICT (ticket_id, source, "commit", node_id) DO UPDATE
SET outcome = excluded.outcome, url = excluded.url, message = excluded.message,
    passes = excluded.passes, failures = excluded.failures, duration_s = excluded.duration_s,
    ran_at = excluded.ran_at, reported_at = now(), reported_by = excluded.reported_by
""")  # noqa: S608  # own names


@dataclass(frozen=True)
class KnownTests:
    """The tests that reports may speak of, and the tickets behind them."""

    targets: Mapping[str, str]
    """Target by node id."""
    links: Mapping[str, Sequence[str]]
    """Keys of tickets by what they are linked with."""


class ExternalStore(Store):
    """Reported results."""

    async def begin_report(self, source: str) -> None:
        """Wait until nobody else reports from a source, and keep others waiting."""
        await self._connection.execute(
            select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(source)))
        )

    async def known(self) -> KnownTests:
        """Return the tests there are, and the tickets that they are linked with."""
        rows = await self._connection.execute(select(tests.c.node_id, tests.c.target))
        known = {row.node_id: row.target for row in rows}
        links: dict[str, list[str]] = defaultdict(list)
        for row in await self._connection.execute(_linked()):
            links[row.node_id].append(row.key)
            if row.origin == "submitted":
                known.setdefault(row.node_id, row.target)
        return KnownTests(known, links)

    async def reported(
        self, ticket_ids: Collection[int], origin: ReportOrigin
    ) -> dict[tuple[int, str], ReportedTest]:
        """Return what a source reported of a commit, by ticket and test."""
        table = external_results.c
        rows = await self._connection.execute(
            select(
                table.ticket_id,
                table.node_id,
                table.outcome,
                table.message,
                table.passes,
                table.failures,
                table.duration_s,
            ).where(
                table.ticket_id == any_(literal(list(ticket_ids), _BIGINTS)),
                table.source == origin.source,
                table.commit.is_not_distinct_from(origin.commit),
            )
        )
        return {
            (row.ticket_id, row.node_id): ReportedTest(
                row.node_id,
                ReportedOutcome(row.outcome),
                row.message,
                row.passes,
                row.failures,
                row.duration_s,
            )
            for row in rows
        }

    async def save(
        self, by: Account, origin: ReportOrigin, results: Sequence[tuple[int, ReportedTest]]
    ) -> None:
        """Keep results of tickets; of each ticket only the newest stay."""
        if not results:
            return
        rows = [
            {
                "id": str(new_id()),
                "ticket_id": ticket_id,
                "node_id": test.node_id,
                "outcome": test.outcome.value,
                "source": origin.source,
                "commit": origin.commit,
                "url": origin.url,
                "message": test.message,
                "passes": test.passes,
                "failures": test.failures,
                "duration_s": test.duration_s,
                "ran_at": origin.ran_at and origin.ran_at.isoformat(),
                "reported_by": str(by.id),
            }
            for ticket_id, test in results
        ]
        await self._connection.execute(_SAVE, {"rows": json.dumps(rows)})
        await self._prune({ticket_id for ticket_id, _ in results})

    async def _prune(self, ticket_ids: Collection[int]) -> None:
        table = external_results.c
        number = (
            func.row_number()
            .over(
                partition_by=table.ticket_id, order_by=(table.reported_at.desc(), table.id.desc())
            )
            .label("number")
        )
        mine = table.ticket_id == any_(literal(list(ticket_ids), _BIGINTS))
        ranked = select(table.id, number.label("number")).where(mine).subquery()
        await self._connection.execute(
            delete(external_results).where(
                table.id.in_(select(ranked.c.id).where(ranked.c.number > KEPT))
            )
        )

    async def of_ticket(
        self, ticket_id: int, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[ExternalResult]:
        """Return results of a ticket, newest first, from the one behind `after`."""
        table = external_results.c
        query = _results().where(table.ticket_id == ticket_id)
        if after is not None:
            query = query.where(tuple_(table.reported_at, table.id) < after)
        query = query.order_by(table.reported_at.desc(), table.id.desc()).limit(limit)
        rows = await self._connection.execute(query)
        return [from_plain(ExternalResult, row._mapping) for row in rows]


def newest_of_ticket() -> ScalarSelect[Any]:
    """Return the newest results of the ticket of an enclosing statement, as JSON."""
    table = external_results.c
    newest = (
        _results()
        .where(table.ticket_id == tickets.c.id)
        .order_by(table.reported_at.desc(), table.id.desc())
        .limit(SHOWN)
        .correlate(tickets)
        .subquery("newest")
    )
    fields = {column.name: column for column in newest.c}
    query = select(newest.c.id)
    return json_list(fields, query, [newest.c.reported_at.desc(), newest.c.id.desc()])


def _results() -> Select[Any]:
    reporter = accounts.alias("reporter")
    left_out = ("ticket_id", "reported_by")
    columns = [column for column in external_results.c if column.name not in left_out]
    return (
        select(*columns, reporter.c.name.label("reported_by"))
        .select_from(external_results)
        .join(reporter, reporter.c.id == external_results.c.reported_by)
    )


def _linked() -> Any:
    """Return which tickets are linked with what: by marker, by hand, by a test handed in."""
    by_marker = (
        select(tests.c.node_id, tickets.c.key, literal("marker").label("origin"), tests.c.target)
        .join(tickets, tickets.c.key == any_(tests.c.findings))
        .where(tests.c.target == func.coalesce(tickets.c.target, tests.c.target))
    )
    by_hand = select(
        test_links.c.node_id, tickets.c.key, literal("manual"), test_links.c.target
    ).join(tickets, tickets.c.id == test_links.c.ticket_id)
    handed_in = select(
        func.unnest(submitted_tests.c.node_ids),
        tickets.c.key,
        literal("submitted"),
        submitted_tests.c.target,
    ).join(tickets, tickets.c.id == submitted_tests.c.ticket_id)
    return union_all(by_marker, by_hand, handed_in)
