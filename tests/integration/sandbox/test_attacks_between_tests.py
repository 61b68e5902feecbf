"""Attacks of one test on the next: what it leaves behind, and what it does to their parent.

Each pair of tests is run in two ways. In one process, as pytest runs them, the first one's work is
there for the second: the attack is a real one. Each in a fork of its own, it must not be.
"""

from __future__ import annotations

import os
import textwrap

import pytest

from app.domain.runs import TestMode, TestOutcome
from app.sandbox.interface import ArmReport, ArmStatus
from tests.integration.sandbox.lab import (
    FILE,
    Lab,
    name_process,
    only,
    outcomes,
    processes_with,
)

HEADER = """
import fcntl, mmap, multiprocessing, os, pathlib, resource, signal, subprocess, sys, tempfile, time

def left_here():
    return [p for folder in ("/tmp", "/dev/shm") for p in pathlib.Path(folder).iterdir()
            if p.name.startswith("left")]
"""
FILES = {
    "a file in /tmp": ("open('/tmp/left', 'w').write('x')", "assert left_here()"),
    "a file in shared memory": ("open('/dev/shm/left', 'w').write('x')", "assert left_here()"),
    "a link": ("os.symlink('/etc/passwd', '/tmp/left')", "assert left_here()"),
    "a closed folder": (
        "os.makedirs('/tmp/left/in'); open('/tmp/left/in/it', 'w').close()\n"
        "os.chmod('/tmp/left/in', 0); os.chmod('/tmp/left', 0)",
        "assert left_here()",
    ),
    "a queue": ("os.mkfifo('/tmp/left')", "assert left_here()"),
    "other content": (
        "pathlib.Path('/tmp/made').write_text('otherwise')",
        "assert pathlib.Path('/tmp/made').read_text() == 'otherwise'",
    ),
    "other content of the same length, through memory": (
        "with open('/tmp/made', 'r+b') as file, mmap.mmap(file.fileno(), 0) as held:\n"
        "    held[:4] = b'left'",
        "assert pathlib.Path('/tmp/made').read_text() == 'left'",
    ),
    "another mode": ("os.chmod('/tmp/made', 0)", "assert not os.stat('/tmp/made').st_mode & 0o777"),
    "a file that is gone": (
        "os.unlink('/tmp/made')",
        "assert not os.path.exists('/tmp/made')",
    ),
    "a folder in place of a file": (
        "os.unlink('/tmp/made'); os.mkdir('/tmp/made')",
        "assert os.path.isdir('/tmp/made')",
    ),
}
"""What a test leaves in the scratch, and what sees it."""
MADE = "pathlib.Path('/tmp/made').write_text('made')\n"

OPEN = {
    "the position of a file": (
        "HELD = open('/tmp/made')",
        "HELD.buffer.raw.seek(3)",
        "assert HELD.buffer.raw.tell() == 3",
    ),
    "the content of a file without a name": (
        "HELD = tempfile.TemporaryFile()",
        "HELD.write(b'left'); HELD.flush()",
        "HELD.seek(0); assert HELD.read() == b'left'",
    ),
    "the content of a file that stays open": (
        "HELD = open('/tmp/held', 'w+')",
        "HELD.write('left'); HELD.flush()",
        "HELD.seek(0); assert HELD.read() == 'left'",
    ),
    "a pipe": (
        "READING, WRITING = os.pipe()\nos.set_blocking(READING, False)",
        "os.write(WRITING, b'left')",
        "assert os.read(READING, 4) == b'left'",
    ),
    "shared memory": (
        "HELD = mmap.mmap(-1, 4096)",
        "HELD[:4] = b'left'",
        "assert HELD[:4] == b'left'",
    ),
    "a value that processes share": (
        "HELD = multiprocessing.RawValue('i', 0)",
        "HELD.value = 7",
        "assert HELD.value == 7",
    ),
}
"""What a module holds open, what a test does with it, and what sees it."""

PARENT = {
    "a limit": "resource.prlimit(os.getppid(), resource.RLIMIT_NPROC, (0, 0))",
    "a limit of files": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (16, 16))",
    "its priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "its processors": "os.sched_setaffinity(os.getppid(), {min(os.sched_getaffinity(0))})",
    "its end when memory is short": (
        "pathlib.Path(f'/proc/{os.getppid()}/oom_score_adj').write_text('1000')"
    ),
    "a flag of an open file": (
        "fcntl.fcntl(1, fcntl.F_GETFL)\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        "        flags = fcntl.fcntl(int(name), fcntl.F_GETFL)\n"
        "        fcntl.fcntl(int(name), fcntl.F_SETFL, flags ^ os.O_NONBLOCK)\n"
        "    except OSError:\n"
        "        pass"
    ),
    "a signal that stops it": "os.kill(os.getppid(), signal.SIGSTOP)",
    "a signal that ends it": "os.kill(os.getppid(), signal.SIGKILL)",
    "an interrupt": "os.kill(os.getppid(), signal.SIGINT)",
}
"""What a test may try with the process that it and its successors are forked from."""
WITHIN_REACH = ("a limit", "a limit of files", "its priority", "a flag of an open file")
"""What the cage does not refuse, so that it must be noticed."""


def pair(first: str, second: str, module: str = "") -> str:
    """A test file of two tests of these bodies."""
    body = textwrap.indent(textwrap.dedent(first), "    ")
    then = textwrap.indent(textwrap.dedent(second), "    ")
    return f"{HEADER}\n{module}\ndef test_first():\n{body}\n\ndef test_second():\n{then}\n"


def in_turn(lab: Lab, source: str, *names: str) -> dict[str, ArmReport]:
    """Run named tests one after the other, each in a fork of the arm."""
    found: dict[str, ArmReport] = {}

    async def run() -> None:
        session = await lab.sandbox.open(lab.arm(source), [FILE], lab.limits)
        try:
            for name in names:
                found[name] = await session.run([f"{FILE}::{name}"], seed=1, mode=TestMode.ALONE)
        finally:
            await session.close()

    lab.runner.run(run())
    return found


def assert_seen_only_together(lab: Lab, source: str) -> None:
    together = outcomes(lab.run(source))
    assert together == {"test_first": TestOutcome.PASSED, "test_second": TestOutcome.PASSED}

    apart = in_turn(lab, source, "test_first", "test_second")
    assert only(apart["test_first"]).outcome is TestOutcome.PASSED, apart["test_first"]
    assert apart["test_second"].status is ArmStatus.COMPLETED, apart["test_second"]
    assert only(apart["test_second"]).outcome is TestOutcome.FAILED, apart["test_second"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_left_for_the_next_test_is_gone(caged: Lab, name: str) -> None:
    first, second = FILES[name]

    assert_seen_only_together(caged, pair(first, second, MADE))


@pytest.mark.parametrize("name", OPEN)
def test_what_a_module_holds_open_is_not_shared_by_its_tests(caged: Lab, name: str) -> None:
    module, first, second = OPEN[name]

    assert_seen_only_together(caged, pair(first, second, f"{MADE}{module}\n"))


@pytest.mark.parametrize(
    "start",
    [
        "os.fork() or time.sleep(600)",
        "os.fork() or os.setsid() and os.fork() or time.sleep(600)",
        "subprocess.Popen(['sleep', '600'], start_new_session=True)",
        "multiprocessing.get_context('fork').Process(target=time.sleep, args=(600,)).start()",
    ],
    ids=["a child", "a daemon", "a program", "a process of multiprocessing"],
)
def test_a_process_left_for_the_next_test_is_gone(caged: Lab, start: str) -> None:
    count = "len([name for name in os.listdir('/proc') if name.isdigit()])"
    source = pair(start, f"assert {count} > BEFORE + (os.getpid() != STARTED)", "")
    source = source.replace(
        "def left_here", f"STARTED = os.getpid()\nBEFORE = {count}\ndef left_here"
    )

    assert_seen_only_together(caged, source)


def test_a_process_that_waits_for_the_next_test_cannot_spoil_it(caged: Lab) -> None:
    mark = f"spoil{os.getpid()}"
    spoil = f"""
    if os.fork() == 0:
        {name_process(mark)}
        while True:
            open("/tmp/left", "w").close()
            time.sleep(0.001)
    """
    apart = in_turn(
        caged,
        pair(spoil, "time.sleep(0.1)\nassert not left_here()"),
        "test_first",
        "test_second",
    )

    assert only(apart["test_second"]).outcome is TestOutcome.PASSED, apart
    assert processes_with(mark) == set()


@pytest.mark.parametrize("name", PARENT)
def test_what_is_done_to_the_parent_of_tests_ends_the_arm_or_does_nothing(
    caged: Lab, name: str
) -> None:
    apart = in_turn(
        caged,
        pair(
            f"try:\n{textwrap.indent(PARENT[name], '    ')}\nexcept OSError:\n    pass",
            "assert True",
        ),
        "test_first",
        "test_second",
    )

    first, second = apart["test_first"], apart["test_second"]
    if name in WITHIN_REACH:
        assert first.status is ArmStatus.TAMPERED, first
        assert "changed the process that tests are forked from" in (first.reason or "")
    if first.status is ArmStatus.COMPLETED:
        # It was refused, or put back.
        assert second.status is ArmStatus.COMPLETED, second
        assert only(second).outcome is TestOutcome.PASSED
    else:
        assert first.status in (ArmStatus.TAMPERED, ArmStatus.CRASHED, ArmStatus.TIMED_OUT), first
        assert second.status is first.status
    assert only(caged.run("def test_it(): pass")).outcome is TestOutcome.PASSED
