"""The skeleton of a ticket: a filled-in draft that is accepted as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.tickets import Severity

SKELETON: Mapping[str, Any] = {
    "title": "One line: what is wrong, and where",
    "severity": Severity.P2.value,
    "batch": 1,
    "agent": "codereview",
    "summary": "One sentence: what happens, and what should happen instead.",
    "domains": ["kasmina"],
    "categories": ["correctness"],
    "locations": [
        {
            "path": "kasmina/blend_ops.py",
            "start_line": 59,
            "end_line": 94,
            "symbol": "blend_add()",
        }
    ],
    "sections": [
        {
            "heading": "Detailed Description",
            "body": "What the code does, why that is wrong, and how to see it.",
        },
        {"heading": "Impact", "body": "Who meets it, and what it costs them."},
        {"heading": "Recommended Fix", "body": "What to change, and what to leave alone."},
    ],
    "checklist": [{"text": "A test fails without the fix and passes with it", "done": False}],
}
"""The fields of ``POST /tickets`` with words that say what belongs there."""


def severity_meanings() -> dict[str, str]:
    """Return when to choose which severity."""
    return {severity.value: severity.meaning for severity in Severity}
