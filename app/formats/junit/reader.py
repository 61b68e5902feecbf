"""JUnit XML in, as test runners and CI servers write it, which no standard says.

The file is read as it comes and only what is needed of it is kept. What it counts itself is not
believed: `tests` counts cases with some tools, and something else with others. A file with a
document type is refused before it is read on, so no entity of it is ever expanded.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO
from xml.parsers import expat

from app.domain.external import (
    MAX_CASES,
    ReportedOutcome,
    ReportedTest,
    TestNames,
    attempts,
    together,
)
from app.errors import FieldError, InvalidInput
from app.formats.texts import cleaned

_PIECE = 1 << 16
_MAX_DEPTH = 60
_MAX_MESSAGE = 2000
_MAX_NAME = 1000
_MAX_FINDINGS = 20

_RED = {"failure": ReportedOutcome.FAILED, "error": ReportedOutcome.ERROR}
_HEALED = {"flakyFailure", "flakyError"}
"""Attempts that failed before one passed, as Maven's Surefire writes them."""
_AGAIN = {"rerunFailure", "rerunError"}
"""Attempts that failed as well."""
_SKIPPED = {"skipped", "disabled", "ignored"}
_OWN = ("finding", "findings", "findings/key", "ticket")
"""Properties of a case that name tickets of this service."""


@dataclass
class JUnitReport:
    """What a report says of tests."""

    tests: list[ReportedTest]
    name: str | None
    """The report's own, or its first suite's."""
    ran_at: datetime | None
    warnings: list[str] = field(default_factory=list)


def read(file: IO[bytes], known: TestNames) -> JUnitReport:
    """Read a report.

    Args:
        file: of it, read from its start.
        known: finds the tests that its names stand for.

    Raises:
        InvalidInput: it is no XML, no JUnit, has a document type, or too many tests.
    """
    file.seek(0)
    reader = _Reader(known)
    try:
        while piece := file.read(_PIECE):
            reader.parser.Parse(piece, False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise InvalidInput(
            FieldError(
                "",
                f"the body is no XML: {expat.ErrorString(error.code)} (line {error.lineno}, "
                f"column {error.offset + 1})",
            )
        ) from None
    except (LookupError, ValueError) as error:
        raise InvalidInput(
            FieldError("", f"the body is XML in an encoding that is not read: {error}; use UTF-8")
        ) from None
    return reader.report()


@dataclass
class _Case:
    """A case while it is read."""

    class_name: str
    name: str
    file: str | None
    duration_s: float | None
    outcomes: list[ReportedOutcome] = field(default_factory=list)
    failures: int = 0
    healed: bool = False
    message: str | None = None
    findings: list[str] = field(default_factory=list)

    def outcome(self) -> ReportedOutcome:
        red = [one for one in self.outcomes if one is not ReportedOutcome.SKIPPED]
        if red:
            return ReportedOutcome.FAILED if ReportedOutcome.FAILED in red else red[0]
        if self.healed:
            return ReportedOutcome.FLAKY
        return ReportedOutcome.SKIPPED if self.outcomes else ReportedOutcome.PASSED


class _Reader:
    """Takes the elements of a report as they begin and end."""

    def __init__(self, known: TestNames) -> None:
        self._known = known
        self._open: list[str] = []
        self._suites: list[int] = []
        self._next_suite = 0
        self._case: _Case | None = None
        self._text: list[str] | None = None
        self._by_suite: dict[tuple[int, str], list[ReportedTest]] = defaultdict(list)
        self._count = 0
        self._name: str | None = None
        self._ran_at: datetime | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = _no_document_type

    def report(self) -> JUnitReport:
        by_test: dict[str, list[ReportedTest]] = defaultdict(list)
        for (_, node_id), found in self._by_suite.items():
            by_test[node_id].append(attempts(found))
        tests = [together(found) for found in by_test.values()]
        return JUnitReport(tests, self._name, self._ran_at)

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._open and name not in ("testsuites", "testsuite"):
            raise InvalidInput(
                FieldError(
                    "",
                    f"the body is no JUnit: its outermost element is <{name[:60]}>, not testsuites",
                )
            )
        self._open.append(name)
        if len(self._open) > _MAX_DEPTH:
            raise InvalidInput(FieldError("", "the body is no JUnit: it is nested too deeply"))
        if name in ("testsuites", "testsuite"):
            self._name = self._name or cleaned(given.get("name"), 100)
            self._ran_at = self._ran_at or _moment(given.get("timestamp"))
        if name == "testsuite":
            self._suites.append(self._next_suite)
            self._next_suite += 1
        elif name == "testcase":
            self._begin_case(given)
        elif self._case is not None:
            self._inside(self._case, name, given)

    def _begin_case(self, given: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MAX_CASES:
            raise InvalidInput(FieldError("", f"has more than {MAX_CASES} cases; split it up"))
        self._case = _Case(
            cleaned(given.get("classname"), _MAX_NAME) or "",
            cleaned(given.get("name"), _MAX_NAME) or "",
            cleaned(given.get("file"), _MAX_NAME),
            _seconds(given.get("time")),
        )
        status = given.get("status", given.get("result", "")).lower()
        if status in ("notrun", "skipped", "disabled", "suppressed"):
            self._case.outcomes.append(ReportedOutcome.SKIPPED)

    def _inside(self, case: _Case, name: str, given: Mapping[str, str]) -> None:
        if name in _RED or name in _HEALED or name in _AGAIN:
            case.failures += 1
            case.healed |= name in _HEALED
            if name in _RED:
                case.outcomes.append(_RED[name])
            if case.message is None:
                told = given.get("message") or given.get("type")
                case.message = cleaned(told, _MAX_MESSAGE)
                self._text = [] if case.message is None else None
        elif name in _SKIPPED:
            case.outcomes.append(ReportedOutcome.SKIPPED)
            case.message = case.message or cleaned(given.get("message"), _MAX_MESSAGE)
        elif name == "property":
            words = given.get("value", "").replace(",", " ").split()
            if given.get("name") in _OWN:
                case.findings += words[:_MAX_FINDINGS]
            elif given.get("name") == "node_id" and given.get("value"):
                case.name = cleaned(given["value"], _MAX_NAME) or case.name

    def _data(self, text: str) -> None:
        if self._text is not None and sum(map(len, self._text)) < _MAX_MESSAGE:
            self._text.append(text)

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        self._open.pop()
        if self._text is not None and self._case is not None:
            self._case.message = cleaned("".join(self._text), _MAX_MESSAGE)
            self._text = None
        if name == "testsuite":
            self._suites.pop()
        elif name == "testcase" and self._case is not None:
            case, self._case = self._case, None
            suite = self._suites[-1] if self._suites else -1
            test = self._read(case)
            self._by_suite[suite, test.node_id].append(test)

    def _read(self, case: _Case) -> ReportedTest:
        outcome = case.outcome()
        passed = outcome in (ReportedOutcome.PASSED, ReportedOutcome.FLAKY)
        return ReportedTest(
            self._known.of(case.class_name, case.name, case.file)[:_MAX_NAME] or "unnamed",
            outcome,
            case.message,
            passes=int(passed),
            failures=case.failures,
            duration_s=case.duration_s,
            findings=tuple(dict.fromkeys(case.findings)),
        )


def _no_document_type(*_: object) -> None:
    raise InvalidInput(
        FieldError(
            "", "the body has a document type (<!DOCTYPE …>), which JUnit has not; leave it out"
        )
    )


def _seconds(text: str | None) -> float | None:
    try:
        # Some write a comma between thousands.
        found = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found < 1e9 else None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
        # Most say no zone: in UTC it is at least never in the future by more than a day.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
