"""Amendments as values of a document, and which objections are open, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.api.payloads.tickets import TicketPatch
from app.domain.amendments import changes_of, proposal_of
from app.domain.reviews import Review, ReviewVerdict, why_not_answerable


@pytest.mark.parametrize(
    "amendment",
    [
        {"title": "x", "severity": "P0", "batch": 3, "agent": "drl", "summary": "y"},
        {"assignee": None, "reported_on": None, "external_ref": None, "resolution_text": None},
        {"domains": None, "categories": None, "locations": None, "commits": None},
        {"domains": ["a", "a", "b"], "categories": ["correctness", "correctness"]},
        {"reported_on": "2026-01-02", "commits": ["abc1234", "abc1234"]},
        {"locations": [{"path": "a.py", "start_line": 3}, {"id": "l1", "note": "n"}]},
        {"sections": [{"heading": "a", "body": "b"}], "reports": [{"file": "r.md"}]},
        {"checklist": [{"text": "a", "done": True}, {"id": "c1", "text": "b"}]},
        {"relations": [{"key": "B1-DRL-01"}, {"key": "B1-DRL-02", "kind": "blocks", "note": "n"}]},
    ],
)
def test_a_stored_amendment_says_what_the_same_patch_would(amendment: dict[str, Any]) -> None:
    patch = TicketPatch.model_validate(amendment)

    assert changes_of(patch.model_dump(mode="json", exclude_unset=True)) == patch.changes()


def test_every_field_of_a_patch_can_be_amended() -> None:
    filled = {name: None for name in TicketPatch.model_fields if name != "severity"}

    assert set(changes_of(filled | {"severity": "P0"})) == set(TicketPatch.model_fields)


def _review(verdict: ReviewVerdict = ReviewVerdict.OBJECT, **fields: Any) -> Review:
    given = {
        "id": uuid4(),
        "specialist": "drl",
        "rationale": "x",
        "author": "ada",
        "on_behalf": False,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "ticket_version": 1,
        "outdated": False,
    }
    return Review(verdict=verdict, **{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"proposed_severity": "P1"}, {"severity": "P1"}),
        ({"amendment": {"title": "x"}}, {"title": "x"}),
        ({"amendment": {"title": "x"}, "proposed_severity": "P1"}, {"title": "x"}),
    ],
)
def test_what_applying_a_review_takes(fields: dict[str, Any], expected: object) -> None:
    assert proposal_of(_review(**fields)) == expected


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        (_review(), None),
        (_review(outdated=True), None),
        (_review(ReviewVerdict.ENDORSE), "says ENDORSE"),
        (_review(ReviewVerdict.REFINE), "says REFINE"),
        (_review(superseded_by=uuid4()), "was superseded"),
        (_review(answer={"resolution": "accepted", "by": "eve"}), "accepted by eve"),
    ],
)
def test_which_reviews_can_be_answered(review: Review, reason: str | None) -> None:
    found = why_not_answerable(review)

    assert (found is None) is (reason is None)
    assert reason is None or reason in str(found)
    assert review.is_open_objection is (reason is None)
