"""``--web``: the page of the service that shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from app.cli.output import say
from app.cli.signature import Option

if TYPE_CHECKING:
    from app.cli.session import Session

Web = Annotated[bool, Option("--web", help="Open the page that shows it in a browser.")]


def open_page(session: Session, *path: str, params: Mapping[str, Any] | None = None) -> None:
    """Open a page; where there is no browser, and in a pipe, print its address.

    Args:
        session: whose service it is.
        path: of the page, part by part.
        params: of its query; None and empty lists are left out.
    """
    import webbrowser  # rare
    from urllib.parse import quote, urlencode

    from app.cli.client import given_params

    query = urlencode(given_params(params or {}), doseq=True)
    url = "/".join([session.server.url, *(quote(part, safe="") for part in path)])
    url += f"?{query}" if query else ""
    if session.out.terminal and webbrowser.open(url):
        say(f"Opened {url}")
    else:
        session.out.line(url)
