"""Filing many tickets at once: items name each other by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.tickets import Relation, RelationKind, TicketDraft
from app.errors import FindingsError

MAX_ITEMS = 500


class FilingResult(StrEnum):
    """What became of an item."""

    CREATED = "created"
    REFUSED = "refused"
    ROLLED_BACK = "rolled-back"
    """Nothing was wrong with it, but another item of an atomic batch was refused."""


@dataclass(frozen=True)
class SiblingRelation:
    """A relation to another item of the batch."""

    ref: str
    kind: RelationKind
    note: str | None = None


@dataclass(frozen=True)
class BatchItem:
    """An item of a batch: a draft, or what is wrong with it."""

    ref: str
    draft: TicketDraft | None
    """Without its relations; None when the item could not be read."""
    relations: tuple[Relation | SiblingRelation, ...] = ()
    error: FindingsError | None = None

    @property
    def siblings(self) -> tuple[str, ...]:
        """References of the items that this one is related to."""
        return tuple(r.ref for r in self.relations if isinstance(r, SiblingRelation))


@dataclass(frozen=True)
class FiledItem:
    """What became of one item."""

    ref: str
    result: FilingResult
    key: str | None = None
    error: FindingsError | None = None


def in_filing_order(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return items in groups, each behind the groups it needs; items in a circle are one group.

    Strongly connected components after Tarjan (1972), without recursion. Where nothing is needed
    the order of `needs` stays, also inside a group.

    Args:
        needs: for each item the items it names; those that are unknown are passed over.
    """
    search = _Components(needs)
    for ref in needs:
        if ref not in search.index:
            search.visit(ref)
    position = {ref: n for n, ref in enumerate(needs)}
    return [sorted(group, key=position.__getitem__) for group in search.groups]


class _Components:
    def __init__(self, needs: Mapping[str, Sequence[str]]) -> None:
        self._needs = needs
        self.index: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self.groups: list[list[str]] = []

    def visit(self, root: str) -> None:
        self._enter(root)
        path = [(root, iter(self._needs[root]))]
        while path:
            ref, rest = path[-1]
            following = next((need for need in rest if need in self._needs), None)
            if following is None:
                path.pop()
                self._leave(ref)
                if path:
                    parent = path[-1][0]
                    self._low[parent] = min(self._low[parent], self._low[ref])
            elif following not in self.index:
                self._enter(following)
                path.append((following, iter(self._needs[following])))
            elif following in self._open:
                self._low[ref] = min(self._low[ref], self.index[following])

    def _enter(self, ref: str) -> None:
        self.index[ref] = self._low[ref] = len(self.index)
        self._open[ref] = None

    def _leave(self, ref: str) -> None:
        if self._low[ref] != self.index[ref]:
            return
        group = []
        while True:
            member, _ = self._open.popitem()
            group.append(member)
            if member == ref:
                break
        self.groups.append(group)
