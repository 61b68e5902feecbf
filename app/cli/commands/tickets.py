"""``findings ticket``: show, list; and ``findings history``."""

from __future__ import annotations

from typing import Annotated

from app.cli.browser import Web, open_page
from app.cli.filters import Sort, TicketFilters
from app.cli.saved import narrowed
from app.cli.session import Everything, JsonSession, Key, Limit
from app.cli.signature import Option
from app.cli.tables import Table
from app.cli.views import tickets as view
from app.cli.views.events import change_row


def show_ticket(session: JsonSession, key: Key, web: Web = False) -> None:
    """Show a ticket with its reviews, tests, patches and evidence."""
    if web:
        open_page(session, "tickets", key)
        return
    ticket = session.client.get("tickets", key)
    if not session.out.printed_json(ticket):
        view.show_ticket(session.out, ticket)


def list_tickets(
    session: JsonSession,
    filters: TicketFilters,
    sort: Sort = None,
    view_name: Annotated[
        str | None, Option("--view", metavar="NAME", help="Within this saved view.")
    ] = None,
    limit: Limit = 50,
    everything: Everything = False,
    web: Web = False,
) -> None:
    """List tickets. Any of the values of one filter, and all filters together.

    In a pipe: key, severity, status, evidence, reviews and title, separated by tabs.
    """
    params = narrowed(session, view_name, {**filters, "sort": sort})
    if web:
        open_page(session, "tickets", params=params)
        return
    session.list(
        "tickets",
        params=params,
        limit=None if everything else limit,
        table=view.LIST,
        row=view.list_row,
    )


def history(
    session: JsonSession, key: Key, limit: Limit = 50, everything: Everything = False
) -> None:
    """Show what happened to a ticket, oldest first."""
    session.list(
        "tickets",
        key,
        "history",
        params={},
        limit=None if everything else limit,
        table=Table(("at", "by", "action", "change"), (), cut="change", may_go=("by",)),
        row=lambda event: _without_ticket(change_row(event)),
    )


def _without_ticket(cells: tuple[object, ...]) -> tuple[object, ...]:
    at, _, *rest = cells
    return (at, *rest)
