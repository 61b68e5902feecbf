"""Which tickets a target covers, and digests of lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalogue import CatalogueTest, TargetState, fold, meant_by, search


@pytest.mark.parametrize(
    ("domains", "covered"),
    [
        (["kasmina"], True),
        (["kasmina/blend"], True),
        (["tolaria", "kasmina/slot/forward"], True),
        ([], True),
        (["tolaria"], False),
        (["kasmina-extras"], False),
        (["kasminaX"], False),
        (["old/kasmina"], False),
    ],
)
def test_a_target_covers_its_domain_and_what_lies_below(domains: list[str], covered: bool) -> None:
    state = TargetState("kasmina", "p", "s", ("kasmina",), (), datetime(2026, 1, 2, tzinfo=UTC))

    assert state.covers(domains) is covered


_LISTS = st.lists(st.text(alphabet=st.characters(), max_size=4), max_size=4)


@given(left=_LISTS, right=_LISTS)
def test_only_equal_lists_have_the_same_digest(left: list[str], right: list[str]) -> None:
    assert (fold(left) == fold(right)) == (left == right)


def test_parts_do_not_run_into_each_other() -> None:
    assert len({fold(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""])}) == 4


def test_lone_surrogates_have_a_digest_too() -> None:
    assert fold(["\ud800"]) != fold(["\ud801"])


def test_tests_are_found_by_words_of_name_docstring_and_ticket() -> None:
    tests = [
        CatalogueTest("t/a.py::test_scale", "t/a.py", "Its factor counts.", ("B5-DRL-01",), "d"),
        CatalogueTest("t/b.py::test_factor", "t/b.py", None, (), "d"),
    ]

    assert [t.node_id for t in search(tests, "FACTOR", limit=5)] == [
        "t/b.py::test_factor", "t/a.py::test_scale",
    ]  # fmt: skip
    assert search(tests, "factor counts b5-drl", limit=5) == tests[:1]
    assert len(search(tests, "", limit=1)) == 1


def test_a_last_part_means_a_test_a_parametrised_one_or_a_file() -> None:
    tests = [
        CatalogueTest(name, name.partition("::")[0], None, (), "d")
        for name in (
            "t/a.py::test_x[1]",
            "t/a.py::test_x[2]",
            "t/a.py::A::test_y",
            "u/b.py::test_y",
        )
    ]

    assert meant_by(tests, "test_x") == ["t/a.py::test_x"]
    assert meant_by(tests, "test_x[2]") == ["t/a.py::test_x[2]"]
    assert meant_by(tests, "test_y") == ["t/a.py::A::test_y", "u/b.py::test_y"]
    assert meant_by(tests, "b.py") == ["u/b.py"]
    assert meant_by(tests, "est_x") == []
