"""Reading a report that may be a lie."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.causes import Cause
from app.domain.runs import TestOutcome, TestResult
from app.sandbox import collected, job_report, report_lines
from app.sandbox.collected import CollectionReader
from app.sandbox.engine import bounds_of
from app.sandbox.interface import Limits
from app.sandbox.job_report import JobReader
from app.sandbox.order import CANARY_NOTE, Order, canary_name
from app.sandbox.phases import Phase, Subtest, merge
from app.sandbox.report_lines import Tampered
from app.sandbox.report_text import clean, clip_bytes

FILE = "tests/s/test_a.py"
ONE, TWO = f"{FILE}::test_one", f"{FILE}::test_two"
CANARY = f"{FILE}::{canary_name('secret', FILE)}"
LIMITS = Limits(output_bytes_per_test=20, output_bytes_per_arm=50)
Line = dict[str, Any]


def order(*node_ids: str) -> Order:
    return Order(
        root="/arm",
        packages=("p",),
        suites=("tests/s",),
        node_ids=node_ids,
        token="token",
        canary="secret",
        scratch="/tmp",
        layers=(),
        hidden=(),
        uid=None,
        bounds=bounds_of(LIMITS),
    )


HELLO: Line = {"k": "hello", "layers": ["a"], "environment": {"python": "3"}}
ITEM: Line = {
    "k": "item",
    "id": ONE,
    "doc": "d",
    "findings": ["A-1", 7],
    "purpose": "guards",
    "oddities": ["odd"],
}
COLLECTED: Line = {"k": "collected", "threads": 1, "shared": None, "installed": []}


def phase(node_id: str, name: str, outcome: str = "passed", **more: Any) -> Line:
    return {"k": "phase", "id": node_id, "phase": name, "outcome": outcome, "duration": 0.5, **more}


def run(node_id: str, outcome: str = "passed", **more: Any) -> list[Line]:
    return [
        {"k": "start", "id": node_id},
        phase(node_id, "setup"),
        phase(node_id, "call", outcome, **more),
        phase(node_id, "teardown"),
        {"k": "stop", "id": node_id},
    ]


def hidden() -> list[Line]:
    """The hidden test, as it should be."""
    return run(CANARY, "failed", message=CANARY_NOTE)


def end() -> Line:
    return {"k": "end", "uses": [FILE]}


def encode(lines: list[Line], token: str = "token") -> bytes:
    return b"".join(
        json.dumps({"n": number, "t": token, **line}).encode() + b"\n"
        for number, line in enumerate(lines)
    )


def read(*lines: Line, wanted: tuple[str, ...] = (ONE, TWO)) -> JobReader:
    reader = reader_of(*wanted)
    reader.feed(encode(list(lines)))
    return reader


def reader_of(*wanted: str) -> JobReader:
    return JobReader(order(), LIMITS, "token", wanted, output_bytes=LIMITS.output_bytes_per_arm)


def collect(*lines: Line) -> CollectionReader:
    reader = CollectionReader(order())
    reader.feed(encode(list(lines)))
    return reader


def test_an_honest_report() -> None:
    reader = read(
        *run(ONE),
        *run(TWO, "failed", message="m"),
        *hidden(),
        end(),
    )

    reader.check_complete()

    assert list(reader.results) == [ONE, TWO]
    assert reader.results[ONE] == TestResult(ONE, TestOutcome.PASSED, "call", 1.5)
    assert reader.results[TWO].demonstrates_failure
    assert reader.results[TWO].message == "m"
    assert list(reader.canaries) == [FILE]
    assert reader.uses == (FILE,)


def test_an_honest_collection() -> None:
    reader = collect(HELLO, ITEM, COLLECTED)

    (test,) = reader.items.values()
    assert (test.path, test.doc, test.findings, test.purpose) == (FILE, "d", ("A-1",), "guards")
    assert reader.environment == {"python": "3"}
    assert reader.warnings == [f"{ONE}: odd"]
    assert reader.threads == 1


def test_bytes_may_come_in_any_pieces() -> None:
    data = encode([*run(ONE), *hidden(), end()])
    reader = reader_of(ONE)

    ended = [
        result for index in range(len(data)) for result in reader.feed(data[index : index + 1])
    ]

    assert [result.node_id for result in ended] == [ONE]


def test_the_running_test_is_known() -> None:
    reader = read(*run(ONE)[:2])

    assert reader.running == ONE


def test_warnings_log_and_properties_belong_to_their_test() -> None:
    start, setup, call, teardown, stop = run(ONE, log="l")
    teardown["properties"] = [["k", "v"], "no pair"]
    warning = {"k": "warn", "id": ONE, "category": "UserWarning", "message": "w"}

    result = read(start, setup, call, teardown, warning, stop).results[ONE]

    assert (result.log, result.warnings) == ("l", ("UserWarning: w",))
    assert result.properties == (("k", "v"),)


FACTS: Line = {
    "kind": "builtins.AssertionError",
    "message": "m",
    "frames": [{"path": FILE, "function": "test_one", "offset": 1, "line": 7}],
}


def test_the_facts_of_a_failure_become_cause_place_and_signature() -> None:
    result = read(*run(ONE, "failed", failure=FACTS)).results[ONE]

    assert (result.cause, result.file, result.line) == (Cause.ASSERTION, FILE, 7)
    assert result.signature == f"builtins.AssertionError at {FILE}::test_one+1"


def test_the_test_in_which_the_session_ended_has_no_verdict() -> None:
    reader = read(
        *run(ONE)[:2],
        {"k": "quit", "reason": "Exit: enough"},
        *hidden(),
    )

    assert (reader.results[ONE].outcome, reader.results[ONE].phase) == (TestOutcome.ERROR, "call")
    assert "Exit: enough" in (reader.results[ONE].message or "")


LIES: dict[str, list[Line]] = {
    "the canary passes": [*run(ONE), *run(CANARY), end()],
    "the canary is expected to fail": [
        *run(ONE),
        *run(CANARY, "skipped", xfail="why"),
        end(),
    ],
    "the canary fails for another reason": [*run(ONE), *run(CANARY, "failed", message="m")],
    "a test nobody asked for": run(f"{FILE}::test_other"),
    "a test of a similar name": run(f"{ONE}_more"),
    "twice": [*run(ONE), *run(ONE)],
    "the canary twice": [
        *hidden(),
        *hidden(),
    ],
    "nested": [*run(ONE)[:2], {"k": "start", "id": TWO}],
    "no start": run(ONE)[1:],
    "other than the one that runs": [*run(ONE)[:1], *run(TWO)[1:]],
    "call without set-up": [run(ONE)[0], *run(ONE)[2:]],
    "call after a failed set-up": [
        {"k": "start", "id": ONE},
        phase(ONE, "setup", "failed"),
        phase(ONE, "call"),
    ],
    "two calls": [*run(ONE)[:3], phase(ONE, "call")],
    "no call": [*run(ONE)[:2], phase(ONE, "teardown")],
    "unknown phase": [*run(ONE)[:1], phase(ONE, "elsewhere")],
    "unknown outcome": [*run(ONE)[:1], phase(ONE, "setup", "great")],
    "end in a test": [*run(ONE)[:2], end()],
    "after the end": [*run(ONE), end(), *run(TWO)],
    "a test after the session has ended": [{"k": "quit", "reason": "r"}, *run(ONE)],
    "no stop": [*run(ONE)[:-1], *run(TWO)],
    "a stop before its time": [run(ONE)[0], run(ONE)[-1]],
    "a subtest of another": [
        run(ONE)[0],
        {"k": "sub", "id": TWO, "name": "s", "outcome": "passed", "duration": 0},
    ],
    "facts of another kind": run(ONE, "failed", failure={**FACTS, "extra": 1}),
    "facts without a type": run(ONE, "failed", failure={"message": "m"}),
    "a frame of another kind": run(ONE, "failed", failure={**FACTS, "frames": [7]}),
    "an impossible line": run(
        ONE, "failed", failure={**FACTS, "frames": [{**FACTS["frames"][0], "line": 1 << 40}]}
    ),
    "a group of no failures": run(ONE, "failed", failure={**FACTS, "others": ["x"]}),
    "unknown kind": [{"k": "verdict", "outcome": "proven"}],
    "kind of another type": [{"k": ["end"]}],
    "unknown field": [{"k": "start", "id": ONE, "extra": 1}],
    "missing field": [{"k": "start"}],
    "wrong type": [{"k": "start", "id": 7}],
    "boolean for a number": [{**phase(ONE, "setup"), "duration": True}],
    "long id": [{"k": "start", "id": "x" * 3000}],
}


@pytest.mark.parametrize("lines", LIES.values(), ids=list(LIES))
def test_a_lie_is_noticed(lines: list[Line]) -> None:
    with pytest.raises(Tampered):
        read(*lines)


LIES_OF_COLLECTION: dict[str, list[Line]] = {
    "no hello": [ITEM],
    "a second hello": [HELLO, HELLO],
    "a refusal after the hello": [HELLO, {"k": "refused", "layer": "a", "reason": "b"}],
    "collected twice": [HELLO, ITEM, ITEM],
    "after the end": [HELLO, COLLECTED, ITEM],
    "a line of a job": [HELLO, {"k": "start", "id": ONE}],
}


@pytest.mark.parametrize("lines", LIES_OF_COLLECTION.values(), ids=list(LIES_OF_COLLECTION))
def test_a_lie_of_the_collection_is_noticed(lines: list[Line]) -> None:
    with pytest.raises(Tampered):
        collect(*lines)


def test_a_pass_without_its_canary_is_noticed_at_the_end() -> None:
    reader = read(*run(ONE), end())

    with pytest.raises(Tampered, match="hidden test"):
        reader.check_complete()


def test_half_a_line_is_noticed_at_the_end() -> None:
    reader = read(*run(ONE, "failed"), end())
    reader.feed(b"{")

    with pytest.raises(Tampered, match="middle"):
        reader.check_complete()


@pytest.mark.parametrize("xfail", [{}, {"xfail": "known"}])
def test_a_canary_may_be_skipped_by_a_fixture_of_its_file(xfail: Line) -> None:
    skipped = [
        {"k": "start", "id": CANARY},
        phase(CANARY, "setup", "skipped", **xfail),
        phase(CANARY, "teardown"),
        {"k": "stop", "id": CANARY},
    ]

    read(*run(ONE), *skipped, end()).check_complete()


RAW = {
    "no JSON": b"PASSED\n",
    "an array": b"[1]\n",
    "not ASCII": '{"k": "é"}\n'.encode(),
    "NaN": b'{"k":"phase","n":0,"t":"token","duration":NaN}\n',
    "deep": b"[" * 100_000 + b"\n",
    "a huge number": b'{"k":"phase","n":0,"t":"token","duration":' + b"9" * 5000 + b"}\n",
    "a guessed token": encode([end()], "guess"),
    "a number out of turn": encode([{}, end()]).splitlines()[1] + b"\n",
}


@pytest.mark.parametrize("data", RAW.values(), ids=list(RAW))
def test_what_something_else_wrote_is_noticed(data: bytes) -> None:
    with pytest.raises(Tampered):
        read().feed(data)


def test_an_endless_line_is_not_kept() -> None:
    reader = read()

    reader.feed(b"x" * report_lines.MAX_LINE_BYTES)

    with pytest.raises(Tampered, match="line"):
        reader.feed(b"x")


def test_an_endless_report_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_lines, "MAX_REPORT_BYTES", 1000)

    with pytest.raises(Tampered, match="longer"):
        read(*run(ONE), *run(TWO))


@given(st.binary(max_size=200))
def test_noise_raises_nothing_else(noise: bytes) -> None:
    with suppress(Tampered):
        read().feed(noise)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(job_report._SCHEMA)), st.data())
def test_any_value_in_any_field_is_survived(kind: str, data: st.DataObject) -> None:
    line: Line = {"k": kind}
    for name in job_report._SCHEMA[kind]:
        line[name] = data.draw(JSON)
    with suppress(Tampered):
        read(*run(ONE)[:1], line).check_complete()


@given(st.dictionaries(st.sampled_from(sorted(job_report._FAILURE)), JSON))
def test_any_facts_of_a_failure_are_survived(facts: Line) -> None:
    with suppress(Tampered):
        read(*run(ONE, "failed", failure={"kind": "x", **facts}))


@given(st.sampled_from(sorted(collected._SCHEMA)), st.data())
def test_any_value_in_a_collection_is_survived(kind: str, data: st.DataObject) -> None:
    line: Line = {"k": kind}
    for name in collected._SCHEMA[kind]:
        line[name] = data.draw(JSON)
    with suppress(Tampered):
        collect(HELLO, line)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\0b", "a\\x00b"),
        ("\ud800x", "\ufffdx"),
        ("x\udfff", "x\ufffd"),
        ("\U0001f600é", "\U0001f600é"),
        (["\0", {"\0": "\ud800"}], ["\\x00", {"\\x00": "\ufffd"}]),
        (7, 7),
    ],
)
def test_text_is_made_storable(value: object, expected: object) -> None:
    assert clean(value) == expected


@given(st.text(st.characters(codec=None), max_size=20))
def test_cleaned_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned


def test_binary_output_is_stored_visibly() -> None:
    reader = read(*run(ONE, stdout="a\0\ud800"))

    assert reader.results[ONE].stdout == "a\\x00\ufffd"


def test_output_is_cut_per_test_with_a_mark() -> None:
    reader = read(*run(ONE, stdout="é" * 30))

    assert reader.results[ONE].stdout == "é" * 10 + "\n[… 40 bytes cut …]"


def test_output_is_cut_per_arm() -> None:
    ids = tuple(f"{FILE}::test_{number}" for number in range(9))
    reader = read(*(line for node_id in ids for line in run(node_id, stdout="x" * 20)), wanted=ids)

    printed = [(result.stdout or "").count("x") for result in reader.results.values()]
    assert printed[:2] == [20, 20]
    assert sum(printed) <= LIMITS.output_bytes_per_arm
    assert "bytes cut" in (reader.results[ids[8]].stdout or "")


@pytest.mark.parametrize("duration", [-1.0, 1e300, 10**400, -(10**400), 10**18])
def test_odd_durations_are_bounded(duration: float) -> None:
    line = phase(ONE, "setup")
    line["duration"] = duration
    try:
        reader = read(run(ONE)[0], line, *run(ONE)[2:])
    except Tampered:
        return  # more digits than Python reads
    assert 0 <= reader.results[ONE].duration_s <= LIMITS.per_arm_s + 1


def test_long_text_is_cut() -> None:
    message = read(*run(ONE, "failed", message="x" * 100_000)).results[ONE].message

    assert message is not None
    assert len(message) < 21_000
    assert "cut" in message


P, F, S = "passed", "failed", "skipped"


@pytest.mark.parametrize(
    ("steps", "xfail", "message", "outcome", "decisive"),
    [
        ([P, P, P], False, None, TestOutcome.PASSED, "call"),
        ([P, F, P], False, "boom", TestOutcome.FAILED, "call"),
        ([P, F, F], False, "boom", TestOutcome.FAILED, "call"),
        ([P, P, F], False, "boom", TestOutcome.ERROR, "teardown"),
        ([F, None, P], False, "boom", TestOutcome.ERROR, "setup"),
        ([S, None, P], False, "why", TestOutcome.SKIPPED, "setup"),
        ([P, S, P], False, "why", TestOutcome.SKIPPED, "call"),
        ([P, S, P], True, "why", TestOutcome.XFAILED, "call"),
        ([P, P, P], True, None, TestOutcome.XPASSED, "call"),
        ([P, F, P], False, "[XPASS(strict)] why", TestOutcome.XPASSED, "call"),
    ],
)
def test_phases_become_one_outcome(
    steps: list[str | None],
    xfail: bool,
    message: str | None,
    outcome: TestOutcome,
    decisive: str,
) -> None:
    phases = [
        Phase(name, step, 0.0, xfail and name == "call", message)
        for name, step in zip(("setup", "call", "teardown"), steps, strict=True)
        if step is not None
    ]

    result = merge(ONE, phases, repeat=3)

    assert (result.outcome, result.phase, result.repeat) == (outcome, decisive, 3)


@pytest.mark.parametrize(
    ("subtest", "outcome", "skipped"),
    [
        (Subtest("s", P, False), TestOutcome.PASSED, ()),
        (Subtest("s", F, False, message="m"), TestOutcome.FAILED, ()),
        (Subtest("s", S, True, message="m"), TestOutcome.XFAILED, ()),
        (Subtest("s", S, False, message="m"), TestOutcome.PASSED, ("s",)),
    ],
)
def test_what_became_of_a_subtest_counts(
    subtest: Subtest, outcome: TestOutcome, skipped: tuple[str, ...]
) -> None:
    phases = [Phase(name, P, 0.0, False) for name in ("setup", "call", "teardown")]

    result = merge(ONE, phases, [Subtest("other", P, False), subtest])

    assert (result.outcome, result.skipped_subtests) == (outcome, skipped)
    if outcome is not TestOutcome.PASSED:
        assert result.message == "m"


@given(st.text(max_size=40), st.integers(0, 60))
def test_cut_text_stays_within_its_bytes(text: str, limit: int) -> None:
    cut = clip_bytes(text, limit)

    kept = cut if cut == text else cut.rpartition("\n[… ")[0]
    assert len(kept.encode()) <= limit
    assert text.startswith(kept)
