"""The pytest plugin inside the guest: selects, adds the hidden canaries, and tells what happens.

Lines sent: ``item`` (a collected test; only when the whole suite was asked for), ``broken`` (a file
that could not be collected), ``start`` of a test and ``phase`` for each of its reports. Verdicts
are the parent's business.

A *canary* is a test of unguessable name in every test file, which must fail. Whoever makes pytest
report success wholesale makes the canaries pass, and shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import pytest

from app.sandbox.channel import Channel
from app.sandbox.order import CANARY_NOTE, Order, canary_name, selected

_MESSAGE_CHARS = 4096
_TRACEBACK_CHARS = 16384
_DOC_CHARS = 4096
_GENEROUS_BYTES = 8 << 20
"""Tracebacks are cut short once the report is longer than this."""


class Reporter:
    """A pytest plugin; see the module's docstring."""

    def __init__(self, order: Order, channel: Channel) -> None:
        self._order = order
        self._channel = channel
        self._to_print = order.bounds.output_bytes_per_arm
        self._broken_within: dict[str, pytest.TestReport] = {}
        """Tests of which a subtest failed, with the first such report."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Take away the terminal's reporter, keeping its options, which others read."""
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            session.config.pluginmanager.unregister(reporter)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was asked for, and put a canary behind each file's tests."""
        wanted = self._order.node_ids
        if wanted:
            items[:] = [item for item in items if selected(item.nodeid, wanted)]
        else:
            for item in items:
                self._channel.send("item", **describe(item))
        if not self._order.collect_only:
            items[:] = self._with_canaries(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that could not be read."""
        if report.failed:
            self._channel.send(
                "broken", path=report.nodeid, message=_clip(report.longreprtext, _TRACEBACK_CHARS)
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a test begins, from when its deadline counts."""
        self._channel.send("start", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how a phase of a test ended."""
        if type(report) is not pytest.TestReport:
            if report.failed:
                self._broken_within.setdefault(report.nodeid, report)
            return
        fields: dict[str, Any] = {
            "id": report.nodeid,
            "phase": report.when,
            "outcome": report.outcome,
            "duration": report.duration,
        }
        if report.when == "call" and report.passed and report.nodeid in self._broken_within:
            # pytest itself shows such a test as passed, beside the failure of its subtest.
            first = self._broken_within[report.nodeid]
            fields["outcome"], report.longrepr = "failed", first.longrepr
        if hasattr(report, "wasxfail"):
            fields["xfail"] = _clip(str(report.wasxfail), _MESSAGE_CHARS)
        if report.longrepr is not None:
            fields["message"] = _message(report)
            if fields["outcome"] == "failed":
                room = _TRACEBACK_CHARS if self._channel.sent < _GENEROUS_BYTES else 512
                fields["traceback"] = _clip(report.longreprtext, room)
        printed = self._printed(report)
        if printed:
            fields["stdout"] = printed
        self._channel.send("phase", **fields)

    def _printed(self, report: pytest.TestReport) -> str:
        """What this phase printed; sections hold the earlier phases' output too."""
        ending = f" {report.when}"
        parts = [
            text
            for name, text in report.sections
            if name.startswith("Captured std") and name.endswith(ending)
        ]
        printed = _clip("".join(parts), self._order.bounds.output_bytes_per_test)
        if len(printed) > self._to_print:
            printed = f"[… {len(printed)} characters cut: the arm has printed its share …]"
        self._to_print -= len(printed)
        return printed

    def _with_canaries(self, items: Iterable[pytest.Item]) -> list[pytest.Item]:
        groups: dict[pytest.Module | None, list[pytest.Item]] = {}
        for item in items:
            groups.setdefault(item.getparent(pytest.Module), []).append(item)
        result: list[pytest.Item] = []
        for module, group in groups.items():
            result += group
            if module is not None:
                name = canary_name(self._order.canary, module.nodeid)
                result.append(pytest.Function.from_parent(module, name=name, callobj=_must_fail))
        return result


def describe(item: pytest.Item) -> dict[str, Any]:
    """A collected test, as the catalogue needs it."""
    doc = getattr(getattr(item, "obj", None), "__doc__", None)
    keys: list[str] = []
    purpose = "demonstrates"
    for marker in item.iter_markers("finding"):
        keys += [key for key in marker.args if isinstance(key, str) and key not in keys]
        if marker.kwargs.get("purpose") == "guards":
            purpose = "guards"
    return {
        "id": item.nodeid,
        "doc": _clip(inspect.cleandoc(doc), _DOC_CHARS) if isinstance(doc, str) else None,
        "findings": keys,
        "purpose": purpose,
    }


def _must_fail() -> None:
    pytest.fail(CANARY_NOTE, pytrace=False)


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
