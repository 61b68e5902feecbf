"""What a page says once, after a form was handled: carried by a cookie that the page takes back.

In the address it would come again with each reload, and with whoever is sent the link.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "findings-said"
_SECONDS = 60
"""A page that is not loaded within that time says nothing."""


def keep(response: Response, path: str, word: str) -> None:
    """Let the page at `path` say `word` when it is shown next."""
    place = urlsplit(path).path
    response.set_cookie(
        COOKIE,
        f"{word}:{quote(place, safe='')}",
        max_age=_SECONDS,
        path=quote(place),
        httponly=True,
        samesite="lax",
    )


def word_for(request: Request) -> str | None:
    """Return what this page is to say, or None."""
    word, _, place = request.cookies.get(COOKIE, "").partition(":")
    return word if word and place == quote(request.url.path, safe="") else None


def drop(response: Response, request: Request) -> None:
    """Take back what was said."""
    response.delete_cookie(COOKIE, path=quote(request.url.path), httponly=True, samesite="lax")
