"""Which work orders the service places by itself; without a rule none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.work_orders import OrderDraft, OrderKind

MOST_REJECTED = 3
"""So many orders of a kind may be rejected on a ticket; then somebody has to look at it."""


class OrderRule(StrEnum):
    """When an order is placed."""

    GRAVE = "grave"
    """A P0 or P1 has no reproduction."""
    ENDORSED = "endorsed"
    """A claim is endorsed and has no test."""


@dataclass(frozen=True)
class WantedOrder:
    """An order that a rule wants placed."""

    rule: OrderRule
    kind: OrderKind
    ticket_id: int
    ticket: str

    @property
    def draft(self) -> OrderDraft:
        """It, with why it is placed."""
        return OrderDraft(self.kind, self.ticket, note=NOTES[self.rule])


KINDS = {OrderRule.GRAVE: OrderKind.REPRODUCE, OrderRule.ENDORSED: OrderKind.REPRODUCE}
"""What each rule asks for."""

NOTES = {
    OrderRule.GRAVE: "A grave finding without a reproduction.",
    OrderRule.ENDORSED: "A claim that is endorsed, and has no test.",
}
