"""Targets and the tests of their suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Text, bindparam, delete, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.catalogue import CatalogueTest, TargetState
from app.domain.revisions import Revision
from app.schema.tickets import tickets
from app.schema.verification import target_revisions, targets, tests
from app.storage.links import within
from app.storage.prepared import Prepared, as_json
from app.storage.rows import from_row
from app.storage.store import Store

_TARGET = Prepared(
    lambda: select(targets).where(targets.c.name == bindparam("wanted_name", type_=Text))
)
_MARK_OUTCOMES = Prepared(
    lambda: text("""
UPDATE tests SET last_outcome = ended.outcome
FROM jsonb_each_text(CAST(:outcomes AS jsonb)) AS ended (node_id, outcome)
WHERE tests.target = :wanted AND tests.node_id = ended.node_id
  AND tests.last_outcome IS DISTINCT FROM ended.outcome
""")
)

_MARK_FLAKES = Prepared(
    lambda: text("""
UPDATE tests SET flakes = flakes + 1, last_flake_at = now()
WHERE target = :wanted AND node_id = ANY(:node_ids)
""")
)


class CatalogueStore(Store):
    """What can be run."""

    async def target(self, name: str) -> TargetState | None:
        """Return what is known of a target, or None before its first sync."""
        row = await _TARGET.row(self._connection, wanted_name=name)
        return None if row is None else from_row(TargetState, row)

    async def lock_target(self, name: str) -> TargetState | None:
        """Return what is known of a target, once no other sync of it is under way."""
        await self._connection.execute(
            select(targets.c.name).where(targets.c.name == name).with_for_update()
        )
        return await self.target(name)

    async def save_target(self, state: TargetState) -> None:
        """Store what is known of a target; waits for another sync of the same target."""
        values = {
            "package_digest": state.package_digest,
            "suite_digest": state.suite_digest,
            "domains": list(state.domains),
            "errors": list(state.errors),
            "synced_at": state.synced_at,
            "test_files": dict(state.test_files),
            "support_digest": state.support_digest,
            "environments": list(state.environments),
            "revision": state.revision,
        }
        statement = upsert(targets).values(name=state.name, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[targets.c.name], set_=values)
        )

    async def mark_in_force(self, state: TargetState) -> str | None:
        """Record what is in force, where it is not what was recorded last.

        The caller has stored the target's state, and holds its row: of two that see a change the
        second finds it recorded.

        Returns:
            What was in force before, a commit or the digest of a package, where the package is
            another one now; None where it is the same, or the first.
        """
        newest = (
            select(target_revisions)
            .where(target_revisions.c.target == state.name)
            .order_by(target_revisions.c.number.desc())
            .limit(1)
        )
        last = (await self._connection.execute(newest)).one_or_none()
        if last is not None and (last.package_digest, last.revision) == (
            state.package_digest,
            state.revision,
        ):
            return None
        await self._connection.execute(
            insert(target_revisions).values(
                target=state.name,
                number=1 if last is None else last.number + 1,
                package_digest=state.package_digest,
                revision=state.revision,
            )
        )
        if last is None or last.package_digest == state.package_digest:
            return None
        return str(last.revision or last.package_digest)

    async def first_seen(self, target: str, digests: Iterable[str]) -> dict[str, int]:
        """Return the number under which each of these packages was in force first."""
        rows = await self._connection.execute(
            select(target_revisions.c.package_digest, func.min(target_revisions.c.number))
            .where(
                target_revisions.c.target == target,
                target_revisions.c.package_digest.in_(list(digests)),
            )
            .group_by(target_revisions.c.package_digest)
        )
        return {row[0]: row[1] for row in rows}

    async def was_in_force(
        self, target: str, *, before: int | None, limit: int
    ) -> list[tuple[int, Revision]]:
        """Return what was in force, newest first, each with its number; `before` is one of them."""
        query = (
            select(target_revisions)
            .where(target_revisions.c.target == target)
            .order_by(target_revisions.c.number.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(target_revisions.c.number < before)
        rows = await self._connection.execute(query)
        return [
            (row.number, Revision(row.revision or row.package_digest, row.seen_at)) for row in rows
        ]

    async def replace_tests(self, target: str, found: Sequence[CatalogueTest]) -> None:
        """Make `found` the whole catalogue of `target`; last outcomes of kept tests stay."""
        gone = delete(tests).where(
            tests.c.target == target, tests.c.node_id.not_in([test.node_id for test in found])
        )
        await self._connection.execute(gone)
        if not found:
            return
        statement = upsert(tests)
        new = statement.excluded
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[tests.c.target, tests.c.node_id],
                set_={
                    name: new[name]
                    for name in (
                        "path",
                        "doc",
                        "findings",
                        "purpose",
                        "digest",
                        "position",
                        "warnings",
                    )
                },
            ),
            [
                {
                    "target": target,
                    "node_id": test.node_id,
                    "path": test.path,
                    "doc": test.doc,
                    "findings": list(test.findings),
                    "purpose": test.purpose.value,
                    "digest": test.digest,
                    "position": position,
                    "warnings": list(test.warnings),
                }
                for position, test in enumerate(found)
            ],
        )

    async def tests(
        self, target: str, *, after: int = -1, limit: int | None = None
    ) -> list[tuple[int, CatalogueTest]]:
        """Return tests with their positions, in suite order, from the one behind `after`."""
        query = (
            select(tests)
            .where(tests.c.target == target, tests.c.position > after)
            .order_by(tests.c.position)
        )
        rows = await self._connection.execute(query if limit is None else query.limit(limit))
        return [(row.position, CatalogueTest.from_mapping(row._mapping)) for row in rows]

    async def count(self, target: str) -> int:
        """Return how many tests the suite has."""
        query = select(func.count()).select_from(tests).where(tests.c.target == target)
        return int(await self._connection.scalar(query) or 0)

    async def tallies(self) -> dict[str, tuple[int, bool]]:
        """Return of each target how many tests it has, and whether all could be collected."""
        number = select(func.count()).where(tests.c.target == targets.c.name).scalar_subquery()
        whole = (targets.c.suite_digest != "") & (func.cardinality(targets.c.errors) == 0)
        rows = await self._connection.execute(
            select(targets.c.name, number.label("number"), whole.label("whole"))
        )
        return {row.name: (row.number, row.whole) for row in rows}

    async def names(self, target: str, selector: str) -> bool:
        """Tell whether `selector` names any test of `target`."""
        found = await self._connection.scalar(
            select(literal(1))
            .where(tests.c.target == target, within(tests.c.node_id, literal(selector)))
            .limit(1)
        )
        return found is not None

    async def mark_outcomes(self, target: str, outcomes: Mapping[str, str]) -> None:
        """Record how tests last ended on the bundled package."""
        if not outcomes:
            return
        await _MARK_OUTCOMES.run(self._connection, wanted=target, outcomes=as_json(dict(outcomes)))

    async def mark_flakes(self, target: str, node_ids: Sequence[str]) -> None:
        """Count up the flakes of tests whose repeats disagreed."""
        if node_ids:
            await _MARK_FLAKES.run(self._connection, wanted=target, node_ids=list(node_ids))

    async def tickets_named(self, findings: Iterable[str]) -> dict[str, int]:
        """Return the ids of the tickets that markers name."""
        rows = await self._connection.execute(
            select(tickets.c.key, tickets.c.id).where(tickets.c.key.in_(list(findings)))
        )
        return {row.key: row.id for row in rows}
