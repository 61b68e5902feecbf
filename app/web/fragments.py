"""Parts of pages that look the same for many: made once, and kept while they are asked for.

A form holds the token of a session. While a page is made all forms hold one mark in its place, so
that what is kept is nobody's; `sign` puts the visitor's token in when the page is whole. The mark
is random and never leaves the process, so no text of a stranger can hold it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable

from markupsafe import Markup

from app.domain.cache import Cache
from app.web import room

MARK = secrets.token_hex(32)
"""Stands for a session's token; of the same length, so that a page keeps its size."""

_MOST = 512
_LONGEST = 40_000
"""A longer part is made anew each time."""

_made = Cache[Markup](_MOST)


def kept(key: Hashable, *, caller: Callable[[], Markup]) -> Markup:
    """Return a part of a page, from memory where one was made for an equal key.

    Args:
        key: its name and all that its text depends on; None makes it anew.
        caller: makes it; in a template the body of a ``call``.
    """
    here = room.present()
    if key is None or here.is_short:
        return caller()
    found = _made.get(key)
    if found is not None:
        here.charge(len(found))
        return found
    made = caller()
    if len(made) <= _LONGEST and not here.is_short:
        _made.put(key, made)
    return made


def sign(body: bytes, token: str) -> bytes:
    """Return a page with a session's token in place of the mark."""
    return body.replace(MARK.encode(), token.encode())
