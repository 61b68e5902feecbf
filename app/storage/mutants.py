"""Mutants: of runs, results that are kept, verdicts, and the strength that tickets show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.mutated import Named
from app.domain.plain import from_plain
from app.domain.strength import (
    Ending,
    Mutant,
    MutantOutcome,
    MutantResult,
    MutantVerdict,
    Strength,
    TicketStrength,
    tally,
)
from app.schema.accounts import accounts
from app.schema.runs import runs
from app.schema.strength import mutant_results, mutant_verdicts, run_mutants, ticket_strength
from app.schema.tickets import ticket_locations, tickets
from app.storage.rows import batched
from app.storage.store import Store

UNKNOWN_RANK = 2.0
"""Behind all that are known."""


@dataclass(frozen=True)
class KeptUnder:
    """What the result of a mutant hangs on: its content, the tests, the environment."""

    content: str
    tests: str
    environment: str


class MutantStore(Store):
    """Mutants and what is known of them."""

    async def add(self, run_id: UUID, mutants: Sequence[Mutant]) -> None:
        """Add the mutants of a run in the order in which they are to be run."""
        rows = [_row(run_id, number, mutant) for number, mutant in enumerate(mutants)]
        for some in batched(rows):
            await self._connection.execute(insert(run_mutants), some)

    async def save(self, run_id: UUID, ended: Mapping[int, Mutant]) -> None:
        """Store how mutants of a run ended, by position."""
        if not ended:
            return
        statement = (
            update(run_mutants)
            .where(
                run_mutants.c.run_id == run_id,
                run_mutants.c.position == bindparam("at"),
            )
            .values({name: bindparam(f"new_{name}") for name in _ENDING})
        )
        values = [
            {"at": at, **{f"new_{name}": value for name, value in _ending(mutant).items()}}
            for at, mutant in sorted(ended.items())
        ]
        await self._connection.execute(statement, values)

    async def of_run(
        self,
        run_id: UUID,
        *,
        outcomes: Collection[MutantOutcome] = (),
        after: int = -1,
        limit: int | None = None,
    ) -> list[tuple[int, Mutant]]:
        """Return mutants of a run with their positions, in order, behind the position `after`."""
        query = _select().where(run_mutants.c.run_id == run_id, run_mutants.c.position > after)
        if outcomes:
            query = query.where(or_(*map(_has_outcome, outcomes)))
        rows = await self._connection.execute(query.order_by(run_mutants.c.position).limit(limit))
        return [(row.position, _mutant(row)) for row in rows]

    async def strength_of(self, run_id: UUID) -> Strength:
        """Return what a run amounts to, with what people have said of its survivors by now."""
        table = run_mutants.c
        ways = (
            table.outcome,
            mutant_verdicts.c.verdict,
            table.by_fix,
            table.suite_killed_by.is_not(None).label("suite_kills"),
        )
        # Not row by row: a run may have a thousand, and whoever looks at it asks again and again.
        query = (
            select(*ways, func.count().label("number"))
            .select_from(run_mutants)
            .outerjoin(mutant_verdicts, mutant_verdicts.c.digest == table.digest)
            .where(table.run_id == run_id)
            .group_by(*ways)
        )
        return tally(
            {
                Ending(_outcome(row.outcome), _verdict(row.verdict), row.by_fix, row.suite_kills): (
                    row.number
                )
                for row in await self._connection.execute(query)
            }
        )

    async def known(self, keys: Iterable[KeptUnder]) -> dict[KeptUnder, MutantResult]:
        """Return the results that are kept under keys; all of the same tests and environment."""
        wanted = list(keys)
        found: dict[KeptUnder, MutantResult] = {}
        for some in batched(wanted):
            rows = await self._connection.execute(
                select(mutant_results).where(
                    mutant_results.c.tests == some[0].tests,
                    mutant_results.c.environment == some[0].environment,
                    mutant_results.c.content.in_([key.content for key in some]),
                )
            )
            for row in rows:
                key = KeptUnder(row.content, row.tests, row.environment)
                found[key] = MutantResult(
                    MutantOutcome(row.outcome), row.killed_by, row.how, row.took_s
                )
        return found

    async def keep(self, results: Mapping[KeptUnder, MutantResult]) -> None:
        """Keep results for whoever asks the same again."""
        if not results:
            return
        rows = [
            {
                "content": key.content,
                "tests": key.tests,
                "environment": key.environment,
                "outcome": result.outcome.value,
                "killed_by": result.killed_by,
                "how": result.how,
                "took_s": result.took_s,
            }
            # In one order, so that two runs do not wait for each other.
            for key, result in sorted(results.items(), key=lambda one: one[0].content)
        ]
        statement = upsert(mutant_results).values(rows)
        changed = {
            name: statement.excluded[name] for name in ("outcome", "killed_by", "how", "took_s")
        }
        await self._connection.execute(
            statement.on_conflict_do_update(
                constraint="pk_mutant_results", set_={**changed, "updated_at": func.now()}
            )
        )

    async def put_verdict(
        self, digest: str, verdict: MutantVerdict, reason: str, account_id: UUID
    ) -> None:
        """Store what a person says of a survivor, in place of what was said before."""
        values = {"verdict": verdict.value, "reason": reason, "account_id": account_id}
        await self._connection.execute(
            upsert(mutant_verdicts)
            .values(digest=digest, **values)
            .on_conflict_do_update(
                constraint="pk_mutant_verdicts", set_={**values, "at": func.now()}
            )
        )

    async def latest(self, digest: str) -> tuple[UUID, Mutant] | None:
        """Return a mutant as the last run had it that ended it, with that run."""
        query = (
            _select()
            .join(runs, runs.c.id == run_mutants.c.run_id)
            .where(run_mutants.c.digest == digest, run_mutants.c.outcome.is_not(None))
            .order_by(runs.c.queued_at.desc(), run_mutants.c.run_id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (row.run_id, _mutant(row))

    async def survivor(self, ticket_id: int, digest: str) -> Mutant | None:
        """Return a mutant that survived the last run of a ticket which ended it, or None."""
        query = (
            _select()
            .join(runs, runs.c.id == run_mutants.c.run_id)
            .where(
                runs.c.ticket_id == ticket_id,
                run_mutants.c.digest == digest,
                run_mutants.c.outcome.is_not(None),
            )
            .order_by(runs.c.queued_at.desc(), run_mutants.c.run_id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        found = None if row is None else _mutant(row)
        survived = found is not None and found.shown_outcome is MutantOutcome.SURVIVED
        return found if survived else None

    async def measured_with(self, digest: str) -> list[tuple[int, UUID]]:
        """Return the tickets, each with its run, whose shown strength counts a mutant."""
        rows = await self._connection.execute(
            select(ticket_strength.c.ticket_id, ticket_strength.c.run_id)
            .join(run_mutants, run_mutants.c.run_id == ticket_strength.c.run_id)
            .where(run_mutants.c.digest == digest)
            .distinct()
            .order_by(ticket_strength.c.ticket_id)
        )
        return [(row.ticket_id, row.run_id) for row in rows]

    async def places_of(self, ticket_id: int) -> list[Named]:
        """Return the places that a ticket names, in its order."""
        rows = await self._connection.execute(
            select(ticket_locations.c.id, ticket_locations.c.path, ticket_locations.c.symbol)
            .where(ticket_locations.c.ticket_id == ticket_id)
            .order_by(ticket_locations.c.position)
        )
        return [Named(row.path, row.symbol, str(row.id)) for row in rows]

    async def show_on(
        self,
        ticket_id: int,
        run_id: UUID,
        strength: Strength,
        *,
        package: str,
        links: str,
        fix: str | None,
    ) -> None:
        """Let a ticket show what a run has measured at these digests."""
        values = {
            "run_id": run_id,
            "value": strength.value,
            "figures": strength.figures() | {"fix": fix},
            "package_digest": package,
            "links_digest": links,
            "stale": False,
        }
        await self._connection.execute(
            upsert(ticket_strength)
            .values(ticket_id=ticket_id, **values)
            .on_conflict_do_update(
                constraint="pk_ticket_strength", set_={**values, "measured_at": func.now()}
            )
        )
        await self._rank(ticket_id)

    async def refigure(self, ticket_id: int, run_id: UUID, strength: Strength) -> None:
        """Let a ticket show the figures of its run anew: a verdict has come."""
        table = ticket_strength.c
        await self._connection.execute(
            update(ticket_strength)
            .where(table.ticket_id == ticket_id, table.run_id == run_id)
            # What it was measured of stays.
            .values(
                value=strength.value,
                figures=table.figures.op("||")(type_coerce(strength.figures(), JSONB)),
            )
        )
        await self._rank(ticket_id)

    async def mark_stale(self, ticket_id: int, package: str, links: str) -> None:
        """Bring up to date whether a ticket's strength is of the package and tests in force."""
        stale = or_(
            ticket_strength.c.package_digest != package, ticket_strength.c.links_digest != links
        )
        done = await self._connection.execute(
            update(ticket_strength)
            .where(ticket_strength.c.ticket_id == ticket_id, ticket_strength.c.stale != stale)
            .values(stale=stale)
        )
        if done.rowcount:
            await self._rank(ticket_id)

    async def _rank(self, ticket_id: int) -> None:
        """Bring up to date where a ticket stands in the order of strength."""
        known = select(ticket_strength.c.value).where(
            ticket_strength.c.ticket_id == ticket_id, ~ticket_strength.c.stale
        )
        await self._connection.execute(
            update(tickets)
            .where(tickets.c.id == ticket_id)
            .values(strength_rank=func.coalesce(known.scalar_subquery(), UNKNOWN_RANK))
        )


def strength_shown() -> ScalarSelect[Any]:
    """Return the strength that a ticket shows as one JSON object, or null."""
    table = ticket_strength.c
    pairs: list[Any] = []
    for name in ("run_id", "figures", "stale", "measured_at"):
        pairs += [literal_column(f"'{name}'"), table[name]]
    return (
        select(type_coerce(func.json_build_object(*pairs), JSONB))
        .where(table.ticket_id == tickets.c.id)
        .correlate(tickets)
        .scalar_subquery()
    )


def ticket_strength_from(item: Mapping[str, Any]) -> TicketStrength:
    """Build the strength of a ticket from its JSON object."""
    figures = item["figures"]
    named = {"strength": figures, "run": item["run_id"], "fix": figures.get("fix")}
    return from_plain(TicketStrength, {**item, **named})


_ENDING = ("outcome", "killed_by", "how", "suite_killed_by", "took_s", "reused")


def _ending(mutant: Mutant) -> dict[str, Any]:
    return {
        "outcome": None if mutant.outcome is None else mutant.outcome.value,
        "killed_by": mutant.killed_by,
        "how": mutant.how,
        "suite_killed_by": mutant.suite_killed_by,
        "took_s": mutant.took_s,
        "reused": mutant.reused,
    }


def _row(run_id: UUID, position: int, mutant: Mutant) -> dict[str, Any]:
    change = mutant.change
    return {
        "run_id": run_id,
        "position": position,
        "digest": mutant.digest,
        "path": mutant.path,
        "line": mutant.line,
        "operator": mutant.operator,
        "function": mutant.function,
        "change": {"start": change.start, "end": change.end, "text": change.text},
        "diff": mutant.diff,
        "by_fix": mutant.by_fix,
        **_ending(mutant),
    }


def _select() -> Select[Any]:
    return (
        select(
            run_mutants,
            mutant_verdicts.c.verdict,
            mutant_verdicts.c.reason,
            accounts.c.name.label("judge"),
        )
        .outerjoin(mutant_verdicts, mutant_verdicts.c.digest == run_mutants.c.digest)
        .outerjoin(accounts, accounts.c.id == mutant_verdicts.c.account_id)
    )


def _has_outcome(wanted: MutantOutcome) -> Any:
    is_equivalent = func.coalesce(
        mutant_verdicts.c.verdict == MutantVerdict.EQUIVALENT.value, False
    )
    survived = run_mutants.c.outcome == MutantOutcome.SURVIVED.value
    match wanted:
        case MutantOutcome.EQUIVALENT:
            return and_(survived, is_equivalent)
        case MutantOutcome.SURVIVED:
            return and_(survived, ~is_equivalent)
    return run_mutants.c.outcome == wanted.value


def _outcome(stored: str | None) -> MutantOutcome | None:
    return None if stored is None else MutantOutcome(stored)


def _verdict(stored: str | None) -> MutantVerdict | None:
    return None if stored is None else MutantVerdict(stored)


def _mutant(row: Row[Any]) -> Mutant:
    change = {"path": row.path, **row.change}
    judged = {"verdict_reason": row.reason, "verdict_by": row.judge}
    return from_plain(Mutant, {**row._mapping, **judged, "change": change})
