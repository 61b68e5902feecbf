"""How alike two findings are: the same lines, the same symbol, the same words.

Which tickets are compared is found by keys: each ticket is stored under the pairs of words in its
title and under bands of a MinHash of all its words (A. Broder, "On the resemblance and containment
of documents", 1997; P. Li, A. Owen, C.-H. Zhang, "One Permutation Hashing", 2012). Tickets that
share a key may be alike, whatever language they are written in and however many there are.
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from app.domain.tickets import Location, SimilarTicket

SHOWN = 10
LEAST_SCORE = 0.3
"""Less alike than this is not shown: to lie in the same file is not enough."""

MAX_TITLE_KEYS = 24

COMPARED_CHARACTERS = 300
"""Of a summary: its beginning says what it is about."""

_BANDS, _BAND = 8, 3
"""So many bands of so many hashes: two thirds of the words in common give about one band."""
_BINS = _BANDS * _BAND
_LEAST_WORDS = 4
"""Fewer are no text to be found by."""

_NEAR_LINES = 20
_LEAST_TEXT = 0.3
_WORDS_NAMED = 6

_SAME_LINES, _MORE_FOR_OVERLAP = 0.55, 0.3
_NEAR, _SAME_FILE, _SAME_SYMBOL = 0.35, 0.2, 0.6

_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])")
_ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", ""))
_STOP = frozenset(
    word
    for line in (
        "about after all also and any are because been before but can cannot does for from has",
        "have into its not may more must never none only other over should some than that the",
        "their then there they this through too under until use used uses using very was were",
        "what when where which while who why will with without would",
    )
    for word in line.split()
)


_TEXTS_KEPT = 512
"""So many texts are not read again while they are compared: the newest tickets come up most."""


@dataclass(frozen=True)
class Features:
    """What findings are compared by."""

    title: frozenset[str]
    words: frozenset[str]
    """Of title and summary."""
    locations: tuple[Location, ...]


@dataclass(frozen=True)
class Candidate:
    """A ticket that may be alike."""

    key: str
    title: str
    status: str
    features: Features


def features(title: str, summary: str, locations: Iterable[Location]) -> Features:
    """Return what a finding is compared by."""
    heading = words_of(title)
    return Features(heading, heading | words_of(summary[:COMPARED_CHARACTERS]), tuple(locations))


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text that mean something, without endings.

    Names fall into their words: ``blend_multiply`` and ``BlendMultiply`` are both "blend" and
    "multiply".
    """
    found = set(map(_meaning, _WORD.findall(text)))
    found.discard("")
    return frozenset(found)


@functools.lru_cache(maxsize=50_000)
def _meaning(word: str) -> str:
    """Return a word without its ending; nothing for one that means nothing."""
    word = word.lower()
    if len(word) <= 2 or len(word) > 100 or word in _STOP:
        return ""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: len(word) - len(ending)] + instead
    return word


def most_similar(own: Features, candidates: Iterable[Candidate]) -> list[SimilarTicket]:
    """Return the candidates that are alike, the most alike first."""
    found = []
    for candidate in candidates:
        score, reasons = compare(own, candidate.features)
        if score >= LEAST_SCORE:
            found.append(
                SimilarTicket(candidate.key, candidate.title, candidate.status, score, reasons)
            )
    found.sort(key=lambda ticket: (-ticket.score, ticket.key))
    return found[:SHOWN]


def compare(one: Features, other: Features) -> tuple[float, tuple[str, ...]]:
    """Return how alike two findings are, from 0 to 1, and what makes them so.

    Each likeness counts for itself and together they count more, but never above 1: the score is
    one minus the product of what each leaves open.
    """
    likenesses = [_same_place(one, other), _same_symbol(one, other), _same_words(one, other)]
    score = 1 - math.prod(1 - strength for strength, _ in likenesses)
    return round(score, 2), tuple(reason for _, reason in likenesses if reason)


def _same_place(one: Features, other: Features) -> tuple[float, str]:
    pairs = ((a, b) for a in one.locations if a.path for b in other.locations if a.path == b.path)
    return max((_places(a, b) for a, b in pairs), default=(0.0, ""))


def _places(one: Location, other: Location) -> tuple[float, str]:
    if one.start_line is None or other.start_line is None:
        return _SAME_FILE, f"same file: {one.path}"
    a, b = one.start_line, one.end_line or one.start_line
    c, d = other.start_line, other.end_line or other.start_line
    shared = min(b, d) - max(a, c) + 1
    if shared > 0:
        share = shared / (max(b, d) - min(a, c) + 1)
        return _SAME_LINES + _MORE_FOR_OVERLAP * share, f"same lines: {one.path}:{c}-{d}"
    if -shared < _NEAR_LINES:
        return _NEAR, f"lines nearby: {one.path}:{c}-{d}"
    return _SAME_FILE, f"same file: {one.path}"


def _same_symbol(one: Features, other: Features) -> tuple[float, str]:
    theirs = {bare_symbol(place.symbol) for place in other.locations if place.symbol}
    for place in one.locations:
        if place.symbol and bare_symbol(place.symbol) in theirs:
            return _SAME_SYMBOL, f"same symbol: {bare_symbol(place.symbol)}"
    return 0.0, ""


def bare_symbol(symbol: str) -> str:
    """Return a symbol without the parentheses of a call."""
    return symbol.strip().removesuffix("()")


def _same_words(one: Features, other: Features) -> tuple[float, str]:
    likeness = 0.6 * _cosine(one.title, other.title) + 0.4 * _cosine(one.words, other.words)
    if likeness < _LEAST_TEXT:
        return 0.0, ""
    shared = sorted(one.title & other.title) or sorted(one.words & other.words)
    # Even the same words are no proof of the same finding.
    return 0.9 * likeness, f"same words: {', '.join(shared[:_WORDS_NAMED])}"


def _cosine(one: frozenset[str], other: frozenset[str]) -> float:
    if not one or not other:
        return 0.0
    return len(one & other) / math.sqrt(len(one) * len(other))


def similarity_keys(own: Features) -> tuple[int, ...]:
    """Return the keys under which a finding is kept, so that alike ones find it.

    Each fits into 32 bits with a sign. Of the pairs in a long title those with the smallest hashes
    are taken: two titles that share pairs share the smallest ones as often.
    """
    return _keys_of(own.title, own.words)


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def _keys_of(title: frozenset[str], words: frozenset[str]) -> tuple[int, ...]:
    pairs = {zlib.crc32(f"{a} {b}".encode()) for a, b in combinations(sorted(title), 2)}
    keys = [*sorted(pairs)[:MAX_TITLE_KEYS], *_bands(words)]
    return tuple(dict.fromkeys(key - (1 << 31) for key in keys))


def _bands(words: frozenset[str]) -> list[int]:
    if len(words) < _LEAST_WORDS:
        return []
    least: list[int | None] = [None] * _BINS
    for word in words:
        value, place = divmod(zlib.crc32(word.encode()) * 0x9E3779B1 & 0xFFFFFFFF, _BINS)
        held = least[place]
        if held is None or value < held:
            least[place] = value
    # An empty bin borrows from the next one that is not.
    filled, after = [0] * _BINS, next(value for value in least if value is not None)
    for place in reversed(range(_BINS)):
        held = least[place]
        after = filled[place] = after if held is None else held
    return [zlib.crc32(f"{n}/{filled[n : n + _BAND]}".encode()) for n in range(0, _BINS, _BAND)]
