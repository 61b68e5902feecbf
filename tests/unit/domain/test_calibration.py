"""What reviewers said against what runs showed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.domain.calibration import (
    VerdictCount,
    shown_by_runs,
    signals_of,
    table_of,
)
from app.domain.evidence import Evidence, EvidenceState
from app.domain.reviews import ClaimOpinion, ReviewVerdict
from tests.factories.reviews import a_review

ENDORSE, NEUTRAL, OBJECT = ReviewVerdict.ENDORSE, ReviewVerdict.NEUTRAL, ReviewVerdict.OBJECT


@pytest.mark.parametrize(
    ("found", "proven", "resolution", "disputed", "shown"),
    [
        (True, False, None, False, True),
        (False, True, None, False, True),
        (False, True, "fixed", False, True),
        (False, True, "not-a-bug", False, False),
        (True, True, "not-a-bug", False, None),
        (True, False, "not-a-bug", False, None),
        (False, False, "not-a-bug", False, None),
        (True, True, None, True, None),
    ],
)
def test_what_runs_show_of_a_claim(
    found: bool, proven: bool, resolution: str | None, disputed: bool, shown: bool | None
) -> None:
    assert (
        shown_by_runs(found=found, proven=proven, resolution=resolution, disputed=disputed) is shown
    )


def test_verdicts_are_right_wrong_or_abstain_and_claims_without_a_fate_count_nowhere() -> None:
    counts = [
        VerdictCount("drl", (ENDORSE, None, None), True, 9),
        VerdictCount("drl", (ENDORSE, None, None), False, 1),
        VerdictCount("drl", (OBJECT, ClaimOpinion.FALSE, None), False, 2),
        VerdictCount("drl", (NEUTRAL, None, None), True, 4),
        VerdictCount("drl", (ENDORSE, None, None), None, 100),
        VerdictCount("cr", (OBJECT, None, None), True, 9),
    ]

    cr, drl = table_of(counts)

    assert (cr.who, cr.n, cr.right, cr.wrong, cr.abstained) == ("cr", 9, 0, 9, 0)
    assert (cr.low, cr.high) == (None, None)
    assert (drl.n, drl.right, drl.wrong, drl.abstained) == (12, 11, 1, 4)
    assert drl.low is not None and drl.high is not None
    assert drl.low < 11 / 12 < drl.high


def test_reviewers_that_agree_on_what_nobody_ran_are_told_apart() -> None:
    two = [a_review("drl"), a_review("pytorch")]
    nothing, known = Evidence(), Evidence(EvidenceState.PASSING, run=uuid4())

    assert signals_of(two, nothing, None) == ("unanimous-not-executed",)
    assert signals_of(two, known, None) == ()
    assert signals_of(two[:1], nothing, None) == ()
    assert signals_of([*two, a_review("cr", "OBJECT")], nothing, None) == ()
    assert signals_of([two[0], a_review("cr", outdated=True)], nothing, None) == ()


def test_a_verdict_contradicts_what_runs_show() -> None:
    seen = Evidence(EvidenceState.REPRODUCED, run=uuid4())
    proven = Evidence(EvidenceState.PROVEN, run=uuid4())
    objects, endorses = [a_review("drl", "OBJECT")], [a_review("drl")]

    assert signals_of(objects, seen, None) == ("contradicts-evidence",)
    assert signals_of(endorses, seen, None) == ()
    assert signals_of(endorses, proven, "not-a-bug") == ("contradicts-evidence",)
    assert signals_of(objects, proven, "not-a-bug") == ()
