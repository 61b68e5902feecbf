"""What the service asks of a sandbox.

A sandbox runs tests of a suite against one *arm*: a prepared directory with a copy of the
package (perhaps patched) and a copy of the suite, laid out as in the project so that node ids
are the same everywhere. It reports per test and decides nothing: outcomes of runs are decided
in ``app.domain.evidence``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from app.domain.runs import TestMode, TestResult
from app.domain.targets import Interpreter


class SandboxMode(StrEnum):
    """How much isolation is demanded."""

    STRICT = "strict"
    """All layers, or refuse."""
    RELAXED = "relaxed"
    """Whatever layers work here; the run says which."""


@dataclass(frozen=True)
class PreparedArm:
    """A directory to run tests in; never written to after it was prepared."""

    root: Path
    package_digest: str
    """SHA-256 over sorted relative paths and bytes of the package folder."""
    suite_digest: str
    interpreter: Interpreter = field(default_factory=Interpreter)
    """What runs it."""
    is_own: bool = False
    """Whether all it holds is the operator's: no patch, no test of a client."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one arm."""

    per_test_s: float = 30.0
    per_arm_s: float = 300.0
    memory_bytes: int = 4 << 30
    output_bytes_per_test: int = 64 << 10
    output_bytes_per_arm: int = 1 << 20
    file_bytes: int = 64 << 20
    processes: int = 64
    open_files: int = 256


@dataclass(frozen=True)
class ArmRequest:
    """Collect these tests of this arm, and run each alone or all in one process."""

    arm: PreparedArm
    node_ids: Sequence[str]
    """Empty: the whole suite."""
    limits: Limits = field(default_factory=Limits)
    repeat: int = 1
    """Which repetition this is; copied into the results."""
    mode: TestMode = TestMode.TOGETHER


class ArmStatus(StrEnum):
    """How the execution as such went."""

    COMPLETED = "completed"
    TIMED_OUT = "timed-out"
    """A deadline was met; results that came before it are kept."""
    CRASHED = "crashed"
    """The process ended without completing its report (signal, os._exit, import error)."""
    TAMPERED = "tampered"
    """The report contradicts itself, the exit status or the canary."""
    REFUSED = "refused"
    """The sandbox would not start it."""
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ArmReport:
    """What came back from one execution of one arm."""

    status: ArmStatus
    results: tuple[TestResult, ...]
    """In the order of the request; a requested node id that never ran is absent."""
    reason: str | None = None
    """For a person: what went wrong, when status is not completed."""
    output: str = ""
    """What was printed outside any test, capped."""
    layers: tuple[str, ...] = ()
    """Isolation layers that were in force."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """``python``, ``torch``, ``platform`` of the process that ran the tests."""
    quit: str | None = None
    """Why the session was ended before its last test, by a test or a plugin."""
    uses: tuple[str, ...] = ()
    """Files of the suite that were imported, relative to the arm's root."""
    slowest_setup_s: float = 0.0


@dataclass(frozen=True)
class CollectedTest:
    """A test of the suite, as pytest collected it."""

    node_id: str
    path: str
    doc: str | None
    findings: tuple[str, ...]
    """Keys named by ``@pytest.mark.finding``."""
    purpose: str = "demonstrates"
    """``guards`` when the marker says ``purpose="guards"``."""
    warnings: tuple[str, ...] = ()
    """What is odd about its marks."""


@dataclass(frozen=True)
class Collection:
    """The whole suite."""

    tests: tuple[CollectedTest, ...]
    errors: tuple[str, ...] = ()
    """Files that could not be collected, each with the reason."""
    warnings: tuple[str, ...] = ()
    """What is odd about tests that were collected, and files that skipped themselves."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """File → why it asked not to be collected."""


@dataclass(frozen=True)
class ArmEvent:
    """Something seen while an arm runs: ``test`` (a result) or ``log`` (output lines)."""

    kind: str
    data: Mapping[str, Any]


EventSink = Callable[[ArmEvent], Awaitable[None]]


@dataclass(frozen=True)
class LayerStatus:
    """One isolation layer on this machine."""

    name: str
    works: bool
    detail: str
    """What it stops, or why it does not work here."""


class Session(Protocol):
    """An arm that was collected; tests are forked from it."""

    @property
    def tests(self) -> Collection:
        """What was collected."""
        ...

    @property
    def broken(self) -> frozenset[str]:
        """Files that could not be collected; ``""`` stands for all of them."""
        ...

    @property
    def failure(self) -> ArmReport | None:
        """Why nothing can be run in it (any more); None while it can."""
        ...

    @property
    def in_place(self) -> str | None:
        """Why each job needs a fresh process instead of a fork; None where forks do."""
        ...

    @property
    def hash_seed(self) -> int:
        """What hashes of strings are seeded with in it."""
        ...

    async def run(
        self,
        node_ids: Sequence[str],
        *,
        seed: int,
        repeat: int = 1,
        mode: TestMode = TestMode.ALONE,
        on_event: EventSink | None = None,
    ) -> ArmReport:
        """Run collected tests in one process; never raises for what the tested code does.

        Args:
            node_ids: exact ids; those that were not collected have no result.
            seed: of the random generators, unless the arm has seeded them itself.
            repeat: copied into the results.
            mode: copied into the results.
            on_event: told of each result as it comes.
        """
        ...

    async def close(self, *, park: bool = False) -> None:
        """End it; with `park` keep it for a while, for whoever opens the same again."""
        ...


class Sandbox(Protocol):
    """An implementation that can run arms. All methods are safe to cancel."""

    @property
    def starts(self) -> int:
        """How often the process was started that arms are forked from."""
        ...

    async def warm(
        self, interpreter: Interpreter | None = None, *, other_seeds: bool = False
    ) -> None:
        """Get ready, so that the first arm of an interpreter need not wait; never raises."""
        ...

    async def open(
        self,
        arm: PreparedArm,
        node_ids: Sequence[str],
        limits: Limits,
        *,
        other_seeds: bool = False,
    ) -> Session:
        """Have an arm collected, or take one up that was parked.

        Args:
            arm: the arm.
            node_ids: what to collect; empty for the whole suite.
            limits: bounds of the collection, of each job and of each test.
            other_seeds: collect anew, in an interpreter that hashes strings otherwise.
        """
        ...

    async def run(self, request: ArmRequest, on_event: EventSink | None = None) -> ArmReport:
        """Open a session, run all of `request` in it and close it."""
        ...

    async def collect(self, arm: PreparedArm, files: Sequence[str] = ()) -> Collection:
        """Collect the suite of `arm`, or some of its files, without running it."""
        ...

    def layers(self) -> Sequence[LayerStatus]:
        """Tell which isolation layers work here."""
        ...

    async def close(self) -> None:
        """Stop everything that is still running and free what is held."""
        ...
