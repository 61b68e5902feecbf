"""Folder and status of a ticket: where they disagree, a maintainer says which holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.accounts import Actor
from app.domain.documents import Disagreement, StatusFrom, StoredDocument
from app.domain.tickets import Ticket
from app.errors import AlreadyTaken, Conflict
from app.formats.markdown import DISPOSITIONS, Disposition, agrees, disposition, home_of, moved
from app.services.access import load_ticket, lock_ticket
from app.services.service import Service
from app.storage.unit import Stores


class DriftService(Service):
    """Disagreements between folders and statuses."""

    async def page(self, *, after: str | None, limit: int) -> tuple[Sequence[Disagreement], int]:
        """Return disagreements from the ticket behind `after`, and how many there are in all."""
        async with self._unit.read() as stores:
            found = await stores.drift.page(after=after, limit=limit)
            return found, await stores.drift.count()

    async def settle(self, actor: Actor, key: str, word: StatusFrom) -> None:
        """Take the folder's word for the status, or file the document where its status belongs.

        As in an import no gate is passed; the history says whose word was taken.

        Raises:
            NotFound: there is no such ticket.
            Conflict: folder and status agree by now.
            AlreadyTaken: another document lies where this one would go.
        """
        async with self._unit.begin() as stores:
            await stores.documents.begin_import()
            await lock_ticket(stores, key)
            before = await load_ticket(stores, key)
            stored = (await stores.documents.of_tickets([before.id])).get(before.id)
            said = DISPOSITIONS.get(stored.folder or "") if stored else None
            state = (before.status.value, before.resolution)
            if stored is None or said is None or agrees(said.folder, *state):
                raise Conflict(f"Folder and status of {key} agree; there is nothing to settle.")
            if word is StatusFrom.FOLDER:
                changes = await _take_folders_word(stores, actor, before, stored, said)
            else:
                changes = await _move(
                    stores, actor, before, stored, moved(stored.source_path, home_of(*state))
                )
            await stores.audit.record(actor, "drift.settled", ticket_id=before.id, changes=changes)


async def _take_folders_word(
    stores: Stores, actor: Actor, before: Ticket, stored: StoredDocument, said: Disposition
) -> dict[str, Any]:
    new = {"status": said.status, "resolution": said.resolution}
    await stores.ticket_edits.save_fields(
        before.id, {**new, "closure": None}, content_changed=False
    )
    await _keep(stores, actor, stored, status_from=StatusFrom.FOLDER, facts={**stored.facts, **new})
    return {name: [getattr(before, name), value] for name, value in new.items()} | {
        "status_from": [stored.status_from.value, StatusFrom.FOLDER.value]
    }


async def _move(
    stores: Stores, actor: Actor, before: Ticket, stored: StoredDocument, path: str
) -> dict[str, Any]:
    if await stores.documents.taken_paths([path]):
        raise AlreadyTaken(
            f"{path} is the document of another ticket; {before.key} cannot go there."
        )
    said = disposition(path)
    await _keep(stores, actor, stored, source_path=path, folder=said.folder if said else None)
    return {"source_path": [stored.source_path, path]}


async def _keep(stores: Stores, actor: Actor, stored: StoredDocument, **changed: Any) -> None:
    names = ("source_path", "folder", "status_from", "content", "digest", "facts", "layout")
    kept = {name: getattr(stored, name) for name in names}
    await stores.documents.save(stored.ticket_id, actor.account, **{**kept, **changed})
