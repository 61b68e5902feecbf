"""Executing a run that measures strength: baseline, executed lines, mutants, survivors.

Each mutant's end is stored as it comes. Whoever takes the run up again goes on behind the last one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.domain.environment import environment_digest
from app.domain.runs import ArmResult, RunOutcome, TestResult, Verdict
from app.domain.strength import (
    Mutant,
    MutantOutcome,
    MutantResult,
    StrengthPlan,
    content_key,
    measure,
    spread,
    tests_key,
)
from app.domain.targets import Target
from app.errors import SandboxRefused
from app.factory import Factory
from app.mutation import maker
from app.sandbox.interface import ArmEvent, Limits, PreparedArm
from app.services.run_ends import Explored
from app.storage.mutants import KeptUnder
from app.storage.runs import ClaimedRun
from app.worker.baseline import Ended, baseline, others_that_pass
from app.worker.events import EventBatch
from app.worker.executed_lines import Lines, executed_lines
from app.worker.mutants import judge


class Measurement:
    """One run that measures strength."""

    def __init__(
        self,
        factory: Factory,
        run: ClaimedRun,
        target: Target,
        arm: PreparedArm,
        environment: Mapping[str, Any],
        events: EventBatch,
    ) -> None:
        assert run.plan.strength is not None
        self._factory = factory
        self._service = factory.measuring
        self._run = run
        self._plan: StrengthPlan = run.plan.strength
        self._target = target
        self._arm = arm
        self._environment = environment_digest(environment)
        self._known_environment = dict(environment)
        self._events = events
        self._limits = factory.limits(target)
        self._linked = [test.node_id for test in run.plan.tests]
        self._results: list[TestResult] = []
        self._hints: list[str] = list(self._plan.hints)
        self._files: dict[str, bytes] = {}
        self._lines: dict[str, Lines] | None = None
        self._deadline = 0.0
        self._is_lost = False
        self._refused: BaseExceptionGroup[SandboxRefused] | None = None

    async def execute(self) -> Explored | SandboxRefused:
        """Measure; return how the run ended, or why it cannot be run here."""
        try:
            found = await baseline(
                self._factory.sandbox, self._arm, self._linked, self._limits, self._on_test
            )
            self._linked, self._results = found.node_ids, found.results
            self._limits_of_mutants = found.limits
            mutants = await self._mutants()
        except Ended as ended:
            return Explored(ended.verdict, (self._bundled(),))
        self._deadline = asyncio.get_running_loop().time() + self._plan.budget_s
        try:
            await self._kill(mutants)
            await self._ask_suite(mutants)
        except* SandboxRefused as refused:
            self._refused = refused
        if self._refused is not None:
            return SandboxRefused(str(self._refused.exceptions[0]))
        return Explored(self._verdict(mutants), (self._bundled(),))

    # --- before any mutant ---------------------------------------------------------------------

    async def _mutants(self) -> list[Mutant]:
        """Return the run's mutants: those of an earlier attempt, or new ones."""
        wanted = sorted({one.path for one in self._plan.functions})
        root = Path(self._arm.root)
        self._files = {path: await asyncio.to_thread((root / path).read_bytes) for path in wanted}
        planned = await self._service.planned(self._run)
        if planned:
            return planned
        lengths = {path: data.count(b"\n") + 1 for path, data in self._files.items()}
        self._lines = await executed_lines(
            self._factory.sandbox, self._arm, self._linked, lengths, self._limits
        )
        if self._lines is None:
            self._hints.append("Which lines the tests execute could not be told: all count.")
        made, unread = await self._made()
        for path, reason in unread.items():
            self._hints.append(f"{path} {reason}, so it has no mutants.")
        chosen = spread(made)
        if not chosen:
            raise Ended(RunOutcome.INCONCLUSIVE, await self._why_none())
        if len(made) > len(chosen):
            self._hints.append(
                f"{len(made)} places could be changed; {len(chosen)} of them, spread evenly, are."
            )
        self._is_lost = not await self._service.plan(self._run, chosen)
        self._events.add("mutants", {"planned": len(chosen)})
        return chosen

    async def _made(self) -> tuple[list[Mutant], dict[str, str]]:
        lines: dict[str, set[int]] | None = None
        if self._lines is not None:
            lines = {path: set() for path in self._files}
            for own in self._lines.values():
                for path, found in own.items():
                    lines[path] |= found
        return await self._make(lines)

    async def _make(
        self, lines: Mapping[str, set[int]] | None
    ) -> tuple[list[Mutant], dict[str, str]]:
        try:
            return await asyncio.to_thread(
                maker.make, self._target.interpreter, self._files, self._plan.functions, lines
            )
        except maker.MakingFailed as failure:
            raise Ended(RunOutcome.ERROR, f"No mutants could be made: {failure}.") from None

    async def _why_none(self) -> str:
        possible, unread = await self._make(None)
        names = ", ".join(f"{one.name} ({one.path})" for one in self._plan.functions[:5])
        if possible:
            return f"The linked tests execute no line of {names} that could be changed."
        told = "; ".join(f"{path} {reason}" for path, reason in unread.items())
        return f"Nothing in {names} can be changed{f': {told}' if told else ''}."

    # --- mutants -------------------------------------------------------------------------------

    async def _kill(self, mutants: list[Mutant]) -> None:
        """Run the linked tests on each mutant that has not ended."""
        key = tests_key(self._linked, self._run.plan.links_digest)
        left = [at for at, one in enumerate(mutants) if one.outcome is None]
        left = await self._reuse(mutants, left, key, _ended_as)

        async def one(at: int) -> None:
            result = await self._judged(mutants[at], self._passes(mutants[at]))
            await self._store(mutants, at, _ended_as(mutants[at], result), key, result)

        await self._side_by_side(left, one)

    async def _ask_suite(self, mutants: list[Mutant]) -> None:
        """Run the rest of the suite on each survivor."""
        left = [
            at
            for at, one in enumerate(mutants)
            if one.outcome is MutantOutcome.SURVIVED and one.suite_killed_by is None
        ]
        if not left or not self._run.plan.others or self._is_over():
            return
        others = await others_that_pass(
            self._factory, self._run.plan, self._arm, self._known_environment, self._deadline
        )
        key = tests_key(others, self._run.plan.suite_digest)
        left = await self._reuse(mutants, left, key, _seen_by_suite)

        async def one(at: int) -> None:
            result = await self._judged(mutants[at], [others], self._limits)
            await self._store(mutants, at, _seen_by_suite(mutants[at], result), key, result)

        if others:
            await self._side_by_side(left, one)

    async def _side_by_side(
        self, positions: Sequence[int], one: Callable[[int], Awaitable[None]]
    ) -> None:
        """Do `one` for positions until the budget is spent, as many at once as there are cores."""
        waiting: Iterator[int] = iter(positions)

        async def work() -> None:
            for at in waiting:
                if self._is_over():
                    return
                await one(at)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(os.cpu_count() or 1, len(positions))):
                group.create_task(work())

    def _is_over(self) -> bool:
        return self._is_lost or asyncio.get_running_loop().time() >= self._deadline

    def _passes(self, mutant: Mutant) -> list[list[str]]:
        """Return which tests run on a mutant in turn: those that execute its line, then all."""
        if self._lines is None:
            return [self._linked]
        first = [
            node_id
            for node_id in self._linked
            if mutant.line in self._lines.get(node_id, {}).get(mutant.path, ())
        ]
        return [first, self._linked] if 0 < len(first) < len(self._linked) else [self._linked]

    async def _judged(
        self, mutant: Mutant, passes: Sequence[Sequence[str]], limits: Limits | None = None
    ) -> MutantResult:
        changes = {mutant.path: mutant.change.apply(self._files[mutant.path])}
        return await judge(
            self._factory.sandbox,
            self._arm,
            changes,
            passes,
            limits or self._limits_of_mutants,
        )

    async def _reuse(
        self,
        mutants: list[Mutant],
        positions: Sequence[int],
        key: str,
        ended: Callable[[Mutant, MutantResult], Mutant],
    ) -> list[int]:
        """Take over what earlier runs have found; return the positions that are left."""
        if self._run.force:
            return list(positions)
        keys = {at: self._kept_under(mutants[at], key) for at in positions}
        known = await self._service.known(keys.values())
        found = {
            at: replace(ended(mutants[at], known[one]), reused=True)
            for at, one in keys.items()
            if one in known
        }
        if found:
            await self._ended(found, {})
            for at, mutant in found.items():
                mutants[at] = mutant
                self._tell(mutant)
        return [at for at in positions if at not in found]

    async def _store(
        self, mutants: list[Mutant], at: int, mutant: Mutant, key: str, result: MutantResult
    ) -> None:
        mutants[at] = mutant
        await self._ended({at: mutant}, {self._kept_under(mutant, key): result})
        self._tell(mutant)

    async def _ended(
        self, mutants: Mapping[int, Mutant], results: Mapping[KeptUnder, MutantResult]
    ) -> None:
        if not await self._service.ended(self._run, mutants, results):
            self._is_lost = True  # another attempt goes on, or nobody wants it any more

    def _kept_under(self, mutant: Mutant, tests: str) -> KeptUnder:
        data = mutant.change.apply(self._files[mutant.path])
        content = content_key(self._arm.package_digest, mutant.path, data)
        return KeptUnder(content, tests, self._environment)

    def _tell(self, mutant: Mutant) -> None:
        shown = {
            "digest": mutant.digest,
            "path": mutant.path,
            "line": mutant.line,
            "operator": mutant.operator,
            "function": mutant.function,
            "outcome": None if mutant.outcome is None else mutant.outcome.value,
            "killed_by": mutant.killed_by,
            "suite_killed_by": mutant.suite_killed_by,
            "reused": mutant.reused,
        }
        self._events.add("mutant", shown)

    # --- what comes of it ----------------------------------------------------------------------

    def _bundled(self) -> ArmResult:
        return ArmResult(
            name="bundled",
            package_digest=self._arm.package_digest,
            results=tuple(self._results),
            hints=tuple(self._hints),
        )

    def _verdict(self, mutants: Sequence[Mutant]) -> Verdict:
        strength = measure(mutants)
        told = strength.sentence
        if strength.not_run:
            told += (
                f" The budget of {self._plan.budget_s} s was spent before {strength.not_run} of "
                f"{len(mutants)} mutants were run."
            )
        return Verdict(RunOutcome.MEASURED, told)

    async def _on_test(self, event: ArmEvent) -> None:
        self._events.add(event.kind, {"arm": "bundled", **event.data})


def _ended_as(mutant: Mutant, result: MutantResult) -> Mutant:
    return replace(
        mutant,
        outcome=result.outcome,
        killed_by=result.killed_by,
        how=result.how,
        took_s=result.took_s,
    )


def _seen_by_suite(mutant: Mutant, result: MutantResult) -> Mutant:
    """Note what the rest of the suite makes of a survivor; it survives all the same."""
    killed = result.outcome is MutantOutcome.KILLED
    return replace(
        mutant,
        suite_killed_by=result.killed_by if killed else None,
        how=result.how if killed else mutant.how,
        took_s=(mutant.took_s or 0.0) + result.took_s,
    )
