"""Who looks at a page: the session's cookie, and proof that a form is this service's own."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.forms import read_form
from app.domain.accounts import Actor, Role
from app.domain.sessions import LIFETIME
from app.errors import Forbidden, Unauthenticated
from app.factory import Factory
from app.services.access import require
from app.services.sight import look_as

CSRF_FIELD = "csrf"
_MOST_FIELDS = 2000


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page."""

    actor: Actor
    csrf: str
    """What every form of this session carries."""
    previous_visit_at: datetime | None

    def may(self, role: str) -> bool:
        """Tell whether the visitor's role includes `role`; for templates."""
        return self.actor.role.includes(Role(role))


def cookie_name(factory: Factory) -> str:
    """Return the name of the session's cookie.

    Cookies know no ports: the port in the name keeps two services on one machine apart. Behind
    https the prefix makes browsers refuse one that another host has set.
    """
    if _is_https(factory):
        return "__Host-findings"
    return f"findings-{factory.settings.port}"


def set_cookie(response: Response, factory: Factory, secret: str) -> None:
    """Keep a session's secret in the browser."""
    response.set_cookie(
        cookie_name(factory),
        secret,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        secure=_is_https(factory),
        # Not Strict: a link from a chat to a ticket should find its reader logged in. No GET
        # changes anything, and every POST is checked for where it comes from.
        samesite="lax",
        path="/",
    )


def drop_cookie(response: Response, factory: Factory) -> None:
    """Take the session's secret out of the browser."""
    response.delete_cookie(
        cookie_name(factory), path="/", httponly=True, secure=_is_https(factory), samesite="lax"
    )


def _is_https(factory: Factory) -> bool:
    return (factory.settings.public_url or "").startswith("https://")


def csrf_token(secret: str) -> str:
    """Return what forms of a session carry; it says nothing about the secret."""
    return hmac.digest(secret.encode(), b"findings form", hashlib.sha256).hex()


async def checked_form(request: Request, factory: Factory) -> FormData:
    """Return a form that was sent from a page of this service, within the visitor's session.

    Raises:
        Forbidden: it came from elsewhere, or from a session that is over.
    """
    check_origin(request, factory)
    form = await read_form(request, max_files=1, max_fields=_MOST_FIELDS, max_part_size=2 << 20)
    secret = request.cookies.get(cookie_name(factory), "")
    sent = form.get(CSRF_FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(
        sent.encode("utf-8", "replace"), csrf_token(secret).encode()
    ):
        raise Forbidden(
            "This form belongs to a session that is over. Go back, load the page again and send "
            "it once more; what you wrote is still in the form.",
            needs="a form of the present session",
            you="a visitor",
        )
    return form


def check_origin(request: Request, factory: Factory) -> None:
    """Check that a form was sent from a page of this service.

    Raises:
        Forbidden: it was not, or nothing tells.
    """
    sent = request.headers.get("origin")
    if sent is None:
        parts = urlsplit(request.headers.get("referer", ""))
        sent = f"{parts.scheme}://{parts.netloc}"
    own = {f"{request.url.scheme}://{request.headers.get('host', '')}"}
    if factory.settings.public_url is not None:
        own.add(factory.settings.public_url)
    if sent.lower() not in {origin.lower() for origin in own}:
        raise Forbidden(
            "This form was sent from a page of another site, so nothing was done.",
            needs="a page of this service",
            you=f"a page of {sent[:100]}",
        )


async def _visitor(request: Request, services: Services) -> Visitor:
    secret = request.cookies.get(cookie_name(services))
    if not secret or len(secret) > 100:
        raise Unauthenticated("Log in to see this page.")
    request_id = request.scope.get("state", {}).get("request_id")
    visit = await services.sessions.visit(secret, request_id)
    structlog.contextvars.bind_contextvars(account=visit.actor.name)
    look_as(visit.actor)
    visitor = Visitor(visit.actor, csrf_token(secret), visit.previous_visit_at)
    request.state.visitor = visitor
    return visitor


class _WithRole:
    """A dependency that shows a page from a role upwards."""

    def __init__(self, role: Role) -> None:
        self._role = role

    async def __call__(self, visitor: Annotated[Visitor, Depends(_visitor)]) -> Visitor:
        require(visitor.actor, self._role)
        return visitor


Reader = Annotated[Visitor, Depends(_WithRole(Role.READER))]
Reporter = Annotated[Visitor, Depends(_WithRole(Role.REPORTER))]
Reviewer = Annotated[Visitor, Depends(_WithRole(Role.REVIEWER))]
Maintainer = Annotated[Visitor, Depends(_WithRole(Role.MAINTAINER))]
Admin = Annotated[Visitor, Depends(_WithRole(Role.ADMIN))]
"""What pages ask for; the same roles as the calls of the API."""


async def visitor_if_any(request: Request, services: Services) -> Visitor | None:
    """Return who looks, or None for somebody who is not logged in."""
    try:
        return await _visitor(request, services)
    except Unauthenticated:
        return None


MaybeVisitor = Annotated[Visitor | None, Depends(visitor_if_any)]
