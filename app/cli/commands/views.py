"""``findings view``: filters and an order of the list of tickets, saved under a name."""

from __future__ import annotations

from typing import Annotated, Any

from app.cli.filters import Sort, TicketFilters
from app.cli.saved import view_named
from app.cli.session import JsonSession, PlainSession
from app.cli.signature import Argument, Option
from app.cli.tables import Table

Name = Annotated[str, Argument(metavar="NAME", help="The view's name.")]


def list_views(session: JsonSession) -> None:
    """List your saved views and those that others share."""
    table = Table(("name", "owner", "shared", "query"), (), empty="No view is saved.")
    session.list("views", params={}, limit=None, table=table, row=_row)


def save_view(
    session: JsonSession,
    name: Name,
    filters: TicketFilters,
    sort: Sort = None,
    shared: Annotated[bool, Option("--shared", help="Everybody sees it.")] = False,
) -> None:
    """Save filters and an order of the list of tickets under a name."""
    given = {name: value for name, value in filters.items() if value not in (None, [], "")}
    body: dict[str, Any] = {"name": name, "filters": given, "shared": shared}
    view = session.client.post("views", body=body | ({"sort": sort} if sort else {}))
    if not session.out.printed_json(view):
        session.out.remark(f"Saved. Next: findings ticket list --view {name!r}")


def delete_view(
    session: PlainSession,
    name: Annotated[str, Argument(metavar="NAME", help="The view's name.", complete="view")],
) -> None:
    """Delete a saved view."""
    session.client.call("DELETE", "views", view_named(session, name)["id"])
    session.out.remark("Deleted.")


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    return view["name"], view["owner"], "yes" if view["shared"] else "no", view["query"]
