"""Small phrases that several views share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_SIGNS = {"ENDORSE": "+", "NEUTRAL": "=", "REFINE": "~", "OBJECT": "-"}


def evidence_words(evidence: Mapping[str, Any]) -> str:
    """Return the state of evidence: ``proven``, ``passing (stale)``.

    ``not-covered (closed without evidence)`` is what was closed as fixed by a waiver.
    """
    state = str(evidence.get("state") or "")
    remarks = ["stale"] if evidence.get("stale") else []
    if evidence.get("closed_without"):
        remarks.append("closed without evidence")
    return f"{state} ({', '.join(remarks)})" if remarks else state


_DEFECT = {"there": "there", "absent": "absent", "not-known": "not known"}
_TESTS = {
    "fix": "shown by the fix",
    "history": "shown by history",
    "defect": "shown by a planted defect",
    "not-shown": "not shown",
}


def known_words(known: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return whether the defect is in this package, and what shows that the tests can tell."""
    return _DEFECT.get(known.get("defect", "")), _TESTS.get(known.get("tests", ""))


def consensus_words(consensus: Mapping[str, Any]) -> str:
    """Return how the current reviews divide: ``+1 =2`` is one ENDORSE and two NEUTRAL.

    ``hidden`` stands for verdicts that are kept from a blind reviewer. ``~`` counts REFINE, ``-``
    OBJECT, and ``?`` reviews that the ticket has outgrown.
    """
    if consensus.get("hidden"):
        return "hidden"
    signs = {**_SIGNS, "outdated": "?"}
    return " ".join(
        f"{sign}{consensus[name]}" for name, sign in signs.items() if consensus.get(name)
    )


def place_words(location: Mapping[str, Any]) -> str:
    """Return a place in the code: ``kasmina/blend_ops.py:59-94 blend_multiply()``."""
    start, end = location.get("start_line"), location.get("end_line")
    place = str(location.get("path") or "")
    if start:
        place += f":{start}" if end in (None, start) else f":{start}-{end}"
    parts = [place, str(location.get("symbol") or "")]
    if location.get("note"):
        parts.append(f"({location['note']})")
    return " ".join(part for part in parts if part)


def short(digest: Any) -> str:
    """Return enough of a digest to recognise it by."""
    return str(digest or "")[:12]


def severity_words(ticket: Mapping[str, Any]) -> str | None:
    """Return a severity as people read it: ``P2``, or ``unknown (P7)`` for words that are none."""
    raw = ticket.get("severity_raw")
    return ticket.get("severity") if raw is None else f"unknown ({raw})"


_SIGNALS = {
    "unanimous-not-executed": "unanimous and not executed",
    "contradicts-evidence": "contradicting the evidence",
}


def signal_words(signals: Collection[str]) -> str | None:
    """Return what is odd about the verdicts on a ticket."""
    return ", ".join(_SIGNALS.get(word, word) for word in signals) or None
