"""Who calls, and whether the role suffices."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.dependencies import Services
from app.domain.accounts import Actor, Role
from app.errors import TooManyRequests, Unauthenticated
from app.services.access import require
from app.services.sight import look_as

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token that an admin made: `Authorization: Bearer fnd_…`",
)


KNOWN = "findings.actor"
"""In the scope of a call that comes from within: whom its token stands for, as was just checked."""


async def current_actor(
    request: Request,
    services: Services,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """Return whom the token stands for.

    Raises:
        Unauthenticated: no token came, or it is not valid.
    """
    if credentials is None:
        raise Unauthenticated(
            "Send a token: Authorization: Bearer fnd_… ; an admin makes one with "
            "findings token create."
        )
    request_id = request.scope.get("state", {}).get("request_id")
    known = request.scope.get(KNOWN)
    if known is None:
        actor = await services.accounts.authenticate(credentials.credentials, request_id)
    else:
        actor = replace(known, request_id=request_id)
    request.state.actor = actor
    look_as(actor)
    structlog.contextvars.bind_contextvars(account=actor.name)
    _require_allowance(request, services, actor)
    return actor


def _require_allowance(request: Request, services: Services, actor: Actor) -> None:
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
    """Return the token that a request came with, to check it again while an answer goes on."""
    return request.headers.get("authorization", "").partition(" ")[2].strip()


class RequireRole:
    """A dependency that lets a call through from a role upwards; the OpenAPI document names it."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
        """Return the actor.

        Raises:
            Forbidden: its role is too small.
        """
        require(actor, self.role)
        return actor


Reader = Annotated[Actor, Depends(RequireRole(Role.READER))]
Reporter = Annotated[Actor, Depends(RequireRole(Role.REPORTER))]
Reviewer = Annotated[Actor, Depends(RequireRole(Role.REVIEWER))]
Maintainer = Annotated[Actor, Depends(RequireRole(Role.MAINTAINER))]
Admin = Annotated[Actor, Depends(RequireRole(Role.ADMIN))]
