"""Which work orders the service places by itself; without a rule none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.work_orders import OrderDraft, OrderedMutant, OrderKind

MOST_REJECTED = 3
"""So many orders of a kind may be rejected on a ticket; then somebody has to look at it."""


class OrderRule(StrEnum):
    """When an order is placed."""

    GRAVE = "grave"
    """A P0 or P1 has no reproduction."""
    ENDORSED = "endorsed"
    """A claim is endorsed and has no test."""
    SURVIVORS = "survivors"
    """A mutant survived the tests of a ticket, and nobody has said why that may be."""


@dataclass(frozen=True)
class WantedOrder:
    """An order that a rule wants placed."""

    rule: OrderRule
    kind: OrderKind
    ticket_id: int
    ticket: str
    mutant: OrderedMutant | None = None

    @property
    def draft(self) -> OrderDraft:
        """It, with why it is placed."""
        mutant = None if self.mutant is None else self.mutant.digest
        return OrderDraft(self.kind, self.ticket, note=NOTES[self.rule], mutant=mutant)


KINDS = {
    OrderRule.GRAVE: OrderKind.REPRODUCE,
    OrderRule.ENDORSED: OrderKind.REPRODUCE,
    OrderRule.SURVIVORS: OrderKind.KILL_MUTANT,
}
"""What each rule asks for."""

NOTES = {
    OrderRule.GRAVE: "A grave finding without a reproduction.",
    OrderRule.ENDORSED: "A claim that is endorsed, and has no test.",
    OrderRule.SURVIVORS: "A small change of the code that no linked test notices.",
}
