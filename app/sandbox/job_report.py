"""What a fork reports of the tests of one job. See ``report_lines`` for the trust.

Tests come in the order that was asked for, each in the phases that pytest knows, each once; behind
those of a module comes its canary. What cannot be so raises `Tampered`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.causes import Failure, Frame
from app.domain.runs import TestMode, TestOutcome, TestResult
from app.sandbox.collected import told
from app.sandbox.interface import Limits
from app.sandbox.order import CANARY_NOTE, Order, canary_name
from app.sandbox.phases import Phase, Subtest, merge
from app.sandbox.report_lines import (
    LineReader,
    Schema,
    Tampered,
    Text,
    check,
    cut,
    node_id,
    seconds,
)

_OUTCOMES = ("passed", "failed", "skipped")
_LIST = (list, type(None))
_REPORT = {
    "id": (str,),
    "outcome": (str,),
    "duration": (float, int),
    "xfail": Text,
    "message": Text,
    "traceback": Text,
    "stdout": Text,
    "log": Text,
    "failure": (dict, type(None)),
}
_SCHEMA: Schema = {
    "start": {"id": (str,)},
    "phase": {**_REPORT, "phase": (str,), "properties": _LIST},
    "sub": {**_REPORT, "name": (str,)},
    "warn": {"id": (str,), "category": (str,), "message": (str,)},
    "stop": {"id": (str,)},
    "quit": {"reason": (str,)},
    "end": {"uses": (list,)},
}
_FAILURE = {
    "kind": (str,),
    "bases": _LIST,
    "message": Text,
    "module": Text,
    "errno": (int, type(None)),
    "frames": _LIST,
    "origin": Text,
    "star_import": (bool, type(None)),
    "others": _LIST,
}
_FRAME = {"path": (str,), "function": (str,), "offset": (int,), "line": (int,)}
_MOST = 50
_MOST_FILES = 1000
_DEPTH = 4
_MOST_SUBTESTS = 10_000
_LARGEST = 1 << 31


@dataclass
class JobReader:
    """Takes the report's bytes as they come and keeps what they say."""

    order: Order
    limits: Limits
    token: str
    expected: tuple[str, ...]
    """Node ids that the job runs, in order."""
    repeat: int = 1
    mode: TestMode = TestMode.ALONE
    output_bytes: int = 1 << 20
    """How much of what tests print is kept."""
    running: str | None = None
    """The test that has begun and not ended; may be a canary."""
    results: dict[str, TestResult] = field(default_factory=dict)
    canaries: dict[str, TestResult] = field(default_factory=dict)
    quit: str | None = None
    """Why the session ended before its last test, in its own words."""
    ended: bool = False
    uses: tuple[str, ...] = ()
    """Files of the suite that the fork had imported in the end, relative to the arm's root."""
    slowest_setup_s: float = 0.0

    def __post_init__(self) -> None:
        self._lines = LineReader(self.token, _SCHEMA)
        self._canary_names: dict[str, str] = {}
        self._left = set(self.expected)
        self._phases: list[Phase] = []
        self._subtests: list[Subtest] = []
        self._warnings: list[str] = []
        self._printed = 0

    def feed(self, data: bytes) -> list[TestResult]:
        """Read more; return the tests that ended in it. Raises `Tampered`."""
        found = (self._take(kind, fields) for kind, fields in self._lines.feed(data))
        return [result for result in found if result is not None]

    def check_complete(self) -> None:
        """Once the fork has ended in order: raise `Tampered` if the parts contradict each other.

        A file of which a test passed must have its canary, and that must not have passed.
        """
        if self._lines.is_within_a_line:
            raise Tampered("the report ends in the middle of a line")
        passed = {
            result.node_id.partition("::")[0]
            for result in self.results.values()
            if result.outcome in (TestOutcome.PASSED, TestOutcome.XPASSED)
        }
        for file in sorted(passed - self.canaries.keys()):
            raise Tampered(f"the hidden test of {file} is missing")

    def is_canary(self, name: str) -> str | None:
        """The file of which `name` is the canary."""
        file, _, last = name.partition("::")
        if file not in self._canary_names:
            self._canary_names[file] = canary_name(self.order.canary, file)
        return file if last == self._canary_names[file] else None

    def _take(self, kind: str, fields: Mapping[str, Any]) -> TestResult | None:
        if self.ended:
            raise Tampered("the report goes on after its end")
        match kind:
            case "start":
                self._start(node_id(fields["id"]))
            case "phase":
                self._phase(fields)
            case "sub":
                self._subtest(fields)
            case "warn":
                if len(self._warnings) < _MOST:
                    self._warnings.append(told(fields))
            case "stop":
                return self._stop(node_id(fields["id"]))
            case "quit":
                self.quit = cut(fields["reason"])
                self._drop_running()
            case "end":
                self.ended = True
                self.uses = tuple(str(path)[:500] for path in fields["uses"][:_MOST_FILES])
                if self.running is not None and not (
                    self.quit is not None and self.is_canary(self.running)
                ):
                    raise Tampered(f"the report ends while {self.running} is running")
        return None

    def _start(self, name: str) -> None:
        if self.running is not None:
            raise Tampered(f"{name} begins before {self.running} has ended")
        file = self.is_canary(name)
        if name in self.results or file in self.canaries:
            raise Tampered(f"{name} was run twice")
        if file is None and name not in self._left:
            raise Tampered(f"{name} was not asked for")
        if file is None and self.quit is not None:
            raise Tampered(f"{name} was run although the session had ended")
        self._left.discard(name)
        self.running = name
        self._phases, self._subtests, self._warnings = [], [], []

    def _phase(self, fields: Mapping[str, Any]) -> None:
        name = node_id(fields["id"])
        if name != self.running:
            raise Tampered(f"{name} is reported but was not running")
        phase, outcome = fields["phase"], fields["outcome"]
        if phase not in self._next_phases() or outcome not in _OUTCOMES:
            raise Tampered(f"{name} reports its phases out of order")
        duration = seconds(fields["duration"], self.limits.per_arm_s)
        if phase == "setup":
            self.slowest_setup_s = max(self.slowest_setup_s, duration)
        self._phases.append(
            Phase(
                phase=phase,
                outcome=outcome,
                duration=duration,
                expected_failure=fields.get("xfail") is not None,
                message=_cut(fields.get("message")),
                traceback=_cut(fields.get("traceback")),
                stdout=fields.get("stdout"),
                log=fields.get("log"),
                failure=_failure(fields.get("failure")),
                properties=_pairs(fields.get("properties")),
            )
        )

    def _subtest(self, fields: Mapping[str, Any]) -> None:
        name = node_id(fields["id"])
        if name != self.running or fields["outcome"] not in _OUTCOMES:
            raise Tampered(f"{name} reports a subtest but was not running")
        if len(self._subtests) >= _MOST_SUBTESTS:
            raise Tampered(f"{name} reports more than {_MOST_SUBTESTS} subtests")
        self._subtests.append(
            Subtest(
                name=fields["name"][:300],
                outcome=fields["outcome"],
                expected_failure=fields.get("xfail") is not None,
                message=_cut(fields.get("message")),
                traceback=_cut(fields.get("traceback")),
                stdout=fields.get("stdout"),
                log=fields.get("log"),
                failure=_failure(fields.get("failure")),
            )
        )

    def _next_phases(self) -> tuple[str, ...]:
        if not self._phases:
            return ("setup",)
        last = self._phases[-1]
        if last.phase == "teardown":
            return ()
        return ("call",) if (last.phase, last.outcome) == ("setup", "passed") else ("teardown",)

    def _stop(self, name: str) -> TestResult | None:
        if name != self.running or not self._phases or self._phases[-1].phase != "teardown":
            raise Tampered(f"{name} ends out of order")
        self.running = None
        result = merge(
            name,
            self._phases,
            self._subtests,
            repeat=self.repeat,
            mode=self.mode,
            warnings=tuple(self._warnings),
            output_bytes=max(
                0, min(self.output_bytes - self._printed, self.limits.output_bytes_per_test)
            ),
            packages=self.order.packages,
            suites=self.order.suites,
        )
        file = self.is_canary(name)
        if file is None:
            self.results[name] = result
            self._printed += len((result.stdout or "").encode()) + len((result.log or "").encode())
            return result
        if result.outcome is TestOutcome.FAILED and CANARY_NOTE not in (result.message or ""):
            raise Tampered(f"the hidden test of {file} fails for a reason that is not its own")
        # Skipped or expected to fail in its set-up is what a fixture may do to all of a file.
        honest = result.outcome in (TestOutcome.FAILED, TestOutcome.ERROR) or (
            result.outcome in (TestOutcome.SKIPPED, TestOutcome.XFAILED) and result.phase == "setup"
        )
        if not honest:
            raise Tampered(f"the hidden test of {file}, which must fail, is {result.outcome}")
        self.canaries[file] = result
        return None

    def _drop_running(self) -> None:
        """The test in which the session ended has no end of its own."""
        if self.running is not None and self.is_canary(self.running) is None:
            self.results[self.running] = TestResult(
                node_id=self.running,
                outcome=TestOutcome.ERROR,
                phase="call" if self._phases else "setup",
                message=f"the session was ended in this test: {self.quit}",
                repeat=self.repeat,
                mode=self.mode,
            )
        self.running = None


def _failure(found: Mapping[str, Any] | None, depth: int = 0) -> Failure | None:
    if found is None:
        return None
    check("the facts of a failure", found, _FAILURE)
    frames = []
    for frame in (found.get("frames") or ())[:_MOST]:
        if not isinstance(frame, dict):
            raise Tampered("a frame of a failure is not an object")
        check("a frame of a failure", frame, _FRAME)
        if not all(abs(frame[name]) < _LARGEST for name in ("offset", "line")):
            raise Tampered("a frame of a failure has an impossible line")
        frames.append(Frame(**frame))
    others = []
    for other in (found.get("others") or ())[:_MOST] if depth < _DEPTH else ():
        if not isinstance(other, dict):
            raise Tampered("a failure within a failure is not an object")
        inner = _failure(other, depth + 1)
        if inner is not None:
            others.append(inner)
    number = found.get("errno")
    return Failure(
        kind=found["kind"][:200],
        bases=tuple(str(base)[:200] for base in (found.get("bases") or ())[:_MOST]),
        message=(found.get("message") or "")[:1000],
        module=found.get("module"),
        errno=number if number is not None and abs(number) < _LARGEST else None,
        frames=tuple(frames),
        origin=found.get("origin") or "",
        star_import=bool(found.get("star_import")),
        others=tuple(others),
    )


def _pairs(found: list[Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(pair[0])[:200], str(pair[1])[:1000])
        for pair in (found or ())[:_MOST]
        if isinstance(pair, list) and len(pair) == 2
    )


def _cut(text: str | None) -> str | None:
    return None if text is None else cut(text)
