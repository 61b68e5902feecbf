"""Patches on a ticket's page: the fix, the defects, and the suite's own."""

from __future__ import annotations

from collections.abc import Collection

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.domain.arms import next_defect
from app.factory import Factory
from app.web.forms import Given, Sent
from app.web.routing import new_router
from app.web.ticket_forms import attempt
from app.web.visitors import Maintainer, Reporter

router = new_router()

FIX, DEFECT = "fix", "defect"
_MOST_PLANTED = 20


@router.post("/tickets/{key}/patches/fix")
@attempt(FIX, "patched")
async def give_fix(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Store the fix, in place of one that is there."""
    await services.patches.put(visitor.actor, key, FIX, _text(given))


@router.post("/tickets/{key}/patches/defect")
@attempt(DEFECT, "patched")
async def plant_defect(visitor: Reporter, services: Services, key: TicketKey, given: Given) -> None:
    """Store a defect under the next free name."""
    name = next_defect(await _names(services, key))
    await services.patches.put(visitor.actor, key, name, _text(given))


@router.post("/tickets/{key}/patches/suite")
@attempt(DEFECT, "planted")
async def plant_own_defects(
    visitor: Reporter, services: Services, key: TicketKey, given: Given
) -> None:
    """Store defects that the suite itself holds, each under the next free name."""
    for path in given.lists.get("path", [])[:_MOST_PLANTED]:
        text = await services.source.suite_patch(await _target(services, key), path)
        name = next_defect(await _names(services, key))
        await services.patches.put(visitor.actor, key, name, text)


@router.post("/tickets/{key}/patches/{name}/turn")
@attempt("patch", "turned")
async def turn_patch(visitor: Reporter, services: Services, key: TicketKey, name: str) -> None:
    """Turn a patch that was given the wrong way round."""
    await services.patches.turn(visitor.actor, key, name)


@router.post("/tickets/{key}/patches/{name}/remove")
@attempt("patch", "unpatched")
async def remove_patch(visitor: Maintainer, services: Services, key: TicketKey, name: str) -> None:
    """Take a patch off the ticket."""
    await services.patches.remove(visitor.actor, key, name)


def _text(given: Sent) -> str:
    text = given.values.get("patch", "")
    return f"{text}\n" if text and not text.endswith("\n") else text


async def _names(services: Factory, key: str) -> Collection[str]:
    return (await services.tickets.show(key)).patches


async def _target(services: Factory, key: str) -> str | None:
    return (await services.tickets.show(key)).target
