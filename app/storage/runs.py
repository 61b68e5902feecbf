"""Runs: queued, claimed, finished, each by one conditional write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as UuidType  # noqa: N811  # the other is Python's

from app.domain.accounts import Actor
from app.domain.catalogue import fold
from app.domain.evidence import EvidenceState
from app.domain.minimise import Minimised
from app.domain.outputs import storable
from app.domain.plain import from_plain
from app.domain.runs import (
    ArmResult,
    Authors,
    Run,
    RunFilter,
    RunKind,
    RunOutcome,
    RunPlan,
    RunStatus,
    Verdict,
)
from app.schema.runs import run_arms, runs
from app.schema.tickets import tickets
from app.storage.prepared import Prepared, as_json, new, new_values, sent_together
from app.storage.run_results import RunResultStore
from app.storage.run_rows import (
    NEWEST,
    SHOW,
    THIS_RUN,
    NewestRun,
    conditions,
    newest_from,
    run_from,
    select_runs,
    whole_run_from,
)
from app.storage.store import Store
from app.storage.tickets.lists import COUNT_LIMIT


@dataclass(frozen=True)
class ClaimedRun:
    """A run that this worker now executes."""

    id: UUID
    ticket_id: int
    ticket: str
    """The ticket's key."""
    kind: RunKind
    attempt: int
    plan: RunPlan
    force: bool = False
    """Run even where earlier results could be reused."""
    authors: Authors | None = None
    """Who wrote what it executes."""
    request_id: str | None = None
    """Of the request that asked for it, as the logs know it."""
    waited_s: float = 0.0
    """How long ago it was triggered."""


class UnreadablePlan(Exception):
    """A run was claimed, but this version cannot make out what is to be executed."""

    def __init__(self, run_id: UUID, ticket_id: int, kind: RunKind, attempt: int) -> None:
        super().__init__(f"run {run_id}")
        self.id = run_id
        self.ticket_id = ticket_id
        self.kind = kind
        self.attempt = attempt


class RunStore(Store):
    """Runs and their results."""

    async def add(
        self,
        run_id: UUID,
        ticket_id: int,
        kind: RunKind,
        plan: RunPlan,
        actor: Actor,
        *,
        authors: Authors,
        force: bool = False,
    ) -> None:
        """Add a queued run with its frozen plan."""
        await _ADD.run(
            self._connection,
            new_id=run_id,
            new_ticket_id=ticket_id,
            new_target=plan.target,
            new_kind=kind.value,
            new_requested_by=actor.account.id,
            new_request_id=actor.request_id,
            new_repeats=plan.repeats,
            new_force=force,
            new_plan=as_json(plan),
            new_authors=as_json(authors),
            new_package_digest=plan.package_digest,
            new_plan_key=plan_key(kind, plan),
        )

    async def find_reusable(self, run: ClaimedRun, environment: Mapping[str, Any]) -> Run | None:
        """Return a finished run that asked the same question in the same environment.

        The same question: kind, arms, patches, tests, package and suite. The same environment:
        Python, torch and platform. What ended without an answer is not reused.
        """
        same = [runs.c.environment[name].astext == value for name, value in environment.items()]
        found = await self._connection.scalar(
            select(runs.c.id)
            .where(
                runs.c.plan_key == plan_key(run.kind, run.plan),
                runs.c.id != run.id,
                runs.c.outcome.in_(REUSABLE),
                runs.c.reused_from.is_(None),
                *same,
            )
            .order_by(runs.c.finished_at.desc())
            .limit(1)
        )
        return None if found is None else await self.show(found, whole=True)

    async def mark_given_back(self, run: ClaimedRun, reason: str) -> bool:
        """Put a claimed run back, as if it had not been claimed; False when it moved on."""
        done = await self._connection.execute(
            update(runs)
            .where(_is_running(run.id, run.attempt))
            .values(
                status=RunStatus.QUEUED.value,
                attempt=runs.c.attempt - 1,
                started_at=None,
                worker=None,
                reason=reason,
            )
        )
        return bool(done.rowcount)

    async def mark_resting(self, run_id: UUID, attempt: int, reason: str) -> None:
        """Let a claimed run wait again, its attempt counted; `reason` is shown meanwhile."""
        await self._connection.execute(
            update(runs)
            .where(_is_running(run_id, attempt))
            .values(status=RunStatus.QUEUED.value, started_at=None, worker=None, reason=reason)
        )

    async def claim(
        self, run_id: UUID, worker: str, *, most: int | None = None
    ) -> ClaimedRun | None:
        """Mark a run as running on its next attempt; None when it needs no execution any more.

        A run may be claimed again while it is ``running``: its worker was lost. The new attempt
        number makes every later write of the lost worker miss, so that a run may execute twice
        but finishes once. With `most`, one that was attempted so often is left as it is.

        Raises:
            UnreadablePlan: it is claimed, but its plan is none.
        """
        row = await _CLAIM.row(
            self._connection,
            wanted_run=run_id,
            worker_name=worker,
            most=_ANY_NUMBER if most is None else most,
        )
        if row is None:
            return None
        try:
            plan = from_plain(RunPlan, row.plan)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadablePlan(row.id, row.ticket_id, RunKind(row.kind), row.attempt) from error
        return ClaimedRun(
            id=row.id,
            ticket_id=row.ticket_id,
            ticket=row.key,
            kind=RunKind(row.kind),
            attempt=row.attempt,
            plan=plan,
            force=row.force,
            authors=None if row.authors is None else from_plain(Authors, row.authors),
            request_id=row.request_id,
            waited_s=float(row.waited_s),
        )

    async def mark_finished(
        self,
        run_id: UUID,
        attempt: int,
        verdict: Verdict,
        *,
        arms: Sequence[ArmResult],
        environment: Mapping[str, Any],
        decided: EvidenceState | None,
        reused_from: UUID | None = None,
        minimised: Minimised | None = None,
    ) -> float | None:
        """Store how a run ended; return the seconds since its start.

        None when this attempt is no longer the running one. Guards against the lost worker that
        comes back: its attempt is behind, so nothing is written twice.
        """
        row = await _FINISH.row(
            self._connection,
            wanted_run=run_id,
            wanted_attempt=attempt,
            new_outcome=verdict.outcome.value,
            new_reason=verdict.reason,
            new_also_broken=as_json(verdict.also_broken),
            new_compared=verdict.compared,
            new_not_comparable=as_json(verdict.not_comparable),
            new_without_assertion=verdict.without_assertion,
            new_environment=as_json(dict(environment)),
            new_decided=None if decided is None else decided.value,
            new_reused_from=reused_from,
            new_minimised=None if minimised is None else as_json(minimised.as_body()),
        )
        if row is None:
            return None
        async with sent_together(self._connection):
            for position, arm in enumerate(arms):
                await _ADD_ARM.run(self._connection, **new(_arm_row(run_id, position, arm)))
        return max(0.0, float(row.took or 0))

    async def mark_cancelled(self, run_id: UUID, reason: str) -> bool:
        """Cancel a run that has not finished; False when it has."""
        done = await self._connection.execute(
            update(runs)
            .where(
                runs.c.id == run_id,
                runs.c.status.in_((RunStatus.QUEUED.value, RunStatus.RUNNING.value)),
            )
            .values(status=RunStatus.CANCELLED.value, reason=reason, finished_at=func.now())
        )
        return bool(done.rowcount)

    async def is_current(self, run_id: UUID, attempt: int) -> bool:
        """Tell whether `attempt` is still the running one."""
        return await self._connection.scalar(_current(run_id, attempt)) is not None

    async def hold(self, run_id: UUID, attempt: int) -> bool:
        """Lock the row of a run until the transaction ends; False when the attempt is over."""
        found = await self._connection.scalar(_current(run_id, attempt).with_for_update())
        return found is not None

    async def ticket_of(self, run_id: UUID) -> str | None:
        """Return the key of the ticket that a run belongs to."""
        return await self._connection.scalar(
            select(tickets.c.key)
            .join(runs, runs.c.ticket_id == tickets.c.id)
            .where(runs.c.id == run_id)
        )

    async def show(self, run_id: UUID, *, whole: bool = False) -> Run | None:
        """Return a run with its arms and results, all of them where it is wanted `whole`."""
        row = await SHOW.row(self._connection, wanted_run=run_id)
        if row is None:
            return None
        if row.finished_at is None:
            return run_from(row)
        return whole_run_from(row, await RunResultStore(self._context).arms_of(run_id, whole=whole))

    async def newest(self, ticket_id: int) -> NewestRun | None:
        """Return the run of a ticket that was queued last."""
        row = await NEWEST.row(self._connection, wanted_ticket=ticket_id)
        return None if row is None else newest_from(row)

    async def status_of(self, run_id: UUID) -> tuple[RunStatus, int] | None:
        """Return status and attempt of a run: what a waiting reader polls."""
        row = await _STATUS.row(self._connection, wanted_run=run_id)
        return None if row is None else (RunStatus(row.status), row.attempt)

    async def page(
        self, wanted: RunFilter, *, after: tuple[Any, ...] | None, limit: int
    ) -> list[Run]:
        """Return runs without their arms, newest first, behind the position `after`."""
        query = select_runs().order_by(runs.c.queued_at.desc(), runs.c.id.desc()).limit(limit)
        for condition in conditions(wanted):
            query = query.where(condition)
        if after is not None:
            query = query.where(tuple_(runs.c.queued_at, runs.c.id) < tuple_(*after))
        return [run_from(row) for row in await self._connection.execute(query)]

    async def count(self, wanted: RunFilter) -> tuple[int, bool]:
        """Return how many runs there are, and whether that is exact."""
        matching = select_runs().where(*conditions(wanted)).with_only_columns(runs.c.id)
        some = matching.limit(COUNT_LIMIT + 1).subquery()
        total = int(await self._connection.scalar(select(func.count()).select_from(some)) or 0)
        return min(total, COUNT_LIMIT), total <= COUNT_LIMIT

    async def count_queued(self, account_id: UUID, most: int) -> int:
        """Return how many runs of an account wait, counting no further than `most`."""
        row = await _COUNT_QUEUED.row(self._connection, wanted_account=account_id, most=most)
        assert row is not None
        return int(row.number)


_ANY_NUMBER = 2**31 - 1

_ADD = Prepared(
    lambda: insert(runs).values(
        new_values(
            runs,
            *("id", "ticket_id", "target", "kind", "requested_by", "request_id", "repeats"),
            *("force", "plan", "authors", "package_digest", "plan_key"),
        )
    )
)
_ADD_ARM = Prepared(
    lambda: insert(run_arms).values(
        new_values(
            run_arms,
            *("run_id", "position", "name", "patch", "package_digest", "results", "hints"),
            *("uses", "revision"),
        )
    )
)
_STATUS = Prepared(lambda: select(runs.c.status, runs.c.attempt).where(THIS_RUN))
_COUNT_QUEUED = Prepared(
    lambda: select(func.count().label("number")).select_from(
        select(runs.c.id)
        .where(
            runs.c.status == RunStatus.QUEUED.value,
            runs.c.requested_by == bindparam("wanted_account", type_=UuidType),
        )
        .limit(bindparam("most", type_=Integer))
        .subquery()
    )
)
_FINISH = Prepared(
    lambda: (
        update(runs)
        .where(
            THIS_RUN,
            runs.c.attempt == bindparam("wanted_attempt", type_=Integer),
            runs.c.status == RunStatus.RUNNING.value,
        )
        .values(
            status=RunStatus.FINISHED.value,
            finished_at=func.now(),
            **new_values(
                runs,
                *("outcome", "reason", "also_broken", "compared", "not_comparable"),
                *("without_assertion", "environment", "decided", "reused_from", "minimised"),
            ),
        )
        .returning(func.extract("epoch", func.now() - runs.c.started_at).label("took"))
    )
)
_CLAIM = Prepared(
    lambda: (
        update(runs)
        .where(
            THIS_RUN,
            runs.c.status.in_((RunStatus.QUEUED.value, RunStatus.RUNNING.value)),
            runs.c.attempt < bindparam("most", None, type_=Integer),
            tickets.c.id == runs.c.ticket_id,
        )
        .values(
            status=RunStatus.RUNNING.value,
            attempt=runs.c.attempt + 1,
            worker=bindparam("worker_name", None, type_=Text),
            reason=None,
            started_at=func.now(),
        )
        .returning(
            runs.c.id,
            runs.c.ticket_id,
            tickets.c.key,
            runs.c.kind,
            runs.c.attempt,
            runs.c.plan,
            runs.c.force,
            runs.c.authors,
            runs.c.request_id,
            func.extract("epoch", func.now() - runs.c.queued_at).label("waited_s"),
        )
    )
)


def _current(run_id: UUID, attempt: int) -> Select[tuple[UUID]]:
    return select(runs.c.id).where(_is_running(run_id, attempt))


def _is_running(run_id: UUID, attempt: int) -> ColumnElement[bool]:
    return and_(
        runs.c.id == run_id,
        runs.c.attempt == attempt,
        runs.c.status == RunStatus.RUNNING.value,
    )


REUSABLE = tuple(
    outcome.value
    for outcome in RunOutcome
    if outcome not in (RunOutcome.ERROR, RunOutcome.TIMED_OUT, RunOutcome.INCONCLUSIVE)
)
"""Outcomes that answer the question of a run."""


def plan_key(kind: RunKind, plan: RunPlan) -> str:
    """Return a digest of what a run asks."""
    # A plan may name thousands of tests, and the encoder reads it many times faster than asdict.
    asked = orjson.loads(orjson.dumps(plan))
    if plan.strength is None:
        del asked["strength"]
    if plan.bisection is None:
        del asked["bisection"]
    if plan.minimise is None:
        del asked["minimise"]
    return fold((kind.value, json.dumps(asked, sort_keys=True)))


def _arm_row(run_id: UUID, position: int, arm: ArmResult) -> dict[str, Any]:
    arm = storable(arm)
    return {
        "run_id": run_id,
        "position": position,
        "name": arm.name,
        "patch": as_json(arm.patch),
        "package_digest": arm.package_digest,
        "results": as_json(arm.results),
        "hints": as_json(arm.hints),
        "uses": as_json(arm.uses),
        "revision": arm.revision,
    }
