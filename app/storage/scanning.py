"""What scanners report, beside the tickets that it became."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain import keys
from app.domain.scanning import StoredResult, Trace
from app.schema.scanning import scanner_results
from app.schema.tickets import key_counters, tickets
from app.schema.verification import targets
from app.storage.store import Store

_LOCK = 0x73617269  # "sari"
_TRACED = ("rule", "path", "line", "symbol", "code", "before", "after", "says", "prints")


class ScanningStore(Store):
    """Results of scanners."""

    async def begin_import(self, scanner: str) -> None:
        """Wait until nobody else imports results of a scanner, and keep others waiting."""
        await self._connection.execute(
            select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(scanner)))
        )

    async def targets(self) -> set[str]:
        """Return the names of the targets whose suites were collected."""
        return set(await self._connection.scalars(select(targets.c.name)))

    async def results_of(self, scanner: str) -> list[StoredResult]:
        """Return what is stored of a scanner, in the order of tickets."""
        table = scanner_results.c
        rows = await self._connection.execute(
            select(
                table.ticket_id,
                table.digest,
                table.reported,
                tickets.c.key,
                *(table[name] for name in _TRACED),
            )
            .join(tickets, tickets.c.id == table.ticket_id)
            .where(table.scanner == scanner)
            .order_by(table.ticket_id)
        )
        return [
            StoredResult(
                row.ticket_id,
                row.digest,
                row.reported,
                Trace(
                    row.rule,
                    row.path,
                    row.line,
                    row.symbol,
                    row.code,
                    row.before,
                    row.after,
                    row.says,
                    tuple(row.prints),
                    row.key,
                ),
            )
            for row in rows
        ]

    async def reported_by(
        self, ids: Sequence[int]
    ) -> dict[int, tuple[str, str, str, Mapping[str, Any]]]:
        """Return (scanner, tool, rule, what it said) by ticket; of several the first to report."""
        table = scanner_results.c
        rows = await self._connection.execute(
            select(table.ticket_id, table.scanner, table.tool, table.rule, table.said)
            .where(table.ticket_id.in_(list(ids)))
            .order_by(table.ticket_id, table.changed_at.desc(), table.scanner)
        )
        # Later rows win: the one that has been there longest.
        return {row.ticket_id: (row.scanner, row.tool, row.rule, row.said) for row in rows}

    async def tickets_named(self, wanted: Iterable[str]) -> dict[str, tuple[int, str]]:
        """Return the ids and titles of tickets by their keys."""
        query = select(tickets.c.key, tickets.c.id, tickets.c.title)
        rows = await self._connection.execute(query.where(tickets.c.key.in_(list(wanted))))
        return {row.key: (row.id, row.title) for row in rows}

    async def mint_keys(self, batch: int, code: str, count: int) -> list[str]:
        """Return the next `count` keys of a scanner in a batch; markers' keys are passed over."""
        if not count:
            return []
        statement = upsert(key_counters).values(batch=batch, code=code, last=0)
        last = await self._connection.scalar(
            statement.on_conflict_do_update(
                index_elements=[key_counters.c.batch, key_counters.c.code],
                set_={"last": key_counters.c.last},
            ).returning(key_counters.c.last)
        )
        claimed = set(await self._connection.scalars(_CLAIMED, {"prefix": f"B{batch}-{code}-"}))
        found: list[str] = []
        number = last or 0
        while len(found) < count:
            number += 1
            key = keys.mint(batch, code, number)
            if key not in claimed:
                found.append(key)
        await self._connection.execute(
            update(key_counters)
            .where(key_counters.c.batch == batch, key_counters.c.code == code)
            .values(last=number)
        )
        return found

    async def save(
        self,
        scanner: str,
        tool: str,
        rows: Sequence[tuple[int, Trace, str, Mapping[str, Any]]],
    ) -> None:
        """Keep what a scanner reports of tickets: (ticket, trace, digest, what it said)."""
        values = [
            {
                "ticket_id": ticket_id,
                "scanner": scanner,
                "tool": tool,
                **{name: getattr(trace, name) for name in _TRACED},
                "prints": list(trace.prints),
                "digest": digest,
                "said": dict(said),
                "reported": True,
            }
            for ticket_id, trace, digest, said in rows
        ]
        if not values:
            return
        statement = upsert(scanner_results)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["ticket_id", "scanner"],
                set_={
                    **{
                        name: statement.excluded[name]
                        for name in (*_TRACED, "tool", "digest", "said", "reported")
                    },
                    "changed_at": func.now(),
                },
            ),
            values,
        )

    async def mark_gone(self, scanner: str, ids: Iterable[int]) -> None:
        """Note that a complete run of a scanner no longer reports tickets."""
        await self._connection.execute(
            update(scanner_results)
            .where(
                scanner_results.c.scanner == scanner,
                scanner_results.c.ticket_id.in_(list(ids)),
            )
            .values(reported=False, changed_at=func.now())
        )


_CLAIMED = text(
    "SELECT finding FROM tests, unnest(findings) AS finding"
    " WHERE starts_with(finding, CAST(:prefix AS text))"
)
