"""How one arm of a run is executed: which tests run in which process, and how often.

Each linked test first runs alone, in a fork of the collected arm, and then in passes over all of
them: in the order of the file, then reversed. What ends otherwise beside its neighbours than alone
is traced to the neighbour. The last pass of a proof is collected anew, in an interpreter that
hashes strings otherwise and with other random seeds; of several files each by itself, for what one
does when it is loaded reaches the tests of all.

The rest of the suite is run once, in one process; what does not pass there is looked at more
closely, alone and on the other arms.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.causes import Cause
from app.domain.runs import TestMode, TestOutcome, TestResult
from app.sandbox.interface import (
    ArmReport,
    ArmStatus,
    EventSink,
    Limits,
    PreparedArm,
    Sandbox,
    Session,
)

ALONE_AGAIN = 3
"""So often a test of the rest of the suite runs alone once it has not passed."""
_SLOW_SETUP_S = 3.0
"""A set-up that takes longer is paid once a pass, not once a test."""
_MOST_FRESH = 20
"""So many tests of an arm that cannot be forked from are collected each by itself."""
_TELLING = ("was never awaited", "return a value that is not None from a test case")
_MOST_ALONE = 64
"""Of more linked tests, those that are parameters of one function share a process."""
_MOST_NEIGHBOURS = 10
_MOST_DEPENDENT = 5
_LEAST_S = 0.1
_MOST_SESSIONS = 5
"""So often the rest of the suite is collected anew after a test has ended its process."""


@dataclass
class Outcome:
    """What came of one arm, as far as it got."""

    results: list[TestResult] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    environment: dict[str, object] = field(default_factory=dict)
    hash_seeds: list[int] = field(default_factory=list)
    bad: ArmReport | None = None
    """The report that ended the arm before its time."""

    def take(self, report: ArmReport) -> bool:
        """Take in what one process reported; False when the arm ends with it."""
        self.results += report.results
        self.uses.update(report.uses)
        self.environment.update(report.environment, layers=list(report.layers))
        for result in report.results:
            for warning in filter(_is_telling, result.warnings):
                self.hint(f"{result.node_id}: {warning}")
            if result.cause is Cause.ENVIRONMENT:
                self.hint(
                    f"{result.node_id} wants what this environment lacks or its cage refuses; "
                    "docs/security.md lists what tests may do."
                )
        if report.quit is not None:
            self.hint(f"A test or plugin ended the session before its last test: {report.quit}")
        if report.status is not ArmStatus.COMPLETED:
            self.bad = report
        return self.bad is None

    def hint(self, text: str) -> None:
        """Note what a reader should know, once."""
        if text not in self.hints:
            self.hints.append(text)


class Sessions:
    """The collected processes of one arm: one, and one more for each file that stands apart."""

    def __init__(self, main: Session, apart: Mapping[str, Session]) -> None:
        self._main = main
        self._apart = dict(apart)

    @classmethod
    async def open(
        cls,
        sandbox: Sandbox,
        arm: PreparedArm,
        node_ids: Sequence[str],
        limits: Limits,
        *,
        other_seeds: bool = False,
    ) -> Sessions:
        """Collect `node_ids`; a file that fails beside others is collected by itself."""
        main = await sandbox.open(arm, node_ids, limits, other_seeds=other_seeds)
        apart: dict[str, Session] = {}
        files = {file_of(node_id) for node_id in node_ids}
        if len(files) > 1:
            for path in sorted(main.broken.intersection(files)):
                inside = [node_id for node_id in node_ids if file_of(node_id) == path]
                one = await sandbox.open(arm, inside, limits, other_seeds=other_seeds)
                if one.broken or one.failure is not None:
                    await one.close()
                else:
                    apart[path] = one
        return cls(main, apart)

    @property
    def all(self) -> tuple[Session, ...]:
        """All of them."""
        return (self._main, *self._apart.values())

    def groups(self, node_ids: Sequence[str]) -> list[tuple[Session, list[str]]]:
        """Return which of `node_ids` run in which session, in order."""
        found: dict[int, tuple[Session, list[str]]] = {}
        for node_id in node_ids:
            session = self._apart.get(file_of(node_id), self._main)
            found.setdefault(id(session), (session, []))[1].append(node_id)
        return list(found.values())

    async def close(self, *, park: bool = False) -> None:
        """Close them."""
        for session in self.all:
            await session.close(park=park)


class Passes:
    """Executes one arm."""

    def __init__(
        self, sandbox: Sandbox, arm: PreparedArm, limits: Limits, seed: int, on_event: EventSink
    ) -> None:
        self._sandbox = sandbox
        self._arm = arm
        self._limits = limits
        self._seed = seed
        self._on_event = on_event
        self.outcome = Outcome()

    # --- linked tests --------------------------------------------------------------------------

    async def run_linked(self, node_ids: Sequence[str], repeats: int, *, decides: bool) -> None:
        """Run linked tests, `repeats` times each; the last of what `decides` is collected anew."""
        anew = decides and repeats > 1
        sessions = await Sessions.open(self._sandbox, self._arm, node_ids, self._limits)
        self._note(sessions)
        try:
            if await self._repeat(sessions, node_ids, repeats - 1 if anew else repeats):
                await self._trace_neighbours(sessions, node_ids)
        finally:
            await sessions.close(park=self.outcome.bad is None)
        if self.outcome.bad is not None:
            return
        if anew:
            await self._repeat_anew(node_ids, repeats)
        elif failing := not_passed(self.outcome.results, node_ids):
            # A check shows a defect by them, so it must not be their company's.
            await self._repeat_apart(failing, node_ids, repeats + 1)

    async def _repeat(self, sessions: Sessions, node_ids: Sequence[str], repeats: int) -> bool:
        for repeat in range(1, repeats + 1):
            if repeat == 1:
                done = await self._each_alone(sessions, node_ids)
            else:
                done = await self._pass(sessions, node_ids, repeat, _mode(node_ids, repeat))
            if not done:
                return False
        return True

    async def _each_alone(self, sessions: Sessions, node_ids: Sequence[str]) -> bool:
        in_place = next((one.in_place for one in sessions.all if one.in_place), None)
        if in_place is not None and len(node_ids) > _MOST_FRESH:
            self.outcome.hint(f"The tests were not run one by one: {in_place}.")
            return await self._pass(sessions, node_ids, 1, TestMode.TOGETHER)
        if in_place is not None:
            self.outcome.hint(f"Each pass was collected anew in a fresh process: {in_place}.")
        if len(node_ids) > _MOST_ALONE:
            return await self._each_function_alone(sessions, node_ids)
        for number, node_id in enumerate(node_ids):
            if not await self._pass(sessions, [node_id], 1, TestMode.ALONE):
                return False
            if number == 0 and len(node_ids) > 1 and self._slowest_setup_s > _SLOW_SETUP_S:
                self.outcome.results.clear()
                self.outcome.hint(
                    "The tests were not run one by one: their set-up alone takes "
                    f"{self._slowest_setup_s:.0f} s."
                )
                return await self._pass(sessions, node_ids, 1, TestMode.TOGETHER)
        return True

    async def _each_function_alone(self, sessions: Sessions, node_ids: Sequence[str]) -> bool:
        """Run each test function in a process of its own, with all its parameters."""
        self.outcome.hint(
            f"More than {_MOST_ALONE} tests are linked, so the parameters of one test ran in one "
            "process."
        )
        for _, group in itertools.groupby(node_ids, key=_function):
            parameters = list(group)
            mode = TestMode.TOGETHER if len(parameters) > 1 else TestMode.ALONE
            if not await self._pass(sessions, parameters, 1, mode):
                return False
        return True

    async def _repeat_apart(
        self, some: Sequence[str], node_ids: Sequence[str], repeat: int
    ) -> None:
        """Run `some` of the linked tests once more without the files of the others."""
        if len(_by_file(node_ids)) > 1:
            for inside in _by_file(some):
                await self._collect_and_run(inside, repeat, TestMode.APART, other_seeds=False)

    async def _repeat_anew(self, node_ids: Sequence[str], repeat: int) -> None:
        files = _by_file(node_ids)
        for inside in files:
            mode = TestMode.APART if len(files) > 1 else _mode(inside, repeat)
            await self._collect_and_run(inside, repeat, mode, other_seeds=True)

    async def _collect_and_run(
        self, node_ids: Sequence[str], repeat: int, mode: TestMode, *, other_seeds: bool
    ) -> None:
        if self.outcome.bad is not None:
            return
        sessions = await Sessions.open(
            self._sandbox, self._arm, node_ids, self._limits, other_seeds=other_seeds
        )
        self._note(sessions)
        try:
            await self._pass(sessions, node_ids, repeat, mode)
        finally:
            await sessions.close()

    async def _pass(
        self, sessions: Sessions, node_ids: Sequence[str], repeat: int, mode: TestMode
    ) -> bool:
        wanted = node_ids[::-1] if mode is TestMode.REVERSED else node_ids
        for session, group in sessions.groups(wanted):
            report = await self._report(session, group, repeat, mode)
            if not self.outcome.take(report):
                return False
        return True

    async def _report(
        self, session: Session, node_ids: Sequence[str], repeat: int, mode: TestMode
    ) -> ArmReport:
        self._seed += 1
        report = await session.run(
            node_ids,
            seed=self._seed % 2**32,
            repeat=repeat,
            mode=mode,
            on_event=self._on_event,
        )
        self._slowest_setup_s = report.slowest_setup_s
        return report

    _slowest_setup_s = 0.0

    def _note(self, sessions: Sessions) -> None:
        for session in sessions.all:
            self.outcome.hash_seeds.append(session.hash_seed)
            for warning in session.tests.warnings:
                self.outcome.hint(warning)

    # --- neighbours ----------------------------------------------------------------------------

    async def _trace_neighbours(self, sessions: Sessions, node_ids: Sequence[str]) -> None:
        """Find which test another one depends on, where it ends otherwise beside it than alone."""
        for node_id in self._dependent(node_ids)[:_MOST_DEPENDENT]:
            alone = next(
                result.outcome
                for result in self.outcome.results
                if result.node_id == node_id and result.mode is TestMode.ALONE
            )
            neighbour = await self._neighbour_of(sessions, node_id, node_ids, alone)
            if neighbour is None:
                continue
            self.outcome.hint(
                f"{node_id} depends on {neighbour.before}: alone it ends as {alone.value}, after "
                f"it as {neighbour.outcome.value}."
            )

    def _dependent(self, node_ids: Sequence[str]) -> list[str]:
        alone: dict[str, set[TestOutcome]] = {}
        beside: dict[str, set[TestOutcome]] = {}
        for result in self.outcome.results:
            seen = alone if result.mode is TestMode.ALONE else beside
            seen.setdefault(result.node_id, set()).add(result.outcome)
        return [
            node_id
            for node_id in node_ids
            if node_id in alone and beside.get(node_id, set()) - alone[node_id]
        ]

    async def _neighbour_of(
        self, sessions: Sessions, node_id: str, node_ids: Sequence[str], alone: TestOutcome
    ) -> _Neighbour | None:
        at = node_ids.index(node_id)
        # The nearest first, those before it in the file before those behind it.
        others = [*node_ids[:at][::-1], *node_ids[at + 1 :]]
        for before in others[:_MOST_NEIGHBOURS]:
            for session, group in sessions.groups([before, node_id]):
                if len(group) < 2:
                    continue
                report = await session.run(group, seed=self._seed % 2**32, mode=TestMode.TOGETHER)
                for result in report.results:
                    if result.node_id == node_id and result.outcome is not alone:
                        return _Neighbour(before, result.outcome)
                if report.status is not ArmStatus.COMPLETED:
                    return None
        return None

    # --- the rest of the suite -----------------------------------------------------------------

    async def run_others(self, node_ids: Sequence[str], deadline: float) -> None:
        """Run the rest of the suite in one process; what ends its process is run around."""
        left = list(node_ids)
        for _ in range(_MOST_SESSIONS):
            if not left:
                return
            if _is_over(deadline):
                break
            sessions = await Sessions.open(self._sandbox, self._arm, left, self._until(deadline))
            try:
                left = await self._run_around(sessions, left, deadline)
            finally:
                await sessions.close()
        if left and self.outcome.bad is None:
            self.outcome.hint(
                f"{len(left)} tests of the rest of the suite did not run within their time."
            )

    async def _run_around(
        self, sessions: Sessions, node_ids: Sequence[str], deadline: float
    ) -> list[str]:
        """Run `node_ids` together; return those that a test before them kept from running."""
        left: list[str] = []
        for session, group in sessions.groups(node_ids):
            if _is_over(deadline):
                left += group
                continue
            report = await self._report(session, group, 1, TestMode.TOGETHER)
            self._take_of_others(report)
            done = {result.node_id for result in report.results}
            if report.status is not ArmStatus.COMPLETED and done.intersection(group):
                left += [node_id for node_id in group if node_id not in done]
        return left if self.outcome.bad is None else []

    async def run_others_alone(self, node_ids: Sequence[str], deadline: float) -> None:
        """Run each of these alone, three times."""
        sessions = await Sessions.open(self._sandbox, self._arm, node_ids, self._limits)
        try:
            for node_id in node_ids:
                for repeat in range(1, ALONE_AGAIN + 1):
                    if _is_over(deadline):
                        self.outcome.hint(f"{node_id} was not run alone within the time for it.")
                        return
                    for session, group in sessions.groups([node_id]):
                        report = await self._report(session, group, repeat, TestMode.ALONE)
                        self._take_of_others(report)
                        if report.status is not ArmStatus.COMPLETED:
                            await sessions.close()
                            sessions = await Sessions.open(
                                self._sandbox, self._arm, node_ids, self._limits
                            )
        finally:
            await sessions.close()

    async def run_fresh(
        self, node_ids: Sequence[str], repeat: int, deadline: float, *, other_seeds: bool = False
    ) -> None:
        """Run each of these alone, once, in a process that was collected anew."""
        if _is_over(deadline) or self.outcome.bad is not None:
            return
        sessions = await Sessions.open(
            self._sandbox, self._arm, node_ids, self._until(deadline), other_seeds=other_seeds
        )
        try:
            for node_id in node_ids:
                if _is_over(deadline):
                    return
                for session, group in sessions.groups([node_id]):
                    report = await self._report(session, group, repeat, TestMode.ALONE)
                    self._take_of_others(report)
                    if report.status is not ArmStatus.COMPLETED:
                        await sessions.close()
                        sessions = await Sessions.open(
                            self._sandbox, self._arm, node_ids, self._until(deadline)
                        )
        finally:
            await sessions.close()

    async def run_apart(self, files: Collection[str], deadline: float) -> None:
        """Run test files each in a process of its own, whole."""
        for path in files:
            if _is_over(deadline):
                self.outcome.hint(f"{path} did not run within the time for it.")
                continue
            session = await self._sandbox.open(self._arm, [path], self._until(deadline))
            try:
                found = [test.node_id for test in session.tests.tests] or [path]
                self._take_of_others(await self._report(session, found, 1, TestMode.TOGETHER))
            finally:
                await session.close()

    def _until(self, deadline: float) -> Limits:
        """The limits of an arm that is over at `deadline`."""
        left = deadline - asyncio.get_running_loop().time()
        return replace(self._limits, per_arm_s=max(left, _LEAST_S))

    def _take_of_others(self, report: ArmReport) -> None:
        """Take in what others reported: a crash or a deadline there is a result, and no more.

        What is tampered with, or refused, ends the arm all the same.
        """
        self.outcome.results += report.results
        self.outcome.environment.update(report.environment, layers=list(report.layers))
        is_result = report.status in (ArmStatus.CRASHED, ArmStatus.TIMED_OUT) and report.results
        if report.status is not ArmStatus.COMPLETED and not is_result:
            self.outcome.bad = report


@dataclass(frozen=True)
class _Neighbour:
    """A test after which another ends otherwise."""

    before: str
    outcome: TestOutcome


def not_passed(results: Sequence[TestResult], node_ids: Sequence[str]) -> list[str]:
    """Return those of `node_ids` that have results, and not only passed."""
    outcomes: dict[str, set[TestOutcome]] = {}
    for result in results:
        outcomes.setdefault(result.node_id, set()).add(result.outcome)
    return [
        node_id
        for node_id in node_ids
        if outcomes.get(node_id, {TestOutcome.PASSED}) != {TestOutcome.PASSED}
    ]


def draw_seed() -> int:
    """A seed for the random generators of a run's forks."""
    return secrets.randbits(32)


def _is_telling(warning: str) -> bool:
    """Whether a warning says that a test may not do what it seems to."""
    return warning.startswith("pytest.") or any(words in warning for words in _TELLING)


def _function(node_id: str) -> str:
    return node_id.partition("[")[0]


def _mode(node_ids: Sequence[str], repeat: int) -> TestMode:
    if len(node_ids) == 1:
        return TestMode.ALONE
    return TestMode.TOGETHER if repeat % 2 == 0 else TestMode.REVERSED


def _by_file(node_ids: Sequence[str]) -> list[list[str]]:
    files: dict[str, list[str]] = {}
    for node_id in node_ids:
        files.setdefault(file_of(node_id), []).append(node_id)
    return list(files.values())


def file_of(node_id: str) -> str:
    """Return the file that a test stands in."""
    return node_id.partition("::")[0]


def _is_over(deadline: float) -> bool:
    return asyncio.get_running_loop().time() >= deadline
