"""Removing expired rows, some at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Tuple,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from app.schema.accounts import login_codes
from app.schema.bisection import revision_looks
from app.schema.reviews import review_leases
from app.schema.runs import run_events, runs, suite_results, test_tallies
from app.schema.sessions import sessions
from app.schema.strength import mutant_results, run_mutants, ticket_strength
from app.schema.sweeps import sweep_items, sweeps
from app.storage.store import Store

BATCH = 2000
"""Rows removed by one statement: short locks, and a transaction that nobody waits for."""

_LOCK = 0x73776565


class HousekeepingStore(Store):
    """Expired rows."""

    async def take_lock(self) -> bool:
        """Try to be the one process that sweeps, until this transaction ends."""
        free = await self._connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}
        )
        return bool(free)

    async def remove_run_events(self, kept_for: timedelta) -> int:
        """Remove events of runs that ended before that time; return how many."""
        ended = (
            select(runs.c.id)
            .where(runs.c.id == run_events.c.run_id, runs.c.finished_at < func.now() - kept_for)
            .exists()
        )
        return await self._remove(run_events, ended)

    async def remove_mutant_diffs(self, kept_for: timedelta) -> int:
        """Remove diffs of mutants that no test let pass, of runs that ended before that time.

        What became of the mutants stays, and all of a run that a ticket's strength rests on.
        """
        table = run_mutants.c
        ended = select(runs.c.id).where(runs.c.finished_at < func.now() - kept_for)
        relied_on = select(ticket_strength.c.run_id)
        old = and_(
            table.diff != "",
            table.outcome.is_distinct_from("survived"),
            table.run_id.in_(ended),
            table.run_id.not_in(relied_on),
        )
        some = _some(run_mutants, old, BATCH)
        emptied = await self._connection.execute(
            update(run_mutants).where(_key(run_mutants).in_(some)).values(diff="")
        )
        return emptied.rowcount

    async def remove_sweeps(self, kept_for: timedelta, limit: int) -> int:
        """Remove sweeps that ended before that time, with all they said; return how many.

        One stays that opened a ticket again, or that was the last to look at one.
        """
        said, later = sweep_items.alias("said"), sweep_items.alias("later")
        outdated = exists().where(later.c.ticket_id == said.c.ticket_id, later.c.at > said.c.at)
        counts = exists().where(said.c.sweep_id == sweeps.c.id, or_(said.c.reopened, ~outdated))
        old = and_(sweeps.c.finished_at < func.now() - kept_for, ~counts)
        return await self._remove(sweeps, old, limit)

    async def remove_leases(self) -> int:
        """Remove leases that have expired; return how many."""
        return await self._remove(review_leases, review_leases.c.expires_at < func.now())

    async def remove_sessions(self) -> int:
        """Remove sessions of the pages that have expired; return how many."""
        return await self._remove(sessions, sessions.c.expires_at < func.now())

    async def remove_login_codes(self) -> int:
        """Remove login codes that have expired; return how many."""
        return await self._remove(login_codes, login_codes.c.expires_at < func.now())

    async def remove_tallies(self, shipped: timedelta, patched: timedelta) -> int:
        """Remove tallies of tests that were not seen for so long; return how many."""
        table = test_tallies.c
        old = or_(
            table.updated_at < func.now() - shipped,
            and_(~table.bundled, table.updated_at < func.now() - patched),
        )
        return await self._remove(test_tallies, old)

    async def remove_suite_results(self, kept_for: timedelta) -> int:
        """Remove what was known of suites so long ago; return how many."""
        return await self._remove(suite_results, suite_results.c.updated_at < func.now() - kept_for)

    async def remove_mutant_results(self, kept_for: timedelta) -> int:
        """Remove how mutants ended so long ago; return how many."""
        old = mutant_results.c.updated_at < func.now() - kept_for
        return await self._remove(mutant_results, old)

    async def remove_revision_looks(self, kept_for: timedelta) -> int:
        """Remove what bisections saw of revisions so long ago; return how many."""
        old = revision_looks.c.updated_at < func.now() - kept_for
        return await self._remove(revision_looks, old)

    async def _remove(
        self, table: Table, condition: ColumnElement[bool], limit: int = BATCH
    ) -> int:
        """Remove some rows; those that others have locked are passed over."""
        gone = await self._connection.execute(
            delete(table).where(_key(table).in_(_some(table, condition, limit)), condition)
        )
        return gone.rowcount


def _key(table: Table) -> Tuple:
    return tuple_(*table.primary_key.columns)


def _some(table: Table, condition: ColumnElement[bool], limit: int) -> Select[Any]:
    """Return the keys of some rows that nobody has locked, and lock them."""
    query = select(*table.primary_key.columns).where(condition).limit(limit)
    return query.with_for_update(skip_locked=True)
