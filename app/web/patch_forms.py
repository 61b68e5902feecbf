"""Patches on a ticket's page: the fix, the defects, and the suite's own."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.domain.arms import next_defect
from app.factory import Factory
from app.web.forms import Sent
from app.web.routing import new_router
from app.web.ticket_forms import attempt
from app.web.visitors import Maintainer, Reporter

router = new_router()

FIX, DEFECT = "fix", "defect"
_MOST_PLANTED = 20


@router.post("/tickets/{key}/patches/fix")
async def give_fix(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Store the fix, in place of one that is there."""

    async def act(given: Sent) -> None:
        await services.patches.put(visitor.actor, key, FIX, _text(given))

    return await attempt(request, visitor, services, key, FIX, act, "patched")


@router.post("/tickets/{key}/patches/defect")
async def plant_defect(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Store a defect under the next free name."""

    async def act(given: Sent) -> None:
        name = next_defect(await _names(services, key))
        await services.patches.put(visitor.actor, key, name, _text(given))

    return await attempt(request, visitor, services, key, DEFECT, act, "patched")


@router.post("/tickets/{key}/patches/suite")
async def plant_own_defects(
    request: Request, visitor: Reporter, services: Services, key: TicketKey
) -> Response:
    """Store defects that the suite itself holds, each under the next free name."""

    async def act(given: Sent) -> None:
        for path in given.lists.get("path", [])[:_MOST_PLANTED]:
            text = await services.source.suite_patch(await _target(services, key), path)
            name = next_defect(await _names(services, key))
            await services.patches.put(visitor.actor, key, name, text)

    return await attempt(request, visitor, services, key, DEFECT, act, "planted")


@router.post("/tickets/{key}/patches/{name}/turn")
async def turn_patch(
    request: Request, visitor: Reporter, services: Services, key: TicketKey, name: str
) -> Response:
    """Turn a patch that was given the wrong way round."""

    async def act(_: Sent) -> None:
        await services.patches.turn(visitor.actor, key, name)

    return await attempt(request, visitor, services, key, "patch", act, "turned")


@router.post("/tickets/{key}/patches/{name}/remove")
async def remove_patch(
    request: Request, visitor: Maintainer, services: Services, key: TicketKey, name: str
) -> Response:
    """Take a patch off the ticket."""

    async def act(_: Sent) -> None:
        await services.patches.remove(visitor.actor, key, name)

    return await attempt(request, visitor, services, key, "patch", act, "unpatched")


def _text(given: Sent) -> str:
    text = given.values.get("patch", "")
    return f"{text}\n" if text and not text.endswith("\n") else text


async def _names(services: Factory, key: str) -> Collection[str]:
    return (await services.tickets.show(key)).patches


async def _target(services: Factory, key: str) -> str | None:
    return (await services.tickets.show(key)).target
