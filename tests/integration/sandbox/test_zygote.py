"""The zygote: replaced on any doubt, gone with its worker, and not missed when it cannot be had."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from app.sandbox import zygote as zygote_module
from app.sandbox import zygote_main
from app.sandbox.interface import ArmRequest, ArmStatus, SandboxMode
from app.sandbox.warm_up import thread_count
from app.sandbox.zygote import Zygote, ZygoteFailed, ZygoteSandbox
from tests.integration.sandbox.lab import Lab, eventually, name_process, only, processes_with, until

QUICK = "def test_it(): pass"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Zygotes without torch, which start in half a second."""
    entry = tmp_path / "light_main.py"
    folder = Path(zygote_main.__file__).parent
    source = (folder / "entry.py").read_text()
    assert "Path(__file__).resolve().parent\n" in source
    source = source.replace("Path(__file__).resolve().parent\n", f"Path({str(folder)!r})\n")
    entry.write_text("import sys\nsys.modules['torch'] = None\n" + _future_first(source))
    monkeypatch.setattr(zygote_module, "ENTRY", entry)


def _future_first(source: str) -> str:
    return source.replace("from __future__ import annotations\n", "")


@pytest.fixture
def fresh(light: None, runner: asyncio.Runner, tmp_path: Path) -> Iterator[Lab]:
    """A sandbox of its own, to be broken."""

    async def build() -> ZygoteSandbox:
        return ZygoteSandbox(tmp_path / "scratch", SandboxMode.RELAXED)

    sandbox = runner.run(build())
    yield Lab(sandbox, runner, tmp_path)
    runner.run(sandbox.close())


def zygote_of(lab: Lab) -> Zygote:
    assert isinstance(lab.sandbox, ZygoteSandbox)
    zygote = lab.sandbox._first._zygote
    assert zygote is not None
    return zygote


def engine_of(lab: Lab) -> str:
    report = lab.run(QUICK)
    assert only(report).outcome is TestOutcome.PASSED, report
    return str(report.environment["engine"])


def test_one_zygote_serves_many_arms(fresh: Lab) -> None:
    assert [engine_of(fresh) for _ in range(3)] == ["zygote"] * 3
    assert zygote_of(fresh).forks == 3


def test_arms_do_not_see_each_others_modules(fresh: Lab) -> None:
    for value in (1, 2):
        report = fresh.run(
            f"import pack\ndef test_it(): assert pack.VALUE == {value}", f"VALUE = {value}"
        )
        assert only(report).outcome is TestOutcome.PASSED


def test_a_killed_zygote_is_replaced(fresh: Lab) -> None:
    engine_of(fresh)
    first = zygote_of(fresh)
    os.kill(first.pid, signal.SIGKILL)

    assert engine_of(fresh) == "zygote"
    assert zygote_of(fresh) is not first


def test_a_zygote_killed_in_mid_run_does_not_end_the_run(fresh: Lab) -> None:
    engine_of(fresh)
    mark = f"midrun{os.getpid()}"
    arm = fresh.arm(
        f"""
        import signal
        def test_it():
            signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGUSR1}})
            {name_process(mark)}
            signal.sigwait({{signal.SIGUSR1}})
        """
    )

    async def scenario() -> ArmStatus:
        task = asyncio.create_task(fresh.sandbox.run(ArmRequest(arm, ())))
        await until(lambda: bool(processes_with(mark)))
        os.kill(zygote_of(fresh).pid, signal.SIGKILL)
        assert eventually(lambda: not alive(zygote_of(fresh).pid))
        (guest,) = processes_with(mark)
        os.kill(guest, signal.SIGUSR1)
        return (await task).status

    assert fresh.runner.run(scenario()) is ArmStatus.COMPLETED


@pytest.mark.parametrize("attribute", ["max_age_s", "max_forks"])
def test_an_old_or_much_used_zygote_serves_until_its_successor_is_ready(
    fresh: Lab, attribute: str
) -> None:
    engine_of(fresh)
    first = zygote_of(fresh)
    assert isinstance(fresh.sandbox, ZygoteSandbox)
    setattr(fresh.sandbox._first, f"_{attribute}", 0)

    async def ready() -> tuple[Zygote, Zygote]:
        assert isinstance(fresh.sandbox, ZygoteSandbox)
        sandbox = fresh.sandbox
        at_once = await sandbox._first.ready()
        await until(lambda: sandbox._first._zygote is not first)
        return at_once, zygote_of(fresh)

    at_once, later = fresh.runner.run(ready())
    assert at_once is first
    assert later is not first and later.alive
    assert eventually(lambda: not alive(first.pid))


def test_a_successor_that_cannot_be_had_leaves_the_old_zygote_in_its_place(
    fresh: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine_of(fresh)
    first = zygote_of(fresh)
    entry = tmp_path / "broken_main.py"
    entry.write_text("raise SystemExit(1)")
    monkeypatch.setattr(zygote_module, "ENTRY", entry)
    first.forks = 1_000_000

    async def scenario() -> None:
        assert isinstance(fresh.sandbox, ZygoteSandbox)
        await fresh.sandbox._first.ready()
        await until(lambda: first.forks == 0)

    fresh.runner.run(scenario())
    assert engine_of(fresh) == "zygote"
    assert zygote_of(fresh) is first


def test_an_unfit_zygote_is_replaced(fresh: Lab) -> None:
    """The answer of one that has found threads, a leaked module or too much memory."""
    engine_of(fresh)
    first = zygote_of(fresh)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    old = first._channel
    first._channel = ours
    theirs.sendall(b'{"unfit": "it has 2 threads"}\n')

    assert engine_of(fresh) == "zygote"
    assert zygote_of(fresh) is not first
    old.close()
    theirs.close()


def test_two_unfit_zygotes_in_a_row_leave_the_arm_to_a_subprocess(
    fresh: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise ZygoteFailed("unfit")

    monkeypatch.setattr(Zygote, "fork", refuse)

    assert engine_of(fresh) == "subprocess"


@pytest.mark.parametrize("script", ["raise SystemExit(1)", "import os; os.kill(os.getpid(), 9)"])
def test_without_a_zygote_subprocesses_serve(
    fresh: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    entry = tmp_path / "broken_main.py"
    entry.write_text(script)
    monkeypatch.setattr(zygote_module, "ENTRY", entry)

    assert engine_of(fresh) == "subprocess"
    assert isinstance(fresh.sandbox, ZygoteSandbox)
    assert fresh.sandbox.unavailable


def test_one_that_failed_is_tried_again_later(
    fresh: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = tmp_path / "broken_main.py"
    entry.write_text("raise SystemExit(1)")
    monkeypatch.setattr(zygote_module, "_TRIED_AGAIN_AFTER_S", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(zygote_module, "ENTRY", entry)
        assert engine_of(fresh) == "subprocess"

    assert engine_of(fresh) == "zygote"


def test_off_linux_subprocesses_serve(fresh: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote_module, "FORK_IS_SAFE", False)

    assert engine_of(fresh) == "subprocess"


def test_a_module_that_starts_threads_is_left_out(
    runner: asyncio.Runner, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zygote names the culprit, and the next one does without it."""
    asked: list[list[str]] = []
    original = Zygote._prepare

    async def prepare(self: Zygote, skip: list[str], *given: Sequence[str]) -> dict[str, object]:
        asked.append(list(skip))
        if len(asked) < 3:
            return {"threads_by": f"module{len(asked)}"}
        return await original(self, skip, *given)

    monkeypatch.setattr(Zygote, "_prepare", prepare)
    zygote = runner.run(Zygote.start())
    runner.run(zygote.close())

    assert asked == [[], ["module1"], ["module1", "module2"]]


def test_the_real_zygote_has_one_thread_and_no_package_under_test(caged: Lab) -> None:
    engine_of(caged)
    pid = zygote_of(caged).pid

    assert len(os.listdir(f"/proc/{pid}/task")) == 1
    assert os.getsid(pid) == pid


def test_unfitness_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = frozenset(sys.modules)
    assert thread_count() == 1 or "threads" in (zygote_main.unfit(known) or "")
    monkeypatch.setattr("app.sandbox.warm_up.thread_count", lambda: 1)
    # This process may hold more than a fork server does.
    monkeypatch.setattr(zygote_main, "MAX_RESIDENT_BYTES", 1 << 50)
    assert zygote_main.unfit(known) is None

    assert "imported pytest" in (zygote_main.unfit(known - {"pytest"}) or "")
    monkeypatch.setattr(zygote_main, "MAX_RESIDENT_BYTES", 1)
    assert "bytes" in (zygote_main.unfit(known) or "")
    monkeypatch.setattr("app.sandbox.warm_up.thread_count", lambda: 2)
    assert "2 threads" in (zygote_main.unfit(known) or "")


WORKER = """
import asyncio, os, sys
sys.path.insert(0, {project!r})
from pathlib import Path
from app.sandbox.interface import *
from app.sandbox.zygote import ZygoteSandbox
from app.sandbox import zygote
zygote.ENTRY = Path({entry!r})

async def main():
    sandbox = ZygoteSandbox(Path({scratch!r}), SandboxMode.RELAXED)
    await sandbox.warm()
    print(sandbox._first._zygote.pid, flush=True)
    await sandbox.run(ArmRequest(PreparedArm(Path({arm!r}), "", ""), ()))

asyncio.run(main())
"""


@pytest.fixture
def worker(fresh: Lab) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(tests: str) -> subprocess.Popen[str]:
        script = WORKER.format(
            project=str(Path(zygote_main.__file__).parents[2]),
            entry=str(zygote_module.ENTRY),
            scratch=str(fresh.folder / "worker-scratch"),
            arm=str(fresh.arm(tests).root),
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_killed_worker_takes_zygote_and_arms_with_it(
    worker: Callable[[str], subprocess.Popen[str]],
) -> None:
    mark = f"orphan{os.getpid()}"
    process = worker(
        f"""
        import time
        def test_it():
            {name_process(mark)}
            time.sleep(600)
        """
    )
    assert process.stdout is not None
    zygote = int(process.stdout.readline())
    assert eventually(lambda: bool(processes_with(mark)), 20)

    process.kill()

    assert eventually(lambda: processes_with(mark) == set(), 2)
    assert eventually(lambda: not Path(f"/proc/{zygote}/cmdline").exists() or not alive(zygote), 2)


def test_ctrl_c_at_the_terminal_does_not_reach_an_arm(
    worker: Callable[[str], subprocess.Popen[str]],
) -> None:
    """Zygote, supervisor and guest are in sessions of their own."""
    mark = f"ctrlc{os.getpid()}"
    process = worker(
        f"""
        import time
        def test_it():
            {name_process(mark)}
            time.sleep(600)
        """
    )
    assert eventually(lambda: bool(processes_with(mark)), 20)
    (guest,) = processes_with(mark)
    assert process.stdout is not None
    zygote = int(process.stdout.readline())

    assert os.getsid(process.pid) not in (os.getsid(zygote), os.getsid(guest))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
