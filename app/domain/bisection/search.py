"""Which commit brought a defect in, or took it away: a search by what halves the candidates.

The history is any graph: of the commits that come after the old end and before the new one, the
next to be looked at is the one that parts those that are left most evenly. A line that began before
the old end says nothing about it, so it is followed only where the commit that is found merges it
and it is as that commit is. Commits that leave the packages as a parent has them are never looked
at. What cannot be judged is skipped; where that leaves more than one candidate, the answer is a
range and not a guess. What is named is looked at once more, and so is each of its parents.

The search is a generator: it yields what to look at and is sent what was seen. Sent what is known
already, it goes on where it was.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.bisection.graph import Graph

MOST_COARSE = 16
_MOST_TURNS = 8
"""So often a parent may turn out as new as its child before the search gives up."""
_MOST_BESIDE = 8
"""So many commits of lines that began before the old end are looked at, for each that is found."""


class Direction(StrEnum):
    """What is looked for."""

    INTRODUCED = "introduced"
    """The first commit with the defect."""
    FIXED = "fixed"
    """The first commit without it."""


class Seen(StrEnum):
    """What a revision is like."""

    GOOD = "good"
    """All tests that tell pass."""
    BAD = "bad"
    """One of them fails as it does where the defect is known to be."""
    SKIP = "skip"
    """Neither: it cannot be collected, or fails otherwise."""


class Why(StrEnum):
    """What a revision is looked at for."""

    END = "end"
    COARSE = "coarse"
    HALF = "half"
    CONFIRM = "confirm"


class BisectionOutcome(StrEnum):
    """What a finished search says."""

    EXACT = "exact"
    RANGE = "range"
    INTERVALS = "intervals"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True)
class Probe:
    """A revision to look at next."""

    commit: str
    why: Why


@dataclass(frozen=True)
class Interval:
    """A stretch of the history that has the defect."""

    first: str
    """The first commit with it, or the last one that it can be."""
    last: str | None
    """The last commit with it; None where it lasts until the end."""
    exact: bool


@dataclass(frozen=True)
class Answer:
    """What came of a search."""

    outcome: BisectionOutcome
    reason: str
    first: str | None = None
    """The commit; of a range the oldest that it can be."""
    last: str | None = None
    """The commit; of a range the newest that it can be."""
    candidates: tuple[str, ...] = ()
    """All that it can be, the oldest first."""
    intervals: tuple[Interval, ...] = ()


Search = Generator[Probe, Seen, Answer]


def search(
    graph: Graph, old: str, new: str, direction: Direction, suspects: Collection[str] = ()
) -> Search:
    """Look for the commit between `old` and `new` that changed what the tests say.

    Args:
        graph: the commits that are descendants of `old`'s line and ancestors of `new`.
        old: an ancestor of `new`; good when the introduction is looked for, else bad.
        new: the other end.
        direction: what is looked for.
        suspects: commits that seem to take something back: with any, 16 points of the whole
            history are looked at first, for what came, went and came back has no single first.
    """
    before, after = _sides(direction)
    for name, commit, wanted in (("from", old, before), ("to", new, after)):
        seen = yield Probe(commit, Why.END)
        if seen is not wanted:
            return _refused(name, commit[:10], seen, wanted)
    points = [(old, before), (new, after)]
    if suspects:
        points = yield from _coarse(graph, points, suspects)
    turns = [(left, right) for left, right in itertools.pairwise(points) if left[1] != right[1]]
    found: list[_Found] = []
    for (lower, low), (upper, high) in turns:
        found.append((yield from _between(graph, lower, upper, low, high)))
        if found[-1].reason:
            return Answer(BisectionOutcome.INCONCLUSIVE, found[-1].reason)
    if len(found) > 1:
        return _intervals(graph, found, direction)
    return _single(found[0])


@dataclass(frozen=True)
class _Found:
    """Where the history turns from one state to the other."""

    first: str
    """The newest commit that it can be."""
    candidates: tuple[str, ...]
    turns_to: Seen
    reason: str = ""
    """Why nothing can be said."""
    note: str = ""
    """What is to be known of the commit besides."""


def _sides(direction: Direction) -> tuple[Seen, Seen]:
    if direction is Direction.INTRODUCED:
        return Seen.GOOD, Seen.BAD
    return Seen.BAD, Seen.GOOD


def _refused(name: str, short: str, seen: Seen, wanted: Seen) -> Answer:
    other = "name another revision"
    if seen is Seen.SKIP:
        reason = f"{name}, {short}, cannot be judged: the tests do not run there, or fail otherwise"
    elif wanted is Seen.BAD:
        reason = f"the tests pass at {name}, {short}, where the defect should be"
        if name == "to":
            other = (
                "if its fix has landed, name an older revision that has the defect as to (--to), "
                "or look for the commit that fixed it: direction fixed (--fixed)"
            )
    else:
        reason = f"the tests fail at {name}, {short}, where the defect should not be"
    return Answer(BisectionOutcome.INCONCLUSIVE, f"{reason}; {other}")


def _coarse(
    graph: Graph, ends: list[tuple[str, Seen]], suspects: Collection[str]
) -> Generator[Probe, Seen, list[tuple[str, Seen]]]:
    """Look at points of one line from end to end, and return those that could be judged."""
    (old, before), (new, after) = ends
    whole = graph.line(old, new)
    line = [
        commit
        for earlier, commit in itertools.pairwise([old, *whole])
        if graph.tree(commit) is None or graph.tree(commit) != graph.tree(earlier)
    ]
    wanted = {line[i * len(line) // MOST_COARSE] for i in range(MOST_COARSE)} if line else set()
    for suspect in graph.in_order(suspects):
        # One of a merged line takes something back where it is merged.
        place = bisect_left(
            line, 1, key=lambda one: bool(graph.ancestors(one) & graph.bit(suspect))
        )
        if len(wanted) < 3 * MOST_COARSE:
            wanted.update(line[max(0, place - 1) : place + 1])
    points = [(old, before)]
    for commit in line:
        if commit in wanted and not graph.of_tree(new) & graph.bit(commit):
            seen = yield Probe(commit, Why.COARSE)
            if seen is not Seen.SKIP:
                points.append((commit, seen))
    return [*points, (new, after)]


def _between(
    graph: Graph, lower: str, upper: str, low: Seen, high: Seen
) -> Generator[Probe, Seen, _Found]:
    """Find the first commit of `high` above `lower`, and look at it and its parents again."""
    for _ in range(_MOST_TURNS):
        newest, candidates = yield from _halve(graph, lower, upper, high)
        if len(candidates) > 1:
            yield from _confirm_bounds(graph, newest, candidates)
            return _Found(newest, candidates, high)
        beside = yield from _beside(graph, lower, newest, low, high)
        if isinstance(beside, _Found):
            yield from _confirm_bounds(graph, newest, beside.candidates)
            return beside
        if beside.lower is not None:
            lower, upper = beside.lower, beside.upper
            continue
        verdict = yield from _confirm(graph, newest, low, high, beside.always)
        if isinstance(verdict, _Found):
            return verdict
        upper = verdict
    return _Found(upper, (upper,), high, "the history turns too often to name one commit")


@dataclass(frozen=True)
class _Beside:
    """What the lines that a commit merges say, of those that began before the old end."""

    lower: str | None = None
    """Where such a line that is as the commit is was not so yet; None: nowhere."""
    upper: str = ""
    """Its end."""
    always: tuple[str, ...] = ()
    """The ends of those that never were otherwise."""


def _beside(
    graph: Graph, lower: str, commit: str, low: Seen, high: Seen
) -> Generator[Probe, Seen, _Beside | _Found]:
    path = graph.path(lower, commit)
    always: list[str] = []
    for parent in graph.all_parents(commit):
        if parent == lower or parent not in graph or path & graph.bit(parent):
            continue
        seen = yield Probe(parent, Why.CONFIRM)
        if seen is low:
            continue
        entries = graph.entries(parent, lower)
        is_known = seen is high and len(entries) <= _MOST_BESIDE
        for entry in entries[:_MOST_BESIDE]:
            if seen is not high:
                break
            before = yield Probe(entry, Why.HALF)
            if before is low:
                return _Beside(entry, parent)
            is_known = is_known and before is high
        if not is_known:
            inside = graph.between(lower, parent) & graph.weighty
            return _Found(commit, graph.names(inside | graph.bit(commit)), high)
        always.append(parent)
    return _Beside(always=tuple(always))


def _confirm(
    graph: Graph, commit: str, low: Seen, high: Seen, always: Collection[str]
) -> Generator[Probe, Seen, _Found | str]:
    """Look again; return what is found, or a parent that is as its child is."""
    seen = yield Probe(commit, Why.CONFIRM)
    if seen is not high:
        return _Found(commit, (commit,), high, f"{commit[:10]} was {high.value}, then {seen.value}")
    unknown: list[str] = []
    note = ""
    for parent in graph.all_parents(commit):
        if parent in always:
            note = f" It merges {parent[:10]}, a line that has always been so."
            continue
        seen = yield Probe(parent, Why.CONFIRM)
        if seen is high and parent in graph:
            return parent
        if seen is high:
            note = f" It merges {parent[:10]}, which is older and was so already."
        elif seen is not low:
            unknown.append(parent)
    return _Found(commit, (*unknown, commit), high, note=note)


def _confirm_bounds(
    graph: Graph, newest: str, candidates: Sequence[str]
) -> Generator[Probe, Seen, None]:
    """Look again at what bounds a range: one look may have been a flip, and that begins anew."""
    yield Probe(newest, Why.CONFIRM)
    inside = set(candidates)
    parents = (parent for commit in candidates for parent in graph.all_parents(commit))
    bounds = dict.fromkeys(parent for parent in parents if parent not in inside)
    for commit in list(bounds)[:_MOST_BESIDE]:
        yield Probe(commit, Why.CONFIRM)


def _halve(
    graph: Graph, lower: str, upper: str, high: Seen
) -> Generator[Probe, Seen, tuple[str, tuple[str, ...]]]:
    """Narrow the candidates down; return the newest and all that are left, the oldest first."""
    path = graph.path(lower, upper)
    newest = graph.origin(upper, path)
    left = path & graph.ancestors(newest)
    others = graph.between(lower, newest) & ~path
    skipped, misses = 0, 0
    while choice := graph.choose(left, skipped | graph.bit(newest), misses):
        seen = yield Probe(choice, Why.HALF)
        if seen is Seen.SKIP:
            skipped |= graph.of_tree(choice)
            misses += 1
            continue
        misses = 0
        if seen is high:
            newest = choice
            left &= graph.ancestors(choice)
            others &= graph.ancestors(choice)
        else:
            left &= ~graph.ancestors(choice)
            others &= ~graph.ancestors(choice)
    left = left & graph.weighty | graph.bit(newest)
    if left.bit_count() > 1:
        left |= yield from _merged_there(graph, left, others, high)
    return newest, graph.names(left)


def _merged_there(graph: Graph, left: int, others: int, high: Seen) -> Generator[Probe, Seen, int]:
    """Return what can be the commit, too, of the lines merged among those that are left."""
    tips = [
        parent
        for commit in graph.names(left)
        for parent in graph.all_parents(commit)
        if parent in graph and others & graph.bit(parent)
    ]
    for tip in tips[:_MOST_BESIDE]:
        seen = yield Probe(tip, Why.HALF)
        if seen is not high and seen is not Seen.SKIP:
            others &= ~graph.ancestors(tip)
    return others & graph.weighty


def _single(found: _Found) -> Answer:
    candidates = found.candidates
    if len(candidates) == 1:
        return Answer(
            BisectionOutcome.EXACT,
            f"{found.first[:10]} is the first commit that is {found.turns_to.value}.{found.note}",
            found.first,
            found.first,
            candidates,
        )
    return Answer(
        BisectionOutcome.RANGE,
        f"It is one of {len(candidates)} commits: those between {candidates[0][:10]} and "
        f"{found.first[:10]} cannot be judged.",
        candidates[0],
        found.first,
        candidates,
    )


def _intervals(graph: Graph, found: Sequence[_Found], direction: Direction) -> Answer:
    """Tell where a defect was that came, went and came back."""
    stretches: list[Interval] = []
    begun: _Found | None = None
    oldest_is_bad = found[0].turns_to is Seen.GOOD
    for turn in found:
        if turn.turns_to is Seen.BAD:
            begun = turn
            continue
        parents = graph.all_parents(turn.first)
        first = begun.first if begun is not None else graph.oldest
        exact = len(turn.candidates) == 1 and (begun is None or len(begun.candidates) == 1)
        stretches.append(Interval(first, parents[0] if parents else None, exact))
        begun = None
    if begun is not None:
        stretches.append(Interval(begun.first, None, len(begun.candidates) == 1))
    turning = [one for one in found if (one.turns_to is Seen.BAD) == _is_bad_wanted(direction)]
    named = turning[0] if direction is Direction.INTRODUCED else turning[-1]
    since = " It was there at the old end already." if oldest_is_bad else ""
    return Answer(
        BisectionOutcome.INTERVALS,
        f"The defect came and went: {len(stretches)} stretches of the history have it.{since}",
        named.candidates[0],
        named.first,
        named.candidates,
        tuple(stretches),
    )


def _is_bad_wanted(direction: Direction) -> bool:
    return direction is Direction.INTRODUCED


def returning(trees: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the commits of a line whose tree was there before, but not right before.

    Args:
        trees: commits with their trees, the oldest first.
    """
    seen: set[str] = set()
    last = ""
    found: set[str] = set()
    for commit, tree in trees:
        if tree != last and tree in seen:
            found.add(commit)
        seen.add(tree)
        last = tree
    return frozenset(found)
