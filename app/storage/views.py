"""Saved views of the list of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from app.domain.accounts import Account
from app.domain.views import View, ViewDraft
from app.schema.accounts import accounts
from app.schema.views import views
from app.storage.rows import new_id
from app.storage.store import Store


class ViewStore(Store):
    """Saved views."""

    async def add(self, owner: Account, draft: ViewDraft) -> UUID | None:
        """Save a view and return its id; None where the owner has one of that name."""
        view_id: UUID | None = await self._connection.scalar(
            upsert(views)
            .values(
                id=new_id(),
                owner_id=owner.id,
                name=draft.name,
                filters=dict(draft.filters),
                sort=draft.sort,
                shared=draft.shared,
            )
            .on_conflict_do_nothing()
            .returning(views.c.id)
        )
        return view_id

    async def count_of(self, owner: Account) -> int:
        """Return how many views an account has."""
        counted = select(func.count()).where(views.c.owner_id == owner.id)
        return int(await self._connection.scalar(counted) or 0)

    async def show(self, view_id: UUID, reader: Account) -> View | None:
        """Return a view that `reader` may see."""
        found = await self._read(views.c.id == view_id, _seen_by(reader))
        return found[0] if found else None

    async def page(self, reader: Account, *, after: UUID | None, limit: int) -> list[View]:
        """Return the views that `reader` may see, oldest first, from the one behind `after`."""
        wanted = [_seen_by(reader)]
        if after is not None:
            wanted.append(views.c.id > after)
        return await self._read(*wanted, limit=limit)

    async def change(self, view_id: UUID, changes: Mapping[str, Any]) -> bool:
        """Change fields of a view; False where its owner has another one of that name."""
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(
                    update(views)
                    .where(views.c.id == view_id)
                    .values(**changes, updated_at=func.now())
                )
        except IntegrityError:
            return False
        return True

    async def remove(self, view_id: UUID) -> None:
        """Remove a view."""
        await self._connection.execute(delete(views).where(views.c.id == view_id))

    async def _read(self, *wanted: ColumnElement[bool], limit: int = 1) -> list[View]:
        rows = await self._connection.execute(
            select(
                views.c.id,
                views.c.name,
                accounts.c.name.label("owner"),
                views.c.filters,
                views.c.sort,
                views.c.shared,
                views.c.created_at,
                views.c.updated_at,
            )
            .join(accounts, accounts.c.id == views.c.owner_id)
            .where(*wanted)
            .order_by(views.c.id)
            .limit(limit)
        )
        return [View(**row._mapping) for row in rows]


def _seen_by(reader: Account) -> ColumnElement[bool]:
    return or_(views.c.shared, views.c.owner_id == reader.id)
