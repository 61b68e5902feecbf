"""One-time codes for the pages' login."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import delete, func, insert

from app.schema.accounts import login_codes
from app.storage.store import Store


class LoginStore(Store):
    """One-time codes, by their digests."""

    async def add(self, account_id: UUID, digest: bytes, expires_at: datetime) -> None:
        """Add a code of an account; codes that have expired go."""
        await self._connection.execute(
            delete(login_codes).where(login_codes.c.expires_at <= func.now())
        )
        await self._connection.execute(
            insert(login_codes).values(digest=digest, account_id=account_id, expires_at=expires_at)
        )

    async def take(self, digest: bytes) -> UUID | None:
        """Use a code up and return its account's id; None when it is unknown or has expired.

        It is removed by the statement that reads it, so of two that come with the same code one
        gets in.
        """
        found = await self._connection.scalar(
            delete(login_codes)
            .where(login_codes.c.digest == digest, login_codes.c.expires_at > func.now())
            .returning(login_codes.c.account_id)
        )
        return cast("UUID | None", found)

    async def remove_all(self, account_id: UUID) -> None:
        """Remove all codes of an account."""
        await self._connection.execute(
            delete(login_codes).where(login_codes.c.account_id == account_id)
        )
