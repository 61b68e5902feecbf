"""Reducing a patch: which forms are tried, and what is left of the patch as a diff."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain import diffs
from app.domain.diff_writer import written
from app.domain.minimise import Unit, beyond, by_block, by_hunk, by_line, reduced, smallest

Holds = Callable[[frozenset[Unit]], bool]


def search(units: Sequence[Unit], holds: Holds) -> tuple[frozenset[Unit], int]:
    """What is left, and how many forms were tried."""
    steps, tried = smallest(units), 0
    answer: bool | None = None
    try:
        while True:
            some = next(steps) if answer is None else steps.send(answer)
            tried += 1
            answer = holds(frozenset(some))
    except StopIteration as end:
        return frozenset(end.value), tried


def units_of(count: int) -> list[Unit]:
    return [((0, 0, n),) for n in range(count)]


@given(st.integers(1, 40), st.data())
def test_what_is_left_is_what_is_needed(count: int, data: st.DataObject) -> None:
    units = units_of(count)
    needed = frozenset(data.draw(st.lists(st.sampled_from(units), min_size=1, unique=True)))

    left, tried = search(units, lambda some: needed <= some)

    assert left == needed
    assert tried <= 4 * count + count * count // 2


@given(st.integers(2, 12), st.integers(0, 2**32))
def test_of_what_is_left_no_single_part_can_go(count: int, seed: int) -> None:
    """Whatever holds and does not, as long as it is always the same."""

    def holds(some: frozenset[Unit]) -> bool:
        return some == frozenset(units) or (bool(some) and hash((seed, some)) % 3 == 0)

    units = units_of(count)

    left, _ = search(units, holds)

    assert holds(left)
    assert not any(holds(left - {unit}) for unit in left if len(left) > 1)


OLD = {
    "kasmina/a.py": "".join(f"a{n} = {n}\n" for n in range(40)),
    "kasmina/gone.py": "x = 1\ny = 2\n",
}
NEW = {
    "kasmina/a.py": OLD["kasmina/a.py"]
    .replace("a3 = 3\n", "a3 = 30\nb3 = 3\n")
    .replace("a20 = 20\n", "")
    .replace("a35 = 35\n", "a35 = 350\n"),
    "kasmina/new.py": "n = 1\nm = 2\n",
}


def patch_between(old: dict[str, str], new: dict[str, str]) -> diffs.Patch:
    text = ""
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        text += "".join(
            difflib.unified_diff(
                (before or "").splitlines(True),
                (after or "").splitlines(True),
                "/dev/null" if before is None else f"a/{path}",
                "/dev/null" if after is None else f"b/{path}",
            )
        )
    return diffs.parse(text)


WHOLE = patch_between(OLD, NEW)


EACH = [(place,) for unit in by_hunk(WHOLE.files) for place in unit]


@given(st.sets(st.sampled_from(EACH), min_size=1))
def test_the_reduced_patch_and_the_rest_on_top_of_it_are_the_whole(chosen: set[Unit]) -> None:
    text = written(reduced(WHOLE.files, chosen))
    rest = beyond(WHOLE.files, chosen)

    between = diffs.apply(OLD, diffs.parse(text))
    after = diffs.apply(between, diffs.parse(rest)) if rest else between

    assert after == diffs.apply(OLD, WHOLE) == NEW


def test_units_are_hunks_and_then_their_blocks_and_lines() -> None:
    units = by_hunk(WHOLE.files)

    assert [len(unit) for unit in units] == [3, 1, 2, 2, 2]
    text = written(reduced(WHOLE.files, units[:1]))
    assert "+a3 = 30" in text and "a20" not in text and "gone" not in text
    single, staying = by_line(WHOLE.files, by_block(units))
    # Two lines for one may go one by one, and what they replace stays away; one for one goes whole.
    assert [len(unit) for unit in single] == [1, 1, 1, 2, 1, 1, 1, 1]
    assert staying == [units[0][:1]]
