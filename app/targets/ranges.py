"""The commits between two revisions, as a graph that can be cut in half."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.bisection.graph import Graph, Node, simplified
from app.domain.bisection.search import returning
from app.domain.revisions import RevisionRefused
from app.targets.history import History

MOST_COMMITS = 20_000
_TAKES_BACK = re.compile(
    r"\b(revert(s|ed|ing)?|reappl(y|ies|ied)|roll(s|ed)?[ -]?back|back(s|ed)?[ -]?out|undo(es)?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Range:
    """A graph with what is known of its commits beforehand."""

    graph: Graph
    suspects: frozenset[str]
    """Commits that seem to take something back."""


def read_range(history: History, old: str, new: str, *, first_parent: bool = False) -> Range:
    """Read the commits from `old` to `new`. File work: call it in a thread.

    Raises:
        RevisionRefused: `old` is no ancestor of `new`, an object is missing, or there are too many.
    """
    walked = history.walk(new)
    if old not in walked:
        raise RevisionRefused(f"{old[:10]} is no ancestor of {new[:10]}")
    if first_parent:
        inside = [new, *_first_parents(history, new, old)]
    else:
        before = frozenset(history.walk(old))
        inside = [*(commit for commit in walked if commit not in before), old]
    if len(inside) > MOST_COMMITS:
        raise RevisionRefused(
            f"{len(inside)} commits lie between {old[:10]} and {new[:10]}, and {MOST_COMMITS} are "
            "the most: name nearer ends"
        )
    told = {commit: history.describe(commit) for commit in inside}
    known = frozenset(inside)
    nodes: list[Node] = []
    outside: dict[str, str | None] = {}
    for commit in reversed(inside):
        parents = told[commit].parents[:1] if first_parent else told[commit].parents
        if commit == old:
            parents = ()  # it is known to be old, and so is all before it
        for parent in parents:
            if parent not in known and parent not in outside:
                outside[parent] = package_tree(history, parent)
        nodes.append(Node(commit, parents, package_tree(history, commit)))
    graph = Graph(simplified(nodes, outside), outside)
    trees = [(one, graph.tree(one) or one) for one in graph.line(old, new)]
    named = {
        commit
        for commit, revision in told.items()
        if commit in graph and graph.weighs(commit) and _TAKES_BACK.search(revision.subject or "")
    }
    return Range(graph, frozenset(named) | returning(trees))


def line_back(history: History, new: str) -> Iterator[tuple[str, str | None]]:
    """Give the first parents of a commit, the newest first, where they change the packages.

    Raises:
        RevisionRefused: an object is missing.
    """
    tree = package_tree(history, new)
    for number, commit in enumerate(_first_parents(history, new, None)):
        if number == MOST_COMMITS:
            return
        found = package_tree(history, commit)
        if found != tree:
            yield commit, found
        tree = found


def package_tree(history: History, commit: str) -> str | None:
    """Return what tells what the packages hold at a commit; None where they are not all there."""
    try:
        return history.package_tree(commit)
    except RevisionRefused:
        return None


def _first_parents(history: History, commit: str, last: str | None) -> Iterator[str]:
    while parents := history.describe(commit).parents:
        commit = parents[0]
        yield commit
        if commit == last:
            return
    if last is not None:
        raise RevisionRefused(
            f"{last[:10]} is not on the first-parent line: leave first_parent out, or name a "
            "commit that is"
        )
