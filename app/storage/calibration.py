"""What was said before anything was run, and what runs decided since."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, literal_column, or_, select

from app.domain.calibration import FOUND, CalibrationBy, VerdictCount, shown_by_runs
from app.domain.evidence import EvidenceState
from app.domain.reviews import ClaimOpinion, FixOpinion, ReviewVerdict
from app.domain.sight import Sight
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.sight import hidden_from
from app.storage.store import Store


class CalibrationStore(Store):
    """Verdicts, and the fate of the claims that they are about."""

    async def counts(self, by: CalibrationBy, sight: Sight | None) -> list[VerdictCount]:
        """Count the verdicts from before anything was run, one of a specialist on a ticket.

        Those of tickets whose verdicts are hidden from `sight` are left out.
        """
        query = _verdicts(by)
        if sight is not None:
            query = query.where(~hidden_from(sight))
        rows = await self._connection.execute(query)
        return [_count(row) for row in rows]


def _decided() -> Subquery:
    """Tickets on which runs decided anything: since when, and whether they saw the defect."""
    word = runs.c.decided
    return (
        select(
            runs.c.ticket_id,
            func.min(runs.c.queued_at).label("since"),
            func.bool_or(word.in_([state.value for state in FOUND])).label("found"),
            func.bool_or(word == EvidenceState.PROVEN.value).label("proven"),
        )
        .where(word.is_not(None))
        .group_by(runs.c.ticket_id)
        .subquery("decided")
    )


def _verdicts(by: CalibrationBy) -> Select[Any]:
    table, later, decided = reviews.c, reviews.alias("later"), _decided()
    words = (
        _name(by).label("who"),
        table.verdict,
        table.claim,
        table.fix,
        decided.c.found,
        decided.c.proven,
        tickets.c.resolution,
        (tickets.c.evidence_state == EvidenceState.UNVERIFIED.value).label("disputed"),
    )
    query = (
        select(*words, func.count().label("verdicts"))
        .select_from(reviews)
        .join(decided, decided.c.ticket_id == table.ticket_id)
        .join(tickets, tickets.c.id == table.ticket_id)
        .join(accounts, accounts.c.id == table.author_id)
        .outerjoin(later, later.c.id == table.superseded_by)
        # Who looked on could follow a run from when it was asked for.
        .where(
            table.created_at < decided.c.since,
            or_(table.superseded_by.is_(None), later.c.created_at >= decided.c.since),
        )
        .group_by(*(literal_column(str(n)) for n in range(1, len(words) + 1)))
    )
    match by:
        case CalibrationBy.ACCOUNT:
            # What a document says is not the word of whoever imported it.
            return query.where(~table.imported)
        case CalibrationBy.MODEL:
            return query.where(_model().is_not(None))
    return query


def _name(by: CalibrationBy) -> ColumnElement[Any]:
    match by:
        case CalibrationBy.SPECIALIST:
            return reviews.c.specialist
        case CalibrationBy.ACCOUNT:
            return accounts.c.name
        case CalibrationBy.MODEL:
            return _model()
        case CalibrationBy.DOMAIN:
            return func.unnest(tickets.c.domains)


def _model() -> ColumnElement[Any]:
    model: ColumnElement[Any] = reviews.c.provenance["model"].astext
    return model


def _count(row: Any) -> VerdictCount:
    opinion = (
        ReviewVerdict(row.verdict),
        None if row.claim is None else ClaimOpinion(row.claim),
        None if row.fix is None else FixOpinion(row.fix),
    )
    shown = shown_by_runs(
        found=row.found, proven=row.proven, resolution=row.resolution, disputed=row.disputed
    )
    return VerdictCount(row.who, opinion, shown, row.verdicts)
