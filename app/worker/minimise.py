"""Executing a run that reduces a fix: parts are left out as long as the same tests pass.

What became of each form is kept by its content: whoever takes the run up again, or asks the same
anew, goes the same way and runs nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.domain import diffs
from app.domain.arms import ships
from app.domain.diff_parts import FilePatch, PatchError
from app.domain.diff_writer import written
from app.domain.environment import environment_digest
from app.domain.minimise import (
    MOST_TRIALS,
    Minimised,
    MinimisePlan,
    Unit,
    beyond,
    by_block,
    by_hunk,
    by_line,
    reduced,
    smallest,
)
from app.domain.runs import ArmResult, RunOutcome, TestResult, Verdict
from app.domain.strength import MutantOutcome, content_key, tests_key
from app.errors import SandboxRefused
from app.factory import Factory
from app.sandbox.interface import ArmEvent, Limits, PreparedArm
from app.services.execution import Assignment
from app.services.run_ends import Explored
from app.storage.mutants import KeptUnder
from app.worker.baseline import Ended, baseline, others_that_pass
from app.worker.events import EventBatch
from app.worker.mutants import judge

_WITH_FIX = "the package with the fix"


class Reduction:
    """One run that reduces the fix of a ticket."""

    def __init__(
        self,
        factory: Factory,
        assignment: Assignment,
        before: PreparedArm,
        after: PreparedArm,
        environment: Mapping[str, Any],
        events: EventBatch,
    ) -> None:
        run = assignment.run
        assert run.plan.minimise is not None
        self._factory = factory
        self._run = run
        self._plan: MinimisePlan = run.plan.minimise
        self._before = before
        self._after = after
        self._environment = dict(environment)
        self._where = environment_digest(environment)
        self._events = events
        self._files: Sequence[FilePatch] = diffs.parse(assignment.patches[self._plan.digest]).files
        self._base: dict[str, bytes] = {}
        self._linked = [test.node_id for test in run.plan.tests]
        self._others: list[str] = []
        self._limits: Limits = factory.limits(factory.target(run.plan.target))
        self._trial_limits = self._limits
        self._results: list[TestResult] = []
        self._tried = 0
        self._is_lost = False
        self._deadline = 0.0

    async def execute(self) -> Explored | SandboxRefused:
        """Reduce the fix; return how the run ended, or why it cannot be run here."""
        self._deadline = asyncio.get_running_loop().time() + self._plan.budget_s
        try:
            await self._require_ground()
            kept, complete = await self._reduce()
        except Ended as ended:
            return Explored(ended.verdict, self._arms())
        except SandboxRefused as refused:
            return refused
        found = self._minimised(kept, complete=complete)
        verdict = Verdict(RunOutcome.MINIMISED, found.sentence)
        return Explored(verdict, self._arms(), minimised=found)

    # --- before anything is left out -----------------------------------------------------------

    async def _require_ground(self) -> None:
        """See to it that the tests pass with the fix, and that not all do without it."""
        found = await baseline(
            self._factory.sandbox,
            self._after,
            self._linked,
            self._limits,
            self._on_test,
            where=_WITH_FIX,
        )
        self._linked, self._results = found.node_ids, found.results
        self._trial_limits = found.limits
        await asyncio.to_thread(self._read_base)
        without = await judge(
            self._factory.sandbox, self._before, {}, [self._linked], found.limits, all_pass=True
        )
        if without.outcome is MutantOutcome.SURVIVED:
            raise Ended(
                RunOutcome.INCONCLUSIVE,
                "The linked tests pass without the fix too, so they cannot tell what of it is "
                "needed.",
            )
        self._others = await others_that_pass(
            self._factory,
            self._run.plan,
            self._after,
            self._environment,
            self._deadline,
            ships=ships(self._run.plan.arms[-1], self._run.plan),
        )

    def _read_base(self) -> None:
        root = Path(self._before.root)
        for file in self._files:
            place = root / file.path
            if place.is_file():
                self._base[file.path] = place.read_bytes()

    # --- leaving out ---------------------------------------------------------------------------

    async def _reduce(self) -> tuple[tuple[Unit, ...], bool]:
        """Return what is left, and whether nothing more can go."""
        kept, complete = await self._least(by_hunk(self._files))
        if complete:
            kept, complete = await self._least(by_block(kept))
        if complete:
            single, staying = by_line(self._files, kept)
            kept, complete = await self._least(single, staying)
            kept = (*staying, *kept)
        return kept, complete

    async def _least(
        self, units: Sequence[Unit], staying: Sequence[Unit] = ()
    ) -> tuple[tuple[Unit, ...], bool]:
        """Return what is left of units beside those that stay, and whether no more can go."""
        kept = tuple(units)
        steps = smallest(kept)
        answer: bool | None = None
        while True:
            try:
                some = next(steps) if answer is None else steps.send(answer)
            except StopIteration as end:
                return end.value, True
            if self._is_over():
                return kept, False
            answer = await self._holds((*staying, *some))
            if answer:
                kept = some

    def _is_over(self) -> bool:
        over = asyncio.get_running_loop().time() >= self._deadline
        return self._is_lost or over or self._tried >= MOST_TRIALS

    async def _holds(self, units: Sequence[Unit]) -> bool:
        """Tell whether the fix with these parts alone makes the tests pass and breaks none."""
        self._tried += 1
        try:
            changes = self._changed(units)
        except PatchError:
            return False
        key = self._kept_under(units)
        known = {} if self._run.force else await self._factory.measuring.known([key])
        result = known.get(key)
        if result is None:
            result = await judge(
                self._factory.sandbox,
                self._before,
                changes,
                [self._linked, self._others] if self._others else [self._linked],
                self._trial_limits,
                all_pass=True,
            )
            if not await self._factory.measuring.ended(self._run, {}, {key: result}):
                self._is_lost = True
        holds = result.outcome is MutantOutcome.SURVIVED
        lines = sum(map(len, units))
        self._events.add("trial", {"tried": self._tried, "lines": lines, "holds": holds})
        return holds

    def _kept_under(self, units: Sequence[Unit]) -> KeptUnder:
        text = written(reduced(self._files, units)).encode()
        digests = self._run.plan.links_digest + self._run.plan.suite_digest
        return KeptUnder(
            content_key(self._before.package_digest, "part of a fix", text),
            tests_key([*self._linked, *self._others], digests),
            self._where,
        )

    def _changed(self, units: Sequence[Unit]) -> dict[str, bytes | None]:
        patch = diffs.Patch(reduced(self._files, units), "")
        after = diffs.apply(self._base, patch)
        paths = {file.path for file in patch.files}
        return {path: None if path not in after else _data(after[path]) for path in paths}

    # --- what comes of it ----------------------------------------------------------------------

    def _minimised(self, kept: Sequence[Unit], *, complete: bool) -> Minimised:
        files = reduced(self._files, kept)
        return Minimised(
            patch=self._plan.patch,
            digest=self._plan.digest,
            text=written(files),
            fell_away=beyond(self._files, kept),
            hunks=(_hunks(self._files), _hunks(files)),
            lines=(_lines(self._files), _lines(files)),
            tried=self._tried,
            complete=complete,
            lands=ships(self._run.plan.arms[0], self._run.plan),
        )

    def _arms(self) -> tuple[ArmResult, ...]:
        last = self._run.plan.arms[-1]
        return (
            ArmResult(
                name=last.name,
                package_digest=self._after.package_digest,
                results=tuple(self._results),
                patch=last.patch,
            ),
        )

    async def _on_test(self, event: ArmEvent) -> None:
        self._events.add(event.kind, {"arm": "after", **event.data})


def _data(content: diffs.Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _hunks(files: Sequence[FilePatch]) -> int:
    return sum(len(file.hunks) for file in files)


def _lines(files: Sequence[FilePatch]) -> int:
    return sum(line.sign != " " for file in files for hunk in file.hunks for line in hunk.lines)
