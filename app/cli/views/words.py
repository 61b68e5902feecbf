"""Small phrases that several views share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VERDICTS = ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")


def evidence_words(evidence: Mapping[str, Any]) -> str:
    """Return the state of evidence: ``proven``, ``passing (stale)``.

    ``not-covered (closed without evidence)`` is what was closed as fixed by a waiver.
    """
    state = str(evidence.get("state") or "")
    remarks = ["stale"] if evidence.get("stale") else []
    if evidence.get("closed_without"):
        remarks.append("closed without evidence")
    return f"{state} ({', '.join(remarks)})" if remarks else state


def consensus_words(consensus: Mapping[str, Any]) -> str:
    """Return how the current reviews divide: ``1 ENDORSE, 2 NEUTRAL``."""
    counts = [f"{consensus[name]} {name}" for name in _VERDICTS if consensus.get(name)]
    if consensus.get("outdated"):
        counts.append(f"{consensus['outdated']} outdated")
    return ", ".join(counts)


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


def moment(value: Any) -> str:
    """Return a time to the second: ``2025-01-31 12:00:00Z``."""
    text = str(value or "")
    day, _, clock = text.partition("T")
    return f"{day} {clock[:8]}Z" if clock.endswith(("Z", "+00:00")) else text


def short(digest: Any) -> str:
    """Return enough of a digest to recognise it by."""
    return str(digest or "")[:12]
