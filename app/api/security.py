"""Who calls, and whether the role suffices."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.dependencies import Services
from app.domain.accounts import Actor, Role
from app.errors import Unauthenticated
from app.services.access import require

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token that an admin made: `Authorization: Bearer fnd_…`",
)


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
    actor = await services.accounts.authenticate(credentials.credentials, request_id)
    structlog.contextvars.bind_contextvars(account=actor.name)
    return actor


class RequireRole:
    """A dependency that lets a call through from a role upwards; the OpenAPI document names it."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
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
