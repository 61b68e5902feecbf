"""Which tickets a target covers, and digests of lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalogue import TargetState, fold


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
