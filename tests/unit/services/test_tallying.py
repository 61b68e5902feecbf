"""What a run saw of tests, as tallies and evidence take it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.catalogue import TargetState
from app.domain.runs import ArmResult, LinkedTest, RunPlan
from app.services.evidence import uses_digest
from app.services.tallying import seen, used_test_files
from app.storage.tallies import TallyKey
from tests.factories.runs import a_plan, an_arm

TARGET = TargetState(
    "kasmina",
    "p",
    "s",
    (),
    (),
    datetime.now(UTC),
    test_files={"t/test_a.py": "a1", "t/test_b.py": "b1", "t/test_c.py": "c1"},
)
A, B = "t/test_a.py::a", "t/test_b.py::b"


def plan() -> RunPlan:
    return replace(a_plan(A, others=(B,)), tests=(LinkedTest(A, digest="a0"),))


def arm(*uses: str) -> ArmResult:
    return replace(an_arm("after", {A: "pass", B: "fail"}), uses=uses)


def test_linked_tests_are_known_by_the_plan_and_others_by_the_catalogue() -> None:
    found = seen(plan(), [arm()], TARGET)

    assert set(found) == {TallyKey(A, "p", "a0"), TallyKey(B, "p", "b1")}
    assert [one.linked for one in found.values()] == [True, False]


def test_of_another_suite_nothing_is_known_of_the_others() -> None:
    found = seen(plan(), [arm()], replace(TARGET, suite_digest="changed"))

    assert set(found) == {TallyKey(A, "p", "a0")}


@pytest.mark.parametrize(
    ("uses", "counted"),
    [
        ((), ()),
        # Its own file, and what is no test file, belong to its digest as they are.
        (("t/test_a.py", "t/conftest.py", "t/helpers.py"), ()),
        (("t/test_a.py", "t/test_c.py", "t/test_b.py"), ("t/test_b.py", "t/test_c.py")),
    ],
)
def test_which_files_that_a_test_imports_belong_to_its_evidence(
    uses: tuple[str, ...], counted: tuple[str, ...]
) -> None:
    assert used_test_files(plan(), [arm(*uses)], TARGET) == counted


def test_an_imported_test_file_that_changes_or_goes_changes_the_digest() -> None:
    files = TARGET.test_files
    before = uses_digest(["t/test_c.py"], files)

    assert uses_digest(["t/test_c.py"], {**files, "t/test_b.py": "b2"}) == before
    assert uses_digest(["t/test_c.py"], {**files, "t/test_c.py": "c2"}) != before
    assert uses_digest(["t/test_c.py"], {}) != before
    assert uses_digest([], files) == ""
