"""Taking back what one has just removed from a ticket."""

from __future__ import annotations

from app.domain.accounts import Actor
from app.domain.undo import OFFERED_S, PartKind
from app.errors import Conflict
from app.services.access import lock_ticket
from app.services.evidence import reassess
from app.services.service import Service


class UndoService(Service):
    """Removals from tickets that are taken back."""

    async def take_back(self, actor: Actor, key: str) -> PartKind:
        """Put back what the actor removed last from a ticket: a patch, a linked test or a note.

        Raises:
            NotFound: there is no such ticket.
            Conflict: nothing was removed within the last seconds, or something else is in its
                place.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            found = await stores.removed.take_back(ticket.id, actor.account)
            if found is None:
                raise Conflict(
                    f"You removed nothing from {key} within the last {OFFERED_S} seconds; later it "
                    "cannot be taken back."
                )
            kind, part = found
            if not await stores.removed.put_back(kind, part):
                raise Conflict(f"Something else has taken its place on {key} meanwhile.")
            await stores.audit.record(
                actor,
                f"{_AUDITED[kind]}.restored",
                ticket_id=ticket.id,
                changes=_changes_of(kind, part),
            )
            if kind is not PartKind.NOTE:
                await reassess(stores, ticket.id, key)
            return kind


_AUDITED = {
    PartKind.PATCH: "patch",
    PartKind.TEST: "test",
    PartKind.FILE: "test",
    PartKind.NOTE: "note",
}


def _changes_of(kind: PartKind, part: dict[str, object]) -> dict[str, list[object]]:
    match kind:
        case PartKind.PATCH:
            return {str(part["name"]): [None, part["digest"]]}
        case PartKind.NOTE:
            return {"note": [None, part["body"]]}
        case _:
            return {"node_id": [None, part.get("node_id") or part.get("path")]}
