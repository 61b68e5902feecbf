"""What every command works with: the connection to the service and the form of the output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import click

from app.cli.output import Output
from app.cli.selection import JQ, Selection
from app.cli.signature import Argument, Opened, Option
from app.cli.tables import Table

if TYPE_CHECKING:
    from app.cli.client import Client, Params
    from app.cli.server import Server

JsonFlag = Annotated[
    str | None,
    Option("--json", metavar="[FIELDS]", help="Print JSON: all of it, or fields like key,title."),
]
Key = Annotated[str, Argument(metavar="KEY", help="The ticket, like B2-DRL-10.")]
Limit = Annotated[int, Option("--limit", min=1, metavar="N", help="At most so many.")]
Everything = Annotated[bool, Option("--all", help="Every one, whatever --limit says.")]
IdempotencyKey = Annotated[
    str | None,
    Option(
        "--idempotency-key",
        metavar="WORD",
        help="Of your own (8-200 characters): repeated under it, the command has its effect once.",
    ),
]


SERVER = "findings.server"
"""Where the context of a command keeps what was given for ``--server``."""


class Globals(NamedTuple):
    """Options given before the command."""

    as_json: str | None = None
    server: str | None = None


class Session:
    """One run of a command."""

    def __init__(self, selection: Selection, server: str | None = None) -> None:
        self.out = Output(selection)
        self._server = server

    @cached_property
    def client(self) -> Client:
        """The connection; made at first use, so that help needs no token."""
        from app.cli.client import Client

        return Client(self.server)

    @cached_property
    def server(self) -> Server:
        """The service that is talked to."""
        from app.cli.server import read_server  # help needs none

        return read_server(os.environ, self._server)

    def list(
        self,
        *path: str,
        params: Params,
        limit: int | None,
        table: Table,
        row: Any,
    ) -> None:
        """Print a list of the service.

        Args:
            path: of the list.
            params: its filters.
            limit: most items to print; None for all.
            table: how to show it; its rows are filled in here.
            row: makes the cells of one item.
        """
        pages = self.client.pages(*path, params=params, limit=limit)
        if self.out.as_json:
            self.out.json(merged(pages))
            return
        more = Trailing()
        rows = (row(item) for page in pages for item in more.of(page))
        self.out.table(table._replace(rows=rows))
        if more.cursor:
            self.out.remark("There are more: --limit N or --all.")


class Trailing:
    """Remembers whether the last page seen has one after it."""

    def __init__(self) -> None:
        self.cursor: str | None = None

    def of(self, page: dict[str, Any]) -> Any:
        """Return the items of a page."""
        self.cursor = page.get("next_cursor")
        return page.get("items", [])


def merged(pages: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Return pages as one; a single one unchanged."""
    found = list(pages)
    if len(found) == 1:
        return found[0]
    items = [item for page in found for item in page.get("items", [])]
    return {**found[-1], "items": items}


@contextmanager
def opened(ctx: click.Context, *, as_json: str | None = None) -> Iterator[Session]:
    """Open what a command needs, and close its connection afterwards.

    Args:
        ctx: the command's, which knows the options that every command has.
        as_json: what was given for ``--json``.
    """
    options = ctx.find_object(Globals) or Globals()
    selection = Selection(as_json or options.as_json, ctx.meta.get(JQ))
    session = Session(selection, ctx.meta.get(SERVER, options.server))
    try:
        yield session
    finally:
        if "client" in session.__dict__:
            session.client.close()
        session.out.close()


PlainSession = Annotated[Session, Opened(opened)]
"""What a command works with."""
JsonSession = Annotated[Session, Opened(opened, as_json=JsonFlag)]
"""What a command works with that answers as JSON, too."""
