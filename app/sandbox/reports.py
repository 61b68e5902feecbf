"""Reading a guest's report: every byte of it may be a lie.

Capped before it is parsed, JSON only, checked against a schema, in the one order that pytest
produces, each test once. What cannot be so raises `Tampered`. Text is made storable: NUL and lone
surrogates are replaced by what shows that they were there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from app.domain.runs import TestOutcome, TestResult
from app.sandbox.interface import CollectedTest, Limits
from app.sandbox.order import Order, canary_name, selected
from app.sandbox.phases import Phase, merge
from app.sandbox.report_text import clean

MAX_LINE_BYTES = 1 << 20
MAX_REPORT_BYTES = 64 << 20
_MAX_ID_CHARS = 2048
_MAX_TEXT_CHARS = 20_000

_PHASES = ("setup", "call", "teardown")
_OUTCOMES = ("passed", "failed", "skipped")
_Text = (str, type(None))
_SCHEMA: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "hello": {"layers": (list,), "environment": (dict,)},
    "refused": {"layer": (str,), "reason": (str,)},
    "item": {"id": (str,), "doc": _Text, "findings": (list,), "purpose": (str,)},
    "broken": {"path": (str,), "message": (str,)},
    "start": {"id": (str,)},
    "phase": {
        "id": (str,),
        "phase": (str,),
        "outcome": (str,),
        "duration": (float, int),
        "xfail": _Text,
        "message": _Text,
        "traceback": _Text,
        "stdout": _Text,
    },
    "end": {"exit": (int,)},
}
_OPTIONAL = frozenset({"xfail", "message", "traceback", "stdout"})


class Tampered(Exception):
    """The report cannot have come from an honest run; the message says why."""


@dataclass
class ReportReader:
    """Takes the report's bytes as they come and keeps what they say."""

    order: Order
    limits: Limits
    repeat: int = 1
    layers: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    greeted: bool = False
    refused: tuple[str, str] | None = None
    """Layer and reason, when the cage did not close."""
    items: dict[str, CollectedTest] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """File → why it could not be collected."""
    running: str | None = None
    """The test that has begun and not ended; may be a canary."""
    results: dict[str, TestResult] = field(default_factory=dict)
    canaries: dict[str, TestResult] = field(default_factory=dict)
    exit: int | None = None
    """What the guest says its exit status will be; None until it has ended."""
    _buffer: bytearray = field(default_factory=bytearray)
    _bytes: int = 0
    _lines: int = 0
    _phases: list[Phase] = field(default_factory=list)
    _printed: int = 0

    def feed(self, data: bytes) -> list[TestResult]:
        """Read more; return the tests that ended in it. Raises `Tampered`."""
        self._bytes += len(data)
        if self._bytes > MAX_REPORT_BYTES:
            raise Tampered(f"the report is longer than {MAX_REPORT_BYTES} bytes")
        self._buffer += data
        ended: list[TestResult] = []
        *lines, rest = self._buffer.split(b"\n")
        for line in lines:
            if len(line) > MAX_LINE_BYTES:
                break
            result = self._take(bytes(line))
            if result is not None:
                ended.append(result)
        else:
            line = rest
        if len(line) > MAX_LINE_BYTES:
            raise Tampered(f"a line of the report is longer than {MAX_LINE_BYTES} bytes")
        self._buffer = rest
        return ended

    def check_complete(self) -> None:
        """Once the guest has ended in order: raise `Tampered` if the parts contradict each other.

        A file of which a test passed must have its canary, and that must not have passed.
        """
        if self._buffer:
            raise Tampered("the report ends in the middle of a line")
        passed = {
            result.node_id.partition("::")[0]
            for result in self.results.values()
            if result.outcome in (TestOutcome.PASSED, TestOutcome.XPASSED)
        }
        for file in sorted(passed - self.canaries.keys()):
            raise Tampered(f"the hidden test of {file} is missing")
        if self.results and self.exit == 0:
            raise Tampered("pytest claims success although a hidden test must fail")
        if self.results and self.exit == 5:
            raise Tampered("pytest claims that no test ran although some were reported")

    def _take(self, line: bytes) -> TestResult | None:
        kind, fields = self._parse(line)
        if self.exit is not None:
            raise Tampered("the report goes on after its end")
        if self.greeted == (kind in ("hello", "refused")):
            raise Tampered("the report does not begin as it should")
        match kind:
            case "hello":
                self._greet(fields)
            case "refused":
                self.greeted = True
                self.refused = (fields["layer"], fields["reason"])
            case "item":
                self._item(fields)
            case "broken":
                self.broken[fields["path"]] = _cut(fields["message"])
            case "start":
                self._start(fields["id"])
            case "phase":
                return self._phase(fields)
            case "end":
                self._end(fields["exit"])
        return None

    def _parse(self, line: bytes) -> tuple[str, dict[str, Any]]:
        try:
            found = json.loads(line.decode("ascii"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Tampered("a line of the report is not JSON") from None
        if not isinstance(found, dict):
            raise Tampered("a line of the report is not an object")
        if found.pop("t", None) != self.order.token or found.pop("n", None) != self._lines:
            raise Tampered("a line was written into the report by something else")
        self._lines += 1
        kind = found.pop("k", None)
        schema = _SCHEMA.get(kind) if isinstance(kind, str) else None
        if schema is None or not isinstance(kind, str):
            raise Tampered("the report holds a line of unknown kind")
        for name in found:
            if name not in schema:
                raise Tampered(f"a line of kind {kind} has an unknown field")
        for name, types in schema.items():
            if name not in found and name not in _OPTIONAL:
                raise Tampered(f"a line of kind {kind} lacks {name}")
            value = found.get(name)
            if name in found and (not isinstance(value, types) or isinstance(value, bool)):
                raise Tampered(f"{name} in a line of kind {kind} has the wrong type")
        return kind, {name: clean(value) for name, value in found.items()}

    def _greet(self, fields: Mapping[str, Any]) -> None:
        self.greeted = True
        self.layers = tuple(str(layer) for layer in fields["layers"])
        self.environment = {str(k): str(v) for k, v in fields["environment"].items()}

    def _item(self, fields: Mapping[str, Any]) -> None:
        node_id = self._id(fields["id"])
        if node_id in self.items:
            raise Tampered(f"{node_id} was collected twice")
        self.items[node_id] = CollectedTest(
            node_id=node_id,
            path=node_id.partition("::")[0],
            doc=None if fields["doc"] is None else _cut(fields["doc"]),
            findings=tuple(
                key for key in fields["findings"][:50] if isinstance(key, str) and len(key) < 200
            ),
            purpose="guards" if fields["purpose"] == "guards" else "demonstrates",
        )

    def _start(self, raw: str) -> None:
        node_id = self._id(raw)
        if self.running is not None:
            raise Tampered(f"{node_id} begins before {self.running} has ended")
        if node_id in self.results or self.is_canary(node_id) in self.canaries:
            raise Tampered(f"{node_id} was run twice")
        if self.is_canary(node_id) is None and not self._expected(node_id):
            raise Tampered(f"{node_id} was not asked for")
        self.running = node_id
        self._phases = []

    def _expected(self, node_id: str) -> bool:
        if self.order.node_ids:
            return selected(node_id, self.order.node_ids)
        return node_id in self.items

    def _phase(self, fields: Mapping[str, Any]) -> TestResult | None:
        node_id = self._id(fields["id"])
        if node_id != self.running:
            raise Tampered(f"{node_id} is reported but was not running")
        phase, outcome = fields["phase"], fields["outcome"]
        if phase not in self._next_phases() or outcome not in _OUTCOMES:
            raise Tampered(f"{node_id} reports its phases out of order")
        self._phases.append(
            Phase(
                phase=phase,
                outcome=outcome,
                duration=_duration(fields["duration"], self.limits.per_arm_s),
                expected_failure=fields.get("xfail") is not None,
                message=_cut_or_none(fields.get("message")),
                traceback=_cut_or_none(fields.get("traceback")),
                stdout=fields.get("stdout"),
            )
        )
        return self._close(node_id) if phase == "teardown" else None

    def _next_phases(self) -> tuple[str, ...]:
        if not self._phases:
            return ("setup",)
        last = self._phases[-1]
        return ("call",) if (last.phase, last.outcome) == ("setup", "passed") else ("teardown",)

    def _close(self, node_id: str) -> TestResult | None:
        result = merge(node_id, self._phases, self.repeat, self._share())
        self.running = None
        file = self.is_canary(node_id)
        if file is None:
            self.results[node_id] = result
            self._printed += len((result.stdout or "").encode())
            return result
        # Skipped in its set-up is what a fixture of the suite may do to every test of a file.
        honest = result.outcome in (TestOutcome.FAILED, TestOutcome.ERROR) or (
            result.outcome is TestOutcome.SKIPPED and result.phase == "setup"
        )
        if not honest:
            raise Tampered(f"the hidden test of {file}, which must fail, is {result.outcome}")
        self.canaries[file] = result
        return None

    def _end(self, exit_status: int) -> None:
        self.exit = exit_status
        if self.running is not None and exit_status != 2:
            raise Tampered(f"the report ends while {self.running} is running")

    def is_canary(self, node_id: str) -> str | None:
        """The file of which `node_id` is the canary."""
        file, _, name = node_id.partition("::")
        return file if name == canary_name(self.order.canary, file) else None

    def _id(self, raw: str) -> str:
        if len(raw) > _MAX_ID_CHARS:
            raise Tampered("a node id is too long")
        return raw

    def _share(self) -> int:
        left = self.limits.output_bytes_per_arm - self._printed
        return max(0, min(left, self.limits.output_bytes_per_test))


def _cut(text: str) -> str:
    if len(text) <= _MAX_TEXT_CHARS:
        return text
    return f"{text[:_MAX_TEXT_CHARS]}\n[… {len(text) - _MAX_TEXT_CHARS} characters cut …]"


def _cut_or_none(text: str | None) -> str | None:
    return None if text is None else _cut(text)


def _duration(value: float, most: float) -> float:
    # An int may be too large for a float; a float may be NaN or negative.
    if isinstance(value, int):
        value = max(-1, min(value, 1 << 40))
    seconds = float(value)
    return min(max(seconds, 0.0), most) if math.isfinite(seconds) else 0.0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
