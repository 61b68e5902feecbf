"""A layout: where documents of a kind keep their facts, and in which words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.errors import FieldError, InvalidInput
from app.formats.markdown.words import SEVERITIES

_SHIPPED = Path(__file__).with_name("shipped")
_USUAL = Path(__file__).with_name("words.toml")
MAX_TEXT = 8000
"""Characters of a layout."""
_MAX_PLACES = 20
_MAX_WORDS = 60
_MAX_NAME = 80

NAMES: Mapping[str, Sequence[str]] = {
    "id": ("id", "ticket id", "finding id", "bug id", "issue id", "defect id", "key", "ticket"),
    "title": ("title", "name", "subject"),
    "severity": ("priority", "severity", "sev", "impact", "risk", "level"),
    "status": ("status", "state"),
    "batch": ("batch",),
    "agent": ("agent", "reporter", "found by", "discovered by", "reported by", "author"),
    "domains": ("domain", "domains", "subsystem", "component", "area", "module"),
    "assignee": ("assigned to", "assignee", "owner"),
    "created": ("created", "discovered", "discovered date", "date", "reported", "opened", "found"),
    "updated": ("last updated", "updated", "modified"),
    "files": ("file", "files", "file(s)", "path", "location"),
    "lines": ("line", "lines", "line(s)"),
    "symbol": ("function", "class", "function/class", "symbol", "method"),
    "summary": ("executive summary", "summary", "abstract", "description", "problem", "overview"),
    "related": ("relates to", "related", "related findings", "see also", "depends on"),
    "commits": ("commit", "commits", "fixed in", "fix commit"),
}
"""The facts that a layout may place, each with its names elsewhere, the likelier first."""

KINDS = ("front", "row", "bullet", "heading", "title")
"""Where a fact may stand: a key of the front matter, a row of a table of two columns, a bullet or
line that begins with its name in bold, below a heading, in the title."""

STATUSES = (
    "open",
    "investigating",
    "fix-in-progress",
    "in-review",
    "fixed",
    "already-fixed",
    "not-a-bug",
    "duplicate",
    "wont-fix",
)
"""What the words of a status may mean."""

_WORDS = {"severity": SEVERITIES, "status": STATUSES}


@dataclass(frozen=True)
class Layout:
    """Where documents of a kind keep their facts."""

    name: str
    about: str = ""
    read: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """By fact its places as (kind, name), the first that is there wins."""
    words: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Of severity and status: what is meant, and the words for it, the one to write first."""


def from_toml(text: str) -> Layout:
    """Read a layout from its TOML.

    Raises:
        InvalidInput: it is no TOML, or says what no layout says; with the words that it may say.
    """
    if len(text) > MAX_TEXT:
        raise _refused(f"has {len(text)} characters; at most {MAX_TEXT} are read")
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(f"is no TOML: {error}") from None
    except RecursionError:
        raise _refused("is no layout: it is nested too deeply") from None
    return from_plain(given)


def from_plain(given: Mapping[str, Any]) -> Layout:
    """Read a layout from what its TOML holds; raises as `from_toml` does."""
    _only(given, ("name", "about", "read", "words"), "a layout")
    places = _table(given, "read")
    if not places:
        raise _refused('has no table [read], such as id = ["title"]')
    _only(places, tuple(NAMES), "[read]")
    words = _table(given, "words")
    _only(words, tuple(_WORDS), "[words]")
    for name, meant in words.items():
        _only(_table(words, name), _WORDS[name], f"[words.{name}]")
        for text in (t for listed in meant.values() for t in _texts(listed, f"words.{name}")):
            if not text.strip():
                raise _refused(f"has an empty word in [words.{name}]")
    name = given.get("name", "own")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
        raise _refused(f"has a name of no text, or of more than {_MAX_NAME} characters")
    return Layout(
        name,
        str(given.get("about", ""))[:1000],
        {fact: [_place(p, fact) for p in _texts(found, fact)] for fact, found in places.items()},
        {n: {m: _texts(t, n) for m, t in meant.items()} for n, meant in words.items()},
    )


def to_plain(layout: Layout) -> dict[str, Any]:
    """Return what the TOML of a layout holds."""
    found: dict[str, Any] = {"name": layout.name}
    if layout.about:
        found["about"] = layout.about
    found["read"] = {
        fact: [kind if kind == "title" else f"{kind}: {name}" for kind, name in places]
        for fact, places in layout.read.items()
    }
    if layout.words:
        found["words"] = {n: {m: list(w) for m, w in t.items()} for n, t in layout.words.items()}
    return found


def to_toml(layout: Layout) -> str:
    """Return a layout as TOML."""
    plain = to_plain(layout)
    lines = [f"{n} = {_quoted(plain[n])}" for n in ("name", "about") if n in plain]
    lines += ["", "[read]", *(f"{f} = {_listed(p)}" for f, p in plain["read"].items())]
    for name, meant in plain.get("words", {}).items():
        lines += ["", f"[words.{name}]", *(f"{m} = {_listed(w)}" for m, w in meant.items())]
    return "\n".join(lines) + "\n"


@cache
def usual_words() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the words that every layout reads, unless its own say otherwise."""
    words: dict[str, dict[str, list[str]]] = tomllib.loads(_USUAL.read_text("utf-8"))["words"]
    return words


@cache
def shipped() -> Mapping[str, Layout]:
    """Return the layouts that ship, by name."""
    files = sorted(_SHIPPED.glob("*.toml"))
    return {file.stem: from_toml(file.read_text("utf-8")) for file in files}


def _listed(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in plain) + '"'


def _place(text: str, fact: str) -> tuple[str, str]:
    kind, _, name = (part.strip() for part in text.partition(":"))
    if kind not in KINDS or bool(name) == (kind == "title"):
        raise _refused(
            f"has {text[:80]!r} as a place of {fact}; write 'front: KEY', 'row: NAME', "
            "'bullet: NAME', 'heading: NAME' or 'title'"
        )
    return kind, name


def _texts(given: Any, where: str) -> list[str]:
    found = [given] if isinstance(given, str) else given
    most = _MAX_WORDS if where in _WORDS or "words" in where else _MAX_PLACES
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _refused(f"has no list of texts at {where}")
    if len(found) > most:
        raise _refused(f"has more than {most} texts at {where}")
    return found


def _table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name, {})
    if not isinstance(found, Mapping):
        raise _refused(f"has a {name} that is no table")
    return found


def _only(given: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for name in given:
        if name not in allowed:
            raise _refused(f"says {str(name)[:60]!r}; {where} may say {', '.join(allowed)}")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(FieldError("/layout", f"the layout {reason}", location="query"))
