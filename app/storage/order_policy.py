"""What the rules of the policy of work orders find."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text

from app.domain.evidence import EvidenceState
from app.domain.order_policy import KINDS, MOST_REJECTED, OrderRule, WantedOrder
from app.domain.strength import MutantOutcome
from app.domain.tickets import Testable
from app.domain.work_orders import OrderedMutant, OrderKind, OrderStatus
from app.schema.reviews import reviews
from app.schema.strength import mutant_verdicts, run_mutants, ticket_strength
from app.schema.tickets import tickets
from app.schema.work_orders import work_orders
from app.storage.store import Store

_MOST = 200
"""So many are placed at one go."""

_GRAVE = ("P0", "P1")
_SETTLED = ("closed", "wont-fix")
_NOT_REPRODUCED = tuple(
    state.value
    for state in (
        EvidenceState.NONE,
        EvidenceState.UNVERIFIED,
        EvidenceState.PASSING,
        EvidenceState.CANNOT_FAIL,
    )
)


class OrderPolicyStore(Store):
    """What the rules find."""

    async def hold(self) -> bool:
        """Keep others from placing orders by rules until the transaction ends; False: they do."""
        taken = await self._connection.scalar(text("SELECT pg_try_advisory_xact_lock(7306374)"))
        return bool(taken)

    async def wanted(self, rule: OrderRule) -> list[WantedOrder]:
        """Return what a rule wants placed, for the gravest and oldest tickets first."""
        kind = KINDS[rule]
        if rule is OrderRule.SURVIVORS:
            return await self._survivors()
        found = await self._connection.execute(
            select(tickets.c.id, tickets.c.key)
            .where(_applies(rule), *_can_be_done(), ~_is_placed(kind), ~_is_hopeless(kind))
            .order_by(tickets.c.severity, tickets.c.id)
            .limit(_MOST)
        )
        return [WantedOrder(rule, kind, row.id, row.key) for row in found]

    async def _survivors(self) -> list[WantedOrder]:
        """Return the survivors that tickets show now, the first ones of each ticket."""
        mutant, kind = run_mutants.c, OrderKind.KILL_MUTANT
        of_it = work_orders.c.mutant["digest"].astext == mutant.digest
        judged = exists().where(mutant_verdicts.c.digest == mutant.digest)
        rows = await self._connection.execute(
            select(
                tickets.c.id,
                tickets.c.key,
                mutant.digest,
                mutant.path,
                mutant.line,
                mutant.function,
                mutant.diff,
            )
            .select_from(ticket_strength)
            .join(tickets, tickets.c.id == ticket_strength.c.ticket_id)
            .join(run_mutants, mutant.run_id == ticket_strength.c.run_id)
            .where(
                ~ticket_strength.c.stale,
                mutant.outcome == MutantOutcome.SURVIVED.value,
                ~judged,
                *_can_be_done(),
                ~_is_placed(kind, of_it),
                ~_is_hopeless(kind, of_it),
            )
            .order_by(tickets.c.severity, tickets.c.id, mutant.position)
            .limit(_MOST)
        )
        return [
            WantedOrder(
                OrderRule.SURVIVORS,
                kind,
                row.id,
                row.key,
                OrderedMutant(row.digest, row.path, row.line, row.function, row.diff),
            )
            for row in rows
        ]


def _applies(rule: OrderRule) -> ColumnElement[bool]:
    match rule:
        case OrderRule.GRAVE:
            return and_(
                tickets.c.severity.in_(_GRAVE), tickets.c.evidence_state.in_(_NOT_REPRODUCED)
            )
        case OrderRule.ENDORSED:
            endorsed = exists().where(
                reviews.c.ticket_id == tickets.c.id,
                reviews.c.verdict == "ENDORSE",
                reviews.c.superseded_by.is_(None),
                reviews.c.content_version >= tickets.c.content_version,
            )
            return and_(tickets.c.evidence_state == EvidenceState.NONE.value, endorsed)
        case OrderRule.SURVIVORS:
            raise ValueError(rule)


def _can_be_done() -> tuple[ColumnElement[bool], ...]:
    """Open tickets whose claim a test can decide."""
    said = tickets.c.testability["state"].astext
    testable = or_(said.is_(None), said == Testable.TESTABLE.value)
    return tickets.c.status.not_in(_SETTLED), testable


def _is_placed(kind: OrderKind, *of_it: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        work_orders.c.ticket_id == tickets.c.id,
        work_orders.c.kind == kind.value,
        work_orders.c.status != OrderStatus.REJECTED.value,
        *of_it,
    )


def _is_hopeless(kind: OrderKind, *of_it: ColumnElement[bool]) -> ColumnElement[bool]:
    rejected = (
        select(func.count())
        .where(
            work_orders.c.ticket_id == tickets.c.id,
            work_orders.c.kind == kind.value,
            work_orders.c.status == OrderStatus.REJECTED.value,
            *of_it,
        )
        .correlate(tickets, run_mutants)
        .scalar_subquery()
    )
    return rejected >= MOST_REJECTED
