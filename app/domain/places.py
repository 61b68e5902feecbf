"""Where the code that a finding speaks of is now: told by its content and its symbol.

A line number says little after the next change. What a place held when it was filed is looked up in
the tree that is in force: the code itself, the function or class around it, and its neighbours.
What several places would fit is not guessed: a finding shown at the wrong code is worse than one
whose code is not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

from app.domain.relocated import PlaceState
from app.domain.tickets import Location
from app.domain.traces import Source, normalised

MOST_LINES = 60
"""Lines of a place that are kept as they were filed; of a longer one its beginning."""
_MOST_CHARS = 6000
_AROUND = 2
_DISTINCT = 24
"""Characters from which on code that stands once is hardly there by chance."""
_MOST_COMPARED = 1500
"""Lines that are compared with code that is not there as it was."""
_MOST_READ = 16 << 20
"""Characters of files in which symbols are looked for that have left their own."""
_ALIKE = 0.6


@dataclass(frozen=True)
class Filed:
    """What a place held when it was filed."""

    path: str
    start: int
    end: int
    lines: tuple[str, ...]
    symbol: str | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """The nearest lines on either side that are not blank, without indentation."""
    nth: int = 1
    of: int = 1
    """Which of the equal ones in its function or class it was, and of how many."""
    sole: tuple[int, ...] = ()
    """By which of `_LEVELS` it was told from all equal ones."""

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Found:
    """What became of a place, and where it is now."""

    state: PlaceState
    path: str | None = None
    start: int | None = None
    end: int | None = None


_UNKNOWN = Found(PlaceState.UNKNOWN)
_GONE = Found(PlaceState.GONE)


@dataclass(frozen=True, order=True)
class _Spot:
    """A block of code in a file of the tree."""

    path: str
    start: int
    end: int
    first: int
    """Of its lines among those of the file that are not blank, from 0."""
    last: int


class _File:
    """A file as it is searched."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def _both(self) -> tuple[list[str], list[int]]:
        texts, numbers = [], []
        for number, line in enumerate(self.source.lines, 1):
            text = " ".join(line.split())
            if text:
                texts.append(text)
                numbers.append(number)
        return texts, numbers

    @property
    def texts(self) -> list[str]:
        """Its lines that are not blank, without indentation."""
        return self._both[0]

    @property
    def numbers(self) -> list[int]:
        """Their numbers."""
        return self._both[1]

    @cached_property
    def symbols(self) -> dict[str, tuple[int, int]]:
        """The first and last line of each function and class, by qualified name."""
        found: dict[str, tuple[int, int]] = {}
        for number in range(1, len(self.source.lines) + 1):
            name = self.source.symbol_at(number)
            while name:
                first, _ = found.get(name, (number, number))
                found[name] = first, number
                name = name.rpartition(".")[0]
        return found


class Tree:
    """The files of a target at one moment.

    Args:
        digest: tells it from others.
        files: texts by path relative to the target's root.
    """

    def __init__(self, digest: str, files: Mapping[str, str]) -> None:
        self.digest = digest
        self._files = {
            path: _File(Source(text, is_python=path.endswith(".py")))
            for path, text in files.items()
        }
        self._folders = {path.partition("/")[0] for path in files}

    def covers(self, path: str) -> bool:
        """Tell whether a path lies in a folder that the tree has."""
        return path.partition("/")[0] in self._folders

    def file(self, path: str) -> _File | None:
        """Return a file."""
        return self._files.get(path)

    @cached_property
    def _index(self) -> dict[str, list[tuple[str, int]]]:
        """Where each line stands."""
        index: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for path, file in self._files.items():
            for n, text in enumerate(file.texts):
                index[text].append((path, n))
        return index

    @cached_property
    def _symbols(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        read = 0
        for path, file in self._files.items():
            read += len(file.source.text)
            if read > _MOST_READ:
                break
            for name in file.symbols:
                found[name].append(path)
        return found

    def having(self, symbol: str) -> list[str]:
        """Return the paths of the files that define a symbol, by qualified name."""
        return self._symbols.get(symbol, [])

    def spots(self, block: Sequence[str]) -> list[_Spot]:
        """Return wherever a block of lines stands, in order."""
        if not block:
            return []
        # The rarest of its lines has the fewest places to look at.
        at = min(range(len(block)), key=lambda n: len(self._index.get(block[n], ())))
        found = []
        for path, n in self._index.get(block[at], ()):
            first, file = n - at, self._files[path]
            last = first + len(block) - 1
            if first >= 0 and file.texts[first : last + 1] == list(block):
                spot = _Spot(path, file.numbers[first], file.numbers[last], first, last)
                found.append(spot)
        return sorted(found)

    def symbol_of(self, spot: _Spot) -> str | None:
        """Return the function or class that a block stands in."""
        return self._files[spot.path].source.symbol_at(spot.start)

    def around(self, spot: _Spot, lines: int = _AROUND) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the nearest lines above and below a block."""
        texts = self._files[spot.path].texts
        before = texts[max(0, spot.first - lines) : spot.first]
        return tuple(before), tuple(texts[spot.last + 1 : spot.last + 1 + lines])


def filed(tree: Tree, location: Location, path: str | None) -> Filed | None:
    """Return what a location holds in a tree; None where it names no code there.

    Args:
        tree: the one in force when it is filed.
        location: as it is stated.
        path: its path relative to the target's root.
    """
    symbol = (location.symbol or "").strip("`").removesuffix("()") or None
    if path is None and symbol:
        having = tree.having(symbol)
        path = having[0] if len(having) == 1 else None
    file = tree.file(path) if path else None
    if file is None or path is None:
        return None
    total = len(file.source.lines)
    start, end = location.start_line, location.end_line or location.start_line
    if start is None and symbol in file.symbols:
        start, end = file.symbols[symbol]
    if start is None or end is None:
        return Filed(path, 0, 0, (), symbol)
    if start > total:
        return None
    end = min(end, total)
    lines = _kept(file.source.lines[start - 1 : end])
    block = normalised(lines)
    here = Filed(path, start, end, lines, file.source.symbol_at(start) or symbol)
    if not block:
        return here
    spots = tree.spots(block)
    mine = next((s for s in spots if s.path == path and start <= s.start <= end), None)
    if mine is None:
        return here
    before, after = tree.around(mine)
    inside = [s for s in spots if s.path == path and tree.symbol_of(s) == tree.symbol_of(mine)]
    found = Filed(
        path,
        start,
        end,
        lines,
        tree.symbol_of(mine),
        before,
        after,
        inside.index(mine) + 1,
        len(inside),
    )
    signs = [_signs(tree, found, s) for s in spots]
    sole = (n for n, level in enumerate(_LEVELS) if sum(s.agrees(level) for s in signs) == 1)
    return replace(found, sole=tuple(sole))


def _kept(lines: Sequence[str]) -> tuple[str, ...]:
    found, size = [], 0
    for line in lines[:MOST_LINES]:
        size += len(line)
        if size > _MOST_CHARS:
            break
        found.append(line.replace("\x00", ""))
    return tuple(found)


def locate(tree: Tree, was: Filed) -> Found:
    """Find what became of a place."""
    block = normalised(was.lines)
    if not block:
        return _without_code(tree, was)
    spots = tree.spots(block)
    spot, unclear = _chosen(tree, was, spots)
    if spot is not None:
        # Blank lines at either end belong to it, and a long one ends as far behind its beginning.
        lead = next((n for n, line in enumerate(was.lines) if line.strip()), 0)
        start = max(1, spot.start - lead)
        end = max(spot.end, start + was.end - was.start)
        stays = (spot.path, start) == (was.path, was.start)
        return Found(PlaceState.EXACT if stays else PlaceState.MOVED, spot.path, start, end)
    if unclear:
        return _UNKNOWN
    return _changed(tree, was, block)


def _without_code(tree: Tree, was: Filed) -> Found:
    """Find a whole file, or blank lines, of which nothing else is known."""
    if tree.file(was.path) is not None:
        found = (was.start or None, was.end or None)
        return Found(PlaceState.EXACT, was.path, *found)
    return _GONE


@dataclass(frozen=True)
class _Signs:
    """What of a spot is as it was."""

    path: bool
    symbol: bool
    before: bool
    after: bool
    near: bool
    """One of its neighbours that is not a common line is still close by, on its side."""

    def agrees(self, level: Sequence[str]) -> bool:
        return all(getattr(self, name) for name in level)


_LEVELS: tuple[tuple[str, ...], ...] = (
    ("path", "symbol", "before", "after"),
    ("symbol", "before", "after"),
    ("path", "before", "after"),
    ("path", "symbol", "before"),
    ("path", "symbol", "after"),
    ("before", "after"),
    ("symbol", "before"),
    ("symbol", "after"),
    ("path", "symbol", "near"),
    ("symbol", "near"),
    ("path", "before"),
    ("path", "after"),
    ("path", "near"),
    ("before",),
    ("after",),
    ("near",),
    ("path", "symbol"),
    ("symbol",),
    ("path",),
    (),
)
"""What has to agree, from the surest to the least sure; the order is part of what is stored."""
_SURE = 8
"""Before this level whatever fits alone is it; behind it equal ones keep their order."""
_BARE = 16
"""From this level on only code that is distinct is told by it."""


def _chosen(tree: Tree, was: Filed, spots: Sequence[_Spot]) -> tuple[_Spot | None, bool]:
    """Return the spot that a place has become, and whether several would fit."""
    signs = {spot: _signs(tree, was, spot) for spot in spots}
    inside = [s for s in spots if signs[s].symbol and signs[s].path]
    distinct = _is_distinct("".join(normalised(was.lines)))
    left, unclear = list(spots), False
    for n, level in enumerate(_LEVELS):
        if n == _SURE and was.of > 1 and len(inside) == was.of:
            return inside[was.nth - 1], False
        fitting = [s for s in left if signs[s].agrees(level)]
        if not fitting or n not in was.sole or (n >= _BARE and not distinct):
            continue
        if len(fitting) == 1:
            return fitting[0], False
        left, unclear = fitting, True
    return None, unclear


def _signs(tree: Tree, was: Filed, spot: _Spot) -> _Signs:
    before, after = tree.around(spot)
    symbol = tree.symbol_of(spot)
    above, below = tree.around(spot, 2 * _AROUND)
    return _Signs(
        path=spot.path == was.path,
        symbol=was.symbol is not None and symbol == was.symbol,
        before=bool(was.before) and before == was.before,
        after=bool(was.after) and after == was.after,
        near=(_meet(was.before, above) or _meet(was.after, below))
        and not (_meet(was.after, above) or _meet(was.before, below)),
    )


def _meet(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(line in others and _is_distinct(line) for line in some)


def _is_distinct(text: str) -> bool:
    return len(text) >= _DISTINCT


def _changed(tree: Tree, was: Filed, block: Sequence[str]) -> Found:
    """Find a place whose code is no longer there as it was."""
    path = was.path
    file = tree.file(path)
    if was.symbol and (file is None or was.symbol not in file.symbols):
        having = tree.having(was.symbol)
        if len(having) == 1:
            path = having[0]
            file = tree.file(path)
    if file is None:
        return _GONE
    between = _between(file, was, len(block))
    if between is not None:
        first, last = between
        if first > last:
            return _GONE
        return Found(PlaceState.CHANGED, path, file.numbers[first], file.numbers[last])
    region = _region(file, was)
    best, at = 0.0, None
    text = "\n".join(block)
    for first in region:
        window = file.texts[first : first + len(block)]
        matcher = SequenceMatcher(None, "\n".join(window), text, autojunk=False)
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
            ratio = matcher.ratio()
            if ratio > best:
                best, at = ratio, first
    if at is None or best < _ALIKE:
        return _GONE
    last = min(at + len(block), len(file.numbers)) - 1
    return Found(PlaceState.CHANGED, path, file.numbers[at], file.numbers[last])


def _between(file: _File, was: Filed, size: int) -> tuple[int, int] | None:
    """Return the lines between the neighbours that a place had, where those stand once."""
    if len(was.before) < _AROUND or len(was.after) < _AROUND:
        return None
    above = _runs(file.texts, was.before)
    below = _runs(file.texts, was.after)
    pairs = [
        (a + _AROUND, b - 1)
        for a in above
        for b in below
        if 0 <= b - (a + _AROUND) <= 3 * size + 10
    ]
    return pairs[0] if len(pairs) == 1 else None


def _runs(texts: Sequence[str], wanted: Sequence[str]) -> list[int]:
    wanted = list(wanted)
    size = len(wanted)
    found = [n for n, text in enumerate(texts) if text == wanted[0]]
    return [n for n in found if list(texts[n : n + size]) == wanted][:20]


def _region(file: _File, was: Filed) -> Iterator[int]:
    """Yield the lines to compare with: those of the symbol, or those near where it was."""
    if was.symbol and was.symbol in file.symbols:
        first, last = file.symbols[was.symbol]
    elif was.symbol:
        return
    else:
        first, last = was.start - 30, was.end + 30
    count = 0
    for n, number in enumerate(file.numbers):
        if first <= number <= last:
            count += 1
            if count > _MOST_COMPARED:
                return
            yield n


@dataclass
class Book:
    """The trees of the targets in force, by name; what is filed is looked up in them."""

    trees: dict[str, Tree] = field(default_factory=dict)
    stated_as: dict[str, Any] = field(default_factory=dict)
    """By target what makes a path of a ticket one relative to the target's root."""

    def hold(self, target: str, tree: Tree, stated_as: Any) -> None:
        """Keep the tree of a target, in the place of the one before."""
        self.trees[target], self.stated_as[target] = tree, stated_as

    def look_up(
        self, target: str | None, location: Location, was: Filed | None = None
    ) -> tuple[Filed | None, Found, str | None]:
        """Return what a place held when it was filed, where it is, and by which tree.

        Args:
            target: that the ticket belongs to.
            location: as it is stated.
            was: what it held; None for what is filed now.
        """
        tree = self.trees.get(target or "")
        if tree is None:
            return was, _UNKNOWN, None
        path = location.path and self.stated_as[target or ""](location.path)
        if was is None:
            was = filed(tree, location, path)
            if was is None:
                lost = path is not None and tree.covers(path) and path.endswith(".py")
                return None, _GONE if lost else _UNKNOWN, tree.digest
        return was, locate(tree, was), tree.digest
