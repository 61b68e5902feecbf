"""Editing a ticket's document: what a client may change, guarded by its ETag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from app.domain.accounts import Actor
from app.domain.tickets import (
    CONTENT_SECTIONS_LEFT_OUT,
    ChecklistItem,
    Section,
    Ticket,
)
from app.errors import FieldError, InvalidInput, NotFound
from app.services.access import check_if_match, lock_ticket, require_editor
from app.services.evidence import reassess
from app.services.tickets import resolve_relations, shown
from app.storage.tickets import report_values
from app.storage.unit import Stores, UnitOfWork

SCALARS = (
    "title",
    "severity",
    "batch",
    "agent",
    "summary",
    "domains",
    "categories",
    "assignee",
    "reported_on",
    "external_ref",
    "commits",
    "resolution_text",
    "reports",
)
"""Fields that stand in the ticket's own row."""

PARTS = ("sections", "locations", "checklist")
"""Lists whose items keep their ids."""

_CONTENT = ("title", "severity", "summary", "domains")


class DocumentService:
    """Changes to the document of a ticket."""

    def __init__(self, unit: UnitOfWork, target: str) -> None:
        self._unit = unit
        self._target = target

    async def edit(
        self, actor: Actor, key: str, changes: Mapping[str, Any], if_match: str | None
    ) -> Ticket:
        """Change the given fields; fields that are left out stay as they are.

        Args:
            actor: who edits.
            key: the ticket.
            changes: new values by field, lists as whole lists of domain objects.
            if_match: the ETag that the client read the ticket with.

        Raises:
            NotFound: there is no such ticket.
            Forbidden: the actor may not edit it.
            PreconditionRequired, PreconditionFailed: the ETag is missing or stale.
            InvalidInput: a part's id is unknown, or a relation names no ticket.
            StillInUse: a checklist item that would go has tests behind it.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            require_editor(actor, ticket)
            check_if_match(ticket, if_match)
            before = await shown(stores, key)
            _check_ids(before, changes)
            differing = {
                f: v for f, v in changes.items() if _plain(getattr(before, f)) != _plain(v)
            }
            if not differing:
                return before
            await self._save(stores, before, differing)
            await stores.audit.record(
                actor,
                "ticket.edited",
                ticket_id=before.id,
                changes={f: [_plain(getattr(before, f)), _plain(v)] for f, v in differing.items()},
            )
            await reassess(stores, before.id, key, self._target)
            return await shown(stores, key)

    async def tick(
        self, actor: Actor, key: str, item_id: str, *, done: bool, if_match: str | None
    ) -> Ticket:
        """Mark a checklist item as done or not.

        Raises:
            NotFound: there is no such ticket or item.
            PreconditionRequired, PreconditionFailed: the ETag is missing or stale.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            check_if_match(ticket, if_match)
            before = await shown(stores, key)
            if item_id not in {item.id for item in before.checklist}:
                raise NotFound(f"{key} has no checklist item {item_id[:60]!r}.")
            items = tuple(
                ChecklistItem(item.text, done, item.id) if item.id == item_id else item
                for item in before.checklist
            )
            if items != before.checklist:
                await self._save(stores, before, {"checklist": items})
                await stores.audit.record(
                    actor,
                    "checklist.ticked" if done else "checklist.unticked",
                    ticket_id=before.id,
                    changes={"checklist": [_plain(before.checklist), _plain(items)]},
                )
            return await shown(stores, key)

    async def _save(self, stores: Stores, before: Ticket, changes: Mapping[str, Any]) -> None:
        fields = {f: _plain(v) for f, v in changes.items() if f in SCALARS}
        if "reported_on" in changes:
            fields["reported_on"] = changes["reported_on"]
        if "reports" in changes:
            fields["reports"] = report_values(changes["reports"])
        await stores.ticket_edits.save_fields(
            before.id, fields, content_changed=content_changed(before, changes)
        )
        if "sections" in changes:
            await stores.ticket_edits.save_sections(before.id, changes["sections"])
        if "locations" in changes:
            await stores.ticket_edits.save_locations(before.id, changes["locations"])
        if "checklist" in changes:
            await stores.ticket_edits.save_checklist(before.id, changes["checklist"])
        if "relations" in changes:
            relations = await resolve_relations(stores, before.key, changes["relations"])
            await stores.ticket_edits.remove_relations(before.id)
            await stores.tickets.add_relations(before.id, relations)


def content_changed(before: Ticket, changes: Mapping[str, Any]) -> bool:
    """Tell whether `changes` touch what reviews speak about."""
    if any(f in changes and _plain(getattr(before, f)) != _plain(changes[f]) for f in _CONTENT):
        return True
    if "sections" not in changes:
        return False
    return _content_sections(before.sections) != _content_sections(changes["sections"])


def _content_sections(sections: Sequence[Section]) -> list[tuple[str, str]]:
    return [
        (section.heading, section.body)
        for section in sections
        if section.heading not in CONTENT_SECTIONS_LEFT_OUT
    ]


def _check_ids(before: Ticket, changes: Mapping[str, Any]) -> None:
    errors = []
    for field in PARTS:
        known = {part.id for part in getattr(before, field)}
        seen: set[str] = set()
        for n, part in enumerate(changes.get(field, ())):
            pointer = f"/{field}/{n}/id"
            if part.id is None:
                continue
            if part.id not in known:
                errors.append(
                    FieldError(pointer, f"{before.key} has no part {part.id!r} in {field}")
                )
            elif part.id in seen:
                errors.append(FieldError(pointer, f"{part.id!r} stands twice in {field}"))
            seen.add(part.id)
    if errors:
        raise InvalidInput(*errors)


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it, so that old and new can be compared and recorded."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(item) for name, item in asdict(value).items()}
    return value
