"""``findings login``, ``logout`` and ``servers``: which services are known, and as whom."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated
from urllib.parse import urlsplit

import click

from app.cli import servers
from app.cli.client import Client
from app.cli.errors import UsageProblem
from app.cli.inputs import is_interactive
from app.cli.output import say
from app.cli.server import checked_address, checked_server
from app.cli.session import JsonSession
from app.cli.signature import Argument, Option
from app.cli.tables import Table


def log_in(
    url: Annotated[
        str | None, Argument(metavar="[URL]", help="Like https://findings.example; else asked for.")
    ] = None,
    name: Annotated[
        str | None,
        Option(metavar="NAME", help="What to call it; left out, the first part of its host."),
    ] = None,
) -> None:
    """Log in to a service with a token, and use it from now on.

    The token is asked for, or read from standard input in a pipe; it is tried, then kept in a file
    that you alone can read. Several services can be known: `findings servers` lists them,
    --server NAME uses another one for one command, and to log in again makes it the default.
    FINDINGS_URL and FINDINGS_TOKEN outweigh all of them.
    """
    known = servers.read(os.environ)
    if url is None and name is not None and name in known.known:
        url = known.known[name].url
    if url is None:
        if not is_interactive():
            raise UsageProblem("there is no address", "Give the URL of the service")
        url = str(click.prompt("Address of the service", default="http://127.0.0.1:8000", err=True))
    name = name or _name_of(url)
    if not servers.NAME.fullmatch(name):
        raise UsageProblem(f"{name!r} is no name of a server", "Take lower-case letters and digits")
    url = url.rstrip("/")
    checked_address(url, "the address")
    server = checked_server(url, _token(), "the address")
    client = Client(server)
    try:
        me = client.get("me")
    finally:
        client.close()
    path = servers.write(known.with_one(name, servers.Known(server.url, server.token)), os.environ)
    say(f"Logged in to {name} ({server.url}) as {me.get('name')}, {me.get('role')}: {path}")
    if os.environ.get("FINDINGS_URL") or os.environ.get("FINDINGS_TOKEN"):
        say("FINDINGS_URL and FINDINGS_TOKEN are set in this shell and outweigh it.")


def log_out(
    name: Annotated[
        str | None, Argument(metavar="[NAME]", help="Left out, the default.", complete="server")
    ] = None,
) -> None:
    """Forget a service and its token; the token itself stays good until it is revoked."""
    known = servers.read(os.environ)
    name = name or known.default
    if name is None:
        raise UsageProblem("no server is known")
    known.named(name)
    servers.write(known.without(name), os.environ)
    say(f"Forgot {name}. To revoke its token: findings token list, findings token revoke TOKEN")


def list_servers(session: JsonSession) -> None:
    """List the services that are known, without their tokens."""
    known = servers.read(os.environ)
    if session.out.as_json:
        items = [
            {"name": name, "url": one.url, "default": name == known.default}
            for name, one in known.known.items()
        ]
        session.out.json({"items": items})
        return
    rows = [
        (name, one.url, "default" if name == known.default else "")
        for name, one in known.known.items()
    ]
    session.out.table(
        Table(("name", "address", ""), rows, empty="None: log in with `findings login`.")
    )


def _name_of(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if re.fullmatch(r"[0-9.]+|localhost|.*:.*", host):
        return "local"
    return host.partition(".")[0]


def _token() -> str:
    if is_interactive():
        return str(click.prompt("Token (it starts with fnd_)", hide_input=True, err=True)).strip()
    return sys.stdin.readline(2048).strip()
