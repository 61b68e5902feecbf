"""How much text of strangers a page holds: bounded in total, however many texts there are.

A ticket may have a hundred sections, and each may be of any legal size. Whatever is laid out on a
page is charged to its room: the work of laying Markdown out by the length of its source, the size
of the page by the length of the HTML. What does not fit is shown as source, cut where the room
ends, with one sentence that says so.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

from app.formats import html

_OUTPUT = 150_000
_SOURCE = 96_000
_AMPLE = 60_000
"""With so much room left, no text of ordinary length is cut."""
_SHORT = 30
"""Shorter texts are shown whole; their number is bounded by the fields of a ticket."""
_WORK_FOR_NOTHING = 10_000
"""A text that turns out too large or intricate has cost as much as a plain one of this length."""
_MOST_AS_SOURCE = 20_000


@dataclass
class Room:
    """What is left on one page, in characters."""

    output: int = _OUTPUT
    source: int = _SOURCE
    spent: int = 0
    """How much of the output was used up."""

    @property
    def is_short(self) -> bool:
        """Whether texts may have to be cut: no page is like another then."""
        return self.output < _AMPLE

    def markdown(self, text: str, offset: int) -> Markup:
        """Return Markdown as safe HTML."""
        if len(text) > self.source:
            return self._as_source(text)
        self.source -= len(text)
        found = _laid_out(text, offset)
        if found is None or len(found) > self.output:
            self.source -= _WORK_FOR_NOTHING
            return self._as_source(text)
        self.charge(len(found))
        return Markup(found)  # noqa: S704  # sanitised by app.formats.html

    def code(self, text: str, path: str) -> Markup:
        """Return code as safe HTML, highlighted."""
        if len(text) > self.source:
            return self._as_source(text)
        self.source -= len(text)
        found = _coded(text, path)
        if len(found) > self.output:
            self.source -= _WORK_FOR_NOTHING
            return self._as_source(text)
        self.charge(len(found))
        return Markup(found)  # noqa: S704  # sanitised by app.formats.html

    def text(self, text: str) -> str:
        """Return a text, cut where the room ends."""
        if len(text) <= _SHORT:
            return text
        shown = self._cut(text, self.output)
        return shown if shown == text else f"{shown} … [{len(text) - len(shown):,} more characters]"

    def _as_source(self, text: str) -> Markup:
        shown = self._cut(text, min(self.output, _MOST_AS_SOURCE))
        missing = len(text) - len(shown)
        told = "Shown as source: it is too long or too intricate to be laid out on this page."
        if missing:
            told += f" {missing:,} characters more are in the ticket's Markdown."
        source = Markup('<pre class="plain">{}</pre>').format(shown) if shown else Markup()
        return source + Markup('<p class="quiet small">{}</p>').format(told)

    def _cut(self, text: str, room: int) -> str:
        """Return the beginning of `text` that fits once it is escaped, and charge it."""
        shown = text[: max(0, room)]
        # Marks grow when they are escaped, each to five characters at most.
        if len(shown) * 5 > room and (length := len(escape(shown))) > room:
            shown = shown[: room * len(shown) // length // 2]
        self.charge(len(escape(shown)))
        return shown

    def charge(self, length: int) -> None:
        """Use so many characters up."""
        self.output -= length
        self.spent += length


_room: ContextVar[Room | None] = ContextVar("room", default=None)


def begin(*, less: int = 0) -> Room:
    """Begin a page: what is shown from now on is charged to a room of its own.

    With `less` it is smaller by so many characters.
    """
    found = Room(output=max(0, _OUTPUT - less))
    _room.set(found)
    return found


def present() -> Room:
    """Return the room of the page that is being made."""
    return _room.get() or Room()


def markdown(text: str | None, offset: int = 2) -> Markup:
    """Return Markdown of strangers as safe HTML; long-known texts come from memory."""
    return present().markdown(text or "", offset)


def code(text: str, path: str = "") -> Markup:
    """Return code of strangers as safe HTML, highlighted."""
    return present().code(text, path)


def brief(text: str | None) -> str:
    """Return a text of strangers, cut where the page has no more room."""
    return present().text(text or "")


@lru_cache(maxsize=4096)
def _laid_out(text: str, offset: int) -> str | None:
    return html.lay_out(text, heading_offset=offset)


@lru_cache(maxsize=1024)
def _coded(text: str, path: str) -> str:
    return html.code(text, path)
