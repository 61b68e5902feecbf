"""The pytest plugin inside the guest that tells what happens. Verdicts are the parent's business.

Lines of the collection: ``item`` (a collected test), ``broken`` (a file that could not be
collected), ``skip`` (a file that skipped itself), ``warn`` (a warning) and ``collected``. Lines of
a job: ``start`` of a test, ``sub`` for each of its subtests, ``phase`` for each of its reports,
``warn``, and ``stop`` once nothing more comes of it.
"""

from __future__ import annotations

import inspect
import itertools
import sys
import unittest
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from . import failures, imported
from .channel import Channel
from .order import Order, selected

_MESSAGE_CHARS = 4096
_TRACEBACK_CHARS = 16384
_DOC_CHARS = 4096
_GENEROUS_BYTES = 8 << 20
"""Tracebacks are cut short once the report is longer than this."""
_MOST_WARNINGS = 100
_MOST_FILES = 1000
_FAILED = pytest.fail.Exception  # before an arm can replace it
_MOST_PROPERTIES = 50
_FACTS = "findings_failure"
"""A report's attribute; one of a subtest takes it over from the report it is made of."""


class Reporter:
    """A pytest plugin; see the module's docstring."""

    def __init__(self, order: Order, root: Path, channel: Channel) -> None:
        self._order = order
        self._root = root
        self._facts = failures.Facts(root, order.packages, order.suites)
        self._suites = tuple(f"{root}/{suite}/" for suite in order.suites)
        self._channel = channel
        self._to_print = order.bounds.output_bytes_per_arm
        self._warned = 0
        self._modules = len(sys.modules)  # the fork server has imported nothing of the arm
        self._files: set[str] = set()
        self.secret = order.canary

    def begin(self, channel: Channel) -> None:
        """From now on report to `channel`."""
        self._channel = channel
        self._warned = 0

    def collected(self, items: Sequence[pytest.Item], threads: int, shared: str | None) -> None:
        """Tell what was collected and what forks would share, and close the channel."""
        for item in items:
            self._channel.send("item", **describe(item))
        installed = imported.since(self._modules)
        self.suite_files()
        self._channel.send("collected", threads=threads, shared=shared, installed=installed)
        self._channel.close()

    def suite_files(self) -> list[str]:
        """Files of the suite that are imported by now, relative to the arm's root."""
        # Only what came since: to look at a module is to write to its page, and in a fork each
        # page that is written is a copy.
        new = list(itertools.islice(reversed(sys.modules), len(sys.modules) - self._modules))
        self._modules = len(sys.modules)
        beginning = f"{self._root}/"
        for name in new:
            file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str) and file.startswith(self._suites):
                self._files.add(file.removeprefix(beginning))
        return sorted(self._files)[:_MOST_FILES]

    def pytest_configure(self, config: pytest.Config) -> None:
        """Make the marker known that links a test with tickets."""
        config.addinivalue_line(
            "markers", 'finding(*keys, purpose="demonstrates"): tickets that the test belongs to'
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Take away the terminal's reporter, keeping its options, which others read."""
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            session.config.pluginmanager.unregister(reporter)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was asked for, and of tests with one name the first."""
        wanted = frozenset(self._order.node_ids)
        kept: dict[str, pytest.Item] = {}
        for item in items:
            if wanted and not selected(item.nodeid, wanted):
                continue
            if item.nodeid in kept:
                self._channel.send(
                    "warn",
                    id=item.nodeid,
                    category="",
                    message="another test of this name follows and is left out: rename one",
                )
            kept.setdefault(item.nodeid, item)
        items[:] = kept.values()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that could not be read, or does not want to be."""
        if report.failed:
            self._channel.send(
                "broken", path=report.nodeid, message=_clip(report.longreprtext, _TRACEBACK_CHARS)
            )
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self._channel.send("skip", path=report.nodeid, message=_clip(str(reason), 1000))

    def pytest_warning_recorded(
        self, warning_message: Any, when: str, nodeid: str, location: object
    ) -> None:
        """Tell of a warning, pytest's own included."""
        self._warned += 1
        if self._warned > _MOST_WARNINGS:
            return
        category = warning_message.category
        own = category.__module__.startswith(("pytest", "_pytest"))
        self._channel.send(
            "warn",
            id=nodeid,
            category=("pytest." if own else "") + category.__name__,
            message=_clip(str(warning_message.message), 1000),
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a test begins, from when its deadline counts."""
        self._channel.send("start", id=nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep the facts of an exception beside pytest's words for it."""
        report = yield
        if call.excinfo is not None and not report.skipped:
            found = self._facts.of(call.excinfo.value)
            if isinstance(call.excinfo.value, _FAILED) and not found["frames"]:
                # No line of the arm was reached: pytest itself says that it cannot run this kind.
                found["kind"] = failures.NEVER_RAN
            setattr(report, _FACTS, found)
        elif call.when == "call" and report.passed and _is_not_awaited(item):
            report.outcome = "failed"
            report.longrepr = "the test never ran: unittest calls it and awaits nothing"
            setattr(report, _FACTS, {"kind": failures.NEVER_RAN})
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how a phase of a test, or a subtest, ended."""
        fields: dict[str, Any] = {
            "id": report.nodeid,
            "outcome": report.outcome,
            "duration": report.duration,
        }
        if hasattr(report, "wasxfail"):
            fields["xfail"] = _clip(str(report.wasxfail), _MESSAGE_CHARS)
        if report.longrepr is not None:
            fields["message"] = _message(report)
            if report.outcome == "failed":
                room = _TRACEBACK_CHARS if self._channel.sent < _GENEROUS_BYTES else 512
                fields["traceback"] = _clip(report.longreprtext, room)
        facts = getattr(report, _FACTS, None)
        if facts is not None and report.outcome == "failed":
            fields["failure"] = facts
        is_subtest = type(report) is not pytest.TestReport
        ending = "" if is_subtest else f" {report.when}"
        for field, beginning in (("stdout", "Captured std"), ("log", "Captured log")):
            text = self._captured(report, beginning, ending)
            if text:
                fields[field] = text
        if is_subtest:
            self._channel.send("sub", name=_clip(_name_of(report), 200), **fields)
            return
        if report.when == "teardown" and report.user_properties:
            pairs = report.user_properties[:_MOST_PROPERTIES]
            fields["properties"] = [[str(key)[:200], str(value)[:1000]] for key, value in pairs]
        self._channel.send("phase", phase=report.when, **fields)

    def _captured(self, report: pytest.TestReport, beginning: str, ending: str) -> str:
        """What this phase printed or logged; sections hold the earlier phases' output too."""
        parts = [
            text
            for name, text in report.sections
            if name.startswith(beginning) and name.endswith(ending)
        ]
        printed = _clip("".join(parts), self._order.bounds.output_bytes_per_test)
        if len(printed) > self._to_print:
            printed = f"[… {len(printed)} characters cut: the arm has printed its share …]"
        self._to_print -= len(printed)
        return printed


def describe(item: pytest.Item) -> dict[str, Any]:
    """A collected test, as the catalogue needs it, with what is odd about its marks."""
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    keys: list[str] = []
    purpose = "demonstrates"
    oddities: list[str] = []
    for marker in item.iter_markers("finding"):
        for key in marker.args:
            if not isinstance(key, str):
                oddities.append(f"the mark names {key!r:.80}, which is no key of a ticket")
            elif key not in keys:
                keys.append(key)
        if not marker.args:
            oddities.append("the mark names no ticket")
        for name in marker.kwargs.keys() - {"purpose"}:
            oddities.append(f"the mark has an argument {name!r:.80}, which means nothing")
        named = marker.kwargs.get("purpose", "demonstrates")
        if named in ("demonstrates", "guards"):
            purpose = named if named == "guards" else purpose
        else:
            oddities.append(f"purpose is {named!r:.80}: write 'demonstrates' or 'guards'")
    return {
        "id": item.nodeid,
        "doc": _clip(inspect.cleandoc(doc), _DOC_CHARS) if isinstance(doc, str) else None,
        "findings": keys,
        "purpose": purpose,
        "oddities": oddities[:10],
    }


def _is_not_awaited(item: pytest.Item) -> bool:
    """Whether a method of a plain TestCase made something that nobody awaits or iterates."""
    case = getattr(item, "cls", None)
    if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
        return False
    if issubclass(case, unittest.IsolatedAsyncioTestCase):
        return False
    function = inspect.unwrap(getattr(case, item.name, None) or (lambda: None))
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def _name_of(report: Any) -> str:
    """What a subtest calls itself."""
    context = getattr(report, "context", None)
    message = getattr(context, "msg", None)
    arguments = getattr(context, "kwargs", None) or {}
    # Of values pytest keeps what stands for them in text.
    told = ", ".join(f"{name}={value!s:.60}" for name, value in dict(arguments).items())
    return " ".join(part for part in (str(message) if message else "", told) if part) or "a subtest"


def _message(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return _clip(str(crash.message), _MESSAGE_CHARS)
    if isinstance(longrepr, tuple):
        return _clip(str(longrepr[2]), _MESSAGE_CHARS)
    return _clip(str(longrepr), _MESSAGE_CHARS)


def _clip(text: str, limit: int) -> str:
    """The text, or its beginning and end with a mark between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters cut …]\n{text[-half:]}"
