"""The commits between two ends of a history, as sets of bits: quick to cut in half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Node:
    """A commit of the range."""

    id: str
    parents: tuple[str, ...]
    """All its parents, those outside the range too."""
    tree: str | None
    """What tells what its packages hold; None where they cannot be read."""


def simplified(nodes: Sequence[Node], outside: Mapping[str, str | None]) -> list[Node]:
    """Leave out what merges have dropped: a merge that is as one parent comes from that one alone.

    As `git log` does for paths, but such a parent has to come after the old end itself, so that
    the old end stays an ancestor of all that is left to choose from. Takes what `Graph` takes.
    """
    trees = {**outside, **{node.id: node.tree for node in nodes}}
    after_old = {nodes[0].id}
    kept: dict[str, Node] = {}
    for node in nodes:
        same = [
            parent
            for parent in node.parents
            if parent in after_old and node.tree is not None and trees[parent] == node.tree
        ]
        kept[node.id] = replace(node, parents=(same[0],)) if same else node
        if after_old.intersection(node.parents):
            after_old.add(node.id)
    wanted = {nodes[0].id}
    waiting = [nodes[-1].id]
    while waiting:
        commit = waiting.pop()
        if commit in kept and commit not in wanted:
            wanted.add(commit)
            waiting += kept[commit].parents
    return [node for node in kept.values() if node.id in wanted]


class Graph:
    """Commits with their ancestors; sets of commits are integers, one bit for each."""

    def __init__(self, nodes: Sequence[Node], outside: Mapping[str, str | None]) -> None:
        """Take the range.

        Args:
            nodes: its commits, parents before their children, the old end first.
            outside: trees of those parents that are not in it.
        """
        self._nodes = nodes
        self._outside = outside
        self._index = {node.id: number for number, node in enumerate(nodes)}
        trees = {**outside, **{node.id: node.tree for node in nodes}}
        self._ancestors: list[int] = []
        self._of_tree: dict[str | None, int] = {}
        self.weighty = 0
        """The commits that change the packages, or cannot be read.

        A merge that comes after the old end changes them where it differs from all its parents
        that come after it, too: what it takes from older lines is new there.
        """
        for number, node in enumerate(nodes):
            found = 1 << number
            for parent in node.parents:
                if parent in self._index:
                    found |= self._ancestors[self._index[parent]]
            self._ancestors.append(found)
            self._of_tree[node.tree] = self._of_tree.get(node.tree, 0) | 1 << number
            after_old = [p for p in node.parents if self._is_after_old(p)]
            compared = after_old or node.parents
            if node.tree is None or all(trees.get(p) != node.tree for p in compared):
                self.weighty |= 1 << number

    def __contains__(self, commit: str) -> bool:
        return commit in self._index

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def oldest(self) -> str:
        """The old end."""
        return self._nodes[0].id

    def _is_after_old(self, commit: str) -> bool:
        return commit in self._index and bool(self._ancestors[self._index[commit]] & 1)

    def tree(self, commit: str) -> str | None:
        """What tells the packages of a commit of the range, or of a parent of one."""
        if commit not in self._index:
            return self._outside.get(commit)
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
        known = self.ancestors(lower) if lower in self else 0
        return self.ancestors(upper) & ~known

    def path(self, lower: str, upper: str) -> int:
        """The set of `upper` and its ancestors that are descendants of `lower`, without it."""
        found: set[str] = {lower}
        bits = 0
        for number in _bits(self.between(lower, upper)):
            node = self._nodes[number]
            if not found.isdisjoint(node.parents):
                found.add(node.id)
                bits |= 1 << number
        return bits

    def entries(self, upper: str, lower: str) -> list[str]:
        """Where the line of `upper` leaves that of `lower`: the commits both have, newest first.

        Of those that lie before another with the same packages only one is given.
        """
        inside = self.between(lower, upper)
        found: dict[str, str] = {}
        for number in reversed(list(_bits(inside))):
            for parent in self._nodes[number].parents:
                if parent not in self or not inside & self.bit(parent):
                    found.setdefault(self.tree(parent) or parent, parent)
        return list(found.values())

    def of_tree(self, commit: str) -> int:
        """The set of commits whose packages are those of `commit`."""
        tree = self.tree(commit)
        return self.bit(commit) if tree is None else self._of_tree[tree]

    def names(self, commits: int) -> tuple[str, ...]:
        """The ids of a set, parents before their children."""
        return tuple(self._nodes[number].id for number in _bits(commits))

    def in_order(self, commits: Iterable[str]) -> list[str]:
        """Those commits that are of the range, parents before their children."""
        return sorted((one for one in commits if one in self._index), key=self._index.__getitem__)

    def origin(self, commit: str, inside: int) -> str:
        """The commit of a set that made the packages what they are at `commit`, which is in it."""
        while not self.weighs(commit):
            same = [
                parent
                for parent in self.all_parents(commit)
                if parent in self
                and inside & self.bit(parent)
                and self.tree(parent) == self.tree(commit)
            ]
            if not same:
                return commit
            commit = same[0]
        return commit

    def line(self, lower: str, upper: str) -> list[str]:
        """A line from above `lower` to `upper`, by first parents where they lead there."""
        inside = self.path(lower, upper)
        found: list[str] = []
        commit: str | None = upper
        while commit is not None:
            found.append(commit)
            commit = next(
                (p for p in self.all_parents(commit) if p in self and inside & self.bit(p)), None
            )
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
