"""What a patch does to the rest of the suite: run where it is cheap, compared where it matters.

The rest runs on the arm after first, in one process. Only what does not pass there is looked at on
the other arms too, alone and together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.runs import ArmPlan, ArmResult, TestOutcome, TestResult
from app.sandbox.interface import ArmReport, ArmStatus, PreparedArm
from app.worker.passes import Passes, file_of, not_passed


@dataclass
class ArmExecution:
    """One arm of a run while it is executed."""

    plan: ArmPlan
    place: PreparedArm
    linked: Passes
    rest: Passes

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the processes that ran its tests said of themselves."""
        return {**self.rest.outcome.environment, **self.linked.outcome.environment}

    def result(self) -> ArmResult:
        """What the arm reported, as far as it got."""
        linked, rest = self.linked.outcome, self.rest.outcome
        bad = linked.bad or rest.bad
        timed_out = bad is not None and bad.status is ArmStatus.TIMED_OUT
        return ArmResult(
            name=self.plan.name,
            package_digest=self.place.package_digest,
            results=(*linked.results, *rest.results),
            patch=self.plan.patch,
            failure=None if bad is None or timed_out else _told(bad),
            timed_out=timed_out,
            hints=(*linked.hints, *rest.hints),
            uses=tuple(sorted(linked.uses)),
            revision=self.plan.revision,
        )


@dataclass
class RestOfSuite:
    """Runs the tests that are linked with the ticket of others, or with none."""

    node_ids: Sequence[str]
    known: Sequence[TestResult]
    """Results of the arm after that an earlier run has found, at the same digests."""
    files: Sequence[str]
    """Test files that clients handed in for other tickets, each for a process of its own."""
    before: Sequence[ArmExecution]
    after: ArmExecution
    free: asyncio.Semaphore
    """Bounds what runs side by side."""
    limit_s: float
    """Of all of it; where it takes longer, the files of the linked tests are what is run."""
    linked_files: Collection[str]
    most_s: float
    """Of those files."""
    _deadline: float = field(default=0.0, init=False)

    async def run(self) -> None:
        """Run it on the arm after, and what does not pass there on the arms before, too.

        The results stand in the order of the plan, whatever of them was known.
        """
        places = {node_id: at for at, node_id in enumerate(self.node_ids)}
        await self._run()
        found = self.after.rest.outcome.results
        found.sort(key=lambda one: places.get(one.node_id, len(places)))

    async def _run(self) -> None:
        after = self.after.rest
        after.outcome.results += self.known
        await self._run_after(after, self.limit_s)
        if after.outcome.bad is None and self._is_over():
            self._cut(after)
            await self._run_after(after, self.most_s)
        found = after.outcome.results
        suspects = not_passed(found, list(dict.fromkeys(one.node_id for one in found)))
        if not suspects or after.outcome.bad is not None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._alone(after, suspects))
            for arm in self.before:
                group.create_task(self._before(arm.rest, suspects))

    async def _run_after(self, after: Passes, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().time() + seconds
        known = {result.node_id for result in after.outcome.results}
        left = [node_id for node_id in self.node_ids if node_id not in known]
        async with self.free:
            await after.run_others(left, self._deadline)
            await after.run_apart(self.files, self._deadline)

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._deadline

    def _cut(self, after: Passes) -> None:
        """Leave the tests in the linked tests' files, and those that did not pass until now.

        What has passed stays: it breaks nothing, and is known at the next proof.
        """
        results = after.outcome.results
        if results and results[-1].outcome is TestOutcome.TIMED_OUT:
            results.pop()  # the one in which the time was over
        seen = {result.node_id for result in results}
        bad = set(not_passed(results, list(seen)))
        wanted = {one for one in self.node_ids if file_of(one) in self.linked_files} | bad
        left = len([one for one in self.node_ids if one not in seen | wanted])
        self.node_ids = [one for one in self.node_ids if one in wanted]
        self.files = [path for path in self.files if path in self.linked_files]
        after.outcome.hints.clear()
        after.outcome.hint(
            f"The rest of the suite takes longer than {self.limit_s:g} s (limits.others_s of the "
            f"target), so beyond that only the files of the linked tests were run: {left} other "
            "tests were not."
        )

    async def _before(self, arm: Passes, suspects: Sequence[str]) -> None:
        wanted = set(suspects)
        async with self.free:
            await arm.run_others(self.node_ids, self._deadline)
            await arm.run_apart(self.files, self._deadline)
        arm.outcome.results[:] = [one for one in arm.outcome.results if one.node_id in wanted]
        await self._alone(arm, suspects)

    async def _alone(self, arm: Passes, suspects: Sequence[str]) -> None:
        async with self.free:
            await arm.run_others_alone(suspects, self._deadline)


def _told(bad: ArmReport) -> str:
    reason = f": {bad.reason}" if bad.reason else ""
    return f"{bad.status.value}{reason}"
