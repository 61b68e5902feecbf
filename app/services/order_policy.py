"""Work orders that the service places by itself, where an operator's policy says so."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.order_policy import OrderRule
from app.storage.unit import UnitOfWork


class OrderPolicyService:
    """Places what the rules want."""

    def __init__(self, unit: UnitOfWork, rules: Sequence[OrderRule]) -> None:
        self._unit = unit
        self._rules = rules

    async def place(self) -> int:
        """Place what the rules want and nobody has ordered; returns how many.

        Of several processes that do so at once one does.
        """
        if not self._rules:
            return 0
        placed = 0
        async with self._unit.begin() as stores:
            if not await stores.order_policy.hold():
                return 0
            for rule in self._rules:
                for wanted in await stores.order_policy.wanted(rule):
                    await stores.work_orders.add(
                        wanted.draft, wanted.ticket_id, None, wanted.mutant
                    )
                    await stores.audit.record(
                        None,
                        "work-order.placed",
                        ticket_id=wanted.ticket_id,
                        changes={
                            "work_order": [None, wanted.kind.value],
                            "rule": [None, rule.value],
                        },
                    )
                    placed += 1
        return placed
