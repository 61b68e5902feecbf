"""Editing a ticket's document: what a client may change, guarded by its ETag."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from app.domain import relations
from app.domain.accounts import Actor
from app.domain.document import DOCUMENT, OWN_ROW, PARTS
from app.domain.search import SearchTexts, other_texts, search_texts
from app.domain.similarity import features, similarity_keys
from app.domain.tickets import (
    CONTENT_SECTIONS_LEFT_OUT,
    ChecklistItem,
    PartChange,
    Section,
    Ticket,
)
from app.errors import FieldError, InvalidInput, NotFound
from app.services.access import check_if_match, load_ticket, lock_ticket, require_editor
from app.services.evidence import reassess
from app.services.graph import check_originals, lock_relations, resolve_relations, state_relations
from app.services.service import Service
from app.storage.tickets.tickets import report_values
from app.storage.unit import Stores

_IN_ROW = frozenset((*OWN_ROW, "severity_raw"))
_SEARCHED = tuple(name for name, field in DOCUMENT.items() if field.is_searched)
_CONTENT = tuple(name for name, field in DOCUMENT.items() if field.is_content)
_MANY_PARTS = 500


class DocumentService(Service):
    """Changes to the document of a ticket."""

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
            ResolutionRestsOn: a duplicate is closed as one, and would name no original.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            require_editor(actor, ticket)
            check_if_match(ticket, if_match)
            before = await load_ticket(stores, key)
            if not await change_document(stores, actor, before, changes):
                return before
            return await load_ticket(stores, key)

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
            before = await load_ticket(stores, key)
            if item_id not in {item.id for item in before.checklist}:
                raise NotFound(f"{key} has no checklist item {item_id[:60]!r}.")
            items = tuple(
                ChecklistItem(item.text, done, item.id) if item.id == item_id else item
                for item in before.checklist
            )
            if items != before.checklist:
                await _save(stores, before, {"checklist": items})
                await stores.audit.record(
                    actor,
                    "checklist.ticked" if done else "checklist.unticked",
                    ticket_id=before.id,
                    changes={"checklist": [_plain(before.checklist), _plain(items)]},
                )
            return await load_ticket(stores, key)


async def change_document(
    stores: Stores,
    actor: Actor,
    before: Ticket,
    changes: Mapping[str, Any],
    *,
    action: str = "ticket.edited",
    because: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Change the document of a ticket whose row the caller has locked, and record it.

    Args:
        stores: of the transaction that holds the lock.
        actor: who changes it.
        before: the ticket as it is.
        changes: new values by field.
        action: what the audit event calls the change.
        because: what the event says beside the changed fields; given, there is an event even
            when no field differs.

    Returns:
        The fields whose values differ.

    Raises:
        InvalidInput: a part's id is unknown, or a relation names no ticket.
        RelationCycle: a relation would close a circle.
        StillInUse: a checklist item that would go has tests behind it.
        ResolutionRestsOn: a duplicate is closed as one, and would name no original.
    """
    changes = _with_whole_parts(before, changes)
    if "severity" in changes:
        # Whoever states one knows it.
        changes = {"severity_raw": None, **changes}
    if "relations" in changes:
        merged = relations.merged(before.relations, changes["relations"])
        changes = {**changes, "relations": merged}
    # Of a document with thousands of parts this takes a while; other requests go on meanwhile.
    large = len(before.sections) + len(changes.get("sections") or ()) > _MANY_PARTS
    old_and_new = (
        await asyncio.to_thread(_differing, before, changes)
        if large
        else _differing(before, changes)
    )
    differing = {f: changes[f] for f in old_and_new}
    if differing:
        await _save(stores, before, differing)
    if differing or because:
        await stores.audit.record(
            actor, action, ticket_id=before.id, changes={**old_and_new, **(because or {})}
        )
    if "domains" in differing:
        # Of the document only these decide what evidence a ticket can have.
        await reassess(stores, before.id, before.key)
    return differing


async def check_changes(stores: Stores, before: Ticket, changes: Mapping[str, Any]) -> None:
    """Check that `changes` could be made to a ticket as it is now.

    Raises:
        InvalidInput: a part's id is unknown, or a relation names no ticket.
    """
    _with_whole_parts(before, changes)
    if changes.get("relations"):
        await resolve_relations(stores, before.key, changes["relations"])


async def _save(stores: Stores, before: Ticket, changes: Mapping[str, Any]) -> None:
    fields = {f: _plain(v) for f, v in changes.items() if f in _IN_ROW}
    if "reported_on" in changes:
        fields["reported_on"] = changes["reported_on"]
    if "reports" in changes:
        fields["reports"] = report_values(changes["reports"])
    told = {f: changes[f] for f in _SEARCHED if f in changes}
    search = texts_of(replace(before, **told)) if told else None
    await stores.ticket_edits.save_fields(
        before.id,
        fields,
        content_changed=bool(content_changed(before, changes)),
        search=search,
    )
    if search and ("title" in told or "summary" in told):
        old_keys = similarity_keys(features(before.title, before.summary, ()))
        await stores.ticket_edits.save_similarity_keys(
            before.id, search.similarity_keys, old=old_keys
        )
    if "sections" in changes:
        await stores.ticket_edits.save_sections(before.id, changes["sections"])
    if "locations" in changes:
        await stores.ticket_edits.save_locations(before.id, changes["locations"])
    if "checklist" in changes:
        await stores.ticket_edits.save_checklist(before.id, changes["checklist"])
    if "relations" in changes:
        wanted = await resolve_relations(stores, before.key, changes["relations"])
        kept = {(relation.key, relation.kind) for relation, _ in wanted}
        ids = await stores.tickets.ids_of([relation.key for relation in before.relations])
        gone = [old for old in before.relations if (old.key, old.kind) not in kept]
        await lock_relations(stores, [r.kind for r in gone] + [r.kind for r, _ in wanted])
        for old in gone:
            await stores.relations.remove(before.id, ids[old.key], old.kind)
        await state_relations(stores, before.id, wanted)
        await check_originals(stores, [(before.id, ids[old.key], old.kind) for old in gone])


def texts_of(ticket: Ticket) -> SearchTexts:
    """Return what a ticket is found by."""
    return search_texts(
        ticket.key,
        ticket.title,
        ticket.summary,
        ticket.locations,
        ticket.sections,
        other_texts(ticket.checklist, ticket.resolution_text, ticket.commits),
    )


def content_changed(before: Ticket, changes: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields among `changes` by which they touch what reviews speak about."""
    touched = {
        f for f in _CONTENT if f in changes and _plain(getattr(before, f)) != _plain(changes[f])
    }
    if "sections" in changes and _content_sections(before.sections) != _content_sections(
        changes["sections"]
    ):
        touched.add("sections")
    return frozenset(touched)


def _content_sections(sections: Sequence[Section]) -> list[tuple[str, str]]:
    return [
        (section.heading, section.body)
        for section in sections
        if section.heading not in CONTENT_SECTIONS_LEFT_OUT
    ]


def _with_whole_parts(before: Ticket, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the changes with parts that are kept filled up from the ticket.

    Raises:
        InvalidInput: a part's id is unknown, or a location would say nothing.
    """
    _check_ids(before, changes)
    whole = dict(changes)
    for field in PARTS:
        if field in changes:
            known = {part.id: part for part in getattr(before, field)}
            whole[field] = tuple(
                replace(known[part.id], **part.fields) if isinstance(part, PartChange) else part
                for part in changes[field]
            )
    errors = [
        FieldError(f"/locations/{n}", place.problem)
        for n, place in enumerate(whole.get("locations", ()))
        # Others were checked where they came from; a document may hold less than a client may say.
        if isinstance(changes["locations"][n], PartChange) and place.problem
    ]
    if errors:
        raise InvalidInput(*errors)
    return whole


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


def _differing(before: Ticket, changes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the old and the new value of each field that differs, as JSON holds them."""
    both = {f: [_plain(getattr(before, f)), _plain(v)] for f, v in changes.items()}
    return {f: pair for f, pair in both.items() if pair[0] != pair[1]}


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it, so that old and new can be compared and recorded."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
