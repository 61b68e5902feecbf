"""Templates, and the few words and shapes that all of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi.templating import Jinja2Templates
from jinja2 import StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from app.domain.document import DOCUMENT, SEVERITIES
from app.domain.undo import OFFERED_S
from app.web import flash, fragments, room, words

MOST_BYTES = 280_000
"""A larger page shows less of its long texts."""

HERE = Path(__file__).parent
templates = Jinja2Templates(HERE / "templates")
environment = templates.env
environment.undefined = StrictUndefined
# Compiled once: files of a running service do not change, and looking takes time at each include.
environment.auto_reload = False
environment.trim_blocks = True
environment.lstrip_blocks = True

_UNSEEN = re.compile("[\x80-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters beyond ASCII, and what turns the direction of the text behind it around."""


def seen(value: Any) -> Any:
    """Return what a template prints; a line of text with what is not seen in it written out.

    Clients may not send such lines, but documents that are imported hold them.
    """
    if type(value) is not str or value.isascii() or "\n" in value:
        return value
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)


environment.finalize = seen


def page(
    request: Request, name: str, context: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    """Answer with the template `name`; it sees the visitor and what was said after a form."""
    word = flash.word_for(request)
    visitor = getattr(request.state, "visitor", None)
    shown = {
        "visitor": visitor and replace(visitor, csrf=fragments.MARK),
        "flash": words.FLASHES.get(word or ""),
        "undo_s": OFFERED_S if word in words.UNDONE else None,
        "path": request.url.path,
        **(context or {}),
    }
    used = room.begin()
    response = templates.TemplateResponse(request, name, shown, status)
    excess = len(response.body) - MOST_BYTES
    if excess > 0 and used.spent:
        # Many small parts, each with its markup: long texts have to do with what is left.
        room.begin(less=excess)
        response = templates.TemplateResponse(request, name, shown, status)
    if visitor is not None:
        response.body = fragments.sign(bytes(response.body), visitor.csrf)
    if word is not None:
        flash.drop(response, request)
    return response


def breakable(name: str) -> Markup:
    """Return a name of code that may go on in the next line where its words end."""
    return escape(name).replace("_", Markup("_<wbr>")).replace("::", Markup("::<wbr>"))


def relative(moment: datetime | str, now: datetime | None = None) -> str:
    """Return how long ago a moment was, in a word or two."""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 45:
        return "now"
    for size, unit, until in (
        (60, "min", 90),
        (3600, "h", 36),
        (86400, "d", 45),
        (2629800, "mo", 18),
        (31557600, "y", 10_000),
    ):
        count = round(seconds / size)
        if count < until:
            return f"in {max(count, 1)} {unit}" if ahead else f"{max(count, 1)} {unit} ago"
    return "long ago"


def exact(moment: datetime | str) -> str:
    """Return a moment in full: ``2026-01-02 03:04:05 UTC``."""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(moment: datetime | str) -> str:
    """Return a moment as machines read it."""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return then.astimezone(UTC).isoformat(timespec="seconds")


def asset(name: str) -> str:
    """Return the address of a file below static/, with its version so that it may be cached."""
    return f"/static/{name}?v={_digest(name)}"


@lru_cache(maxsize=64)
def _digest(name: str) -> str:
    return sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


environment.filters |= {
    "markdown": room.markdown,
    "code": room.code,
    "brief": room.brief,
    "breakable": breakable,
    "relative": relative,
    "exact": exact,
    "iso": iso,
}
environment.globals |= {
    "asset": asset,
    "words": words,
    "document": DOCUMENT,
    "severities": SEVERITIES,
    "kept": fragments.kept,
}

_SIGNS = ("chip", "severity", "tag", "evidence", "place", "outcome", "verdict", "status")
"""Macros that make the same of the same words."""
_bits = environment.get_template("includes/bits.html").module
for _name in _SIGNS:
    # A list calls them hundreds of times with few different words.
    setattr(_bits, _name, lru_cache(maxsize=1024)(getattr(_bits, _name)))
