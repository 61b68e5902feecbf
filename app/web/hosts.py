"""Which values of the Host header are answered: a guard against DNS rebinding.

A page of a stranger can let its own name point at this machine and then read what it gets. It
cannot do so with an address in digits, nor with a token it does not have; so both pass, the token
if it is valid.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem
from app.errors import FindingsError, Unauthenticated, UnknownHost
from app.factory import Factory

_PROBES = ("/healthz", "/readyz")
"""Asked by machines under whatever address they know; the answer is no secret."""


class HostGuard:
    """Refuses requests whose Host header names somebody else."""

    def __init__(self, app: ASGIApp, factory: Factory) -> None:
        self._app = app
        self._allowed = allowed_hosts(factory)
        self._accounts = factory.accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = host_name(headers.get("host", ""))
        if name not in self._allowed and not _is_address(name):
            try:
                await self._require_token(name, headers)
            except FindingsError as error:
                await problem(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _require_token(self, name: str, headers: Headers) -> None:
        """Let a request for somebody else's name pass that brings a token of this service.

        Raises:
            UnknownHost: it brings none that is valid.
            Unavailable: the database does not say.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise Unauthenticated("No token came.")
            await self._accounts.authenticate(token.strip(), None)
        except Unauthenticated:
            raise UnknownHost(
                f"This service does not answer for the host {name[:100]!r}. Open it by its own "
                "address, or let the operator add the name to FINDINGS_ALLOWED_HOSTS."
            ) from None


def allowed_hosts(factory: Factory) -> frozenset[str]:
    """Return the names that the service answers for, in lower case and without ports."""
    settings = factory.settings
    names = {"localhost", "localhost.localdomain", socket.gethostname(), settings.host}
    if settings.public_url is not None:
        names.add(urlsplit(settings.public_url).hostname or "")
    names.update(host_name(host) for host in settings.allowed_hosts)
    return frozenset(name.lower() for name in names if name)


def host_name(host: str) -> str:
    """Return the name in a Host header: without the port, and without the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
