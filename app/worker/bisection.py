"""Executing a bisection: look at revisions until the course of the search is over.

Each step is stored as it comes. Whoever takes the run up again goes on behind the last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain.bisection.course import Course, Want
from app.domain.bisection.looks import AT_ENDS, Looks
from app.domain.bisection.plan import BisectionPlan
from app.domain.bisection.run import (
    Found,
    Glance,
    count,
    glance,
    nothing_shown,
    telling,
    tests_key,
)
from app.domain.bisection.search import (
    Answer,
    BisectionOutcome,
    Direction,
    Seen,
    Why,
)
from app.domain.environment import environment_digest
from app.domain.revisions import RevisionRefused
from app.domain.runs import RunOutcome, TestMode, Verdict
from app.domain.targets import Target
from app.errors import SandboxRefused
from app.factory import Factory
from app.sandbox.digests import FolderError
from app.sandbox.interface import ArmStatus, PreparedArm
from app.services.run_ends import Explored
from app.storage.bisections import KnownLooks, LooksKey, StoredStep
from app.storage.runs import ClaimedRun
from app.targets.history import History
from app.targets.ranges import line_back, package_tree, read_range
from app.worker.events import EventBatch
from app.worker.passes import draw_seed

_PATIENCE, _LEAST_PATIENCE_S = 20.0, 30.0
"""So many times as long as a revision that ran an arm may take: one that hangs is left soon."""


class _Over(Exception):
    """There is nothing more to look at."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class _Spent(Exception):
    """The budget is spent, or the attempt is not wanted any more."""


class BisectionRun:
    """One run that bisects."""

    def __init__(
        self,
        factory: Factory,
        run: ClaimedRun,
        target: Target,
        submitted: Mapping[str, str],
        environment: Mapping[str, Any],
        events: EventBatch,
    ) -> None:
        assert run.plan.bisection is not None
        self._factory = factory
        self._service = factory.bisecting
        self._run = run
        self._plan: BisectionPlan = run.plan.bisection
        self._target = target
        self._submitted = submitted
        self._environment = environment_digest(environment)
        self._events = events
        self._all_limits = self._limits = factory.limits(target)
        self._node_ids = [test.node_id for test in run.plan.tests]
        self._tests = tests_key(
            self._node_ids,
            [run.plan.suite_digest, *(file.digest for file in run.plan.submitted)],
        )
        self._known: dict[str, KnownLooks] = {}
        """What is known of trees, from here and from others."""
        self._steps: list[StoredStep] = []
        self._telling: dict[str, str] = {}
        self._deadline = 0.0

    async def execute(self) -> Explored | SandboxRefused:
        """Search; return how it ended, or why it cannot be run here."""
        self._deadline = asyncio.get_running_loop().time() + self._plan.budget_s
        begun = await self._service.begun(self._run)
        self._known = await self._service.known(self._tests, self._environment)
        self._steps = begun.steps
        try:
            history = await asyncio.to_thread(self._factory.sources.history, self._target)
            course = await self._course(history, begun.old, begun.telling)
            answer = await self._follow(course, history)
        except _Over as over:
            return self._ended(over.answer, None)
        except _Spent as spent:
            return self._ended(Answer(BisectionOutcome.INCONCLUSIVE, str(spent)), None)
        except SandboxRefused as refused:
            return refused
        except (RevisionRefused, FolderError, OSError) as error:
            return self._ended(Answer(BisectionOutcome.ERROR, f"{error}."), None)
        await self._record_judged(course)
        return self._ended(answer, course.confidence)

    # --- the ends ------------------------------------------------------------------------------

    async def _course(
        self, history: History, old: str | None, known: dict[str, str] | None
    ) -> Course:
        """Find the older end and what shows the defect, and begin the search."""
        plan = self._plan
        is_new_bad = plan.direction is Direction.INTRODUCED
        old = old or plan.old
        self._telling = known or {}
        if not self._telling and is_new_bad:
            self._telling = await self._failures_at(history, plan.new)
        if old is None:
            old = await self._older_end(history)
        if not self._telling:
            self._telling = await self._failures_at(history, old)
        await self._service.note(self._run, old, self._telling)
        found = await asyncio.to_thread(
            read_range, history, old, plan.new, first_parent=plan.first_parent
        )
        course = Course(
            found.graph,
            old,
            plan.new,
            plan.direction,
            suspects=found.suspects,
            flaky=plan.flaky,
        )
        counted = {tree: self._count(looks.glances) for tree, looks in self._known.items()}
        twice = [tree for tree, looks in self._known.items() if looks.arms > 1]
        course.recall(counted, twice)
        return course

    async def _failures_at(self, history: History, commit: str) -> dict[str, str]:
        """Return the failures at the bad end; nothing where the tests pass there."""
        tree = await asyncio.to_thread(package_tree, history, commit)
        have = sum(times for _, times in self._known.get(tree or "", KnownLooks()).glances)
        if tree is not None and have < AT_ENDS:
            await self._look(commit, tree, AT_ENDS - have, Why.END)
        return telling(_each(self._known.get(tree or "", KnownLooks()).glances))

    async def _older_end(self, history: History) -> str:
        """Go back by ever larger steps to a revision that is what the old end should be."""
        wanted = Seen.GOOD if self._plan.direction is Direction.INTRODUCED else Seen.BAD
        line = await asyncio.to_thread(lambda: list(line_back(history, self._plan.new)))
        place, stride = 0, 1
        while place < len(line):
            commit, tree = line[place]
            if tree is not None and await self._is(commit, tree, wanted):
                return commit
            if place == len(line) - 1:
                break
            place, stride = min(place + stride, len(line) - 1), stride * 2
        told = "pass" if wanted is Seen.GOOD else "fail"
        raise _Over(
            Answer(
                BisectionOutcome.INCONCLUSIVE,
                f"No older revision was found in which the tests {told}; name one as `from`.",
            )
        )

    async def _is(self, commit: str, tree: str, wanted: Seen) -> bool:
        if tree not in self._known:
            await self._look(commit, tree, 1, Why.END)
        glances = _each(self._known[tree].glances)
        if wanted is Seen.GOOD:
            return bool(count(glances, self._telling).passes)
        return bool(telling(glances))

    # --- the search ----------------------------------------------------------------------------

    async def _follow(self, course: Course, history: History) -> Answer:
        while isinstance(want := course.step(), Want):
            try:
                looks = await self._wanted(history, want)
            except _Spent as spent:
                return course.partial(str(spent))
            course.record(want, looks)
            self._events.add("left", {"commits": course.left()})
        return want

    async def _wanted(self, history: History, want: Want) -> Looks:
        tree = await asyncio.to_thread(package_tree, history, want.commit)
        if tree is None:
            return Looks(others=want.looks)
        before = self._count(self._known.get(tree, KnownLooks()).glances)
        await self._look(want.commit, tree, want.looks, want.why)
        after = self._count(self._known[tree].glances)
        return Looks(
            after.fails - before.fails, after.passes - before.passes, after.others - before.others
        )

    def _count(self, glances: Sequence[tuple[Glance, int]]) -> Looks:
        found = Looks()
        for one, times in glances:
            seen = count([one], self._telling)
            found += Looks(seen.fails * times, seen.passes * times, seen.others * times)
        return found

    async def _look(self, commit: str, tree: str, times: int, why: Why) -> None:
        """Look at a revision in an arm of its own, and store what was seen."""
        if asyncio.get_running_loop().time() > self._deadline:
            raise _Spent(f"The {self._plan.budget_s} seconds for it are spent.")
        if sum(not step.reused for step in self._steps) >= self._plan.budget_runs:
            raise _Spent(f"The {self._plan.budget_runs} runs for it are spent.")
        glances, reason = await self._glances(commit, times)
        known = self._known.get(tree, KnownLooks())
        counted = dict(known.glances)
        for one in glances:
            counted[one] = counted.get(one, 0) + 1
        looks = KnownLooks(tuple(counted.items()), known.arms + 1, reason or known.reason)
        self._known[tree] = looks
        said = self._said(glances)
        if said is Seen.SKIP and reason is None:
            reason = "the tests fail otherwise than where the defect is known to be"
        one_step = StoredStep(commit, tree, why, said, tuple(_counted(glances).items()), reason)
        self._steps.append(one_step)
        key = LooksKey(tree, self._tests, self._environment)
        if not await self._service.record(
            self._run, {len(self._steps) - 1: one_step}, {key: looks}
        ):
            raise _Spent("It is not wanted any more.")
        told = {"revision": commit, "outcome": one_step.outcome, "why": why, "reason": reason}
        self._events.add("step", told)

    def _said(self, glances: Sequence[Glance]) -> Seen | None:
        looks = count(glances, self._telling or telling(glances))
        if looks.fails and looks.passes:
            return None
        if looks.fails:
            return Seen.BAD
        return Seen.GOOD if looks.passes else Seen.SKIP

    async def _glances(self, commit: str, times: int) -> tuple[list[Glance], str | None]:
        try:
            arm = await asyncio.to_thread(
                self._factory.prepare,
                self._target,
                revision=commit,
                in_force=self._run.plan.revision,
                extra_files=self._submitted,
            )
        except (RevisionRefused, FolderError) as error:
            return [nothing_shown(self._node_ids)] * times, str(error)
        with self._factory.arms.hold([arm]):
            return await self._run_arm(arm, times)

    async def _run_arm(self, arm: PreparedArm, times: int) -> tuple[list[Glance], str | None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        session = await self._factory.sandbox.open(arm, self._node_ids, self._limits)
        found: list[Glance] = []
        reason: str | None = None
        try:
            for _ in range(times):
                mode = TestMode.TOGETHER if len(self._node_ids) > 1 else TestMode.ALONE
                report = await session.run(self._node_ids, seed=draw_seed(), mode=mode)
                if report.status is ArmStatus.REFUSED:
                    raise SandboxRefused(report.reason or "The cage does not close here.")
                missing = set(self._node_ids) - {r.node_id for r in report.results}
                if report.status is not ArmStatus.COMPLETED or missing:
                    reason = report.reason or next(iter(session.tests.errors), "it did not run")
                    found += [nothing_shown(self._node_ids)] * (times - len(found))
                    break
                found.append(glance(report.results, self._target.packages))
                reason = reason or _why_not(report.results)
                took = (loop.time() - began) / len(found)
                patience = max(_LEAST_PATIENCE_S, _PATIENCE * took)
                per_arm_s = min(self._all_limits.per_arm_s, patience)
                self._limits = replace(self._all_limits, per_arm_s=per_arm_s)
        finally:
            await session.close()
        return found, reason

    # --- the end -------------------------------------------------------------------------------

    async def _record_judged(self, course: Course) -> None:
        """Store how each revision was judged, also by what other bisections had seen."""
        judged = {probe.commit: (probe.why, seen) for probe, seen in course.trail}
        steps = {
            position: replace(step, outcome=judged[step.revision][1])
            for position, step in enumerate(self._steps)
            if step.revision in judged and step.outcome is not judged[step.revision][1]
        }
        position = len(self._steps)
        own = {step.revision for step in self._steps}
        for commit, (why, seen) in judged.items():
            tree = course.tree_of(commit)
            if commit not in own and (looks := self._known.get(tree)):
                reason = looks.reason if seen is Seen.SKIP else None
                steps[position] = StoredStep(
                    commit, tree, why, seen, looks.glances, reason, reused=True
                )
                position += 1
        if steps:
            await self._service.record(self._run, steps, {})

    def _ended(self, answer: Answer, confidence: float | None) -> Explored:
        found = Found(
            answer.outcome,
            answer.reason,
            answer.first,
            answer.last,
            answer.intervals,
            confidence if answer.first is not None else None,
        )
        if answer.outcome is BisectionOutcome.ERROR:
            return Explored(Verdict(RunOutcome.ERROR, answer.reason), found=found)
        inconclusive = answer.outcome is BisectionOutcome.INCONCLUSIVE
        outcome = RunOutcome.INCONCLUSIVE if inconclusive else RunOutcome.BISECTED
        return Explored(Verdict(outcome, answer.reason), found=found)


def _why_not(results: Sequence[Any]) -> str | None:
    """Why a look shows nothing: the first test that neither passed nor shows a defect."""
    for one in results:
        if one.outcome.value not in ("passed", "failed"):
            return f"{one.node_id}: {one.outcome.value}, {(one.message or '')[:200]}".rstrip(", ")
    return None


def _each(glances: Sequence[tuple[Glance, int]]) -> list[Glance]:
    return [one for one, times in glances for _ in range(times)]


def _counted(glances: Sequence[Glance]) -> dict[Glance, int]:
    found: dict[Glance, int] = {}
    for one in glances:
        found[one] = found.get(one, 0) + 1
    return found
