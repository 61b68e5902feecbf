"""The workflow as data that can be shown: the API answers with it, the documentation is drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from app.domain import lifecycle
from app.domain.accounts import Role
from app.domain.evidence import EvidenceState
from app.domain.gate import RULES
from app.domain.gate_calls import PLACEHOLDERS
from app.domain.gates import GATES
from app.domain.reviews import GIVEN_VERDICTS, Answer, ClaimOpinion, FixOpinion
from app.domain.runs import RunKind, RunOutcome, RunStatus, TestPurpose
from app.domain.tickets import Category, RelationKind, Resolution, Severity, Status, Testable

_WORDS: dict[str, type[StrEnum]] = {
    "severity": Severity,
    "status": Status,
    "resolution": Resolution,
    "category": Category,
    "relation": RelationKind,
    "claim": ClaimOpinion,
    "fix": FixOpinion,
    "answer": Answer,
    "testability": Testable,
    "evidence": EvidenceState,
    "test_purpose": TestPurpose,
    "run_kind": RunKind,
    "run_status": RunStatus,
    "run_outcome": RunOutcome,
}


def describe() -> dict[str, Any]:
    """Return statuses, steps, resolutions, requirements, roles and words."""
    words = {name: [word.value for word in kind] for name, kind in _WORDS.items()}
    words["verdict"] = [verdict.value for verdict in GIVEN_VERDICTS]
    return {
        "statuses": [
            {
                "name": status.value,
                "meaning": lifecycle.STATUS_MEANING[status],
                "final": status.is_final,
            }
            for status in Status
        ],
        "transitions": [
            {
                "from": step.before.value,
                "to": step.after.value,
                "role": step.role.value,
                "own_role": step.own_role.value,
                "resolutions": [r.value for r in lifecycle.RESOLUTIONS.get(step.after, ())],
            }
            for step in lifecycle.STEPS
        ],
        "resolutions": [
            {
                "name": resolution.value,
                "status": lifecycle.status_for(resolution).value,
                "meaning": lifecycle.RESOLUTION_MEANING[resolution],
                "requirements": [rule.name.value for rule in GATES[resolution]],
            }
            for resolution in Resolution
        ],
        "requirements": [{"name": rule.name.value, "meaning": rule.meaning} for rule in RULES],
        "override": {
            "role": lifecycle.OVERRIDE_ROLE.value,
            "meaning": "A maintainer may take a step although requirements are open: "
            "`override: true` with a reason. The ticket and its history show which.",
        },
        "roles": [role.value for role in Role],
        "words": words,
        "placeholders": dict(PLACEHOLDERS),
    }
