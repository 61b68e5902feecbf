"""Which functions a strength run changes: found by symbol in the package as it is today. Pure.

A ticket's line numbers are never used: they are of the day on which it was written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.strength import MutatedFunction, StrengthScope

MODULE = "<module>"
_SYMBOL = re.compile(r"[^\W\d]\w*(?:\.(?:[^\W\d]\w*|<locals>))*")
_MOST_NEAREST = 3


@dataclass(frozen=True)
class Defined:
    """Something that a file of the package defines."""

    path: str
    name: str
    """As Python qualifies it."""
    kind: str
    """``function``, ``class`` or ``name``."""
    first: int
    last: int

    @property
    def dotted(self) -> str:
        """Its name as people write it."""
        return self.name.replace(".<locals>.", ".")


@dataclass(frozen=True)
class Named:
    """A place that a ticket names."""

    path: str | None
    symbol: str | None
    id: str = ""


@dataclass(frozen=True)
class Missing:
    """A symbol that the package has no more, with what is most like it."""

    symbol: str
    nearest: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """What is to be changed."""

    functions: tuple[MutatedFunction, ...]
    missing: tuple[Missing, ...] = ()


def select(
    defined: Sequence[Defined],
    lengths: Mapping[str, int],
    named: Iterable[Named],
    touched: Mapping[str, Iterable[int]],
    by_fix: Mapping[str, Iterable[int]],
    scope: StrengthScope,
) -> Selection:
    """Return the functions that a ticket is about.

    Args:
        defined: everything that the package's files define.
        lengths: how many lines each file has.
        named: the ticket's locations.
        touched: lines of today's files that the ticket's patches touch.
        by_fix: those of them that the fix touches.
        scope: ``file`` takes all of each file that holds one, or that a location names.
    """
    found: dict[tuple[str, str], MutatedFunction] = {}
    missing: list[Missing] = []
    files: list[str] = []
    for place in named:
        if place.path in lengths:
            files.append(str(place.path))
        for symbol in _symbols(place.symbol):
            matching = _matching(defined, symbol, place.path)
            if not matching:
                missing.append(Missing(symbol, _nearest(defined, symbol)))
            for match in matching:
                found.setdefault((match.path, match.name), _whole(match))
    for path, lines in touched.items():
        fix = set(by_fix.get(path, ()))
        for line in sorted(set(lines)):
            one = _around(defined, path, line)
            known = found.get((path, one.name), one)
            found[path, one.name] = replace(
                known,
                first=min(known.first, one.first),
                last=max(known.last, one.last),
                by_fix=known.by_fix or line in fix,
            )
    if scope is StrengthScope.FILE:
        within = dict.fromkeys([*(path for path, _ in found), *files])
        fixed = [one for one in found.values() if one.by_fix]
        whole = [MutatedFunction(path, MODULE, 1, lengths[path]) for path in within]
        return Selection((*fixed, *whole), tuple(missing))
    return Selection(_outermost(found.values()), tuple(missing))


def changed_lines(before: str, after: str) -> set[int]:
    """Return the lines of `before`, from 1, that become others; where some come in, the one above.

    Blank lines are nobody's.
    """
    old, new = before.split("\n"), after.split("\n")
    found: set[int] = set()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, _, _ in matcher.get_opcodes():
        if tag == "insert":
            above = next((n for n in range(start, 0, -1) if old[n - 1].strip()), None)
            found.update(() if above is None else (above,))
        elif tag != "equal":
            found.update(n + 1 for n in range(start, end) if old[n].strip())
    return found


def _symbols(text: str | None) -> list[str]:
    """Return the names in what a ticket gives as a symbol, like ``SeedSlot.forward()``."""
    return [one for one in _SYMBOL.findall(text or "") if one not in ("def", "class", "async")]


def _matching(defined: Sequence[Defined], symbol: str, path: str | None) -> list[Defined]:
    """Return what a symbol names: in the file if it is there, or else wherever it is."""
    wanted = symbol.replace(".<locals>.", ".")
    everywhere = [
        one
        for one in defined
        if one.dotted == wanted
        or one.dotted.endswith(f".{wanted}")
        or (wanted.endswith(f".{one.dotted}") and _is_in_module(one, wanted))
    ]
    here = [one for one in everywhere if one.path == path]
    found = here or everywhere
    exact = [one for one in found if one.dotted == wanted]
    return exact or found


def _is_in_module(one: Defined, symbol: str) -> bool:
    """Whether the beginning of a dotted name is the module of a definition, or its end."""
    module = one.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    beginning = symbol.removesuffix(one.dotted).rstrip(".")
    return module == beginning or module.endswith(f".{beginning}") or beginning.endswith(module)


def _nearest(defined: Sequence[Defined], symbol: str) -> tuple[str, ...]:
    names = {one.dotted: one for one in defined if one.kind != "name"}
    close = difflib.get_close_matches(symbol, names, n=_MOST_NEAREST, cutoff=0.4)
    if not close:
        last = symbol.rpartition(".")[2]
        by_last = {name.rpartition(".")[2]: name for name in names}
        ends = difflib.get_close_matches(last, by_last, n=_MOST_NEAREST, cutoff=0.4)
        close = [by_last[one] for one in ends]
    return tuple(f"{name} ({names[name].path})" for name in close)


def _around(defined: Sequence[Defined], path: str, line: int) -> MutatedFunction:
    """Return the innermost function around a line; for one in none, the line itself."""
    around = [one for one in defined if one.path == path and one.first <= line <= one.last]
    functions = [one for one in around if one.kind == "function"]
    if functions:
        return _whole(max(functions, key=lambda one: one.first))
    names = [one for one in around if one.kind == "name"]
    if names:
        return _whole(names[-1])
    classes = [one for one in around if one.kind == "class"]
    name = max(classes, key=lambda one: one.first).name if classes else MODULE
    return MutatedFunction(path, name, line, line)


def _whole(one: Defined) -> MutatedFunction:
    return MutatedFunction(one.path, one.name, one.first, one.last)


def _outermost(found: Iterable[MutatedFunction]) -> tuple[MutatedFunction, ...]:
    """Leave out what lies within another one, unless only it is the fix's."""
    every = sorted(found, key=lambda one: (one.path, one.first, -one.last))
    kept: list[MutatedFunction] = []
    for one in every:
        around = [
            other
            for other in kept
            if other.path == one.path and other.first <= one.first and one.last <= other.last
        ]
        if not around or (one.by_fix and not any(other.by_fix for other in around)):
            kept.append(one)
    return tuple(kept)
