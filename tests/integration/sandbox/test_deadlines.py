"""Deadlines, cancelling and closing: the whole tree of processes goes, what ended before stays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from app.sandbox.engine import Engine
from app.sandbox.interface import ArmRequest, ArmStatus, Limits, SandboxMode
from app.sandbox.subprocess_arm import SubprocessSandbox
from tests.integration.sandbox.lab import (
    Lab,
    eventually,
    name_process,
    outcomes,
    processes_with,
    until,
)

HANGS = """
    def test_before(): pass

    def test_hangs():
        {mark}
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "{inner}; import time; time.sleep(600)"],
                         start_new_session=True)
        time.sleep(600)

    def test_after(): pass
"""


def hangs(mark: str) -> str:
    return HANGS.format(mark=name_process(mark), inner=name_process(mark).replace('"', "'"))


def test_a_test_that_hangs_is_timed_out_and_all_its_kin_are_gone(lab: Lab) -> None:
    mark = f"hang{os.getpid()}"

    report = lab.run(hangs(mark), limits=Limits(per_test_s=0.5, per_arm_s=60))

    assert report.status is ArmStatus.TIMED_OUT
    assert outcomes(report) == {
        "test_before": TestOutcome.PASSED,
        "test_hangs": TestOutcome.TIMED_OUT,
    }
    assert "a test took longer than 0.5 s" in (report.reason or "")
    assert "test_hangs" in (report.reason or "")
    assert processes_with(mark) == set()


def test_an_arm_that_takes_too_long_ends_with_what_it_has(caged: Lab) -> None:
    slow = """
        import time, pytest
        @pytest.mark.parametrize("n", range(1000))
        def test_slow(n):
            time.sleep(0.05)
    """
    report = caged.run(slow, limits=Limits(per_test_s=60, per_arm_s=1))

    assert report.status is ArmStatus.TIMED_OUT
    assert 0 < len(report.results) < 1000
    assert report.results[0].outcome is TestOutcome.PASSED


def test_a_package_that_hangs_on_import_is_timed_out(caged: Lab) -> None:
    report = caged.run_names(
        "import pack\ndef test_it(): pass",
        "test_it",
        package="while True: pass",
        limits=Limits(per_arm_s=1),
    )

    assert report.status is ArmStatus.TIMED_OUT
    assert report.results == ()


def test_cancelling_ends_everything(lab: Lab) -> None:
    mark = f"cancel{os.getpid()}"
    arm = lab.arm(hangs(mark))

    async def scenario() -> None:
        task = asyncio.create_task(lab.sandbox.run(ArmRequest(arm, ())))
        await until(lambda: len(processes_with(mark)) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    lab.runner.run(scenario())
    assert processes_with(mark) == set()


def test_cancelling_at_any_moment_leaves_nothing(lab: Lab) -> None:
    mark = f"early{os.getpid()}"
    arm = lab.arm(hangs(mark))

    async def scenario(steps: int) -> None:
        task = asyncio.create_task(lab.sandbox.run(ArmRequest(arm, ())))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def descriptors() -> int:
        lab.runner.run(asyncio.sleep(0))  # a transport closes its own in a later turn of the loop
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for steps in (0, 1, 2, 3, 5, 8, 13):
        lab.runner.run(scenario(steps))
    assert eventually(lambda: processes_with(mark) == set())
    assert eventually(lambda: descriptors() <= before)


def test_arms_run_side_by_side(lab: Lab) -> None:
    arm = lab.arm("def test_it(): pass")

    async def both() -> list[ArmStatus]:
        requests = [lab.sandbox.run(ArmRequest(arm, ())) for _ in range(3)]
        return [report.status for report in await asyncio.gather(*requests)]

    assert lab.runner.run(both()) == [ArmStatus.COMPLETED] * 3


def test_closing_ends_what_runs(lab: Lab, tmp_path: Path) -> None:
    mark = f"close{os.getpid()}"
    arm = lab.arm(hangs(mark))

    async def scenario() -> None:
        sandbox: Engine = SubprocessSandbox(tmp_path / "scratch", SandboxMode.RELAXED)
        task = asyncio.create_task(sandbox.run(ArmRequest(arm, ())))
        await until(lambda: len(processes_with(mark)) == 2)
        await sandbox.close()
        report = await task
        assert report.status is ArmStatus.CANCELLED
        again = await sandbox.run(ArmRequest(arm, ()))
        assert again.status is ArmStatus.REFUSED

    lab.runner.run(scenario())
    assert eventually(lambda: processes_with(mark) == set())


def test_something_that_is_no_arm_is_refused(lab: Lab, tmp_path: Path) -> None:
    arm = lab.arm("def test_it(): pass")
    for path in (arm.root / "arm.json", arm.root):
        path.chmod(0o755)
    (arm.root / "arm.json").unlink()

    assert lab.run_arm(arm).status is ArmStatus.REFUSED
