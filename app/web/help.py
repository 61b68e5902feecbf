"""What the words of the service mean: the glossary, whole and word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotFound
from app.web.render import page
from app.web.routing import new_router
from app.web.visitors import MaybeVisitor

router = new_router()

_ROOT = Path(__file__).resolve().parents[2]
_PLACES = (_ROOT / "app" / "cli" / "glossary.md", _ROOT / "docs" / "glossary.md")
"""Where the glossary lies in an installation, and in the source."""


@dataclass(frozen=True)
class Concept:
    """A word with its meaning."""

    slug: str
    word: str
    text: str
    """Markdown."""


@router.get("/help")
async def list_concepts(request: Request, _: MaybeVisitor) -> Response:
    """Show the glossary."""
    return page(request, "help.html", {"concepts": _concepts(), "one": None, "related": ()})


@router.get("/help/{slug}")
async def show_concept(request: Request, slug: str, _: MaybeVisitor) -> Response:
    """Show what one word means, and the words that belong to it."""
    found = next((one for one in _concepts() if one.slug == slug), None)
    if found is None:
        raise NotFound(f"The glossary has no word {slug[:60]!r}; /help lists them all.")
    context = {"concepts": _concepts(), "one": found, "related": _related(found)}
    return page(request, "help.html", context)


@lru_cache(maxsize=1)
def _concepts() -> Sequence[Concept]:
    text = next((place.read_text("utf-8") for place in _PLACES if place.exists()), "")
    found = []
    for part in text.split("\n## ")[1:]:
        word, _, body = part.partition("\n")
        slug = re.sub(r"[^a-z0-9]+", "-", word.strip().lower())
        found.append(Concept(slug, word.strip(), body.strip()))
    return found


def _related(concept: Concept) -> list[Concept]:
    """Return the words that the meaning of one names, and those whose meaning names it."""
    return [
        other
        for other in _concepts()
        if other is not concept and (_names(concept, other) or _names(other, concept))
    ]


def _names(concept: Concept, other: Concept) -> bool:
    return re.search(rf"\b{re.escape(other.word)}s?\b", concept.text, re.IGNORECASE) is not None
