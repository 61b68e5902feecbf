"""What full text finds a ticket by, and how queries are read: one tokenizer for both.

The server's own one takes a path, a web address or a chain of words tied by punctuation for a word
and for all its parts, in quadratic time, and differently in a query than in a text. So it is given
plain words alone: letters and digits of one case, without accents, parted by blanks. What people
write tied together, ``ops/blend.py:7`` or ``DRL-10``, is a phrase of such words in a query, and so
is found wherever these stand in a row.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.similarity import features, similarity_keys
from app.domain.tickets import ChecklistItem, Location, Section

MAX_LEAD_BYTES = 64_000
MAX_BODY_BYTES = 160_000
"""Beyond this a ticket is not searched. PostgreSQL refuses a document of a megabyte of words."""

MAX_WORD = 64
"""Characters; a longer word is cut into parts of so many."""

_COMMIT_DIGITS = 7
_WORD = re.compile(rf"[^\W_]{{1,{MAX_WORD}}}")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_COMMIT = re.compile(
    rf"\b(?=[0-9]{{0,39}}[a-f])(?=[a-f]{{0,39}}[0-9])([0-9a-f]{{{_COMMIT_DIGITS}}})[0-9a-f]{{0,33}}\b"
)
"""A hash; people name it by its first digits."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAMEL = re.compile(r"\b[A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9]*")
_TERM = re.compile(r'(?P<sign>-?)(?:"(?P<phrase>[^"]*)"?|(?P<term>[^\s"]+))')


@dataclass(frozen=True)
class SearchTexts:
    """What a ticket is found by: its texts by weight, the heaviest first, and its keys.

    The texts are words parted by blanks, as :func:`words` makes them.
    """

    title: str
    """Key and title."""

    lead: str
    """Summary and locations."""

    body: str
    """Sections, check-list, resolution and commits, cut where they get too long."""

    similarity_keys: tuple[int, ...]
    """What alike tickets find it by."""


def search_texts(
    key: str,
    title: str,
    summary: str,
    locations: Iterable[Location],
    sections: Iterable[Section],
    others: Iterable[str] = (),
) -> SearchTexts:
    """Return what a ticket is found by, bounded in size.

    Args:
        key: of the ticket.
        title: of the ticket.
        summary: of the ticket.
        locations: where the defect is.
        sections: its free text.
        others: more text: items of the check-list, how it was resolved, commits.
    """
    body = [f"{section.heading}\n{section.body}" for section in sections]
    return SearchTexts(
        title=_prepared([f"{key} {title}"], MAX_LEAD_BYTES),
        lead=_prepared([summary, *_places(locations)], MAX_LEAD_BYTES),
        body=_prepared([*body, *others], MAX_BODY_BYTES),
        similarity_keys=similarity_keys(features(title, summary, ())),
    )


def other_texts(
    checklist: Iterable[ChecklistItem], resolution_text: str | None, commits: Iterable[str]
) -> list[str]:
    """Return what more of a ticket is searched."""
    return [*(item.text for item in checklist), resolution_text or "", *commits]


def words(text: str) -> list[str]:
    """Return the words of a text or of a query, in order, as they are compared.

    An apostrophe parts no word, and of a commit's hash only the first seven digits count.
    """
    return _WORD.findall(_COMMIT.sub(r"\1", _APOSTROPHE.sub("", _folded(text).casefold())))


def search_query(q: str) -> str:
    """Return a query as the server's ``websearch_to_tsquery`` is to read it.

    Words, "phrases", ``or`` and -not stay what they are; what is tied together becomes a phrase.
    """
    found = []
    for term in _TERM.finditer(q):
        if term[0].casefold() == "or":
            found.append("or")
        elif parts := words(term["phrase"] or term["term"] or ""):
            # Alone "or" is a word of the query's language, not one to be found.
            text = parts[0] if len(parts) == 1 and parts != ["or"] else f'"{" ".join(parts)}"'
            double = (term["term"] or "").startswith("-")
            found.append(text if double else term["sign"] + text)
    return " ".join(found)


def _places(locations: Iterable[Location]) -> Iterator[str]:
    for place in locations:
        line = "" if place.start_line is None else str(place.start_line)
        yield " ".join(filter(None, (place.path, line, place.symbol, place.note)))


def _prepared(texts: Iterable[str], most_bytes: int) -> str:
    """Return the words of texts, and behind them the parts of names in CamelCase."""
    kept: list[str] = []
    parts: dict[str, None] = {}
    left = most_bytes
    for whole in texts:
        # Cut before the words are looked at, so that the work is bounded as well.
        text = _cut(whole, left)
        prepared = " ".join(words(text))
        for name in _CAMEL.findall(text):
            parts.update((part[:MAX_WORD].casefold(), None) for part in _HUMP.split(name))
        kept.append(prepared)
        left -= len(prepared.encode())
        if left <= 0:
            break
    return _cut(" ".join(filter(None, [*kept, *parts])), most_bytes)


def _folded(text: str) -> str:
    """Return the text without accents."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _cut(text: str, most_bytes: int) -> str:
    if len(text) * 4 <= most_bytes:
        return text
    return text.encode()[:most_bytes].decode(errors="ignore")
