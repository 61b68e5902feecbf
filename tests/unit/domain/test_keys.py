"""Ticket keys: grammar, natural order, minted form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import keys


@pytest.mark.parametrize(
    "key", ["B2-DRL-10", "A-1", "KAS-07", "B2-DRL-0", "X9Y-Z-00012", f"A-{'1' * 38}"]
)
def test_keys(key: str) -> None:
    assert keys.is_key(key)
    assert re.fullmatch(keys.PATTERN, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "B2",
        "B2-",
        "B2-DRL",
        "b2-drl-10",
        "2B-DRL-1",
        "B2--10",
        "B2_DRL-10",
        "B2-DRL-10 ",
        " B2-DRL-10",
        "B2-DRL-10\n",
        "B2-DRL-1/0",
        "B2-ÄRL-10",
        "B2-DRL-１０",  # digits, but not ASCII ones
        "B2-DRL-10~2",
        f"A-{'1' * 39}",
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert not keys.is_key(text)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("b2-drl-10", "B2-DRL-10"), ("kas-07~2", "KAS-07~2"), ("b2-ſ-1", "b2-ſ-1")],
    ids=["lower", "copy", "no-ascii"],
)
def test_keys_may_be_typed_in_lower_case(typed: str, stored: str) -> None:
    assert keys.canonical(typed) == stored


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("B2-DRL-10~2", True), ("B2-DRL-10~0", False), ("B2-DRL-10~", False), ("B2-DRL-10", True)],
)
def test_copies_are_keys_where_imports_are_meant(text: str, is_one: bool) -> None:
    assert keys.is_key(text, allow_copy=True) is is_one


def test_the_natural_order_is_that_of_people() -> None:
    in_order = ["A-2", "A-10", "B2-CR-1", "B2-CR-01", "B2-CR-2", "B2-DRL-1", "B10-CR-1"]
    by_text = sorted(in_order, key=keys.sort_key)

    assert by_text.index("B2-CR-2") < by_text.index("B2-DRL-1") < by_text.index("B10-CR-1")
    assert by_text.index("A-2") < by_text.index("A-10") < by_text.index("B2-CR-1")
    assert {"B2-CR-1", "B2-CR-01"} == set(by_text[2:4])


_NUMBERS = st.integers(0, 10**12)


@given(left=st.tuples(_NUMBERS, _NUMBERS), right=st.tuples(_NUMBERS, _NUMBERS))
def test_numbers_in_keys_order_as_numbers(left: tuple[int, int], right: tuple[int, int]) -> None:
    first, second = (keys.sort_key(f"B{batch}-DRL-{number}") for batch, number in (left, right))

    assert (first < second) == (left < right)
    assert (first == second) == (left == right)


@given(batch=st.integers(0, 999_999), number=st.integers(1, 10**9))
def test_a_minted_key_is_read_back(batch: int, number: int) -> None:
    key = keys.mint(batch, "DRL", number)

    assert keys.is_key(key)
    assert keys.minted_parts(key) == (batch, "DRL", number)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("B2-DRL-07", (2, "DRL", 7)),
        ("B2-DRL-7", (2, "DRL", 7)),
        ("B2-DRL-7~3", (2, "DRL", 7)),
        ("KAS-07", None),
        ("B-DRL-7", None),
        ("B2-A-B-7", None),
        (f"B2-DRL-{'9' * 30}", None),
    ],
)
def test_the_parts_of_a_minted_key(key: str, parts: tuple[int, str, int] | None) -> None:
    assert keys.minted_parts(key) == parts


def test_small_numbers_have_two_digits() -> None:
    assert [keys.mint(2, "DRL", n) for n in (1, 99, 100)] == [
        "B2-DRL-01",
        "B2-DRL-99",
        "B2-DRL-100",
    ]
