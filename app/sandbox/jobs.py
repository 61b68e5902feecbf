"""The pytest plugin that runs collected tests in forks of the process that collected them.

In place of pytest's loop over tests the guest waits for jobs: each names tests by position and
brings a pipe of its own, made outside the cage, to report to. The fork that runs them is as far as
a test gets; this process only forks, waits and tells how the fork ended.

A *canary* is a test of unguessable name in every file, which must fail. Whoever makes pytest report
success wholesale makes the canaries pass, and shows. It runs behind the last test of its file, once
the fixtures of that are torn down, and is in nobody's list of tests.
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
        self._canaries: dict[pytest.File, pytest.Item] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Note what is open before anything of the arm is imported: pytest captures already."""
        self._known = shared.open_now()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run jobs until there are no more."""
        self._seeds.collected()
        for item in session.items:
            file = _file_of(item)
            if file is not None and file not in self._canaries:
                self._canaries[file] = self._canary(file, item)
                if isinstance(file, pytest.Module):
                    # Last in the module's tear-down, where unittest has it; pytest forgets it.
                    file.teardown = unittest.doModuleCleanups  # type: ignore[method-assign]
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
        begun: dict[str, pytest.File] = {}
        for file, group, after, is_last in _files_in_turn(items):
            if file is not None:
                begun[file.nodeid] = file
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
                for one in begun.values():
                    self._run_canary(one, None, channel)
                return
            if file is not None and is_last:
                self._run_canary(begun.pop(file.nodeid), after, channel)

    def _run_canary(self, file: pytest.File, after: pytest.Item | None, channel: Channel) -> None:
        canary = self._canaries[file]
        with suppress(KeyboardInterrupt, _EXIT):
            canary.config.hook.pytest_runtest_protocol(item=canary, nextitem=after)
            channel.send("stop", id=canary.nodeid)

    def _canary(self, file: pytest.File, item: pytest.Item) -> pytest.Item:
        name = canary_name(self._reporter.secret, file.nodeid)
        if isinstance(file, pytest.Module) and isinstance(item, pytest.Function):
            return _Canary.from_parent(file, name=name, callobj=_must_fail)
        return _PlainCanary.from_parent(file, name=name)


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


class _PlainCanary(pytest.Item):
    """One in a file that holds other tests than functions, such as doctests."""

    def runtest(self) -> None:
        """Fail."""
        _must_fail()

    repr_failure = _Canary.repr_failure


def _must_fail() -> None:
    pytest.fail(CANARY_NOTE, pytrace=False)


def _file_of(item: pytest.Item) -> pytest.File | None:
    return item.getparent(pytest.File)  # type: ignore[type-abstract]  # it makes none


def _files_in_turn(
    items: Sequence[pytest.Item],
) -> Iterator[tuple[pytest.File | None, list[pytest.Item], pytest.Item | None, bool]]:
    """Yield tests that stand in a row in one file, the test behind them, and whether none follows.

    A suite may order its tests across files, as a session's fixture with parameters does, and a
    file may be collected twice, as a module and for its doctests.
    """
    groups = [(file, list(group)) for file, group in itertools.groupby(items, _file_of)]
    last = {file.nodeid: at for at, (file, _) in enumerate(groups) if file is not None}
    for at, (file, group) in enumerate(groups):
        after = groups[at + 1][1][0] if at + 1 < len(groups) else None
        yield file, group, after, file is not None and last[file.nodeid] == at


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
