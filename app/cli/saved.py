"""Saved views by their names."""

from __future__ import annotations

from typing import Any

from app.cli.errors import UsageProblem
from app.cli.session import Session


def view_named(session: Session, name: str) -> dict[str, Any]:
    """Return the view of a name: one's own before one that somebody else shares.

    Raises:
        UsageProblem: there is none, or several others share one of that name.
    """
    pages = session.client.pages("views", params={}, limit=None)
    known = [view for page in pages for view in page["items"]]
    found = [view for view in known if name in (view["name"], view["id"])]
    if len(found) > 1:
        me = session.client.get("me")["name"]
        found = [view for view in found if view["owner"] == me] or found
    if len(found) != 1:
        names = ", ".join(sorted({view["name"] for view in known})) or "none"
        what = f"several accounts share a view {name!r}" if found else f"there is no view {name!r}"
        raise UsageProblem(what, f"Saved are: {names}. An id does as well")
    return dict(found[0])


def narrowed(session: Session, name: str | None, params: dict[str, Any]) -> dict[str, Any]:
    """Return the filters of a list within a saved view: what is given replaces what that says."""
    if name is None:
        return params
    view = view_named(session, name)
    given = {word: value for word, value in params.items() if value not in (None, [], "")}
    return {"sort": view["sort"], **view["filters"], **given}
