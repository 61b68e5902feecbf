"""Test files that are known to pass on the package as it ships."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from sqlalchemy import Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.schema.runs import suite_results
from app.storage.prepared import Prepared
from app.storage.store import Store


@dataclass(frozen=True)
class SuiteKey:
    """All that the results of the suite on the bundled package depend on."""

    target: str
    package_digest: str
    suite_digest: str
    environment: str


_KNOWN = Prepared(
    lambda: select(suite_results.c.path, suite_results.c.node_ids).where(
        *(suite_results.c[one.name] == bindparam(one.name, type_=Text) for one in fields(SuiteKey))
    )
)


class SuiteResultStore(Store):
    """Test files of which every test passed."""

    async def known(self, key: SuiteKey) -> dict[str, tuple[str, ...]]:
        """Return the node ids of files that are known to pass, by path."""
        rows = await _KNOWN.rows(self._connection, **asdict(key))
        return {row.path: tuple(row.node_ids) for row in rows}

    async def keep(self, key: SuiteKey, files: Mapping[str, Sequence[str]]) -> None:
        """Keep files of which every test passed, by path."""
        if not files:
            return
        rows = [
            {**asdict(key), "path": path, "node_ids": list(node_ids)}
            for path, node_ids in sorted(files.items())
        ]
        statement = upsert(suite_results).values(rows)
        await self._connection.execute(
            statement.on_conflict_do_update(
                constraint="pk_suite_results",
                set_={"node_ids": statement.excluded.node_ids, "updated_at": func.now()},
            )
        )

    async def forget(self, target: str, paths: Collection[str]) -> None:
        """Forget what is known of files: one of their tests flips."""
        if paths:
            await self._connection.execute(
                delete(suite_results).where(
                    suite_results.c.target == target, suite_results.c.path.in_(list(paths))
                )
            )
