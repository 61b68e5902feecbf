"""The course of a search: which revision is looked at next, how often, and when it is over.

Pure, so that a worker only looks: it asks `Course.step` what is wanted and tells `Course.record`
what it saw. Told what was seen before it was interrupted, a course goes on without repeating it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from app.domain.bisection.graph import Graph
from app.domain.bisection.looks import (
    AT_ENDS,
    AT_ENDS_IF_FLAKY,
    AT_ONCE,
    RISK,
    Looks,
    Rates,
    judge,
    rates,
)
from app.domain.bisection.search import (
    Answer,
    BisectionOutcome,
    Direction,
    Probe,
    Search,
    Seen,
    Why,
    search,
)

ENOUGH_CONFIDENCE = 0.9


@dataclass(frozen=True)
class Want:
    """A revision to look at."""

    commit: str
    looks: int
    why: Why

    @property
    def fresh(self) -> bool:
        """Whether what is known of it does not serve."""
        return self.why is Why.CONFIRM


class Course:
    """One search, from its first look to its answer."""

    def __init__(
        self,
        graph: Graph,
        old: str,
        new: str,
        direction: Direction,
        *,
        suspects: Collection[str] = (),
        flaky: bool = False,
    ) -> None:
        """Begin; see `search`. `flaky` says that the tests are known to flip."""
        self._graph = graph
        self._ends = (old, new)
        self._direction = direction
        self._suspects = suspects
        self._risk = RISK / (math.ceil(math.log2(len(graph) + 1)) + 8)
        self._seen: dict[str, Looks] = {}
        self._confirmed: set[str] = set()
        self.trail: list[tuple[Probe, Seen]] = []
        """What was judged, in order."""
        self._wrong: dict[str, float] = {}
        self.flaky = flaky
        """Whether the tests flip."""
        self._restart()

    @property
    def bad_end(self) -> str:
        """The end that has the defect."""
        return self._ends[self._direction is Direction.INTRODUCED]

    @property
    def confidence(self) -> float:
        """How likely every judgement is right."""
        return math.prod(1 - wrong for wrong in self._wrong.values())

    def tree_of(self, commit: str) -> str:
        """What tells the packages of a revision; its id, where nothing does."""
        return self._key(commit)

    def step(self) -> Want | Answer:
        """Return what is to be looked at next, or the answer."""
        while self._answer is None:
            assert self._probe is not None
            if isinstance(seen := self._judged(self._probe), Want):
                return seen
            found = self._rates()
            if found is not None and self._ends_are_known() and not found.tell:
                return Answer(
                    BisectionOutcome.INCONCLUSIVE,
                    "The tests flip on both ends, so no failure can be told from a flip.",
                )
            self._send(seen)
        is_sure = self.confidence >= ENOUGH_CONFIDENCE
        if not is_sure and self._answer.outcome is not BisectionOutcome.INCONCLUSIVE:
            return replace(
                self._answer,
                outcome=BisectionOutcome.INCONCLUSIVE,
                reason="The tests flip too often to be sure of one commit.",
            )
        return self._answer

    def record(self, want: Want, looks: Looks) -> None:
        """Take in what was seen of a revision."""
        key = self._key(want.commit)
        self._seen[key] = self._looks(want.commit) + looks
        if want.fresh:
            self._confirmed.add(key)
        if self._seen[key].flips and not self.flaky:
            self.flaky = True
            self._restart()

    def recall(self, known: Mapping[str, Looks], confirmed: Collection[str] = ()) -> None:
        """Take in what is known of trees from before, and which were looked at in two arms."""
        self._confirmed.update(confirmed)
        for tree, looks in known.items():
            self._seen[tree] = self._seen.get(tree, Looks()) + looks
        if any(looks.flips for looks in self._seen.values()) and not self.flaky:
            self.flaky = True
        self._restart()

    def _restart(self) -> None:
        self._answer: Answer | None = None
        self._wrong.clear()
        self.trail = []
        self._search: Search = search(self._graph, *self._ends, self._direction, self._suspects)
        self._probe: Probe | None = next(self._search)

    def partial(self, reason: str) -> Answer:
        """Return what can be said before the search is over."""
        graph, (old, new) = self._graph, self._ends
        is_fixed = self._direction is Direction.FIXED
        turned = Seen.GOOD if is_fixed else Seen.BAD
        judged = [
            (probe.commit, seen)
            for probe, seen in self.trail
            if probe.commit in graph and seen is not Seen.SKIP
        ]
        lows = [commit for commit, seen in judged if seen is not turned]
        on_path = graph.path(old, new)  # lines that began before the old end may always be so
        highs = graph.in_order(
            {new, *(one for one, seen in judged if seen is turned and on_path & graph.bit(one))}
        )
        if is_fixed:  # the last change is wanted, of others the first
            highs = [one for one in highs if not any(_comes_after(graph, low, one) for low in lows)]
        newest = highs[0] if highs else new
        left = graph.between(old, newest)
        for low in lows:
            if not _comes_after(graph, low, newest):
                left &= ~graph.ancestors(low)
        newest = graph.origin(newest, left)
        candidates = graph.names(left & graph.weighty | graph.bit(newest))
        if len(self.trail) < len(self._ends):
            return Answer(BisectionOutcome.INCONCLUSIVE, reason)
        return Answer(
            BisectionOutcome.RANGE,
            f"{reason} It is one of {len(candidates)} commits.",
            candidates[0],
            newest,
            candidates,
        )

    def left(self) -> int | None:
        """How many commits it can be; None before both ends are known."""
        found = self.partial("")
        return len(found.candidates) or None

    def _send(self, seen: Seen) -> None:
        assert self._probe is not None
        self.trail.append((self._probe, seen))
        try:
            self._probe = self._search.send(seen)
        except StopIteration as end:
            self._answer = end.value

    def _judged(self, probe: Probe) -> Seen | Want:
        commit, looks = probe.commit, self._looks(probe.commit)
        if self._is_unreadable(commit):
            return Seen.SKIP
        if probe.why is Why.END:
            enough = AT_ENDS_IF_FLAKY if self.flaky else AT_ENDS
            if looks.total < enough:
                return Want(commit, enough - looks.total, Why.END)
            return self._end_is(commit, looks)
        if looks.flips and looks.total < AT_ENDS_IF_FLAKY:
            return Want(commit, AT_ENDS_IF_FLAKY - looks.total, probe.why)
        if probe.why is Why.CONFIRM and self._key(commit) not in self._confirmed:
            return Want(commit, AT_ENDS, Why.CONFIRM)
        seen, wrong = judge(looks, self._rates(), self._risk)
        if seen is None:
            return Want(commit, AT_ONCE if self._rates() else 1, probe.why)
        if seen is not Seen.SKIP:
            self._wrong[self._key(commit)] = wrong
        return seen

    def _end_is(self, commit: str, looks: Looks) -> Seen:
        if not looks.fails and not looks.passes:
            return Seen.SKIP
        if commit == self.bad_end:
            return Seen.BAD if looks.fails else Seen.GOOD
        return Seen.GOOD if looks.passes else Seen.BAD

    def _ends_are_known(self) -> bool:
        return all(self._looks(end).total >= AT_ENDS_IF_FLAKY for end in self._ends)

    def _rates(self) -> Rates | None:
        if not self.flaky:
            return None
        good_end = self._ends[self._direction is Direction.FIXED]
        between = [looks for looks in self._seen.values() if looks.flips]
        return rates(self._looks(self.bad_end), self._looks(good_end), between)

    def _looks(self, commit: str) -> Looks:
        return self._seen.get(self._key(commit), Looks())

    def _is_unreadable(self, commit: str) -> bool:
        return commit in self._graph and self._graph.tree(commit) is None

    def _key(self, commit: str) -> str:
        """A revision is what its packages are; one that lacks some is known by its id."""
        return self._graph.tree(commit) or commit


def _comes_after(graph: Graph, commit: str, earlier: str) -> bool:
    return bool(graph.ancestors(commit) & graph.bit(earlier))
