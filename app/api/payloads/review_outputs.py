"""Cross-reviews out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.api.payloads.fields import Output
from app.domain.reviews import ClaimOpinion, FixOpinion, ReviewVerdict


class ReviewOut(Output):
    """A recorded cross-review."""

    id: UUID
    specialist: str
    verdict: ReviewVerdict
    rationale: str
    author: str
    on_behalf: bool = Field(description="Recorded by a maintainer for this specialist.")
    created_at: datetime
    ticket_version: int
    outdated: bool = Field(description="The ticket's content has changed since.")
    claim: ClaimOpinion | None
    fix: FixOpinion | None
    proposed_severity: str | None
    amendment: dict[str, Any] | None
    evidence: list[dict[str, Any]]
    provenance: dict[str, Any] | None
    superseded_by: UUID | None
    answer: dict[str, Any] | None = Field(
        description="`{resolution, reason, by, at}` once an objection was answered."
    )
    applied: dict[str, Any] | None = Field(
        description="`{by, at, version}` once its amendment was taken."
    )


class ReviewPageOut(Output):
    """One page of reviews."""

    items: list[ReviewOut]
    next_cursor: str | None


class ConsensusOut(Output):
    """What the current reviews amount to."""

    ENDORSE: int
    NEUTRAL: int
    REFINE: int
    OBJECT: int
    outdated: int
    open_objections: int
    claim: dict[str, int]
    missing: list[str] = Field(description="Specialists without a current review.")


class BatchReviewOut(Output):
    """What became of one review of a batch."""

    key: str | None = Field(description="As it was sent; null when the item has none.")
    result: Literal["recorded", "refused"]
    review: ReviewOut | None = Field(None, description="With `recorded`.")
    problem: dict[str, Any] | None = Field(
        None, description="With `refused`: what a call for this one alone would have answered."
    )


class BatchReviewsOut(Output):
    """What became of each review, in the order in which they were sent."""

    items: list[BatchReviewOut]
