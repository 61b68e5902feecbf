"""The target of a ticket, for calls that need one."""

from __future__ import annotations

from app.domain.gate_calls import Call
from app.domain.targets import Placement
from app.errors import NotPlaced
from app.storage.tickets.tickets import LockedTicket


def target_of(ticket: LockedTicket, placement: Placement) -> str:
    """Return the name of the target that a ticket belongs to.

    Raises:
        NotPlaced: no target covers it.
    """
    return placed(ticket.key, ticket.target, placement)


def placed(key: str, target: str | None, placement: Placement) -> str:
    """Return `target`, or the only one there is.

    Raises:
        NotPlaced: it is none, and there are several.
    """
    name = target or placement.only
    if name is not None:
        return name
    known = {name: list(own) for name, own in placement.covered.items()}
    domains = sorted(domain for own in known.values() for domain in own)
    raise NotPlaced(
        f"No target covers {key}: none of its domains is among {', '.join(domains)}. Give the "
        "ticket the domain of the target that its tests belong to.",
        remedies=[Call("editTicket", "PATCH", f"/api/v1/tickets/{key}", {"domains": domains[:1]})],
        extra={"targets": known},
    )
