"""The order in which the items of a batch are filed."""

from __future__ import annotations

import pytest

from app.domain.filing import in_filing_order


@pytest.mark.parametrize(
    ("needs", "groups"),
    [
        ({}, []),
        ({"a": [], "b": [], "c": []}, [["a"], ["b"], ["c"]]),
        ({"a": ["b"], "b": []}, [["b"], ["a"]]),
        ({"a": [], "b": ["a"]}, [["a"], ["b"]]),
        ({"a": ["c"], "b": [], "c": []}, [["c"], ["a"], ["b"]]),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["nobody"]}, [["a"]]),
        ({"c": ["a"], "b": ["c"], "a": ["b"], "d": ["a"]}, [["c", "b", "a"], ["d"]]),
        ({"a": ["b", "d"], "b": ["c"], "c": ["b"], "d": []}, [["b", "c"], ["d"], ["a"]]),
    ],
)
def test_what_is_named_comes_first(needs: dict[str, list[str]], groups: list[list[str]]) -> None:
    assert in_filing_order(needs) == groups


def test_a_long_chain_needs_no_recursion() -> None:
    needs = {str(n): [str(n + 1)] for n in range(5000)} | {"5000": []}

    assert [group[0] for group in in_filing_order(needs)] == [str(n) for n in range(5000, -1, -1)]
