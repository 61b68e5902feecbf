"""The pytest plugin that runs collected tests in forks of the process that collected them.

In place of pytest's loop over tests the guest waits for jobs: each names tests by position and
brings a pipe of its own, made outside the cage, to report to. The fork that runs them is as far as
a test gets; this process only forks, waits and tells how the fork ended.

A *canary* is a test of unguessable name in every module, which must fail. Whoever makes pytest
report success wholesale makes the canaries pass, and shows. It runs behind the tests of its module,
once their fixtures are torn down, and is in nobody's list of tests.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import socket
import sys
import unittest
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from . import handover, shared
from .channel import Channel
from .order import CANARY_NOTE, Job, canary_name
from .reporting import Reporter
from .seeds import Seeds

_EXIT = pytest.exit.Exception  # before an arm can replace it


class Forks:
    """A pytest plugin; see the module's docstring."""

    def __init__(self, reporter: Reporter, seeds: Seeds, jobs: socket.socket) -> None:
        self._reporter = reporter
        self._seeds = seeds
        self._jobs = jobs
        self._known: shared.Known = frozenset()
        self._canaries: dict[pytest.Module, pytest.Function] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Note what is open before anything of the arm is imported: pytest captures already."""
        self._known = shared.open_now()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run jobs until there are no more."""
        self._seeds.collected()
        for item in session.items:
            module = item.getparent(pytest.Module)
            if module is not None and module not in self._canaries:
                self._canaries[module] = self._canary(module)
                # Last in the module's tear-down, where unittest has it; pytest forgets it.
                module.teardown = unittest.doModuleCleanups  # type: ignore[method-assign]
        self._reporter.collected(
            session.items,
            threads=len(os.listdir("/proc/self/task")),
            shared=shared.told(self._known),
        )
        # What the arm has made stays in sight: a test may ask what is left of it.
        gc.enable()
        receiver = handover.Receiver(self._jobs)
        self._jobs.sendall(b"collected\n")
        while True:
            try:
                line, report = receiver.receive()
            except ConnectionError:
                return True
            if report is None:
                continue
            job = Job.from_line(line)
            if job.in_place:
                self._jobs.close()
                self._run(session, job, report)
                # How the tests ended is in the report; the status says that it came to its end.
                session.testsfailed = 0
                return True
            self._jobs.sendall(b"done %d\n" % self._fork(session, job, report))

    def _fork(self, session: pytest.Session, job: Job, report: int) -> int:
        """Run a job in a fork; return its wait status."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass  # what the last fork left and the supervisor killed, if it fell to this one
        positions = _positions()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self._jobs.close()
                self._run(session, job, report)
                status = 0
            except BaseException:  # nothing may unwind into the loop that forks
                sys.excepthook(*sys.exc_info())
            finally:
                with suppress(AttributeError, OSError, ValueError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        os.close(report)
        _, status = os.waitpid(child, 0)
        _put_back(positions)
        return status

    def _run(self, session: pytest.Session, job: Job, report: int) -> None:
        number = random.SystemRandom().choice([n for n in range(64, 200) if n != report])
        # Where the number is taken, this replaces what the arm had open there.
        os.dup2(report, number, inheritable=False)
        os.close(report)
        channel = Channel(number, job.token)
        self._reporter.begin(channel)
        capture = session.config.pluginmanager.getplugin("capturemanager")
        if capture is not None and not job.in_place:
            # Its files are shared with the process that this is a fork of.
            capture.stop_global_capturing()
            capture.start_global_capturing()
        self._seeds.in_fork(job.seed)
        try:
            self._run_items(session, [session.items[index] for index in job.items], channel)
        finally:
            channel.send("end", uses=self._reporter.suite_files())

    def _run_items(
        self, session: pytest.Session, items: Sequence[pytest.Item], channel: Channel
    ) -> None:
        following = _modules_in_turn(items)
        for module, group, after in following:
            try:
                for item, upcoming in itertools.pairwise((*group, after)):
                    assert item is not None
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=upcoming)
                    channel.send("stop", id=item.nodeid)
                    told = session.shouldfail or session.shouldstop
                    if told:
                        raise _EXIT(str(told))
            except (KeyboardInterrupt, _EXIT) as ending:
                channel.send("quit", reason=f"{type(ending).__name__}: {ending}"[:500])
                with suppress(Exception, _EXIT, KeyboardInterrupt):
                    session._setupstate.teardown_exact(None)
                self._run_canary(module, None, channel)
                return
            self._run_canary(module, after, channel)

    def _run_canary(
        self, module: pytest.Module | None, after: pytest.Item | None, channel: Channel
    ) -> None:
        if module is None:
            return
        canary = self._canaries[module]
        with suppress(KeyboardInterrupt, _EXIT):
            canary.config.hook.pytest_runtest_protocol(item=canary, nextitem=after)
            channel.send("stop", id=canary.nodeid)

    def _canary(self, module: pytest.Module) -> pytest.Function:
        name = canary_name(self._reporter.secret, module.nodeid)
        return _Canary.from_parent(module, name=name, callobj=_must_fail)


class _Canary(pytest.Function):
    """A test to which no mark applies that says it may be skipped or fail."""

    def iter_markers_with_node(self, name: str | None = None) -> Iterator[Any]:
        """All marks but those."""
        for node, mark in super().iter_markers_with_node(name):
            if mark.name not in ("skip", "skipif", "xfail"):
                yield node, mark

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """Its reason, without the work of finding the lines that led to it."""
        return str(excinfo.value)


def _must_fail() -> None:
    pytest.fail(CANARY_NOTE, pytrace=False)


def _modules_in_turn(
    items: Sequence[pytest.Item],
) -> Iterator[tuple[pytest.Module | None, list[pytest.Item], pytest.Item | None]]:
    """Yield each module with its tests and the first test behind them."""
    groups = [
        (module, list(group))
        for module, group in itertools.groupby(items, lambda item: item.getparent(pytest.Module))
    ]
    for (module, group), behind in itertools.zip_longest(groups, groups[1:]):
        yield module, group, behind[1][0] if behind else None


def _positions() -> dict[int, int]:
    """Where each open file stands: a fork moves what it shares with this process."""
    found: dict[int, int] = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found[int(name)] = os.lseek(int(name), 0, os.SEEK_CUR)
    return found


def _put_back(positions: dict[int, int]) -> None:
    for descriptor, position in positions.items():
        with suppress(OSError):
            os.lseek(descriptor, position, os.SEEK_SET)
