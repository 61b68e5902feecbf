"""How alike two findings are: the same lines, the same symbol, the same words."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain.tickets import Location, SimilarTicket

SHOWN = 10
LEAST_SCORE = 0.3
"""Less alike than this is not shown: to lie in the same file is not enough."""

MAX_LEXEMES = 8
MAX_POSTINGS = 6_000
"""So many entries of the index are read to find tickets with the same rare words."""

COMPARED_CHARACTERS = 400
"""Of a summary: its beginning says what it is about."""

_UNKNOWN_FREQUENCY = 0.0005
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


_NOTHING = frozenset({""})


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


@dataclass(frozen=True)
class Lexeme:
    """A word as the index holds it."""

    text: str
    frequency: float | None
    """The share of tickets that hold it; None when it is too rare to be known."""
    in_title: bool


def features(title: str, summary: str, locations: Iterable[Location]) -> Features:
    """Return what a finding is compared by."""
    heading = words_of(title)
    return Features(heading, heading | words_of(summary[:COMPARED_CHARACTERS]), tuple(locations))


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text that mean something, without endings.

    Names fall into their words: ``blend_multiply`` and ``BlendMultiply`` are both "blend" and
    "multiply".
    """
    return frozenset(map(_meaning, _WORD.findall(text))) - _NOTHING


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


def telling_lexemes(lexemes: Sequence[Lexeme], tickets: float) -> list[str]:
    """Return the words by which alike tickets are looked for, bounded in what that costs.

    Rare words tell more and cost less, those of the title first; as many as the index answers
    with few entries.

    Args:
        lexemes: of title and summary.
        tickets: how many tickets there are, roughly.
    """
    ordered = sorted(
        lexemes, key=lambda w: (not w.in_title, w.frequency or 0.0, -len(w.text), w.text)
    )
    chosen: list[str] = []
    budget = float(MAX_POSTINGS)
    for lexeme in ordered:
        share = _UNKNOWN_FREQUENCY if lexeme.frequency is None else lexeme.frequency
        cost = share * tickets
        if cost <= budget and len(chosen) < MAX_LEXEMES:
            chosen.append(lexeme.text)
            budget -= cost
    return chosen
