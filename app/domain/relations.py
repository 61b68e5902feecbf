"""Relations between tickets as a whole: lists that are edited, and circles that must not be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from app.domain.tickets import Relation, RelationKind

ACYCLIC = (RelationKind.BLOCKS, RelationKind.DUPLICATE_OF)
"""Kinds in which a circle would say that a ticket waits for itself, or repeats itself."""


def merged(present: Sequence[Relation], wanted: Iterable[Relation]) -> tuple[Relation, ...]:
    """Return what the relations of a ticket become when a client sends `wanted`.

    Those that the ticket states itself are replaced. Those that other tickets state of it belong
    to the others' documents: they stay, whether they are sent along or not. Relations that are
    kept come first and in their present order, so that an unchanged list compares as equal.
    """
    sent = {(relation.key, relation.kind): relation for relation in wanted}
    result = []
    for relation in present:
        again = sent.pop((relation.key, relation.kind), None)
        if again is not None:
            result.append(replace(again, stated_here=relation.stated_here))
        elif not relation.stated_here:
            result.append(relation)
    return (*result, *(replace(relation, stated_here=True) for relation in sent.values()))


def path(edges: Iterable[tuple[str, str]], start: str, goal: str) -> tuple[str, ...]:
    """Return a shortest way along directed `edges` from `start` to `goal`, both included.

    Empty when there is none.
    """
    following: dict[str, list[str]] = {}
    for before, after in edges:
        following.setdefault(before, []).append(after)
    came_from: dict[str, str] = {start: start}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == goal:
            way = [here]
            while way[-1] != start:
                way.append(came_from[way[-1]])
            return tuple(reversed(way))
        for after in following.get(here, ()):
            if after not in came_from:
                came_from[after] = here
                queue.append(after)
    return ()


def circle_sentence(kind: RelationKind, keys: Sequence[str]) -> str:
    """Say a circle in words: ``A blocks B, B blocks A``."""
    verb = {RelationKind.BLOCKS: "blocks", RelationKind.DUPLICATE_OF: "is a duplicate of"}[kind]
    return ", ".join(f"{a} {verb} {b}" for a, b in pairwise(keys))
