"""What is known: whether the defect is here, and whether the tests can tell."""

from __future__ import annotations

import pytest

from app.domain.evidence import Evidence, EvidenceState, ProofBy
from app.domain.knowledge import knowledge


@pytest.mark.parametrize(
    ("state", "by", "expected"),
    [
        ("proven", "fix", ("absent", "fix")),
        ("proven", "defect", ("absent", "defect")),
        ("proven", "history", ("absent", "history")),
        ("fix-ready", "fix", ("there", "fix")),
        ("regressed", None, ("there", "history")),
        ("reproduced", None, ("there", "not-shown")),
        ("passing", None, ("not-known", "not-shown")),
        ("cannot-fail", "defect", ("not-known", "not-shown")),
        ("unverified", None, ("not-known", "not-shown")),
        ("none", None, ("not-known", "not-shown")),
        ("not-covered", None, ("not-known", "not-shown")),
    ],
)
def test_each_state_says_two_things(state: str, by: str | None, expected: tuple[str, str]) -> None:
    shown_by = None if by is None else ProofBy(by)
    found = knowledge(Evidence(EvidenceState(state), by=shown_by))

    assert (found.defect, found.tests) == expected


@pytest.mark.parametrize("state", list(EvidenceState))
def test_nothing_is_known_of_what_changed_since(state: EvidenceState) -> None:
    found = knowledge(Evidence(state, stale=True, by=ProofBy.FIX))

    assert (found.defect, found.tests) == ("not-known", "not-shown")
