"""Which opinions of a claim stood, as tables."""

from __future__ import annotations

import pytest

from app.domain.figures import (
    OpinionCount,
    by_specialist,
    claim_is_true,
    holds_claim_true,
    opinions_holding,
)
from app.domain.reviews import ClaimOpinion as Claim
from app.domain.reviews import FixOpinion as Fix
from app.domain.reviews import ReviewVerdict as Verdict


@pytest.mark.parametrize(
    ("verdict", "claim", "fix", "expected"),
    [
        (Verdict.ENDORSE, None, None, True),
        (Verdict.ENDORSE, Claim.FALSE, None, False),
        (Verdict.ENDORSE, Claim.PARTLY, None, None),
        (Verdict.ENDORSE, Claim.NOT_CHECKED, None, None),
        (Verdict.OBJECT, None, None, False),
        (Verdict.OBJECT, None, Fix.AGREE, False),
        (Verdict.OBJECT, None, Fix.DISAGREE, None),
        (Verdict.OBJECT, None, Fix.OTHER, None),
        (Verdict.OBJECT, Claim.TRUE, Fix.DISAGREE, True),
        (Verdict.OBJECT, Claim.FALSE, Fix.DISAGREE, False),
        (Verdict.NEUTRAL, None, None, None),
        (Verdict.NEUTRAL, Claim.TRUE, None, True),
        (Verdict.REFINE, None, None, None),
        (Verdict.REFINE, Claim.FALSE, None, False),
        (Verdict.OTHER, None, None, None),
    ],
)
def test_what_a_review_holds_of_the_claim(
    verdict: Verdict, claim: Claim | None, fix: Fix | None, expected: bool | None
) -> None:
    assert holds_claim_true(verdict, claim, fix) is expected
    assert ((verdict, claim, fix) in opinions_holding(claim_true=True)) is (expected is True)
    assert ((verdict, claim, fix) in opinions_holding(claim_true=False)) is (expected is False)


@pytest.mark.parametrize(
    ("confirmed", "refuted", "expected"),
    [(True, False, True), (False, True, False), (True, True, None), (False, False, None)],
)
def test_what_became_of_a_claim(confirmed: bool, refuted: bool, expected: bool | None) -> None:
    assert claim_is_true(confirmed=confirmed, refuted=refuted) is expected


def _count(verdict: Verdict, *, specialist: str = "drl", **fields: bool) -> OpinionCount:
    given = {"outdated": False, "confirmed": False, "refuted": False, **fields}
    return OpinionCount(specialist, (verdict, None, None), reviews=2, **given)


def test_outdated_reviews_count_in_nothing_else() -> None:
    found = by_specialist(
        [
            _count(Verdict.OBJECT, confirmed=True, outdated=True),
            _count(Verdict.OBJECT, confirmed=True),
            _count(Verdict.OBJECT, refuted=True),
            _count(Verdict.OBJECT, confirmed=True, refuted=True),
            _count(Verdict.ENDORSE, specialist="human"),
        ]
    )

    drl, human = found["drl"], found["human"]
    assert (drl.outdated, drl.contradicted, drl.upheld, drl.verdicts["OBJECT"]) == (2, 2, 2, 6)
    assert (human.verdicts["ENDORSE"], human.upheld, human.contradicted) == (2, 0, 0)
