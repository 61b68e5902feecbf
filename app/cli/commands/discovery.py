"""Finding tickets by words and likeness, and following what happens to them."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from app.cli.remedies import command_for
from app.cli.session import Everything, JsonSession, Key, Limit, Session
from app.cli.signature import Argument, Option
from app.cli.tables import Table
from app.cli.views import events as events_view
from app.cli.views import tickets as view

_PAUSE_S = 1.0
_COLUMNS = ("at", "ticket", "by", "action", "change")

Words = Annotated[
    list[str], Argument(metavar="WORD...", help='Words, "phrases" and -not, after --.')
]


def search_tickets(
    session: JsonSession, words: Words, limit: Limit = 50, everything: Everything = False
) -> None:
    """Find tickets by their words, also inside paths and symbols, the newest first.

    An argument with spaces is a phrase. Leave a word out with -- -WORD. More filters are those of
    `findings ticket list --q`.
    """
    query = " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)
    session.list(
        "tickets",
        params={"q": query},
        limit=None if everything else limit,
        table=view.LIST,
        row=view.list_row,
    )


def similar_tickets(session: JsonSession, key: Key) -> None:
    """List tickets that may tell of the same as one, the most alike first."""
    found = session.client.get("tickets", key, "similar")
    if session.out.printed_json(found):
        return
    rows = [_similar_row(item) for item in found["items"]]
    columns = ("score", "key", "status", "why", "title")
    table = Table(
        columns, rows, empty="None is alike.", cut="title", may_go=("why", "status", "score")
    )
    session.out.table(table)


def next_step(session: JsonSession, key: Key) -> None:
    """Show what you can do to bring a ticket on, or who can, or what it waits for."""
    found = session.client.get("tickets", key, "next")
    if session.out.printed_json(found):
        return
    if found.get("waiting_for"):
        session.out.line(f"Waits for: {found['waiting_for']}")
        return
    session.out.line(found.get("why", ""))
    if found.get("needs"):
        session.out.line(f"This needs {found['needs']}:")
    ways = found.get("any_of") or [found]
    session.out.line("\n  or ".join(_typed(way) for way in ways))


def _typed(call: dict[str, Any]) -> str:
    """Return a call with those that follow it, as commands."""
    return ", then ".join(command_for(one) for one in (call, *(call.get("then") or ())))


def _similar_row(item: dict[str, Any]) -> tuple[object, ...]:
    why = "; ".join(item.get("reasons") or ())
    return (item.get("score"), item.get("key"), item.get("status"), why, item.get("title"))


def changes(
    session: JsonSession,
    since: Annotated[
        str | None, Option(metavar="ID", help="Behind this event; left out: everything.")
    ] = None,
    mine: Annotated[
        bool, Option("--mine", help="Of tickets you filed, are assigned to or reviewed.")
    ] = False,
    follow: Annotated[
        bool, Option("--follow", help="Go on with what happens, until stopped.")
    ] = False,
    limit: Limit = 50,
    everything: Everything = False,
) -> None:
    """Show what happened to all tickets, oldest first; with --follow from now on.

    In a pipe: time, ticket, account, action and change, separated by tabs. With --follow and
    --json: one JSON object a line.
    """
    if follow:
        _follow(session, since, mine=mine)
        return
    session.list(
        "changes",
        params={"since": since, "mine": "true" if mine else None},
        limit=None if everything else limit,
        table=Table(_COLUMNS, (), empty="Nothing happened.", cut="change", may_go=("by", "at")),
        row=events_view.change_row,
    )


def _follow(session: Session, since: str | None, *, mine: bool) -> None:
    from app.cli.streams import follow  # rare

    session.out.live()

    last = since
    params = {"mine": "true" if mine else None}
    while True:
        for event in follow(session.client, "events", last_id=last, params=params):
            last = event.id
            _tell(session, event.data)
            sys.stdout.flush()  # a reader at the other end of a pipe waits for it
        time.sleep(_PAUSE_S)  # the service closed the stream, as when it stops


def _tell(session: Session, event: dict[str, Any]) -> None:
    row = events_view.change_row(event)
    if not session.out.printed_json(event):
        session.out.row(row)
