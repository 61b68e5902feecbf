"""Saved views of the list of tickets: one's own, and those that others share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.accounts import Actor, Role
from app.domain.views import MOST_OF_ONE, View, ViewDraft
from app.errors import AlreadyTaken, Conflict, Forbidden, NotFound
from app.services.access import describe
from app.services.service import Service
from app.storage.unit import Stores


class ViewService(Service):
    """Saved views."""

    async def save(self, actor: Actor, draft: ViewDraft) -> View:
        """Save a view.

        Raises:
            Forbidden: it is to be shared, and the actor is a reader only.
            AlreadyTaken: the actor has a view of that name.
            Conflict: the actor has as many views as there may be.
        """
        _check_sharing(actor, shared=draft.shared)
        async with self._unit.begin() as stores:
            if await stores.views.count_of(actor.account) >= MOST_OF_ONE:
                raise Conflict(f"You have {MOST_OF_ONE} views; delete one first.")
            view_id = await stores.views.add(actor.account, draft)
            if view_id is None:
                raise _taken(draft.name)
            return await _load(stores, actor, view_id)

    async def page(self, actor: Actor, *, after: UUID | None, limit: int) -> Sequence[View]:
        """Return the actor's views and the shared ones, oldest first."""
        async with self._unit.read() as stores:
            return await stores.views.page(actor.account, after=after, limit=limit)

    async def show(self, actor: Actor, view_id: UUID) -> View:
        """Return a view.

        Raises:
            NotFound: there is none that the actor may see.
        """
        async with self._unit.read() as stores:
            return await _load(stores, actor, view_id)

    async def change(self, actor: Actor, view_id: UUID, changes: Mapping[str, Any]) -> View:
        """Change fields of a view.

        Raises:
            NotFound: there is none that the actor may see.
            Forbidden: it is another account's, and the actor no maintainer.
            AlreadyTaken: its owner has another one of that name.
        """
        async with self._unit.begin() as stores:
            view = await _load(stores, actor, view_id)
            _check_owner(actor, view)
            _check_sharing(actor, shared=changes.get("shared", False))
            if changes and not await stores.views.change(view_id, changes):
                raise _taken(changes["name"])
            found = await stores.views.show(view_id, actor.account)
        # Whoever takes another's view out of sight sees it no more either.
        return view if found is None else found

    async def remove(self, actor: Actor, view_id: UUID) -> None:
        """Delete a view.

        Raises:
            NotFound: there is none that the actor may see.
            Forbidden: it is another account's, and the actor no maintainer.
        """
        async with self._unit.begin() as stores:
            _check_owner(actor, await _load(stores, actor, view_id))
            await stores.views.remove(view_id)


async def _load(stores: Stores, actor: Actor, view_id: UUID) -> View:
    found = await stores.views.show(view_id, actor.account)
    if found is None:
        raise NotFound(f"There is no view {view_id} that you may see.")
    return found


def _check_owner(actor: Actor, view: View) -> None:
    if view.owner != actor.name and not actor.role.includes(Role.MAINTAINER):
        raise Forbidden(
            f"The view {view.name!r} is {view.owner}'s; a maintainer may change it as well. You "
            f"are {describe(actor)}.",
            needs=Role.MAINTAINER.value,
            you=describe(actor),
        )


def _check_sharing(actor: Actor, *, shared: bool) -> None:
    if shared and not actor.role.includes(Role.REPORTER):
        raise Forbidden(
            f"To share a view needs the role reporter; you are {describe(actor)}.",
            needs=Role.REPORTER.value,
            you=describe(actor),
        )


def _taken(name: str) -> AlreadyTaken:
    return AlreadyTaken(f"There is a view {name!r} of the same owner already.")
