"""The commits between two ends of a history, as sets of bits: quick to cut in half."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A commit of the range."""

    id: str
    parents: tuple[str, ...]
    """All its parents, those outside the range too."""
    tree: str | None
    """What tells what its packages hold; None where they cannot be read."""


class Graph:
    """Commits with their ancestors; sets of commits are integers, one bit for each."""

    def __init__(self, nodes: Sequence[Node], outside: Mapping[str, str | None]) -> None:
        """Take the range.

        Args:
            nodes: its commits, parents before their children, the old end first.
            outside: trees of those parents that are not in it.
        """
        self._nodes = nodes
        self._index = {node.id: number for number, node in enumerate(nodes)}
        trees = {**outside, **{node.id: node.tree for node in nodes}}
        self._ancestors: list[int] = []
        self._of_tree: dict[str | None, int] = {}
        self.weighty = 0
        """The commits that change the packages against every parent, or cannot be read."""
        for number, node in enumerate(nodes):
            found = 1 << number
            for parent in node.parents:
                if parent in self._index:
                    found |= self._ancestors[self._index[parent]]
            self._ancestors.append(found)
            self._of_tree[node.tree] = self._of_tree.get(node.tree, 0) | 1 << number
            if node.tree is None or all(trees.get(p) != node.tree for p in node.parents):
                self.weighty |= 1 << number

    def __contains__(self, commit: str) -> bool:
        return commit in self._index

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def oldest(self) -> str:
        """The old end."""
        return self._nodes[0].id

    def tree(self, commit: str) -> str | None:
        """What tells the packages of a commit of the range."""
        return self._nodes[self._index[commit]].tree

    def weighs(self, commit: str) -> bool:
        """Whether a commit changes the packages."""
        return bool(self.weighty & self.bit(commit))

    def all_parents(self, commit: str) -> tuple[str, ...]:
        """The parents of a commit, those outside the range too."""
        return self._nodes[self._index[commit]].parents

    def bit(self, commit: str) -> int:
        """The set of this commit alone."""
        return 1 << self._index[commit]

    def ancestors(self, commit: str) -> int:
        """The set of a commit and its ancestors."""
        return self._ancestors[self._index[commit]]

    def between(self, lower: str, upper: str) -> int:
        """The set of `upper` and its ancestors, without `lower` and those of it."""
        return self.ancestors(upper) & ~self.ancestors(lower)

    def of_tree(self, commit: str) -> int:
        """The set of commits whose packages are those of `commit`."""
        tree = self.tree(commit)
        return self.bit(commit) if tree is None else self._of_tree[tree]

    def names(self, commits: int) -> tuple[str, ...]:
        """The ids of a set, parents before their children."""
        return tuple(self._nodes[number].id for number in _bits(commits))

    def origin(self, commit: str) -> str:
        """The commit that made the packages what they are at `commit`."""
        while not self.weighs(commit):
            same = [
                parent
                for parent in self.all_parents(commit)
                if parent in self and self.tree(parent) == self.tree(commit)
            ]
            if not same:
                return commit
            commit = same[0]
        return commit

    def line(self, lower: str, upper: str) -> list[str]:
        """The first-parent line from above `lower` to `upper`, the oldest first."""
        inside = self.between(lower, upper)
        found: list[str] = []
        commit: str | None = upper
        while commit is not None and commit in self and inside & self.bit(commit):
            found.append(commit)
            parents = self.all_parents(commit)
            commit = parents[0] if parents else None
        return found[::-1]

    def choose(self, candidates: int, barred: int, misses: int) -> str | None:
        """Return the candidate that parts the others most evenly; None when there is none.

        Args:
            candidates: the commits in question.
            barred: those that are not to be chosen.
            misses: how many choices in a row could not be judged: each leads twice as far away.
        """
        weighty = candidates & self.weighty
        ordered = sorted(
            ((self._ancestors[number] & weighty).bit_count(), number)
            for number in _bits(weighty & ~barred)
        )
        if not ordered:
            return None
        half = weighty.bit_count() / 2
        middle = min(range(len(ordered)), key=lambda place: abs(ordered[place][0] - half))
        return self._nodes[ordered[_away(middle, misses, len(ordered))][1]].id


def _away(middle: int, misses: int, count: int) -> int:
    """A place ever further from the middle, by turns before and behind it."""
    reach = (1 << ((misses + 1) // 2)) - 1 if misses else 0
    for place in (
        (middle - reach, middle + reach) if misses % 2 else (middle + reach, middle - reach)
    ):
        if 0 <= place < count:
            return place
    return middle


def _bits(numbers: int) -> Iterator[int]:
    while numbers:
        low = numbers & -numbers
        yield low.bit_length() - 1
        numbers ^= low
