"""Which service a command talks to, and with which token.

``--server`` says so, else ``FINDINGS_URL`` and ``FINDINGS_TOKEN``, else the last
``findings login``. With none of these it is the service of this machine, and the admin token that
its start left in the data directory may be used. A token goes over plain http to this machine only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from app.cli import servers
from app.cli.errors import UsageProblem
from app.cli.text import visible
from app.datadir import admin_token_file

DEFAULT_PORT = 8000
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
# Nothing that two parsers could read differently: no user part, no backslash, no percent sign.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


class Server(NamedTuple):
    """A service to talk to."""

    url: str
    """Scheme and host, without a slash at the end."""

    token: str
    """The bearer token; never shown."""

    loopback: bool
    """It is on this machine."""

    def __repr__(self) -> str:
        """Return what may be seen of it: no token."""
        return f"Server({self.url!r})"


def read_server(environ: Mapping[str, str], name: str | None = None) -> Server:
    """Return the service that is meant: `name` is one that was logged in to.

    Raises:
        UsageProblem: the address is not one, there is no token, or it would travel unprotected.
    """
    given = environ.get("FINDINGS_URL", "").strip()
    token = environ.get("FINDINGS_TOKEN", "").strip()
    if name is not None or not (given or token):
        known = servers.read(environ)
        name = name or known.default
        if name is not None:
            one = known.named(name)
            return checked_server(one.url, one.token, f"the address of {name}")
    url = given.rstrip("/") if given else _local_url(environ)
    if given and not token:
        checked_address(url, "FINDINGS_URL")
        raise UsageProblem(
            "there is no token for the service that FINDINGS_URL names",
            "Set FINDINGS_TOKEN, or use `findings login`; an admin makes tokens with "
            "`findings token create NAME`",
        )
    return checked_server(url, token or _local_token(environ), "FINDINGS_URL")


def serves_from_here(server: Server, environ: Mapping[str, str]) -> bool:
    """Tell whether a service works on the data directory of this user on this machine."""
    try:
        return server.loopback and _local_token(environ) == server.token
    except UsageProblem:
        return False


def checked_server(url: str, token: str, source: str) -> Server:
    """Return a service by its address and a token; `source` says where the address is from.

    Raises:
        UsageProblem: one of them is not one, or the token would travel unprotected.
    """
    loopback = checked_address(url, source)
    return Server(url, _checked(token, "FINDINGS_TOKEN"), loopback)


def checked_address(url: str, source: str) -> bool:
    """Tell whether an address is on this machine.

    Raises:
        UsageProblem: it is none, or plain http to another machine.
    """
    scheme, host = _parts_of(url, source)
    loopback = is_loopback(host)
    if scheme == "http" and not loopback:
        raise UsageProblem(
            f"{source} is plain http to {visible(host)}: the token could be read on the way",
            "Use https, or a tunnel (`ssh -L 8000:127.0.0.1:8000 HOST`) and "
            "FINDINGS_URL=http://127.0.0.1:8000",
        )
    return loopback


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by its name or number, without asking any DNS."""
    if host.lower() in ("localhost", "127.0.0.1"):
        return True
    import ipaddress  # slow to load

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local_url(environ: Mapping[str, str]) -> str:
    # The server's own setting, where it is set: the token must not go to whoever has port 8000.
    port = environ.get("FINDINGS_PORT", "")
    number = int(port) if re.fullmatch(r"[1-9]\d{0,4}", port) else DEFAULT_PORT
    return f"http://127.0.0.1:{number}"


def _parts_of(url: str, source: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    rest = url[len(f"{scheme}://") :]
    if scheme not in ("http", "https") or not _AUTHORITY.fullmatch(rest) or port == 0:
        raise UsageProblem(
            f"{source} is not the address of a service: {visible(url)[:100]!r}",
            "It should be scheme, host and port only, like https://findings.example or "
            "http://127.0.0.1:8000",
        )
    return scheme, host


def _local_token(environ: Mapping[str, str]) -> str:
    path = admin_token_file(environ)
    try:
        with path.open("rb") as file:
            content = file.read(1024)
    except FileNotFoundError:
        raise UsageProblem(
            f"there is no token: FINDINGS_TOKEN is not set and {path} does not exist",
            "Start the service here with `findings serve`, or use another: `findings login URL`",
        ) from None
    except OSError as error:
        raise UsageProblem(
            f"the admin token in {path} cannot be read: {error.strerror}",
            "Ask its owner for a token of your own and set FINDINGS_TOKEN",
        ) from None
    return _checked(content.decode("ascii", "replace").strip(), str(path))


def _checked(token: str, source: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise UsageProblem(
            f"{source} holds no token",
            "A token is one word and starts with fnd_; `findings token create` makes a new one",
        )
    return token
