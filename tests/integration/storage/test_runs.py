"""A run may execute twice, but it finishes once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.domain.accounts import Actor
from app.domain.runs import Authors, RunKind, RunOutcome, RunStatus, Verdict
from app.factory import Factory
from app.storage.rows import new_id
from tests.factories.runs import BUNDLED, a_plan, an_arm
from tests.factories.tickets import a_draft

pytestmark = pytest.mark.anyio

PASSED = Verdict(RunOutcome.PASSED, "All pass.")


@pytest.fixture
async def queued(factory: Factory, ada: Actor) -> UUID:
    """A queued run of a check."""
    ticket = await factory.tickets.file(ada, a_draft())
    run_id = new_id()
    async with factory.unit.begin() as stores:
        plan = a_plan("t.py::a", arms=BUNDLED)
        await stores.runs.add(run_id, ticket.id, RunKind.CHECK, plan, ada, authors=Authors())
    return run_id


async def claim(factory: Factory, run_id: UUID) -> int | None:
    async with factory.unit.begin() as stores:
        claimed = await stores.runs.claim(run_id, "worker")
        return None if claimed is None else claimed.attempt


async def finish(factory: Factory, run_id: UUID, attempt: int) -> bool:
    arms = [an_arm("bundled", {"t.py::a": "pass"})]
    async with factory.unit.begin() as stores:
        took = await stores.runs.mark_finished(
            run_id, attempt, PASSED, arms=arms, environment={}, decided=None
        )
        return took is not None


async def jobs(factory: Factory) -> int:
    async with factory.engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs")
        return int(found.scalar_one())


async def test_each_claim_is_another_attempt(factory: Factory, queued: UUID) -> None:
    attempts = await asyncio.gather(*(claim(factory, queued) for _ in range(5)))

    assert sorted(attempt or 0 for attempt in attempts) == [1, 2, 3, 4, 5]


async def test_only_the_newest_attempt_finishes_and_once(factory: Factory, queued: UUID) -> None:
    await claim(factory, queued)
    await claim(factory, queued)

    assert await finish(factory, queued, 1) is False
    ends = await asyncio.gather(*(finish(factory, queued, 2) for _ in range(4)))

    assert sorted(ends) == [False, False, False, True]
    run = await factory.runs.show(queued)
    assert (run.status, run.outcome, run.attempt) == (RunStatus.FINISHED, RunOutcome.PASSED, 2)
    assert [arm.name for arm in run.arms] == ["bundled"]


async def test_a_run_that_was_not_claimed_cannot_finish(factory: Factory, queued: UUID) -> None:
    assert await finish(factory, queued, 0) is False


async def test_a_finished_run_is_claimed_and_cancelled_no_more(
    factory: Factory, queued: UUID
) -> None:
    await claim(factory, queued)
    await finish(factory, queued, 1)

    assert await claim(factory, queued) is None
    async with factory.unit.begin() as stores:
        assert await stores.runs.mark_cancelled(queued, "too late") is False


async def test_a_cancelled_run_is_neither_claimed_nor_finished(
    factory: Factory, queued: UUID
) -> None:
    await claim(factory, queued)
    async with factory.unit.begin() as stores:
        assert await stores.runs.mark_cancelled(queued, "not needed") is True

    assert await claim(factory, queued) is None
    assert await finish(factory, queued, 1) is False
    run = await factory.runs.show(queued)
    assert (run.status, run.outcome, run.arms) == (RunStatus.CANCELLED, None, ())


async def test_a_run_given_back_waits_as_if_never_claimed(factory: Factory, queued: UUID) -> None:
    async with factory.unit.begin() as stores:
        claimed = await stores.runs.claim(queued, "worker")
        assert claimed is not None
        assert await stores.runs.mark_given_back(claimed, "other files") is True
        assert await stores.runs.mark_given_back(claimed, "again") is False

    run = await factory.runs.show(queued)
    assert (run.status, run.attempt, run.started_at) == (RunStatus.QUEUED, 0, None)
    assert run.reason == "other files"


async def test_a_run_and_its_job_come_together_or_not_at_all(
    factory: Factory, ada: Actor, queued: UUID
) -> None:
    class Refused(Exception):
        pass

    async def defer_and_fail() -> None:
        async with factory.unit.begin() as stores:
            await stores.jobs.defer_run(queued, "kasmina")
            raise Refused

    with pytest.raises(Refused):
        await defer_and_fail()
    assert await jobs(factory) == 0

    async with factory.unit.begin() as stores:
        await stores.jobs.defer_run(queued, "kasmina")
    assert await jobs(factory) == 1


async def test_a_job_belongs_to_the_worker_that_took_it_last(
    factory: Factory, queued: UUID
) -> None:
    async with factory.unit.begin() as stores:
        await stores.jobs.defer_run(queued, "kasmina")
        first, second = [await stores.jobs.register_worker() for _ in range(2)]
        job = await stores.jobs.take(first, ["kasmina"])
        assert job is not None and job.run_id == queued
        assert await stores.jobs.take(second, ["kasmina"]) is None

        await stores.jobs.put_back(job, 0)
        again = await stores.jobs.take(second, ["kasmina"])
        await stores.jobs.finish(job)
        await stores.jobs.put_back(job, 0)

    assert again is not None and again.id == job.id
    assert await jobs(factory) == 1
    async with factory.unit.begin() as stores:
        assert await stores.jobs.take(first, ["kasmina"]) is None
        await stores.jobs.finish(again)
    assert await jobs(factory) == 0


async def test_jobs_of_silent_workers_wait_again(factory: Factory, queued: UUID) -> None:
    async with factory.unit.begin() as stores:
        await stores.jobs.defer_run(queued, "kasmina")
        lost = await stores.jobs.register_worker()
        assert await stores.jobs.take(lost, ["kasmina"]) is not None
    async with factory.unit.begin() as stores:
        assert await stores.jobs.requeue_lost(60) == []
        assert await stores.jobs.requeue_lost(0) == [queued]
        assert await stores.jobs.beat(lost) is False
        found = await stores.jobs.take(await stores.jobs.register_worker(), ["kasmina"])

    assert found is not None and found.run_id == queued
