"""How tests have ended so far, one row for each package, text of the test and environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, tuple_

from app.domain.flakes import Ending, Tally, changes_nothing, observe
from app.schema.runs import test_tallies
from app.storage.prepared import Prepared, as_json
from app.storage.rows import from_row
from app.storage.store import Store

_FIELDS = """
    node_id text, package_digest text, test_digest text, environment text, target text,
    passes int, failures int, flips int, since_flip int, flipped_in uuid, bundled bool, last jsonb
"""
_NAMES = ", ".join(field.split()[0] for field in _FIELDS.split(","))

_ADD = Prepared(
    lambda: text(f"""
INSERT INTO test_tallies ({_NAMES})
SELECT {_NAMES} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new({_FIELDS})
ORDER BY node_id, package_digest, test_digest, environment
ON CONFLICT DO NOTHING
RETURNING node_id, package_digest, test_digest
""")  # noqa: S608  # own names
)

_CHANGE = Prepared(
    lambda: text(f"""
UPDATE test_tallies AS old
SET passes = new.passes, failures = new.failures, flips = new.flips,
    since_flip = new.since_flip, flipped_in = new.flipped_in, bundled = new.bundled,
    last = new.last, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new({_FIELDS})
WHERE old.node_id = new.node_id AND old.package_digest = new.package_digest
    AND old.test_digest = new.test_digest AND old.environment = new.environment
RETURNING old.node_id, old.package_digest, old.test_digest
""")  # noqa: S608  # own names
)

_HOLD = Prepared(
    lambda: text(f"""
SELECT {_NAMES} FROM test_tallies
WHERE node_id = ANY(:nodes) AND package_digest = ANY(:packages) AND test_digest = ANY(:texts)
    AND environment = :where
ORDER BY node_id, package_digest, test_digest
FOR UPDATE
""")  # noqa: S608  # own names
)

_FLIPPING = Prepared(
    lambda: text(f"""
SELECT {_NAMES} FROM test_tallies
WHERE flips > 0 AND node_id = ANY(:nodes) AND package_digest = ANY(:packages)
    AND (CAST(:environments AS text[]) IS NULL OR environment = ANY(:environments))
ORDER BY node_id
""")  # noqa: S608  # own names
)


@dataclass(frozen=True)
class TallyKey:
    """A test, unchanged, on one package."""

    node_id: str
    package_digest: str
    test_digest: str
    """Of its file and the support files of the suite."""


@dataclass(frozen=True)
class Seen:
    """What a run saw of a test on one package."""

    endings: Sequence[Ending]
    bundled: bool
    """The package is as it ships, without a patch."""
    linked: bool
    """The run was about this test; of the others only what is new is written down."""


class TallyStore(Store):
    """Tallies of tests."""

    async def record(
        self, target: str, environment: str, seen: Mapping[TallyKey, Seen], run: UUID
    ) -> dict[TallyKey, Tally]:
        """Add what a run saw; return the tallies that it changed.

        Two runs that end at once see each other's results: whoever comes second waits for the
        rows of the first, which all take in one order.
        """
        changed: dict[TallyKey, Tally] = {}
        left = dict(seen)
        while left:
            known = await self._hold(environment, left)
            found = {
                key: observe(known.get(key, Tally()), one.endings, run, bundled=one.bundled)
                for key, one in left.items()
                if key not in known or one.linked or not changes_nothing(known[key], one.endings)
            }
            old = {key: tally for key, tally in found.items() if key in known}
            new = {key: tally for key, tally in found.items() if key not in known}
            await self._write(_CHANGE, target, environment, old)
            added = await self._write(_ADD, target, environment, new)
            changed |= old | {key: tally for key, tally in new.items() if key in added}
            # Those that another run has added meanwhile.
            left = {key: left[key] for key in new if key not in added}
        return changed

    async def _hold(self, environment: str, keys: Collection[TallyKey]) -> dict[TallyKey, Tally]:
        rows = await _HOLD.rows(
            self._connection,
            nodes=sorted({key.node_id for key in keys}),
            packages=sorted({key.package_digest for key in keys}),
            texts=sorted({key.test_digest for key in keys}),
            where=environment,
        )
        return {_key_from(row): _tally_from(row) for row in rows}

    async def _write(
        self, statement: Prepared, target: str, environment: str, tallies: Mapping[TallyKey, Tally]
    ) -> set[TallyKey]:
        if not tallies:
            return set()
        rows = [_row(target, environment, key, tally) for key, tally in tallies.items()]
        return set(map(_key_from, await statement.rows(self._connection, rows=as_json(rows))))

    async def flipping(
        self,
        tests: Collection[tuple[str, str]],
        packages: Collection[str],
        environments: Collection[str],
    ) -> list[tuple[str, Tally]]:
        """Return the tallies with flips of tests (node id and digest) on any of `packages`.

        In any environment where none is given.
        """
        if not tests or not packages:
            return []
        rows = await _FLIPPING.rows(
            self._connection,
            nodes=sorted({node_id for node_id, _ in tests}),
            packages=sorted(packages),
            environments=sorted(environments) or None,
        )
        wanted = set(tests)
        found = [row for row in rows if (row.node_id, row.test_digest) in wanted]
        return [(row.node_id, _tally_from(row)) for row in found]

    async def known_to_flip(self, tests: Collection[tuple[str, str]]) -> frozenset[str]:
        """Return which tests, unchanged, have flipped on any package."""
        if not tests:
            return frozenset()
        table = test_tallies.c
        rows = await self._connection.scalars(
            select(table.node_id)
            .where(
                table.flips > 0,
                table.node_id.in_({node_id for node_id, _ in tests}),
                tuple_(table.node_id, table.test_digest).in_(list(tests)),
            )
            .distinct()
        )
        return frozenset(rows)

    async def passed_elsewhere(
        self,
        tests: Collection[tuple[str, str]],
        package_digest: str,
        environment: str,
        *,
        bundled: bool = False,
    ) -> set[str]:
        """Return which tests, unchanged, passed on another package in the same environment.

        With `bundled` only packages count that shipped.
        """
        if not tests:
            return set()
        table = test_tallies.c
        query = select(table.node_id).where(
            table.passes > 0,
            table.node_id.in_({node_id for node_id, _ in tests}),
            tuple_(table.node_id, table.test_digest).in_(list(tests)),
            table.package_digest != package_digest,
            table.environment == environment,
        )
        if bundled:
            query = query.where(table.bundled)
        return set(await self._connection.scalars(query.distinct()))

    async def count(self) -> int:
        """Return how many tallies there are."""
        return int(
            await self._connection.scalar(select(func.count()).select_from(test_tallies)) or 0
        )


def _key_from(row: Any) -> TallyKey:
    return TallyKey(row.node_id, row.package_digest, row.test_digest)


def _tally_from(row: Any) -> Tally:
    return from_row(Tally, row)


def _row(target: str, environment: str, key: TallyKey, tally: Tally) -> dict[str, Any]:
    return {
        "node_id": key.node_id,
        "package_digest": key.package_digest,
        "test_digest": key.test_digest,
        "environment": environment,
        "target": target,
        "passes": tally.passes,
        "failures": tally.failures,
        "flips": tally.flips,
        "since_flip": tally.since_flip,
        "flipped_in": None if tally.flipped_in is None else str(tally.flipped_in),
        "bundled": tally.bundled,
        "last": dict(tally.last),
    }
