"""A bench for sandboxes: throw-away packages and suites, run from synchronous tests."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome, TestResult
from app.domain.targets import Interpreter, Target
from app.sandbox.arms import ArmStore
from app.sandbox.engine import Engine
from app.sandbox.interface import (
    ArmReport,
    ArmRequest,
    Collection,
    EventSink,
    Limits,
    PreparedArm,
)

SUITE = "tests/verification"
FILE = f"{SUITE}/test_it.py"
_numbers = itertools.count()


@dataclass
class Lab:
    """Prepares arms from source text and runs them in one sandbox."""

    sandbox: Engine
    runner: asyncio.Runner
    folder: Path
    limits: Limits = field(default_factory=lambda: Limits(per_test_s=20, per_arm_s=40))
    interpreter: Interpreter = field(default_factory=Interpreter)

    def arm(
        self,
        tests: str = "",
        package: str = "",
        files: Mapping[str, str] | None = None,
        patch: str | None = None,
        packages: tuple[str, ...] = ("pack",),
    ) -> PreparedArm:
        """An arm of a package ``pack`` and a suite of one file, or of `files` (by path)."""
        root = self.folder / f"project-{next(_numbers)}"
        content = {"pack/__init__.py": package, FILE: tests} if files is None else dict(files)
        for path, text in content.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(textwrap.dedent(text))
        for folder in ("pack", SUITE):
            (root / folder).mkdir(parents=True, exist_ok=True)
        target = Target(
            "pack", root, packages=packages, suites=(SUITE,), interpreter=self.interpreter
        )
        return ArmStore(self.folder / "arms").prepare(target, patch)

    def run_arm(
        self,
        arm: PreparedArm,
        node_ids: Sequence[str] = (),
        limits: Limits | None = None,
        on_event: EventSink | None = None,
    ) -> ArmReport:
        """Run tests of a prepared arm."""
        request = ArmRequest(arm, node_ids, limits or self.limits)
        return self.runner.run(self.sandbox.run(request, on_event))

    def run(self, tests: str, package: str = "", limits: Limits | None = None) -> ArmReport:
        """Run a suite of one file whole."""
        return self.run_arm(self.arm(tests, package), limits=limits)

    def run_names(
        self, tests: str, *names: str, package: str = "", limits: Limits | None = None
    ) -> ArmReport:
        """Run named tests of a suite of one file."""
        arm = self.arm(tests, package)
        return self.run_arm(arm, [f"{FILE}::{name}" for name in names], limits)

    def collect(self, arm: PreparedArm) -> Collection:
        """Collect an arm."""
        return self.runner.run(self.sandbox.collect(arm))


def outcomes(report: ArmReport) -> dict[str, TestOutcome]:
    """The outcomes by the tests' names."""
    return {result.node_id.rpartition("::")[2]: result.outcome for result in report.results}


def only(report: ArmReport) -> TestResult:
    """The one result."""
    assert len(report.results) == 1, report
    return report.results[0]


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Poll until `condition` holds; False when it does not in that time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Let the event loop run until `condition` holds."""
    end = time.monotonic() + within_s
    while True:
        if condition():
            return
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.005)


def processes_with(mark: str) -> set[int]:
    """Live processes whose name or arguments hold `mark`; zombies have none."""
    found: set[int] = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            comm = Path(f"/proc/{name}/comm").read_bytes()
            if mark.encode() in comm + Path(f"/proc/{name}/cmdline").read_bytes():
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.add(int(name))
        except OSError:
            continue
    return found


def require_torch() -> None:
    """Skip where torch is not installed; without importing it here, which takes seconds."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")


def name_process(mark: str) -> str:
    """Source that gives the process that runs it the name `mark` (at most 15 characters)."""
    assert len(mark) <= 15
    return f"import ctypes; ctypes.CDLL(None).prctl(15, b{mark!r}, 0, 0, 0)"
