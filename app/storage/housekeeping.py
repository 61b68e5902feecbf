"""Removing expired rows, some at once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, text, tuple_

from app.schema.accounts import login_codes
from app.schema.bisection import revision_looks
from app.schema.reviews import review_leases
from app.schema.runs import run_events, runs, suite_results, test_tallies
from app.schema.sessions import sessions
from app.schema.strength import mutant_results
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

    async def _remove(self, table: Table, condition: ColumnElement[bool]) -> int:
        """Remove some rows; those that others have locked are passed over."""
        key = list(table.primary_key.columns)
        some = select(*key).where(condition).limit(BATCH).with_for_update(skip_locked=True)
        gone = await self._connection.execute(
            delete(table).where(and_(tuple_(*key).in_(some), condition))
        )
        return gone.rowcount
