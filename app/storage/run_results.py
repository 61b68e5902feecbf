"""Results of runs: as many as an answer holds, page by page, and later without what they printed.

An arm keeps its results in one document. What is left out of an answer is left out by the server,
and large documents are read in a thread: nobody waits while a run of thousands is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Row, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.causes import Cause
from app.domain.outputs import MOST_SHOWN, PlacedResult
from app.domain.runs import ArmResult, PatchUse, TestMode, TestOutcome, TestResult
from app.storage.prepared import Prepared
from app.storage.store import Store

_SHOWN_BYTES = 4 << 20
"""Of the text of results in one answer."""
_PAGE_BYTES = 1 << 20
_LIGHT_BYTES = 1 << 16
"""An arm whose results are stored so small (they are compressed) needs no look at each."""
_MANY_CHARS = 1 << 18
"""To read more than that takes a thread."""

Found = TypeVar("Found")


class RunResultStore(Store):
    """What the arms of runs reported."""

    async def arms_of(self, run_id: UUID, *, whole: bool = False) -> tuple[ArmResult, ...]:
        """Return the arms of a run.

        Unless they are wanted `whole`, those of thousands of tests hold `MOST_SHOWN` results: what
        did not pass, then the first.
        """
        statement = _WHOLE if whole else _SHOWN
        rows = await statement.rows(self._connection, run=run_id)
        return await _read(_arms_from, rows, sum(len(row.results) for row in rows))

    async def page(
        self,
        run_id: UUID,
        *,
        arms: Sequence[str],
        outcomes: Sequence[TestOutcome],
        after: tuple[int, int],
        limit: int,
    ) -> tuple[list[PlacedResult], bool]:
        """Return results of a run in their order, behind a position, and whether there are more.

        They may be fewer than `limit` where their texts are long.
        """
        wanted = {
            "run": run_id,
            "arms": list(arms),
            "outcomes": [outcome.value for outcome in outcomes],
            "arm": after[0],
            "n": after[1],
            "limit": limit,
            "bytes": _PAGE_BYTES,
        }
        rows = (await self._connection.execute(_PAGE, wanted)).all()
        found = await _read(_placed_from, rows, sum(len(row.result) for row in rows))
        return found, bool(rows) and rows[0].behind > len(rows)

    async def remove_outputs(self, kept_for: timedelta, limit: int) -> int:
        """Remove what tests printed in runs that ended before that time; return of how many arms.

        Outcomes, messages and causes stay. Runs that evidence or a review names keep everything.
        """
        told = f"What its tests printed was removed {kept_for.days} days after its end."
        gone = await self._connection.execute(
            _REMOVE_OUTPUTS, {"kept_for": kept_for, "limit": limit, "told": told}
        )
        return gone.rowcount


async def _read(
    build: Callable[[Sequence[Row[Any]]], Found], rows: Sequence[Row[Any]], chars: int
) -> Found:
    """Build what `rows` hold, in a thread where that takes more than a moment."""
    return await asyncio.to_thread(build, rows) if chars > _MANY_CHARS else build(rows)


def _arms_from(rows: Iterable[Row[Any]]) -> tuple[ArmResult, ...]:
    return tuple(map(_arm_from, rows))


def _arm_from(row: Row[Any]) -> ArmResult:
    results = tuple(map(result_from, orjson.loads(row.results)))
    return ArmResult(
        name=row.name,
        package_digest=row.package_digest,
        patch=None if row.patch is None else PatchUse(**row.patch),
        results=results,
        hints=tuple(row.hints),
        uses=tuple(row.uses),
        revision=row.revision,
        more=row.total - len(results),
    )


def _placed_from(rows: Iterable[Row[Any]]) -> list[PlacedResult]:
    return [
        PlacedResult((row.position, row.n), row.name, result_from(orjson.loads(row.result)))
        for row in rows
    ]


def result_from(stored: Mapping[str, Any]) -> TestResult:
    """Build a result from its stored form; those of earlier versions lack what is new."""
    found = dict(stored)
    for name, kind in (("outcome", TestOutcome), ("mode", TestMode), ("cause", Cause)):
        if found.get(name) is not None:
            found[name] = kind(found[name])
    for name in ("skipped_subtests", "warnings"):
        found[name] = tuple(found.get(name, ()))
    found["properties"] = tuple((one[0], one[1]) for one in found.get("properties", ()))
    return TestResult(**found)


_WHOLE = Prepared(
    lambda: text("""
SELECT name, patch, package_digest, hints, uses, revision,
  jsonb_array_length(results) AS total, CAST(results AS text) AS results
FROM run_arms WHERE run_id = :run ORDER BY position
""")
)

_SHOWN = Prepared(
    lambda: text("""
SELECT name, patch, package_digest, hints, uses, revision,
  jsonb_array_length(results) AS total,
  CAST(CASE
    WHEN jsonb_array_length(results) * arms <= CAST(:most AS integer)
      AND pg_column_size(results) <= :light
    THEN results
    ELSE (
      SELECT coalesce(jsonb_agg(counted.result ORDER BY counted.n), '[]')
      FROM (
        SELECT result, n, row_number() OVER needed AS place,
          sum(octet_length(CAST(result AS text))) OVER needed AS size
        FROM jsonb_array_elements(results) WITH ORDINALITY AS given (result, n)
        WINDOW needed AS (ORDER BY result ->> 'outcome' = 'passed', n ROWS UNBOUNDED PRECEDING)
      ) AS counted
      WHERE place <= CAST(:most AS integer) / arms
        AND (size <= CAST(:bytes AS integer) / arms OR place = 1)
    )
  END AS text) AS results
FROM (SELECT *, count(*) OVER () AS arms FROM run_arms WHERE run_id = :run) AS shown
ORDER BY position
""").bindparams(most=MOST_SHOWN, bytes=_SHOWN_BYTES, light=_LIGHT_BYTES)
)

_PAGE = text("""
SELECT position, n, name, result, behind
FROM (
  SELECT run_arms.position, given.n - 1 AS n, name, CAST(result AS text) AS result,
    count(*) OVER () AS behind, row_number() OVER in_order AS place,
    sum(octet_length(CAST(result AS text))) OVER in_order AS size
  FROM run_arms, jsonb_array_elements(results) WITH ORDINALITY AS given (result, n)
  WHERE run_id = :run
    AND (run_arms.position, given.n - 1) > (:arm, :n)
    AND (cardinality(:arms) = 0 OR name = ANY (:arms))
    AND (cardinality(:outcomes) = 0 OR result ->> 'outcome' = ANY (:outcomes))
  WINDOW in_order AS (ORDER BY run_arms.position, given.n ROWS UNBOUNDED PRECEDING)
) AS counted
WHERE place <= :limit AND (size <= :bytes OR place = 1)
ORDER BY position, n
""").bindparams(bindparam("arms", type_=ARRAY(Text)), bindparam("outcomes", type_=ARRAY(Text)))

_REMOVE_OUTPUTS = text("""
UPDATE run_arms SET
  printed = false,
  hints = hints || jsonb_build_array(CAST(:told AS text)),
  results = (
    SELECT coalesce(jsonb_agg(
      result - CAST('{traceback,stdout,log,warnings,properties}' AS text[]) ORDER BY n
    ), '[]')
    FROM jsonb_array_elements(results) WITH ORDINALITY AS given (result, n)
  )
WHERE (run_id, position) IN (
  SELECT run_arms.run_id, run_arms.position
  FROM run_arms JOIN runs ON runs.id = run_arms.run_id
  WHERE printed AND runs.finished_at < now() - CAST(:kept_for AS interval)
    AND NOT EXISTS (
      SELECT FROM tickets
      WHERE tickets.id = runs.ticket_id AND decision ->> 'run' = CAST(runs.id AS text)
    )
    AND NOT EXISTS (
      SELECT FROM reviews
      WHERE reviews.ticket_id = runs.ticket_id AND evidence @> jsonb_build_array(
        jsonb_build_object('kind', 'run', 'id', CAST(runs.id AS text))
      )
    )
  ORDER BY run_arms.run_id
  LIMIT :limit
  FOR UPDATE OF run_arms SKIP LOCKED
)
""")
