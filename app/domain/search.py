"""What full text finds a ticket by: its words, and the words inside its paths and symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.similarity import features, similarity_keys
from app.domain.tickets import Location, Section

MAX_PLACES_BYTES = 64_000
MAX_BODY_BYTES = 160_000
"""Beyond this a ticket is not searched. PostgreSQL refuses a document of a megabyte of words, and
hyphenated words and web addresses count there up to three times."""

_MAX_FOLDERS = 12
_TOKEN = re.compile(r"[\w./\\:]+")
_SEPARATOR = re.compile(r"[./\\:]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class SearchTexts:
    """What a ticket is found by: its texts by weight, the heaviest first, and its keys."""

    title: str
    """Key and title."""

    lead: str
    """Summary and locations."""

    body: str
    """Sections, cut where they get too long."""

    similarity_keys: tuple[int, ...]
    """What alike tickets find it by."""


def search_texts(
    key: str,
    title: str,
    summary: str,
    locations: Iterable[Location],
    sections: Iterable[Section],
) -> SearchTexts:
    """Return what a ticket is found by, bounded in size."""
    places = _cut("\n".join(_places(locations)), MAX_PLACES_BYTES)
    body = _bounded_body(sections)
    return SearchTexts(
        title=_with_parts(f"{key} {title}"),
        lead=f"{_with_parts(summary)}\n{places}",
        body=body,
        similarity_keys=similarity_keys(features(title, summary, ())),
    )


def _bounded_body(sections: Iterable[Section]) -> str:
    kept, left = [], MAX_BODY_BYTES
    for section in sections:
        # Cut before the words are looked at, so that the work is bounded as well.
        text = _cut(f"{section.heading}\n{section.body}", left)
        text = _cut(_with_parts(text), left)
        kept.append(text)
        left -= len(text.encode())
        if left <= 0:
            break
    return "\n".join(kept)


def _places(locations: Iterable[Location]) -> Iterator[str]:
    for place in locations:
        if place.path:
            yield " ".join(_path_words(place.path))
        if place.symbol:
            yield _with_parts(place.symbol)
        if place.note:
            yield _with_parts(place.note)


def _path_words(path: str) -> list[str]:
    """Return the path, the folders it lies in, its name, and the words in it.

    Full text takes ``kasmina/blend_ops.py`` for one word; people look for parts of it.
    """
    folders = path.split("/")
    stem = path.rpartition(".")[0]
    heads = ["/".join(folders[:depth]) for depth in range(1, min(len(folders), _MAX_FOLDERS))]
    found = [path, stem, folders[-1], *heads, _words(path), _humps(path)]
    return list(dict.fromkeys(filter(None, found)))


def _with_parts(text: str) -> str:
    """Return `text` and, behind it, the words inside its paths, dotted names and CamelCase."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        token = match.group().strip("./\\:")
        if token[1:].islower() and not _SEPARATOR.search(token):
            continue  # a plain word, as most are
        if "/" in token:
            found.update(dict.fromkeys(_path_words(token)))
        elif (words := _words(token)) != token or _humps(token) != token:
            found.update({words: None, _humps(token): None})
    return "\n".join([text, *found])


def _words(token: str) -> str:
    return " ".join(filter(None, _SEPARATOR.split(token)))


def _humps(token: str) -> str:
    return " ".join(part for word in _words(token).split() for part in _HUMP.split(word))


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
