"""Linking tests with tickets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.runs import TestPurpose
from app.domain.tickets import TestLink
from app.domain.undo import PartKind
from app.errors import AlreadyTaken, Conflict, FieldError, InvalidInput, NotFound, Unavailable
from app.services.access import id_of, load_ticket, lock_ticket
from app.services.catalogues import Catalogues
from app.services.evidence import reassess
from app.services.placing import target_of
from app.storage.unit import Stores, UnitOfWork


class LinkService:
    """Tests of tickets."""

    def __init__(self, unit: UnitOfWork, catalogues: Catalogues) -> None:
        self._unit = unit
        self._catalogues = catalogues

    async def of_ticket(self, key: str) -> Sequence[TestLink]:
        """Return the tests linked with a ticket, by marker or by hand.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            return await stores.links.of_ticket(await id_of(stores, key), key)

    async def add(
        self,
        actor: Actor,
        key: str,
        node_id: str,
        *,
        purpose: TestPurpose,
        checklist_item: str | None,
    ) -> TestLink:
        """Link a test, or all tests of a file or class, with a ticket.

        Raises:
            NotFound: there is no such ticket.
            InvalidInput: no test has this node id, or the checklist item is not the ticket's.
            AlreadyTaken: the ticket has this link already.
        """
        await self._look_for(key, node_id)
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            target = target_of(ticket, stores.placement)
            if not await stores.catalogue.names(target, node_id):
                raise InvalidInput(await self._unknown(stores, target, node_id))
            item = await _item_id(stores, key, checklist_item)
            link_id = await stores.links.add(
                ticket.id, target, node_id, purpose, item, actor.account
            )
            if link_id is None:
                raise AlreadyTaken(f"{node_id} is already linked with {key} by hand.")
            await stores.audit.record(
                actor, "test.linked", ticket_id=ticket.id, changes={"node_id": [None, node_id]}
            )
            await reassess(stores, ticket.id, key)
            links = await stores.links.of_ticket(ticket.id, key)
            return next(link for link in links if link.id == link_id)

    async def _look_for(self, key: str, node_id: str) -> None:
        """Have the suite collected before it is said that a test is none of it."""
        with suppress(Unavailable):  # then what was known last decides
            catalogue = await self._catalogues.of_ticket(key)
            async with self._unit.read() as stores:
                known = await stores.catalogue.names(catalogue.target.name, node_id)
            if not known:
                await catalogue.in_step()

    async def remove(self, actor: Actor, key: str, link_id: UUID) -> None:
        """Take a link by hand, or a submitted file, off a ticket.

        Raises:
            NotFound: there is no such ticket or link.
            Conflict: the link comes from a marker in the suite.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            for kind in (PartKind.TEST, PartKind.FILE):
                await stores.removed.keep(kind, ticket.id, link_id, actor.account)
            node_id = await stores.links.remove(
                ticket.id, link_id
            ) or await stores.submitted.remove(ticket.id, link_id)
            if node_id is None:
                await self._explain_missing(stores, ticket.id, key, link_id)
            await stores.audit.record(
                actor, "test.unlinked", ticket_id=ticket.id, changes={"node_id": [node_id, None]}
            )
            await reassess(stores, ticket.id, key)

    async def _explain_missing(
        self, stores: Stores, ticket_id: int, key: str, link_id: UUID
    ) -> None:
        for link in await stores.links.of_ticket(ticket_id, key):
            if link.id == link_id:
                raise Conflict(
                    f"{link.node_id} is linked by its marker in the suite. Remove the marker "
                    f'@pytest.mark.finding("{key}") there, then sync.'
                )
        raise NotFound(f"{key} has no linked test {link_id}.")

    async def _unknown(self, stores: Stores, target: str, node_id: str) -> FieldError:
        known = [test.node_id for _, test in await stores.catalogue.tests(target)]
        files = sorted({name.partition("::")[0] for name in known})
        near = get_close_matches(node_id, known + files, n=1)
        return FieldError(
            "/node_id",
            f"no test of the target {target} has the node id {node_id!r}; "
            f"GET /api/v1/tests?target={target} lists them, and "
            f"POST /api/v1/targets/{target}/sync collects new ones",
            did_you_mean=near[0] if near else None,
        )


async def _item_id(stores: Stores, key: str, wanted: str | None) -> UUID | None:
    if wanted is None:
        return None
    items = {item.id: item.text for item in (await load_ticket(stores, key)).checklist}
    if wanted not in items:
        raise InvalidInput(
            FieldError(
                "/checklist_item",
                f"{key} has no checklist item {wanted!r}",
                allowed=tuple(name for name in items if name is not None),
            )
        )
    return UUID(wanted)
