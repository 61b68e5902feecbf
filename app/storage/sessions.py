"""Sessions of the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DateTime,
    LargeBinary,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from app.domain.accounts import Role
from app.domain.sessions import Session
from app.schema.accounts import accounts, tokens
from app.schema.sessions import sessions
from app.storage.accounts import account_columns, account_from
from app.storage.prepared import Prepared
from app.storage.store import Store


def _select_session() -> Select[Any]:
    digest = bindparam("wanted_digest", type_=LargeBinary)
    now = bindparam("now", type_=DateTime(timezone=True))
    ended = or_(tokens.c.revoked_at.is_not(None), tokens.c.expires_at <= now)
    return (
        select(
            *account_columns(),
            sessions.c.expires_at,
            sessions.c.used_at,
            sessions.c.previous_visit_at,
            sessions.c.token_id,
            tokens.c.role.label("token_role"),
            tokens.c.expires_at.label("token_expires_at"),
            func.coalesce(ended, text("false")).label("token_ended"),
        )
        .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
        .outerjoin(tokens, tokens.c.id == sessions.c.token_id)
        .where(sessions.c.digest == digest, sessions.c.expires_at > now)
    )


_FIND = Prepared(_select_session)
"""Every page begins with it."""


class SessionStore(Store):
    """Logged-in browsers."""

    async def add(
        self, digest: bytes, account_id: UUID, token_id: UUID | None, expires_at: datetime
    ) -> None:
        """Add a session; the account's last visit anywhere is the one before it."""
        last = select(func.max(sessions.c.used_at)).where(sessions.c.account_id == account_id)
        await self._connection.execute(
            insert(sessions).values(
                digest=digest,
                account_id=account_id,
                token_id=token_id,
                expires_at=expires_at,
                previous_visit_at=last.scalar_subquery(),
            )
        )

    async def find(self, digest: bytes, now: datetime) -> Session | None:
        """Return the session stored under `digest` that has not expired by `now`, or None."""
        row = await _FIND.row(self._connection, wanted_digest=digest, now=now)
        return None if row is None else _session(row)

    async def mark_used(
        self, digest: bytes, now: datetime, previous_visit_at: datetime | None
    ) -> None:
        """Record that a session is in use."""
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.digest == digest)
            .values(used_at=now, previous_visit_at=previous_visit_at)
        )

    async def remove(self, digest: bytes) -> UUID | None:
        """End a session and return its account; None when there is none."""
        query = delete(sessions).where(sessions.c.digest == digest)
        found: UUID | None = await self._connection.scalar(query.returning(sessions.c.account_id))
        return found

    async def remove_all(self, account_id: UUID) -> None:
        """End all sessions of an account."""
        await self._connection.execute(delete(sessions).where(sessions.c.account_id == account_id))

    async def remove_expired(self, now: datetime) -> None:
        """Forget sessions that have expired."""
        await self._connection.execute(delete(sessions).where(sessions.c.expires_at <= now))


def _session(row: Row[Any]) -> Session:
    return Session(
        account=account_from(row),
        expires_at=row.expires_at,
        used_at=row.used_at,
        previous_visit_at=row.previous_visit_at,
        token_id=row.token_id,
        token_role=None if row.token_role is None else Role(row.token_role),
        token_expires_at=row.token_expires_at,
        token_ended=row.token_ended,
    )
