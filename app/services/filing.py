"""Filing tickets: one, or many that name each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain import keys
from app.domain.accounts import Actor
from app.domain.evidence import assess
from app.domain.filing import (
    BatchItem,
    FiledItem,
    FilingResult,
    SiblingRelation,
    in_filing_order,
)
from app.domain.targets import covers
from app.domain.tickets import Relation, Ticket, TicketDraft
from app.errors import Conflict, FieldError, FindingsError, InvalidInput
from app.services.access import load_ticket
from app.services.graph import adopt_waiting, resolve_relations, state_relations
from app.services.service import Service
from app.storage.tickets.filing import AddedTicket, KeyFacts
from app.storage.unit import Stores


class FilingService(Service):
    """Batches of tickets."""

    async def file_batch(
        self, actor: Actor, items: Sequence[BatchItem], *, atomic: bool, dry_run: bool
    ) -> list[FiledItem]:
        """File many tickets; relations between them may go in any direction.

        An item that cannot be filed takes those with it that name it, and, when `atomic`, all. A
        dry run leaves nothing, and tells the keys as they would be.

        Args:
            actor: who files.
            items: with references that differ.
            atomic: file all or none.
            dry_run: go the whole way, and leave nothing.

        Returns:
            What became of each item, in their order.
        """
        async with self._unit.begin() as stores:
            done = _Batch(stores, actor, items)
            try:
                async with stores.attempt():
                    await done.file()
                    if dry_run or (atomic and done.refused):
                        raise _Undone
            except _Undone:
                pass
        return done.results(atomic=atomic)


class _Undone(Exception):  # a signal, no failure
    """Undoes what was filed."""


class _Batch:
    """The filing of one batch."""

    def __init__(self, stores: Stores, actor: Actor, items: Sequence[BatchItem]) -> None:
        self._stores = stores
        self._actor = actor
        self._items = {item.ref: item for item in items}
        self._keys: dict[str, str] = {}
        self.refused: dict[str, FindingsError] = {}

    async def file(self) -> None:
        """File the items, those that others name first."""
        await self._lock_counters()
        needs = {ref: item.siblings for ref, item in self._items.items()}
        for group in in_filing_order(needs):
            await self._file_group(group)

    def results(self, *, atomic: bool) -> list[FiledItem]:
        """Return what became of each item."""
        return [self._result(ref, undone=atomic and bool(self.refused)) for ref in self._items]

    def _result(self, ref: str, *, undone: bool) -> FiledItem:
        error = self.refused.get(ref)
        if error is not None:
            return FiledItem(ref, FilingResult.REFUSED, error=error)
        if undone:
            return FiledItem(ref, FilingResult.ROLLED_BACK)
        return FiledItem(ref, FilingResult.CREATED, key=self._keys[ref])

    async def _lock_counters(self) -> None:
        # All of them before the first ticket, and in one order, so that two batches which need
        # the same counters never wait for each other.
        codes = {s.name: s.code for s in await self._stores.accounts.specialists()}
        drafts = [item.draft for item in self._items.values() if item.draft is not None]
        wanted = {counter for draft in drafts if (counter := _counter_of(draft, codes))}
        await self._stores.filing.lock_counters(sorted(wanted))

    async def _file_group(self, group: Sequence[str]) -> None:
        """File items that name each other: all of them, or none."""
        current = group[0]
        try:
            for current in group:
                self._check(self._items[current])
            async with self._stores.attempt():
                added = {}
                for current in group:
                    added[current] = await self._add(current)
                for current in group:
                    await self._relate(current, added[current])
        except FindingsError as error:
            self._refuse(group, current, error)

    def _refuse(self, group: Sequence[str], culprit: str, error: FindingsError) -> None:
        for ref in group:
            self._keys.pop(ref, None)
            own = error if ref == culprit else self._items[ref].error
            self.refused[ref] = own or _needs_other(culprit)

    def _check(self, item: BatchItem) -> None:
        if item.error is not None:
            raise item.error
        errors = []
        for n, relation in enumerate(item.relations):
            if not isinstance(relation, SiblingRelation):
                continue
            pointer = f"/relations/{n}/ref"
            if relation.ref == item.ref:
                errors.append(FieldError(pointer, "an item cannot be related to itself"))
            elif relation.ref not in self._items:
                errors.append(FieldError(pointer, f"there is no item with ref {relation.ref!r}"))
        if errors:
            raise InvalidInput(*errors)
        for ref in item.siblings:
            if ref in self.refused:
                raise _needs_other(ref)

    async def _add(self, ref: str) -> AddedTicket:
        draft = self._items[ref].draft
        assert draft is not None
        known, added = await add_ticket(self._stores, self._actor, draft)
        self._keys[ref] = known.key
        return added

    async def _relate(self, ref: str, added: AddedTicket) -> None:
        item, key = self._items[ref], self._keys[ref]
        assert item.draft is not None
        relations = tuple(map(self._resolved, item.relations))
        draft = replace(item.draft, relations=relations)
        await relate_ticket(self._stores, draft, key, added)

    def _resolved(self, relation: Relation | SiblingRelation) -> Relation:
        if isinstance(relation, Relation):
            return relation
        return Relation(self._keys[relation.ref], relation.kind, relation.note)


def _needs_other(ref: str) -> Conflict:
    return Conflict(f"It is related to the item {ref!r}, which was refused. Mend that one first.")


async def file_ticket(stores: Stores, actor: Actor, draft: TicketDraft) -> Ticket:
    """Add a ticket with its relations.

    Raises:
        AlreadyTaken: the key or the external reference is in use.
        InvalidInput: no key can be minted, or a relation names no ticket.
        RelationCycle: a relation would close a circle.
    """
    known, added = await add_ticket(stores, actor, draft)
    if draft.relations or added.awaited or known.linked:
        await relate_ticket(stores, draft, known.key, added)
        return await load_ticket(stores, known.key)
    return added.alone


async def add_ticket(
    stores: Stores, actor: Actor, draft: TicketDraft
) -> tuple[KeyFacts, AddedTicket]:
    """Add a ticket without its relations, and return its key with what was added.

    Raises:
        AlreadyTaken: the key or the external reference is in use.
        InvalidInput: no key can be minted.
    """
    known = await _key_for(stores, draft)
    # At most markers speak of it yet: nobody can have linked a test by hand.
    shown = assess(
        covered=covers(known.covered, draft.domains), linked=known.linked, decision=None, now=None
    )
    added = await stores.filing.add(draft, known.key, actor, shown.state, action="ticket.filed")
    return known, added


async def relate_ticket(stores: Stores, draft: TicketDraft, key: str, added: AddedTicket) -> None:
    """Give a new ticket its relations, those that documents waited to state included.

    Raises:
        InvalidInput: a relation names no ticket.
        RelationCycle: a relation would close a circle.
    """
    if draft.relations:
        relations = await resolve_relations(stores, key, draft.relations)
        await state_relations(stores, added.id, relations)
    if added.awaited:
        await adopt_waiting(stores, key, added.id)


def _counter_of(draft: TicketDraft, codes: Mapping[str, str]) -> tuple[int, str] | None:
    if draft.key is None:
        return (draft.batch, codes[draft.agent]) if draft.agent in codes else None
    parts = keys.minted_parts(draft.key)
    return None if parts is None else parts[:2]


async def _key_for(stores: Stores, draft: TicketDraft) -> KeyFacts:
    # The counter is locked before the ticket is inserted, by both ways of getting a key; the
    # other order would let two filings wait for each other.
    if draft.key is not None:
        await stores.filing.note_key(draft.key)
        return await stores.filing.known_of(draft.key, draft.domains)
    minted = await stores.filing.mint_key(draft.batch, draft.agent, draft.domains)
    if minted is None:
        known = await stores.accounts.specialists()
        raise InvalidInput(
            FieldError(
                "/agent",
                f"agent {draft.agent!r} is no specialist, so no key can be minted for it. "
                "Take one of the allowed agents, or give a key.",
                allowed=tuple(specialist.name for specialist in known),
            )
        )
    return minted
