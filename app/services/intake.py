"""One document of an import, and the ticket that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from app.domain import keys
from app.domain.accounts import Actor
from app.domain.brief import brief_changes
from app.domain.documents import (
    ImportedReview,
    ImportItem,
    ImportOptions,
    ImportResult,
    Namesake,
    OnConflict,
    StoredDocument,
    Surroundings,
)
from app.domain.evidence import EvidenceState, assess
from app.domain.targets import covers
from app.domain.tickets import Relation, RelationKind, Ticket
from app.errors import Conflict
from app.formats import tracked
from app.formats.documents import opened_again
from app.formats.markdown import FormatError, ReviewText, TicketFacts, write
from app.services.access import load_ticket, lock_ticket
from app.services.documents import change_document
from app.services.graph import (
    adopt_waiting,
    check_originals,
    lock_relations,
    state_from_documents,
)
from app.services.reading import Reading
from app.storage.unit import Stores

MOVED = "moved"
_UNKNOWN = "unknown"
_MAX_REVIEWER = 64


@dataclass(frozen=True)
class _Comparison:
    """A document against the ticket it belongs to."""

    before: Ticket
    old: TicketFacts
    """What the document said at its last import."""
    now: TicketFacts
    taken: tuple[str, ...]
    """Fields in which the document says something new."""
    contested: tuple[str, ...]
    """Those of them that were changed here as well."""


class Intake:
    """Takes one document, in a transaction."""

    def __init__(
        self,
        stores: Stores,
        actor: Actor,
        reading: Reading,
        options: ImportOptions,
        known: Set[str],
    ) -> None:
        self._stores = stores
        self._actor = actor
        self._new = reading
        self._options = options
        self._known = known
        self.entered: set[str] = set()
        """Names of specialists that the transaction enters; those in `known` are there."""

    def item(
        self,
        result: ImportResult,
        key: str,
        *,
        reason: str | None = None,
        warning: str | None = None,
        fields: tuple[str, ...] = (),
        changes: Mapping[str, Any] | None = None,
    ) -> ImportItem:
        """Report what became of the document."""
        return ImportItem(
            source_path=self._new.path,
            key=key,
            result=result,
            line=self._new.line_of(fields) if reason else None,
            reason=reason,
            warnings=(*self._new.warnings, *([warning] if warning else [])),
            changes=brief_changes(changes or {}),
        )

    async def take(self, paths: Collection[str]) -> ImportItem:
        """Find the ticket that the document belongs to, and bring it in step.

        Raises:
            Conflict: somebody took the key at the same moment, or a part is still in use.
        """
        await self._stores.documents.begin_import()
        around = await self._around(self._new.facts.key)
        if around.document is not None:
            return await self._follow(around.document)
        if not around.namesakes:
            return await self._create(self._new.facts.key, around)
        namesakes = await self._stores.documents.namesakes(self._new.facts.key)
        for other in namesakes:
            if self._is_same(other) and other.source_path not in paths:
                return await self._adopt(other, MOVED if other.source_path else None)
        return await self._collide(namesakes, paths)

    async def _around(self, key: str) -> Surroundings:
        target = self._stores.placement.of(self._new.held.domains)
        return await self._stores.documents.around(self._new.path, key, target)

    def _is_same(self, other: Namesake) -> bool:
        return (other.title, other.created) == (self._new.held.title, self._new.held.created)

    async def _follow(self, stored: StoredDocument) -> ImportItem:
        """Take the next state of a document from the same place."""
        same_word = stored.status_from is self._options.status_from
        same_layout = stored.layout == self._new.layout
        if stored.digest == self._new.digest and same_word and same_layout:
            return self.item(ImportResult.UNCHANGED, stored.key)
        held = stored.facts["key"]
        if held != self._new.facts.key:
            reason = (
                f"this path held the ticket {held} at the last import, and holds "
                f"{self._new.facts.key} now; give one of them a path of its own"
            )
            return self.item(ImportResult.CONFLICT, stored.key, reason=reason)
        return await self._update(stored.key, stored)

    async def _adopt(self, other: Namesake, warning: str | None) -> ImportItem:
        found = await self._stores.documents.of_tickets([other.ticket_id])
        return await self._update(other.key, found.get(other.ticket_id), warning)

    async def _collide(self, namesakes: list[Namesake], paths: Collection[str]) -> ImportItem:
        """Decide about another document with the id of a ticket that is here."""
        first = namesakes[0]
        origin = f"from {first.source_path}" if first.source_path else "filed here"
        reason = f"{first.key} is another ticket, {origin}: {first.title[:100]!r}"
        match self._options.on_conflict:
            case OnConflict.SUFFIX:
                key = self._free_key(namesakes)
                return await self._create(key, await self._around(key))
            case OnConflict.UPDATE if first.source_path not in paths:
                return await self._adopt(first, MOVED if first.source_path else None)
            case OnConflict.SKIP:
                return self.item(ImportResult.UNCHANGED, first.key, warning=f"skipped: {reason}")
            case _:
                remedy = "; import it with on_conflict=suffix to keep both"
                return self.item(ImportResult.CONFLICT, first.key, reason=reason + remedy)

    def _free_key(self, namesakes: list[Namesake]) -> str:
        taken = {other.key for other in namesakes}
        stem, number = self._new.facts.key.partition("~")[0], 2
        while f"{stem}~{number}" in taken:
            number += 1
        key = f"{stem}~{number}"
        if not keys.is_key(key, allow_copy=True):
            raise Conflict(f"{key} would be longer than {keys.MAX_LENGTH} characters.")
        return key

    async def _create(self, key: str, around: Surroundings) -> ImportItem:
        held = self._new.held
        await self._stores.filing.note_key(key)
        draft = tracked.draft_of(held, key)
        state = _evidence_of_new(around, held.domains)
        past = {
            "status": held.status,
            "resolution": held.resolution,
            "commits": list(held.commits),
            "resolution_text": held.resolution_text,
        }
        added = await self._stores.filing.add(
            draft, key, self._actor, state, action=None, past=past
        )
        ticket_id = added.id
        await self._add_reviews(ticket_id, 1, self._new.facts.reviews, first=True)
        await self._relate(ticket_id, self._relations(self._new.facts, key))
        if around.awaited:
            await adopt_waiting(self._stores, key, ticket_id)
        await self._keep(ticket_id)
        changes = {
            "key": [None, key],
            "title": [None, held.title],
            "status": [None, held.status],
            "status_from": [None, self._options.status_from.value],
            "source_path": [None, self._new.path],
        }
        await self._stores.audit.record(
            self._actor, "ticket.imported", ticket_id=ticket_id, changes=changes
        )
        return self.item(ImportResult.CREATED, key)

    async def _update(
        self, key: str, stored: StoredDocument | None, warning: str | None = None
    ) -> ImportItem:
        """Bring a ticket in step with its document."""
        await lock_ticket(self._stores, key)
        before = await load_ticket(self._stores, key)
        given = (await self._stores.documents.given_here([before.id]))[before.id]
        born_here = None if stored else tracked.written(before, given)
        if born_here:
            written = await asyncio.to_thread(_written, before, born_here)
            if self._new.content == written:
                return self.item(ImportResult.UNCHANGED, key)
        # Reading takes milliseconds of computing, or many: others are answered meanwhile.
        found = await asyncio.to_thread(self._compare, before, stored, born_here)
        changes = {
            _name(f): [tracked.plain_value(found.now, f), tracked.plain_value(self._new.held, f)]
            for f in found.taken
        }
        if found.contested and self._options.on_conflict is not OnConflict.UPDATE:
            return self._contested(found, changes)
        reviews = _more(self._new.facts.reviews, found.old.reviews)
        here = [tracked.review_text(review) for review in given]
        reviews = _more(reviews, here)
        changes |= self._beside(stored, found, reviews)
        await self._apply(found, changes)
        if set(found.old.relations) != set(self._new.facts.relations):
            await self._sync_relations(before, found.old)
        if reviews:
            locked = await lock_ticket(self._stores, key)
            await self._add_reviews(before.id, locked.version, reviews)
        await self._keep(before.id)
        return self.item(ImportResult.UPDATED, key, warning=warning, changes=changes)

    def _compare(
        self, before: Ticket, stored: StoredDocument | None, born_here: TicketFacts | None
    ) -> _Comparison:
        now = tracked.of_ticket(before)
        if stored is None:
            assert born_here is not None
            # What a document said that was never imported is not known: all may be older here.
            changed_here = set(tracked.FIELDS)
            old, was = born_here, tracked.held(born_here)
        else:
            old, was = _stated(stored), tracked.from_plain(stored.facts)
            changed_here = set(tracked.differing(was, now))
        news = tracked.differing(was, self._new.held)
        taken = tuple(
            name for name in news if tracked.value(self._new.held, name) != tracked.value(now, name)
        )
        contested = tuple(name for name in taken if name in changed_here)
        return _Comparison(before, old, now, taken, contested)

    def _contested(self, found: _Comparison, changes: Mapping[str, Any]) -> ImportItem:
        names = ", ".join(map(_name, found.contested))
        reason = (
            f"the document and this service both changed {names}; nothing was taken. Import it "
            "with on_conflict=update to take the document's word"
        )
        key = found.before.key
        both = {_name(field): changes[_name(field)] for field in found.contested}
        if self._options.on_conflict is OnConflict.SKIP:
            warning = f"skipped: {reason}"
            return self.item(ImportResult.UNCHANGED, key, warning=warning, changes=both)
        return self.item(
            ImportResult.CONFLICT, key, reason=reason, fields=found.contested, changes=both
        )

    def _beside(
        self, stored: StoredDocument | None, found: _Comparison, reviews: list[ReviewText]
    ) -> dict[str, Any]:
        """What changes beside the fields of the ticket."""
        changes: dict[str, Any] = {}
        was = stored.source_path if stored else None
        if was != self._new.path:
            changes["source_path"] = [was, self._new.path]
        if stored and stored.status_from is not self._options.status_from:
            changes["status_from"] = [stored.status_from.value, self._options.status_from.value]
        if reviews:
            changes["reviews"] = [None, [f"{r.specialist} {r.verdict}" for r in reviews]]
        old, new = (
            [f"{r.kind} {r.key}" for r in f.relations] for f in (found.old, self._new.facts)
        )
        if set(found.old.relations) != set(self._new.facts.relations):
            changes["relations"] = [old, new]
        if stored and stored.layout != self._new.layout:
            changes["layout"] = [_layout_name(stored.layout), _layout_name(self._new.layout)]
        if stored and stored.digest != self._new.digest:
            changes["document"] = [stored.digest, self._new.digest]
        return changes

    async def _apply(self, found: _Comparison, changes: Mapping[str, Any]) -> None:
        held = self._new.held
        if "status" in found.taken:
            fields = {"status": held.status, "resolution": held.resolution, "closure": None}
            await self._stores.ticket_edits.save_fields(
                found.before.id, fields, content_changed=False
            )
        beside = {f: c for f, c in changes.items() if f == "status" or f not in _names(found.taken)}
        await change_document(
            self._stores,
            self._actor,
            found.before,
            tracked.changes_of(held, found.taken, found.before),
            action="ticket.imported",
            because=beside or {"source_path": [self._new.path, self._new.path]},
        )

    async def _keep(self, ticket_id: int) -> None:
        await self._stores.documents.save(
            ticket_id,
            self._actor.account,
            source_path=self._new.path,
            folder=self._new.folder,
            status_from=self._options.status_from,
            content=self._new.content,
            digest=self._new.digest,
            facts=tracked.to_plain(self._new.held),
            layout=self._new.layout,
        )

    async def _add_reviews(
        self, ticket_id: int, version: int, given: Iterable[ReviewText], *, first: bool = False
    ) -> None:
        reviews = [
            ImportedReview(
                r.specialist if len(r.specialist) <= _MAX_REVIEWER else _UNKNOWN,
                r.verdict,
                r.rationale,
                r.date,
            )
            for r in given
        ]
        self.entered = {review.specialist for review in reviews} - self._known
        await self._stores.documents.enter_specialists(self.entered)
        await self._stores.documents.add_reviews(
            ticket_id, version, self._actor.account, reviews, first=first
        )

    def _relations(self, stated: TicketFacts, key: str) -> list[Relation]:
        return [
            Relation(r.key, RelationKind(r.kind), r.note)
            for r in stated.relations
            if tracked.may_hold(stated, r, key)
        ]

    async def _relate(self, ticket_id: int, relations: list[Relation]) -> None:
        """State relations; those whose ticket is not here, or that close a circle, wait."""
        ids = await self._stores.tickets.ids_of([r.key for r in relations]) if relations else {}
        there = [(ticket_id, ids[r.key], r) for r in relations if r.key in ids]
        stated = await state_from_documents(self._stores, there)
        waiting = [r for (_, _, r), done in zip(there, stated, strict=True) if not done]
        waiting += [r for r in relations if r.key not in ids]
        await self._stores.documents.save_pending(ticket_id, waiting)

    async def _sync_relations(self, before: Ticket, old: TicketFacts) -> None:
        """Take over what a document changed about its relations, and nothing else."""
        was, new = (self._relations(f, before.key) for f in (old, self._new.facts))
        gone = [r for r in was if r not in new]
        stated = {(r.key, r.kind) for r in before.relations if r.stated_here}
        ids = await self._stores.tickets.ids_of([r.key for r in gone])
        added = [r for r in new if r not in was]
        await lock_relations(self._stores, [r.kind for r in (*gone, *added)])
        removed = []
        for relation in gone:
            await self._stores.documents.drop_pending(before.id, relation)
            if (relation.key, relation.kind) in stated and relation.key in ids:
                await self._stores.relations.remove(before.id, ids[relation.key], relation.kind)
                removed.append((before.id, ids[relation.key], relation.kind))
        await self._relate(before.id, added)
        await check_originals(self._stores, removed)


def _stated(stored: StoredDocument) -> TicketFacts:
    """Return what a document said at its last import.

    One that a version with other limits took, and this one does not read, said what was taken.
    """
    try:
        return opened_again(stored.content, stored.layout).facts
    except FormatError:
        return tracked.from_plain(stored.facts)


def _written(ticket: Ticket, stated: TicketFacts) -> bytes:
    """Return the document of a ticket that came from none."""
    return write(stated, lenient=True, external_ref=ticket.external_ref)


def _evidence_of_new(around: Surroundings, domains: Sequence[str]) -> EvidenceState:
    """What is known of a ticket that is just added: at most markers speak of it yet."""
    covered = around.covered is not None and covers(around.covered, domains)
    linked = int(around.claimed and around.covered is not None)
    return assess(covered=covered, linked=linked, decision=None, now=None).state


def _layout_name(layout: Mapping[str, Any] | None) -> str | None:
    return None if layout is None else str(layout["name"])


def _more(reviews: Iterable[ReviewText], known: Iterable[ReviewText]) -> list[ReviewText]:
    """Return the reviews that are not among the known ones, each of which stands for one."""
    left, found = list(known), []
    for review in reviews:
        same = next((other for other in left if other.says_the_same(review)), None)
        if same is None:
            found.append(review)
        else:
            left.remove(same)
    return found


def _name(field: str) -> str:
    return tracked.TICKET_FIELD.get(field, field)


def _names(fields: Iterable[str]) -> set[str]:
    return {_name(field) for field in fields}
