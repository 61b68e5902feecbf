"""The words of the document format and those of the tracker, side by side."""

from __future__ import annotations

import re
from types import MappingProxyType

KEY = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z][A-Z0-9]*)*-\d+(?:~\d+)?")
"""A ticket key of the tracker."""

CATEGORIES: tuple[tuple[str, str], ...] = (
    ("correctness", "Correctness bug"),
    ("concurrency", "Race condition / concurrency"),
    ("resource-leak", "Memory leak / resource issue"),
    ("performance", "Performance bottleneck"),
    ("numerical-stability", "Numerical stability"),
    ("torch-compile", "torch.compile compatibility"),
    ("dead-code", "Dead code / unwired functionality"),
    ("api-contract", "API design / contract violation"),
    ("test-gap", "Test coverage gap"),
    ("documentation", "Documentation / naming"),
    ("defensive-programming", "Defensive programming violation"),
    ("legacy-policy", "Legacy code policy violation"),
)
"""Slug of the tracker and label of the format, in the order of the format."""

LABELS = MappingProxyType(dict(CATEGORIES))
CATEGORY_ORDER = MappingProxyType({slug: i for i, (slug, _) in enumerate(CATEGORIES)})
_SLUGS = {label.casefold(): slug for slug, label in CATEGORIES}

VERDICTS = ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")
OTHER_VERDICT = "OTHER"

UNKNOWN_REVIEWER = "unknown"

_DIGITS = 9

SEVERITIES = ("P0", "P1", "P2", "P3", "P4")
_SEVERITIES = MappingProxyType(
    {
        "critical": "P0",
        "high": "P1",
        "medium": "P2",
        "low": "P3",
        "info": "P4",
        "informational": "P4",
    }
)
_PARENTHESES = re.compile(r"\([^()]*\)")
_LEADING = re.compile(rf"(p[0-4]|{'|'.join(_SEVERITIES)})(?![\w+/>-])")
_SEVERITY = re.compile(r"\bp\d+\b")

_STATUS = MappingProxyType(
    {
        "open": "open",
        "closed": "closed",
        "fixed": "fixed",
        "already-fixed": "fixed",
        "wont-fix": "wont-fix",
        "wontfix": "wont-fix",
        "invalid": "not-a-bug",
        "not-a-bug": "not-a-bug",
        "duplicate": "duplicate",
        "investigating": "investigating",
        "fix-in-progress": "fix-in-progress",
        "in-review": "in-review",
    }
)

_TRACKER = MappingProxyType(
    {
        "fixed": ("closed", "fixed"),
        "already-fixed": ("closed", "already-fixed"),
        "wont-fix": ("wont-fix", "wont-fix"),
        "wontfix": ("wont-fix", "wont-fix"),
        "invalid": ("closed", "not-a-bug"),
        "not-a-bug": ("closed", "not-a-bug"),
        "duplicate": ("closed", "duplicate"),
    }
)

RESOLUTIONS = ("fixed", "already-fixed", "not-a-bug", "duplicate")
"""What a closed ticket of the tracker may be closed as."""

_RELATIONS = MappingProxyType(
    {
        "related": "related",
        "duplicate": "duplicate-of",
        "duplicate-of": "duplicate-of",
        "duplicated-by": "duplicated-by",
        "blocks": "blocks",
        "blocked-by": "blocked-by",
    }
)

_REVIEWER_HINTS = (("drl", "drl"), ("pytorch", "pytorch"), ("code", "codereview"))
_SUFFIX = re.compile(r"[ -](?:specialist|expert|agent|reviewer)$")


def category_slug(label: str) -> str | None:
    """The tracker's slug of a category label, None for a label of the author's own."""
    return _SLUGS.get(" ".join(label.split()).casefold())


def read_severity(raw: str) -> str | None:
    """The severity that words state: ``p2``, ``P2 (was P1)``, ``High``; None for other words.

    What stands in parentheses, or behind a word, says more and decides nothing; a second severity
    outside of them does: nobody knows which of the two holds.
    """
    plain = _PARENTHESES.sub(" ", raw.replace("`", "").replace("*", "")).strip().casefold()
    named = _SEVERITY.findall(plain)
    leading = _LEADING.match(plain)
    if leading is None or len(set(named)) > 1:
        return None
    word = leading[1]
    return _SEVERITIES.get(word, word.upper())


def read_number(word: str) -> int | None:
    """A number as people count, None for anything else."""
    return int(word) if word.isdecimal() and len(word) <= _DIGITS else None


def _fold(word: str) -> str:
    return re.sub(r"[\s_]+", "-", word.strip().casefold().replace("'", "").replace("’", ""))


def document_status(raw: str) -> str:
    """The normal form of a status word; an unknown word stays as it is."""
    return _STATUS.get(_fold(raw), raw)


def is_known_status(raw: str) -> bool:
    """True for a word that the format describes."""
    return _fold(raw) in _STATUS


def tracker_status(raw: str, resolution_cell: str | None) -> tuple[str, str | None]:
    """Status and resolution of the tracker for a document's words.

    A Resolution cell counts on a closed ticket, and only when it is exactly one of the
    tracker's words: free text there is no decision. An unknown status reads as open.
    """
    word = _fold(raw)
    if word in _TRACKER:
        return _TRACKER[word]
    if word == "closed":
        closed_as = _fold(resolution_cell or "")
        return "closed", closed_as if closed_as in RESOLUTIONS else None
    return _STATUS.get(word, "open"), None


def status_words(status: str, resolution: str | None) -> tuple[str, str | None]:
    """The Status word that says this, and the Resolution cell where one word cannot."""
    if status == "closed" and resolution == "not-a-bug":
        return "invalid", None
    if status == "closed" and resolution in ("fixed", "already-fixed"):
        return resolution, None
    return status, resolution if status == "closed" else None


def relation_kind(word: str) -> str | None:
    """The tracker's relation for a relationship word, None for an unknown word."""
    return _RELATIONS.get(_fold(word))


def relation_word(kind: str) -> str:
    """The relationship word for a relation of the tracker."""
    return "duplicate" if kind == "duplicate-of" else kind


def is_known_reviewer(name: str) -> bool:
    """True for a spelling of one of the specialists that the format knows."""
    return any(hint in name.casefold() for hint, _ in _REVIEWER_HINTS)


def reviewer_role(name: str | None) -> str:
    """Who a reviewer's name stands for: a specialist's slug, or ``unknown``."""
    if not name:
        return UNKNOWN_REVIEWER
    low = name.strip().casefold()
    for hint, role in _REVIEWER_HINTS:
        if hint in low:
            return role
    slug = re.sub(r"[^a-z0-9]+", "-", _SUFFIX.sub("", low)).strip("-")
    return UNKNOWN_REVIEWER if not slug or slug.startswith("cross-review") else slug


def leading_verdict(raw: str) -> str:
    """ENDORSE, NEUTRAL, REFINE or OBJECT when the text begins with it, otherwise OTHER."""
    match = re.match(r"[A-Za-z]+", raw)
    word = match.group().upper() if match else ""
    return word if word in VERDICTS else OTHER_VERDICT
