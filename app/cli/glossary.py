"""The glossary, as ``findings help`` reads it: ``docs/glossary.md``, or its copy in a wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_ALSO = "Also: "
_HERE = Path(__file__).resolve()
_PLACES = (_HERE.with_suffix(".md"), _HERE.parents[2] / "docs" / "glossary.md")


@dataclass(frozen=True)
class Entry:
    """A word with its meaning."""

    word: str
    also: tuple[str, ...]
    """Other words that this entry explains."""
    text: str
    """Paragraphs of Markdown; a paragraph is several lines."""

    @property
    def names(self) -> tuple[str, ...]:
        """All words that lead here."""
        return (self.word, *self.also)


def entries() -> tuple[Entry, ...]:
    """Return the entries in their order; none where the glossary is not installed."""
    for place in _PLACES:
        if place.exists():
            return parsed(place.read_text("utf-8"))
    return ()


def parsed(text: str) -> tuple[Entry, ...]:
    """Return the entries of a glossary: ``## word``, perhaps ``Also: …``, and what it means."""
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        word, _, body = part.partition("\n")
        also = ""
        if body.lstrip().startswith(_ALSO):
            also, _, body = body.lstrip().removeprefix(_ALSO).partition("\n")
        others = tuple(name.strip() for name in also.split(",") if name.strip())
        found.append(Entry(word.strip(), others, body.strip()))
    return tuple(found)
