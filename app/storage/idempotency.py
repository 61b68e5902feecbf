"""Answers kept under idempotency keys."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.idempotency import KEPT_FOR, Answer
from app.schema.idempotency import kept_answers
from app.storage.store import Store

_SWEPT_AT_ONCE = 20
"""Each new answer takes that many expired ones away, so that no sweeper is needed."""


class IdempotencyStore(Store):
    """Kept answers."""

    async def try_lock(self, scope: bytes) -> bool:
        """Take the lock of a key until the transaction ends, unless somebody else holds it."""
        number = int.from_bytes(scope[:8], "big", signed=True)
        free = await self._connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": number}
        )
        return bool(free)

    async def find(self, scope: bytes) -> tuple[bytes, Answer] | None:
        """Return what is kept under a key: the digest of its request, and the answer."""
        columns = kept_answers.c
        row = (
            await self._connection.execute(
                select(columns.request, columns.status, columns.headers, columns.body).where(
                    columns.scope == scope, columns.created_at > func.now() - KEPT_FOR
                )
            )
        ).one_or_none()
        if row is None:
            return None
        return bytes(row.request), Answer(row.status, row.headers, bytes(row.body))

    async def keep(self, scope: bytes, request: bytes, account_id: UUID, answer: Answer) -> None:
        """Keep an answer; an expired one under the same key gives way."""
        values = {
            "request": request,
            "account_id": account_id,
            "status": answer.status,
            "headers": dict(answer.headers),
            "body": answer.body,
            "created_at": func.now(),
        }
        await self._connection.execute(
            upsert(kept_answers)
            .values(scope=scope, **values)
            .on_conflict_do_update(index_elements=[kept_answers.c.scope], set_=values)
        )

    async def sweep(self) -> int:
        """Take some expired answers away, and return how many; those in use are passed over."""
        expired = (
            select(kept_answers.c.scope)
            .where(kept_answers.c.created_at <= func.now() - KEPT_FOR)
            .order_by(kept_answers.c.created_at)
            .limit(_SWEPT_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        done = await self._connection.execute(
            delete(kept_answers).where(kept_answers.c.scope.in_(expired))
        )
        return done.rowcount
