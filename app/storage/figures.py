"""Figures over all tickets, in a handful of statements however many tickets there are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
    tuple_,
)

from app.domain.evidence import EvidenceState
from app.domain.figures import (
    CONFIRMING_RESOLUTION,
    CONFIRMING_STATES,
    REFUTING_RESOLUTION,
    Contradiction,
    DomainCount,
    Opinion,
    OpinionCount,
    TicketCount,
    Week,
    opinions_holding,
)
from app.domain.reviews import ClaimOpinion, FixOpinion, ReviewVerdict
from app.domain.sight import Sight
from app.domain.targets import covers
from app.domain.tickets import Status
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.runs import runs
from app.schema.tickets import tickets
from app.storage.prepared import Prepared
from app.storage.sight import hidden_from
from app.storage.store import Store

MOST_DOMAINS = 1000

_FINAL = tuple(status.value for status in Status if status.is_final)
_DECIDED = [state.value for state in CONFIRMING_STATES]


_VERSION = Prepared(
    lambda: text("""
SELECT (SELECT max(id) FROM audit_events) AS newest,
    (SELECT max(synced_at) FROM targets) AS synced, current_date AS today,
    EXISTS (
        SELECT FROM audit_events WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())
    ) AS unsettled
""")
)


class FigureStore(Store):
    """Figures over all tickets."""

    async def version(self) -> str | None:
        """Return what stays the same as long as all figures do, and is cheap to ask for.

        None while a transaction may still put its event among those that are there: what is read
        now may lack it, and must not be kept.
        """
        row = await _VERSION.row(self._connection)
        assert row is not None
        return None if row.unsettled else f"{row.newest} {row.synced} {row.today}"

    async def tickets(self) -> list[TicketCount]:
        """Count tickets by all the words that figures are shown by: one pass over them."""
        table = tickets.c
        covered = table.evidence_state != EvidenceState.NOT_COVERED.value
        words = (
            covered,
            case((table.severity_raw.is_(None), table.severity), else_="unknown"),
            table.status,
            table.evidence_state,
            table.evidence_stale,
            table.target,
        )
        numbers = range(1, len(words) + 1)
        rows = await self._connection.execute(
            select(*words, func.count()).group_by(*(literal_column(str(n)) for n in numbers))
        )
        return [TicketCount(*row) for row in rows]

    async def weeks(self, count: int) -> list[Week]:
        """Return the last `count` weeks, the present one last, quiet ones too.

        A ticket that was closed twice counts twice. The partial index on endings in the audit
        bounds the second count.
        """
        rows = await self._connection.execute(
            text(
                """
                WITH weeks AS (
                    SELECT generate_series(
                        date_trunc('week', now()) - make_interval(weeks => :back),
                        date_trunc('week', now()), interval '1 week') AS week
                ), opened AS (
                    SELECT date_trunc('week', created_at) AS week, count(*) AS number
                    FROM tickets
                    WHERE created_at >= date_trunc('week', now()) - make_interval(weeks => :back)
                    GROUP BY 1
                ), closed AS (
                    SELECT date_trunc('week', at) AS week, count(*) AS number
                    FROM audit_events
                    WHERE (changes #>> '{status,1}') IN ('closed','wont-fix')
                        AND coalesce(changes #>> '{status,0}', '') NOT IN ('closed','wont-fix')
                        AND at >= date_trunc('week', now()) - make_interval(weeks => :back)
                    GROUP BY 1
                )
                SELECT weeks.week::date AS week, coalesce(opened.number, 0) AS opened,
                    coalesce(closed.number, 0) AS closed
                FROM weeks LEFT JOIN opened USING (week) LEFT JOIN closed USING (week)
                ORDER BY 1
                """
            ),
            {"back": count - 1},
        )
        return [Week(row.week, row.opened, row.closed) for row in rows]

    async def opinions(self, sight: Sight | None) -> list[OpinionCount]:
        """Count current reviews by what they say and what became of the claim.

        Those of tickets whose verdicts are hidden from `sight` are left out.
        """
        table = reviews.c
        outdated = table.content_version < tickets.c.content_version
        words = (
            table.specialist,
            table.verdict,
            table.claim,
            table.fix,
            outdated.label("outdated"),
            _confirmed().label("confirmed"),
            _refuted().label("refuted"),
        )
        rows = await self._connection.execute(
            select(*words, func.count().label("reviews"))
            .join_from(reviews, tickets, tickets.c.id == table.ticket_id)
            .where(table.superseded_by.is_(None), *_within(sight))
            .group_by(*(literal_column(str(n)) for n in range(1, len(words) + 1)))
        )
        return [
            OpinionCount(
                specialist=row.specialist,
                opinion=_opinion(row.verdict, row.claim, row.fix),
                outdated=row.outdated,
                confirmed=row.confirmed,
                refuted=row.refuted,
                reviews=row.reviews,
            )
            for row in rows
        ]

    async def contradictions(self, limit: int, sight: Sight | None) -> list[Contradiction]:
        """Return the newest current reviews whose opinion of the claim did not stand."""
        table = reviews.c
        author = accounts.alias("author")
        run = (
            select(runs.c.id, runs.c.decided)
            .where(runs.c.ticket_id == tickets.c.id, runs.c.decided.in_(_DECIDED))
            .order_by(runs.c.finished_at.desc(), runs.c.id.desc())
            .limit(1)
            .lateral("run")
        )
        wrong = or_(
            and_(_confirmed(), not_(_refuted()), _says(opinions_holding(claim_true=False))),
            and_(_refuted(), not_(_confirmed()), _says(opinions_holding(claim_true=True))),
        )
        rows = await self._connection.execute(
            select(
                tickets.c.key.label("ticket"),
                table.id.label("review"),
                table.specialist,
                author.c.name.label("author"),
                table.verdict,
                table.claim,
                table.created_at.label("reviewed_at"),
                case((_confirmed(), "confirmed"), else_="refuted").label("claim_was"),
                func.coalesce(run.c.decided, tickets.c.resolution).label("because"),
                run.c.id.label("run"),
            )
            .select_from(reviews)
            .join(tickets, tickets.c.id == table.ticket_id)
            .join(author, author.c.id == table.author_id)
            .outerjoin(run, true())
            .where(
                table.superseded_by.is_(None),
                table.content_version >= tickets.c.content_version,
                wrong,
                *_within(sight),
            )
            .order_by(table.id.desc())
            .limit(limit)
        )
        return [Contradiction(**row._mapping) for row in rows]

    async def by_target(self) -> dict[str, int]:
        """Count the tickets of each target; ``""`` stands for those that none covers."""
        rows = await self._connection.execute(
            select(tickets.c.target, func.count().label("number")).group_by(tickets.c.target)
        )
        return {row.target or "": row.number for row in rows}

    async def not_covered(self) -> list[tuple[str, int]]:
        """Count the tickets that no target covers, by domain; ``""`` stands for none."""
        named = func.unnest(case((tickets.c.domains == [], [""]), else_=tickets.c.domains)).label(
            "name"
        )
        listed = select(named, tickets.c.id).where(tickets.c.target.is_(None)).subquery()
        rows = await self._connection.execute(
            select(listed.c.name, func.count().label("number"))
            .group_by(listed.c.name)
            .order_by(func.count().desc(), listed.c.name)
        )
        return [(row.name, row.number) for row in rows]

    async def domains(self, covered: Sequence[str]) -> list[DomainCount]:
        """Count tickets by domain, those of the covered ones that no ticket names included."""
        named = func.unnest(tickets.c.domains).label("name")
        each = select(named, tickets.c.status.in_(_FINAL).label("final")).subquery("each")
        rows = await self._connection.execute(
            select(
                each.c.name,
                func.count().label("tickets"),
                func.count().filter(~each.c.final).label("open"),
            )
            .group_by(each.c.name)
            .order_by(func.count().desc(), each.c.name)
            .limit(MOST_DOMAINS)
        )
        found = {row.name: (row.tickets, row.open) for row in rows}
        for name in set(covered) - {"*"}:
            found.setdefault(name, (0, 0))
        return [
            DomainCount(name, *counts, covered=covers(covered, (name,)))
            for name, counts in sorted(found.items())
        ]


def _within(sight: Sight | None) -> list[ColumnElement[bool]]:
    return [] if sight is None else [~hidden_from(sight)]


def _confirmed() -> ColumnElement[bool]:
    reproduced = exists().where(runs.c.ticket_id == tickets.c.id, runs.c.decided.in_(_DECIDED))
    closed = func.coalesce(tickets.c.resolution == CONFIRMING_RESOLUTION.value, text("false"))
    return or_(reproduced.correlate(tickets), closed)


def _refuted() -> ColumnElement[bool]:
    refuted: ColumnElement[bool] = func.coalesce(
        tickets.c.resolution == REFUTING_RESOLUTION.value, text("false")
    )
    return refuted


def _says(opinions: Sequence[Opinion]) -> ColumnElement[bool]:
    table = reviews.c
    words = tuple_(table.verdict, func.coalesce(table.claim, ""), func.coalesce(table.fix, ""))
    return words.in_([(verdict.value, claim or "", fix or "") for verdict, claim, fix in opinions])


def _opinion(verdict: str, claim: str | None, fix: str | None) -> Opinion:
    return (
        ReviewVerdict(verdict),
        None if claim is None else ClaimOpinion(claim),
        None if fix is None else FixOpinion(fix),
    )
