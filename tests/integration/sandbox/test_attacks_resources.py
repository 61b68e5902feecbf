"""Attacks by use: processes, memory, disk, output, and what would stay behind."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from app.domain.runs import TestOutcome
from app.sandbox.interface import ArmReport, ArmStatus
from tests.integration.sandbox.attacks import attack
from tests.integration.sandbox.lab import (
    FILE,
    SUITE,
    Lab,
    eventually,
    name_process,
    only,
    outcomes,
    processes_with,
    require_torch,
)


def assert_still_serves(lab: Lab) -> None:
    assert only(lab.run("def test_it(): pass")).outcome is TestOutcome.PASSED


def test_a_fork_bomb_meets_its_limit_and_is_cleared_away(caged: Lab) -> None:
    mark = f"bomb{os.getpid()}"
    outcome = attack(
        caged,
        f"""
        {name_process(mark)}
        children = []
        try:
            for _ in range(200):
                pid = os.fork()
                if pid == 0:
                    time.sleep(600)
                children.append(pid)
        except OSError:
            if len(children) < 16:
                raise Stopped(f"{{len(children)}} children")
        return len(children)
        """,
        replace(caged.limits, processes=16),
    )

    assert not outcome.succeeded, outcome.told
    assert processes_with(mark) == set()
    assert_still_serves(caged)


def test_a_fork_bomb_that_goes_on_is_ended_by_the_deadline(caged: Lab) -> None:
    mark = f"swarm{os.getpid()}"
    report = caged.run(
        f"""
        import os
        def test_bomb():
            {name_process(mark)}
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        """,
        limits=replace(caged.limits, per_test_s=0.5, processes=24),
    )

    assert report.status is ArmStatus.TIMED_OUT
    assert eventually(lambda: processes_with(mark) == set(), 2)
    assert_still_serves(caged)


def test_memory_is_bounded(caged: Lab) -> None:
    limits = replace(caged.limits, memory_bytes=3 << 30)
    outcome = attack(caged, "return len(bytearray(4 << 30))", limits)

    assert not outcome.succeeded
    assert "MemoryError" in outcome.told


def test_memory_of_tensors_is_bounded(caged: Lab) -> None:
    require_torch()
    report = caged.run(
        """
        import torch
        def test_it():
            torch.zeros(1 << 33)
        """,
        limits=replace(caged.limits, memory_bytes=3 << 30),
    )

    assert only(report).outcome is TestOutcome.FAILED
    assert "memory" in (only(report).message or "")


def test_memory_of_many_processes_together_is_bounded(caged: Lab) -> None:
    mark = f"greedy{os.getpid()}"
    report = caged.run(
        f"""
        import os, time
        def test_it():
            {name_process(mark)}
            for _ in range(8):
                if os.fork() == 0:
                    held = bytearray(b"x") * (200 << 20)
                    time.sleep(600)
            time.sleep(600)
        """,
        limits=replace(caged.limits, memory_bytes=5 << 28),
    )

    assert report.status is ArmStatus.CRASHED, report
    assert "memory together" in (report.reason or "")
    assert processes_with(mark) == set()


def test_a_file_is_bounded(caged: Lab) -> None:
    limits = replace(caged.limits, file_bytes=1 << 20)
    body = """
        with open("big", "wb") as file:
            for _ in range(64):
                file.write(bytes(1 << 16))
        return os.path.getsize("big")
    """
    assert not attack(caged, body, limits).succeeded


def test_the_scratch_is_bounded(caged: Lab) -> None:
    limits = replace(caged.limits, file_bytes=1 << 20)
    body = """
        try:
            for number in range(64):
                pathlib.Path(f"file-{number}").write_bytes(bytes(1 << 19))
        except OSError as error:
            pathlib.Path("file-0").unlink()  # what pytest captures needs room too
            raise Stopped(error)
        return number
    """
    outcome = attack(caged, body, limits)
    assert not outcome.succeeded
    assert "No space left" in outcome.told


def test_a_full_scratch_does_not_lose_the_other_tests(caged: Lab) -> None:
    report = caged.run(
        """
        import pathlib
        def test_fills():
            for number in range(64):
                pathlib.Path(f"file-{number}").write_bytes(bytes(1 << 19))
        def test_after():
            pass
        """,
        limits=replace(caged.limits, file_bytes=1 << 20),
    )

    assert report.status is ArmStatus.COMPLETED, report
    assert outcomes(report) == {
        "test_fills": TestOutcome.FAILED,
        "test_after": TestOutcome.PASSED,
    }


def test_files_left_open_are_bounded(caged: Lab) -> None:
    body = "return len([os.open('/dev/null', 0) for _ in range(1000)])"

    assert not attack(caged, body).succeeded


def test_what_a_test_prints_without_end_is_cut(caged: Lab) -> None:
    report = caged.run(
        """
        def test_prints():
            while True:
                print("x" * 100_000)
        def test_after():
            pass
        """,
        limits=replace(caged.limits, file_bytes=4 << 20, per_test_s=10),
    )

    assert report.status is ArmStatus.COMPLETED, report
    printed = report.results[0].stdout or ""
    assert 0 < len(printed) < caged.limits.output_bytes_per_test + 100
    assert "cut" in printed
    assert outcomes(report)["test_after"] is TestOutcome.PASSED


def test_what_is_printed_without_end_outside_tests_ends_the_arm(caged: Lab) -> None:
    arm = caged.arm(
        files={
            f"{SUITE}/conftest.py": """
            import os
            def pytest_collection_finish():
                while True:
                    os.write(1, b"x" * 65536)
            """,
            FILE: "def test_it(): pass",
        }
    )
    report = caged.run_arm(arm, limits=replace(caged.limits, output_bytes_per_arm=1 << 16))

    assert report.status is ArmStatus.CRASHED
    assert len(report.output) < (1 << 16) + 100
    assert "bytes cut" in report.output


def test_much_output_in_many_tests_is_cut_for_the_arm(caged: Lab) -> None:
    report = caged.run(
        """
        import pytest
        @pytest.mark.parametrize("n", range(20))
        def test_prints(n):
            print("x" * 1000)
        """,
        limits=replace(caged.limits, output_bytes_per_arm=5000),
    )

    assert report.status is ArmStatus.COMPLETED
    assert sum(len(result.stdout or "") for result in report.results) < 8000


@pytest.mark.parametrize("how", ["plain", "own session", "double fork"])
def test_a_daemon_does_not_outlive_its_arm(lab: Lab, how: str) -> None:
    mark = f"daemon{os.getpid()}"
    detach = {
        "plain": "pass",
        "own session": "os.setsid()",
        "double fork": "os.setsid(); os.fork() and os._exit(0)",
    }[how]
    report: ArmReport = lab.run(
        f"""
        import os, time
        def test_it():
            reading, writing = os.pipe()
            if os.fork() == 0:
                {detach}
                {name_process(mark)}
                os.write(writing, b".")
                time.sleep(600)
            assert os.read(reading, 1) == b"."
        """
    )

    assert only(report).outcome is TestOutcome.PASSED, report
    assert report.status is ArmStatus.COMPLETED
    assert processes_with(mark) == set()


def test_a_test_that_stops_its_own_process_is_timed_out(lab: Lab) -> None:
    report = lab.run(
        "import os, signal\ndef test_it(): os.kill(os.getpid(), signal.SIGSTOP); "
        "os.system('sleep 60')",
        limits=replace(lab.limits, per_test_s=0.5),
    )

    assert report.status is ArmStatus.TIMED_OUT


def test_an_endless_loop_in_c_is_timed_out(caged: Lab) -> None:
    report = caged.run(
        "def test_it(): sum(iter(int, 1))", limits=replace(caged.limits, per_test_s=0.5)
    )

    assert only(report).outcome is TestOutcome.TIMED_OUT
