"""What the cross-reviews of a ticket amount to."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.domain.reviews import ClaimOpinion, consensus_of
from tests.factories.reviews import a_review

SPECIALISTS = ("drl", "pytorch", "codereview", "human")
ANSWER = {"resolution": "overruled", "reason": "measured", "by": "admin", "at": "2026-01-02"}


def test_nobody_has_spoken() -> None:
    found = consensus_of((), SPECIALISTS)

    assert (found.ENDORSE, found.NEUTRAL, found.REFINE, found.OBJECT) == (0, 0, 0, 0)
    assert found.missing == SPECIALISTS
    assert found.claim == {"true": 0, "partly": 0, "false": 0}


def test_current_reviews_count_by_verdict() -> None:
    found = consensus_of(
        [a_review("pytorch"), a_review("drl", "NEUTRAL"), a_review("codereview", "NEUTRAL")],
        SPECIALISTS,
    )

    assert (found.ENDORSE, found.NEUTRAL, found.REFINE, found.OBJECT) == (1, 2, 0, 0)
    assert found.missing == ("human",)


def test_a_superseded_review_does_not_count() -> None:
    found = consensus_of([a_review("drl", "OBJECT", superseded_by=uuid4()), a_review("drl")])

    assert (found.ENDORSE, found.OBJECT, found.open_objections, found.outdated) == (1, 0, 0, 0)


def test_an_outdated_review_counts_apart_and_leaves_its_specialist_missing() -> None:
    found = consensus_of([a_review("drl", outdated=True, claim=ClaimOpinion.TRUE)], SPECIALISTS)

    assert (found.ENDORSE, found.outdated, found.claim["true"]) == (0, 1, 0)
    assert "drl" in found.missing


@pytest.mark.parametrize(
    ("fields", "still_open"),
    [
        ({}, 1),
        ({"outdated": True}, 1),
        ({"answer": ANSWER}, 0),
        ({"answer": ANSWER, "outdated": True}, 0),
        ({"superseded_by": uuid4()}, 0),
    ],
)
def test_an_objection_stays_open_until_answered_or_superseded(
    fields: dict[str, object], still_open: int
) -> None:
    assert consensus_of([a_review("drl", "OBJECT", **fields)]).open_objections == still_open


def test_opinions_on_the_claim_are_counted() -> None:
    opinions = (
        ClaimOpinion.TRUE,
        ClaimOpinion.PARTLY,
        ClaimOpinion.FALSE,
        ClaimOpinion.NOT_CHECKED,
    )
    reviews = [a_review(f"s{n}", claim=claim) for n, claim in enumerate((*opinions, None))]

    assert consensus_of(reviews).claim == {"true": 1, "partly": 1, "false": 1}


def test_a_word_of_an_import_counts_for_no_verdict() -> None:
    found = consensus_of([a_review("drl", "OTHER")], SPECIALISTS)

    assert (found.ENDORSE, found.NEUTRAL, found.REFINE, found.OBJECT) == (0, 0, 0, 0)
    assert "drl" not in found.missing
