"""Differences as pages show them, and that texts of strangers cannot make them slow."""

from __future__ import annotations

import pytest

from app.formats import html
from app.web import diffs


def pairs(left: object, right: object) -> list[tuple[str | None, str | None]]:
    return [(row.left, row.right) for row in diffs.side_by_side(left, right)]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a", "a", [("a", "a")]),
        ("one\ntwo\nthree", "one\n2\nthree", [("one", "one"), ("two", "2"), ("three", "three")]),
        ("one", "one\ntwo", [("one", "one"), (None, "two")]),
        (["kasmina"], ["kasmina", "torch"], [("kasmina", "kasmina, torch")]),
    ],
)
def test_two_versions_stand_line_by_line(
    left: object, right: object, expected: list[tuple[str | None, str | None]]
) -> None:
    assert pairs(left, right) == expected


def test_of_what_is_equal_only_the_ends_are_shown() -> None:
    same = [str(n) for n in range(20)]
    shown = pairs("\n".join(same), "\n".join([*same, "new"]))

    assert shown[:4] == [("0", "0"), ("1", "1"), ("2", "2"), ("…", "…")]
    assert shown[-2:] == [("19", "19"), (None, "new")]


@pytest.mark.parametrize("lines", [20_000, 200_000])
def test_a_long_text_is_not_compared_but_cut(lines: int) -> None:
    old, new = "ab\n" * lines, "ba\n" * lines

    change = diffs.change("summary", old, new)
    assert change.lines is not None
    assert {kind for kind, _ in change.lines.lines} == {"add", "del"}
    assert len(change.lines.lines) == diffs.MOST_LINES
    assert len(diffs.side_by_side(old, new)) == diffs.MOST_LINES


def test_code_is_highlighted_by_the_name_of_its_file_and_escaped() -> None:
    assert html.code("a < b", "x.txt") == "<pre><code>a &lt; b</code></pre>"
    found = html.code("def f(): '<script>'", "kasmina/slot.PY")
    assert '<span class="hl-k">def</span>' in found
    assert "<script" not in found
