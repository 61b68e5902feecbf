"""Reducing a fix patch to what the tests need: by hunks, blocks of changes, and lines. Pure.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002)
by complements: stretches are left out, the long ones first, and stay out where the rest does. What
comes out has no single part that could be left out as well.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.diff_parts import FilePatch, Hunk, Line, Sign
from app.domain.diff_writer import written
from app.domain.plain import from_plain
from app.domain.strength import MOST_BUDGET_S

DEFAULT_BUDGET_S = 120
MOST_TRIALS = 500
"""A patch is tried in no more forms."""
__all__ = ["DEFAULT_BUDGET_S", "MOST_BUDGET_S", "MOST_TRIALS"]

Place = tuple[int, int, int]
"""A changed line of a patch: file, hunk and line, each from 0."""
Unit = tuple[Place, ...]
"""Changed lines that stay or go together."""


@dataclass(frozen=True)
class MinimisePlan:
    """What a run that reduces a patch is to do, beside what every run is."""

    patch: str
    """Its name."""
    digest: str
    budget_s: int


@dataclass(frozen=True)
class Minimised:
    """What is left of a patch."""

    patch: str
    """Its name."""
    digest: str
    """Of the patch that was reduced."""
    text: str
    """The reduced patch."""
    fell_away: str
    """What the whole patch does beyond the reduced one, as a diff on top of it."""
    hunks: tuple[int, int]
    """How many it had, and has."""
    lines: tuple[int, int]
    """How many changed lines it had, and has."""
    tried: int
    complete: bool
    """Nothing more can be left out; false where time ran out before that was known."""
    lands: bool
    """The package is without the patch, so that the reduced one can take its place."""

    @property
    def sentence(self) -> str:
        """What was found, in plain words."""
        before, after = self.lines
        if before == after:
            told = "Nothing of the patch can be left out"
            if not self.complete:
                told = "Nothing that could be left out was found"
        else:
            told = f"{after} of {before} changed lines make the same tests pass and break nothing"
        ended = "" if self.complete else " Time ran out: less may do."
        return f"{told} ({self.tried} forms were tried).{ended}"

    def as_body(self) -> dict[str, Any]:
        """Return it as it is stored and answered."""
        counted = {
            name: {"before": before, "after": after}
            for name, (before, after) in (("hunks", self.hunks), ("lines", self.lines))
        }
        return {**vars(self), **counted, "sentence": self.sentence}


def minimised_from(stored: dict[str, Any]) -> Minimised:
    """Build it from its stored form."""
    counted = {n: (stored[n]["before"], stored[n]["after"]) for n in ("hunks", "lines")}
    return from_plain(Minimised, {**stored, **counted})


def by_hunk(files: Sequence[FilePatch]) -> list[Unit]:
    """Return the changed lines of a patch, those of a hunk together."""
    return [
        tuple((at, number, n) for n, line in enumerate(hunk.lines) if line.sign != " ")
        for at, file in enumerate(files)
        for number, hunk in enumerate(file.hunks)
    ]


def by_block(units: Sequence[Unit]) -> list[Unit]:
    """Return the changed lines of units, those together that follow each other."""
    found: list[list[Place]] = []
    for place in (place for unit in units for place in unit):
        last = found[-1][-1] if found else None
        if last is not None and last[:2] == place[:2] and last[2] + 1 == place[2]:
            found[-1].append(place)
        else:
            found.append([place])
    return [tuple(block) for block in found]


def by_line(files: Sequence[FilePatch], blocks: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Return the lines of blocks that may go one by one, and those that stay with their block.

    Where as many lines go as come, each comes in place of one and goes with it. Where others come,
    what they replace stays replaced: the old beside the new is no smaller fix.
    """
    single: list[Unit] = []
    staying: list[Unit] = []
    for block in blocks:
        old = [place for place in block if _sign(files, place) == "-"]
        new = [place for place in block if _sign(files, place) == "+"]
        if len(old) == len(new):
            single += zip(old, new, strict=True)
        elif old and new:
            single += [(place,) for place in new]
            staying.append(tuple(old))
        else:
            single += [(place,) for place in block]
    return single, staying


def _sign(files: Sequence[FilePatch], place: Place) -> Sign:
    at, hunk, line = place
    return files[at].hunks[hunk].lines[line].sign


def smallest(units: Sequence[Unit]) -> Generator[tuple[Unit, ...], bool, tuple[Unit, ...]]:
    """Yield what is to be tried, and return what is left once each was answered.

    All units together hold, and none of them does not: neither is tried.
    """
    kept = tuple(units)
    size = len(kept) // 2
    while size:
        position, went = 0, False
        while position < len(kept):
            rest = kept[:position] + kept[position + size :]
            if rest and (yield rest):
                kept, went = rest, True
            else:
                position += size
        # What one line needed may have gone with another: single ones are gone through again.
        size = min(size, len(kept) // 2) if went and size == 1 else size // 2
    return kept


def reduced(files: Sequence[FilePatch], units: Collection[Unit]) -> tuple[FilePatch, ...]:
    """Return the patch that changes these lines only."""
    chosen = {place for unit in units for place in unit}
    return tuple(_files(files, chosen, left_out={"-": " ", "+": None}, taken={"-": "-", "+": "+"}))


def beyond(files: Sequence[FilePatch], units: Collection[Unit]) -> str:
    """Return what the whole patch does beyond these lines, as a diff on top of them."""
    chosen = {place for unit in units for place in unit}
    return written(
        _files(files, chosen, left_out={"-": "-", "+": "+"}, taken={"-": None, "+": " "})
    )


def _files(
    files: Sequence[FilePatch],
    chosen: Collection[Place],
    *,
    left_out: dict[str, Sign | None],
    taken: dict[str, Sign | None],
) -> Iterator[FilePatch]:
    """Yield files whose changed lines have other signs; None takes a line away."""
    for at, file in enumerate(files):
        hunks: list[Hunk] = []
        old_by = new_by = 0  # how far what came before has moved the two sides
        for number, hunk in enumerate(file.hunks):
            lines: list[Line] = []
            for n, line in enumerate(hunk.lines):
                signs = taken if (at, number, n) in chosen else left_out
                sign = " " if line.sign == " " else signs[line.sign]
                if sign is not None:
                    lines.append(Line(sign, line.text))
            start = hunk.old_index + old_by
            other = replace(hunk, lines=tuple(lines), old_index=start, new_index=start + new_by)
            old_by += len(other.side("-")) - len(hunk.side("-"))
            new_by += len(other.side("+")) - len(other.side("-"))
            if any(line.sign != " " for line in lines):
                hunks.append(other)
        if hunks:
            signs_left = {line.sign for hunk in hunks for line in hunk.lines}
            yield replace(
                file,
                hunks=tuple(hunks),
                added=file.added and signs_left == {"+"},
                deleted=file.deleted and signs_left == {"-"},
            )
