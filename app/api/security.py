"""Who calls, and whether the role suffices."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, cast

import structlog
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from app.domain.accounts import Actor, Role
from app.errors import TooManyRequests, Unauthenticated
from app.factory import Factory
from app.services.access import require
from app.services.sight import look_as

KNOWN = "findings.actor"
"""In the scope of a call that comes from within: whom its token stands for, as was just checked."""


async def _actor_of(request: Request) -> Actor:
    """Return whom the token of a request stands for.

    Raises:
        Unauthenticated: no token came, or it is not valid.
    """
    secret = bearer_of(request)
    if not secret:
        raise Unauthenticated(
            "Send a token: Authorization: Bearer fnd_… ; an admin makes one with "
            "findings token create."
        )
    services = cast("Factory", request.app.state.factory)
    request_id = request.scope.get("state", {}).get("request_id")
    known = request.scope.get(KNOWN)
    if known is None:
        actor = await services.accounts.authenticate(secret, request_id)
    else:
        actor = replace(known, request_id=request_id)
    request.state.actor = actor
    look_as(actor)
    structlog.contextvars.bind_contextvars(account=actor.name)
    _require_allowance(request, services, actor)
    return actor


def _require_allowance(request: Request, services: Factory, actor: Actor) -> None:
    """Count the request; every answer of the account says where it stands."""
    found = services.limits_of_requests.take(actor.name, time.monotonic())
    if found is None:
        return
    request.state.allowance = found.headers()
    if not found.allowed:
        raise TooManyRequests(
            f"{actor.name} sends more than {found.quota} requests a minute. Come again in "
            f"{found.retry_after_s} s, and spread them out.",
            headers={"Retry-After": str(found.retry_after_s)},
        )


def bearer_of(request: Request) -> str:
    """Return the token that a request came with, or "" when none came."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


class RequireRole(SecurityBase):
    """A dependency that lets a call through from a role upwards; the OpenAPI document names it.

    It asks for nothing else that the framework would have to resolve, at each request.
    """

    model = HTTPBearer(
        description="A token that an admin made: `Authorization: Bearer fnd_…`",
    )
    scheme_name = "token"

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Actor:
        """Return the actor.

        Raises:
            Unauthenticated: no token came, or it is not valid.
            Forbidden: its role is too small.
        """
        actor = await _actor_of(request)
        require(actor, self.role)
        return actor


Reader = Annotated[Actor, Depends(RequireRole(Role.READER))]
Reporter = Annotated[Actor, Depends(RequireRole(Role.REPORTER))]
Reviewer = Annotated[Actor, Depends(RequireRole(Role.REVIEWER))]
Maintainer = Annotated[Actor, Depends(RequireRole(Role.MAINTAINER))]
Admin = Annotated[Actor, Depends(RequireRole(Role.ADMIN))]
