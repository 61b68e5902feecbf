"""Which functions are changed: by symbol in today's files, by lines that patches touch."""

from __future__ import annotations

import pytest

from app.domain.mutated import Defined, Named, changed_lines, select
from app.domain.strength import StrengthScope

PATH, OTHER = "kasmina/slot.py", "kasmina/ops.py"
LENGTHS = {PATH: 60, OTHER: 30}
DEFINED = [
    Defined(PATH, "LIMIT", "name", 3, 3),
    Defined(PATH, "Slot", "class", 5, 40),
    Defined(PATH, "Slot.forward", "function", 8, 20),
    Defined(PATH, "Slot.forward.<locals>.inner", "function", 10, 12),
    Defined(PATH, "Slot.reset", "function", 22, 30),
    Defined(PATH, "helper", "function", 45, 50),
    Defined(OTHER, "blend_add", "function", 5, 12),
    Defined(OTHER, "helper", "function", 20, 25),
]
FUNCTION = StrengthScope.FUNCTION


def names(
    *named: Named, scope: StrengthScope = FUNCTION, **lines: dict[str, list[int]]
) -> list[str]:
    touched = lines.get("touched", {})
    found = select(DEFINED, LENGTHS, named, touched, lines.get("by_fix", {}), scope)
    return [f"{one.path[8:-3]}:{one.name}" for one in found.functions]


@pytest.mark.parametrize(
    ("path", "symbol", "found"),
    [
        (PATH, "Slot.forward", ["slot:Slot.forward"]),
        (PATH, "forward", ["slot:Slot.forward"]),
        (PATH, "Slot.forward()", ["slot:Slot.forward"]),
        (PATH, "async def forward(self)", ["slot:Slot.forward"]),
        (None, "kasmina.slot.Slot.forward", ["slot:Slot.forward"]),
        (None, "slot.helper", ["slot:helper"]),
        (PATH, "inner", ["slot:Slot.forward.<locals>.inner"]),
        (PATH, "Slot", ["slot:Slot"]),
        (PATH, "LIMIT", ["slot:LIMIT"]),
        (PATH, "helper", ["slot:helper"]),
        (None, "helper", ["ops:helper", "slot:helper"]),
        (PATH, "blend_add", ["ops:blend_add"]),
        (PATH, "forward, reset", ["slot:Slot.forward", "slot:Slot.reset"]),
        ("gone.py", "blend_add", ["ops:blend_add"]),
        (PATH, None, []),
        (PATH, "upstream.Slot.backward", []),
    ],
)
def test_symbols_are_found_in_todays_package(
    path: str | None, symbol: str | None, found: list[str]
) -> None:
    assert names(Named(path, symbol)) == found


def test_what_is_gone_names_the_nearest() -> None:
    found = select(DEFINED, LENGTHS, [Named(PATH, "Slot.forwrd")], {}, {}, FUNCTION)

    assert found.functions == ()
    (missing,) = found.missing
    assert (missing.symbol, missing.nearest[0]) == ("Slot.forwrd", "Slot.forward (kasmina/slot.py)")


def test_patches_name_the_innermost_functions_that_they_touch() -> None:
    assert names(touched={PATH: [11, 15, 24, 46]}) == [
        "slot:Slot.forward",
        "slot:Slot.reset",
        "slot:helper",
    ]
    assert names(touched={PATH: [3, 36, 55]}) == ["slot:LIMIT", "slot:Slot", "slot:<module>"]


def test_what_the_fix_touches_is_marked_within_what_a_location_names() -> None:
    found = select(
        DEFINED, LENGTHS, [Named(PATH, "Slot")], {PATH: [24]}, {PATH: [24]}, FUNCTION
    ).functions

    assert [(one.name, one.by_fix) for one in found] == [("Slot", False), ("Slot.reset", True)]


def test_a_whole_file_is_taken_where_that_is_asked() -> None:
    whole = StrengthScope.FILE

    assert names(Named(PATH, "Slot.reset"), scope=whole) == ["slot:<module>"]
    assert names(Named(PATH, None), scope=whole) == ["slot:<module>"]
    assert names(Named(None, "nothing"), scope=whole) == []


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\nb\nc\n", "a\nB\nc\n", {2}),
        ("a\nb\nc\n", "a\nc\n", {2}),
        ("a\n\nc\n", "a\n\nb\nc\n", {1}),
        ("a\n", "b\na\n", set()),
        ("a\nb\n\nd\n", "a\n", {2, 4}),
    ],
)
def test_changed_lines_are_those_of_the_file_as_it_is(
    before: str, after: str, lines: set[int]
) -> None:
    assert changed_lines(before, after) == lines
