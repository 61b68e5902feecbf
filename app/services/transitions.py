"""The life of a ticket: steps from a status to another, through the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.accounts import Actor
from app.domain.catalogue import TargetState
from app.domain.filters import TicketFilter
from app.domain.gate_facts import RequirementName, RequirementState, facts_of
from app.domain.gates import evaluate, waived
from app.domain.lifecycle import Transition
from app.domain.tickets import Relation, RelationKind, Resolution, Ticket
from app.errors import FieldError, FindingsError, InvalidInput
from app.services.access import caller_on, check_if_match, load_ticket, lock_ticket
from app.services.catalogues import Catalogues
from app.services.client_code import ClientCode
from app.services.documents import texts_of
from app.services.graph import lock_relations, state_relations
from app.services.sight import within_sight
from app.services.step_checks import check_commits, check_step, pass_gate, resolution_of
from app.storage.tickets.tickets import LockedTicket
from app.storage.unit import Stores, UnitOfWork

MAX_BATCH = 500
"""So many tickets may be moved by one call."""

_RESTS_ON_EVIDENCE = (Resolution.FIXED, Resolution.ALREADY_FIXED)


@dataclass(frozen=True)
class Outcome:
    """What came of a step in a batch: the moved ticket, or why it was refused."""

    key: str
    ticket: Ticket | None = None
    error: FindingsError | None = None

    @property
    def reasons(self) -> list[str]:
        """Why the step was refused, one sentence or so per reason."""
        if self.error is None:
            return []
        requirements = self.error.extra.get("requirements", ())
        still_open = [
            f"{requirement['name']}: {requirement['explanation']}"
            for requirement in requirements
            if requirement["state"] == RequirementState.UNSATISFIED
        ]
        return still_open or [self.error.detail]


class TransitionService:
    """Steps of tickets along the workflow."""

    def __init__(self, unit: UnitOfWork, catalogues: Catalogues, client_code: ClientCode) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._client_code = client_code

    async def move(
        self,
        actor: Actor,
        key: str,
        wanted: Transition,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Ticket:
        """Take a step; a dry run goes the whole way, and leaves nothing.

        Raises:
            NotFound: there is no such ticket.
            PreconditionFailed: an ETag came, and it is stale.
            IllegalTransition: no such step leads on from the ticket's status.
            Forbidden: the step, or the override, needs a greater role.
            InvalidInput: the resolution and what goes with it do not fit the status.
            GateUnmet: a requirement is open, and it is not overridden.
            RelationCycle: the ticket would be a duplicate of itself, through others.
        """
        await self._look_at_package(wanted, [key])
        return await self._move(actor, key, wanted, if_match=if_match, dry_run=dry_run)

    async def move_many(
        self,
        actor: Actor,
        chosen: Sequence[str] | TicketFilter,
        wanted: Transition,
        *,
        dry_run: bool = False,
    ) -> list[Outcome]:
        """Take the same step with many tickets, each in a transaction of its own.

        Raises:
            InvalidInput: the filter matches more tickets than one call may move.
        """
        keys = await self._keys(chosen)
        await self._look_at_package(wanted, keys)
        outcomes = []
        for key in keys:
            try:
                ticket = await self._move(actor, key, wanted, dry_run=dry_run)
                outcomes.append(Outcome(key, ticket=ticket))
            except FindingsError as error:
                outcomes.append(Outcome(key, error=error))
        return outcomes

    async def _keys(self, chosen: Sequence[str] | TicketFilter) -> list[str]:
        if not isinstance(chosen, TicketFilter):
            return list(dict.fromkeys(chosen))
        async with self._unit.read() as stores:
            keys = await stores.ticket_lists.keys(within_sight(chosen), limit=MAX_BATCH + 1)
        if len(keys) > MAX_BATCH:
            raise InvalidInput(
                FieldError(
                    "/filter",
                    f"the filter matches more than {MAX_BATCH} tickets; narrow it, or move them "
                    "in several calls",
                )
            )
        return keys

    async def _look_at_package(self, wanted: Transition, keys: Sequence[str]) -> None:
        # Evidence must be that of the package as it is now, not as it was last looked at.
        if wanted.resolution in _RESTS_ON_EVIDENCE:
            for catalogue in await self._catalogues.of_tickets(keys):
                await catalogue.in_step()

    async def _move(
        self,
        actor: Actor,
        key: str,
        wanted: Transition,
        *,
        if_match: str | None = None,
        dry_run: bool,
    ) -> Ticket:
        strict = await self._client_code.is_caged()
        async with self._unit.begin(commit=not dry_run) as stores:
            ticket = await lock_ticket(stores, key)
            if if_match is not None:
                check_if_match(ticket, if_match)
            caller = caller_on(actor, ticket, strict=strict)
            check_step(actor, ticket, wanted, caller)
            resolution = resolution_of(wanted)
            related = await _relate(stores, ticket, wanted)
            if resolution is Resolution.DUPLICATE:
                # The relation stays until this is done: whoever removes one takes the lock too.
                await lock_relations(stores, [RelationKind.DUPLICATE_OF])
            before = await load_ticket(stores, key)
            facts = facts_of(before)
            commits = tuple(dict.fromkeys((*before.commits, *wanted.commits)))
            check_commits(key, commits)
            unknown = await stores.unknown_commits(ticket.target, commits)
            facts = replace(
                facts,
                commits=tuple(one for one in commits if one not in unknown),
                unknown_commits=unknown,
                reason=wanted.reason,
                waiver=None if wanted.waiver is None else wanted.waiver.reason,
                overridden=frozenset(),
            )
            gate = evaluate(facts, resolution)
            overridden = pass_gate(key, wanted, gate, caller)
            waiver = waived(gate, facts)
            target = await stores.catalogue.target(ticket.target or "")
            after = _changes(actor, before, wanted, resolution, commits, overridden, waiver, target)
            told = replace(
                before, commits=tuple(after["commits"]), resolution_text=after["resolution_text"]
            )
            search = None if told == before else texts_of(told)
            await stores.ticket_edits.save_fields(
                ticket.id, after, content_changed=False, search=search
            )
            await stores.audit.record(
                actor,
                "ticket.moved",
                ticket_id=ticket.id,
                changes=_audited(before, after, wanted, overridden, related=related),
            )
            return await load_ticket(stores, key)


async def _relate(stores: Stores, ticket: LockedTicket, wanted: Transition) -> bool:
    """State the ``duplicate-of`` relation that comes with a step; True when it is new."""
    other = wanted.duplicate_of
    if other is None:
        return False
    ids = await stores.tickets.ids_of([other])
    if other == ticket.key:
        raise InvalidInput(FieldError("/duplicate_of", f"{other} cannot be its own duplicate"))
    if other not in ids:
        raise InvalidInput(FieldError("/duplicate_of", f"there is no ticket {other!r}"))
    relation = Relation(other, RelationKind.DUPLICATE_OF)
    (new,) = await state_relations(stores, ticket.id, [(relation, ids[other])])
    return new


def _changes(
    actor: Actor,
    before: Ticket,
    wanted: Transition,
    resolution: Resolution | None,
    commits: tuple[str, ...],
    overridden: tuple[RequirementName, ...],
    waiver: str | None,
    target: TargetState | None,
) -> dict[str, Any]:
    """Return the new values of the ticket's fields."""
    closure = None
    if wanted.to.is_final:
        closure = {
            "by": actor.name,
            "at": datetime.now(UTC).isoformat(),
            "reason": wanted.reason,
            "overridden": [name.value for name in overridden],
            "waiver": waiver,
            # What it was decided of: evidence of the very same does not open it again.
            "package_digest": None if target is None else target.package_digest,
            "revision": None if target is None else target.revision,
        }
    text = wanted.resolution_text
    return {
        "status": wanted.to.value,
        "resolution": None if resolution is None else resolution.value,
        "commits": list(commits),
        "resolution_text": before.resolution_text if text is None else text,
        "closure": closure,
    }


def _audited(
    before: Ticket,
    after: Mapping[str, Any],
    wanted: Transition,
    overridden: tuple[RequirementName, ...],
    *,
    related: bool,
) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": [before.status.value, after["status"]]}
    for name, old in (
        ("resolution", before.resolution),
        ("commits", list(before.commits)),
        ("resolution_text", before.resolution_text),
    ):
        if old != after[name]:
            changes[name] = [old, after[name]]
    waiver = (after["closure"] or {}).get("waiver")
    if waiver:
        changes["waiver"] = [None, waiver]
    if wanted.reason:
        changes["reason"] = [None, wanted.reason]
    if related:
        relation = asdict(Relation(wanted.duplicate_of or "", RelationKind.DUPLICATE_OF))
        changes["relations"] = [None, relation]
    if overridden:
        changes["overridden"] = [None, [name.value for name in overridden]]
    return changes
