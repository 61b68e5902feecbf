"""Gates of tickets: how they stand, and whether a test can decide the claim at all."""

from __future__ import annotations

from datetime import UTC, datetime

from app.domain import lifecycle
from app.domain.accounts import Actor
from app.domain.gate_facts import Requirement, facts_of
from app.domain.gates import evaluate, resolution_of_gate
from app.domain.next_step import NextStep, next_step
from app.domain.remedies import requirement_for
from app.domain.runs import RunStatus
from app.domain.tickets import Resolution, Status, Testable, Ticket
from app.errors import FieldError, InvalidInput
from app.services.access import load_ticket, lock_ticket
from app.services.client_code import ClientCode
from app.storage.unit import UnitOfWork


class GateService:
    """Gates of tickets."""

    def __init__(self, unit: UnitOfWork, client_code: ClientCode) -> None:
        self._unit = unit
        self._client_code = client_code

    async def gate(
        self, actor: Actor, key: str, to: Status | None, resolution: Resolution | None
    ) -> tuple[Requirement, ...]:
        """Return how a ticket stands to the gate of a step; by default that of its resolution.

        Remedies are calls that the actor may make, or say who may.

        Raises:
            NotFound: there is no such ticket.
            InvalidInput: the status cannot have that resolution.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
        if to is None and resolution is None:
            resolution = ticket.resolution
        try:
            wanted = resolution_of_gate(to, resolution)
        except ValueError as error:
            allowed = () if to is None else lifecycle.RESOLUTIONS.get(to, ())
            raise InvalidInput(
                FieldError(
                    "/resolution",
                    str(error),
                    allowed=tuple(word.value for word in allowed),
                    location="query",
                )
            ) from None
        caller = await self._client_code.caller(actor, ticket)
        gate = evaluate(facts_of(ticket), wanted)
        return tuple(requirement_for(requirement, caller) for requirement in gate)

    async def next_step(self, actor: Actor, key: str) -> NextStep:
        """Return what `actor` can do to bring a ticket on, or who can, or what it waits for.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
            newest = await stores.runs.newest(ticket.id)
        goes_on = newest is not None and newest.status in (RunStatus.QUEUED, RunStatus.RUNNING)
        caller = await self._client_code.caller(actor, ticket)
        return next_step(ticket, caller, newest.id if newest is not None and goes_on else None)

    async def set_testability(
        self, actor: Actor, key: str, state: Testable, reason: str | None
    ) -> Ticket:
        """Record whether a test can decide a ticket's claim; the document stays as it is.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            before = (await load_ticket(stores, key)).testability
            said = {
                "state": state.value,
                "reason": reason,
                "by": actor.name,
                "at": datetime.now(UTC).isoformat(),
            }
            await stores.ticket_edits.save_testability(ticket.id, said)
            old = Testable.TESTABLE if before is None else before.state
            await stores.audit.record(
                actor,
                "testability.set",
                ticket_id=ticket.id,
                changes={"testability": [old.value, state.value], "reason": [None, reason]},
            )
            return await load_ticket(stores, key)
