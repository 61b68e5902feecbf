"""What is stored of what tests printed."""

from __future__ import annotations

from app.domain.outputs import MOST_CHARS, storable
from app.domain.runs import ArmResult, TestOutcome, TestResult

CHUNK = "x" * (MOST_CHARS // 4)


def arm(*results: TestResult) -> ArmResult:
    return ArmResult("bundled", "d", results, hints=("seen",))


def result(name: str, outcome: TestOutcome, **texts: object) -> TestResult:
    return TestResult(name, outcome, "call", **texts)  # type: ignore[arg-type]


def test_an_arm_with_room_is_stored_as_it_is() -> None:
    found = arm(result("a", TestOutcome.PASSED, stdout=CHUNK, log=CHUNK, traceback=CHUNK))

    assert storable(found) is found


def test_what_did_not_pass_keeps_its_texts_first() -> None:
    passed = [result(name, TestOutcome.PASSED, stdout=CHUNK) for name in "abc"]
    failed = [result(name, TestOutcome.FAILED, traceback=CHUNK, message="m") for name in "de"]

    stored = storable(arm(*passed, *failed))

    assert [one.node_id for one in stored.results] == ["a", "b", "c", "d", "e"]
    assert [bool(one.stdout or one.traceback) for one in stored.results] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert stored.hints[0] == "seen"
    assert "8 MiB" in stored.hints[1]


def test_what_is_left_of_a_result_says_how_it_ended() -> None:
    loud = result(
        "a",
        TestOutcome.FAILED,
        message="m" * 500,
        log=CHUNK * 5,
        warnings=("w",),
        properties=(("p", "v"),),
        skipped_subtests=tuple(map(str, range(100))),
    )

    (stored,) = storable(arm(loud)).results

    assert stored == result(
        "a",
        TestOutcome.FAILED,
        message="m" * 200,
        skipped_subtests=tuple(map(str, range(20))),
    )
