"""Cross-reviews: what specialists say of a finding, and what it amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class ReviewVerdict(StrEnum):
    """What a specialist says of a finding."""

    ENDORSE = "ENDORSE"
    """Right and worth acting on."""
    NEUTRAL = "NEUTRAL"
    """True but of little weight, or not mine to judge."""
    REFINE = "REFINE"
    """Right in part: change severity, claim or fix."""
    OBJECT = "OBJECT"
    """The claim or its fix is wrong."""
    OTHER = "OTHER"
    """A word that only imported documents hold."""


GIVEN_VERDICTS = (
    ReviewVerdict.ENDORSE,
    ReviewVerdict.NEUTRAL,
    ReviewVerdict.REFINE,
    ReviewVerdict.OBJECT,
)
"""The verdicts a client may record."""

NEEDS_RATIONALE = (ReviewVerdict.REFINE, ReviewVerdict.OBJECT)


class ClaimOpinion(StrEnum):
    """Is what the ticket claims true?"""

    TRUE = "true"
    PARTLY = "partly"
    FALSE = "false"
    NOT_CHECKED = "not-checked"


class FixOpinion(StrEnum):
    """Is the recommended fix the right one?"""

    AGREE = "agree"
    DISAGREE = "disagree"
    OTHER = "other"


class Answer(StrEnum):
    """How an objection ended."""

    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    OVERRULED = "overruled"


@dataclass(frozen=True)
class ReviewDraft:
    """What a client records."""

    verdict: ReviewVerdict
    rationale: str
    specialist: str | None = None
    claim: ClaimOpinion | None = None
    fix: FixOpinion | None = None
    proposed_severity: str | None = None
    amendment: Mapping[str, Any] | None = None
    ticket_version: int | None = None
    evidence: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Review:
    """A recorded cross-review."""

    id: UUID
    specialist: str
    verdict: ReviewVerdict
    rationale: str
    author: str
    on_behalf: bool
    """The author does not speak for this specialist by itself, but as a maintainer."""
    created_at: datetime
    ticket_version: int
    """The version of the ticket that was read."""
    outdated: bool
    """The ticket's content has changed since, and the author has not confirmed."""
    claim: ClaimOpinion | None = None
    fix: FixOpinion | None = None
    proposed_severity: str | None = None
    amendment: Mapping[str, Any] | None = None
    evidence: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, Any] | None = None
    superseded_by: UUID | None = None
    answer: Mapping[str, Any] | None = None
    """``{resolution, reason, by, at}`` once an objection was answered."""
    applied: Mapping[str, Any] | None = None
    """``{by, at, version}`` once its amendment was taken."""

    @property
    def is_open_objection(self) -> bool:
        """A current OBJECT that nobody has answered; outdated ones stay open."""
        return (
            self.verdict is ReviewVerdict.OBJECT
            and self.superseded_by is None
            and self.answer is None
        )


@dataclass(frozen=True)
class Consensus:
    """What the current reviews of a ticket amount to."""

    ENDORSE: int = 0
    NEUTRAL: int = 0
    REFINE: int = 0
    OBJECT: int = 0
    outdated: int = 0
    open_objections: int = 0
    claim: Mapping[str, int] = field(default_factory=lambda: {"true": 0, "partly": 0, "false": 0})
    missing: tuple[str, ...] = ()
    """Specialists that have no current review."""


def consensus_of(reviews: Iterable[Review], specialists: Iterable[str] = ()) -> Consensus:
    """Count current reviews by verdict and claim.

    Superseded reviews do not count. Outdated ones are counted apart and in no verdict, because
    they speak of a text that is no longer there; an outdated objection stays open until it is
    answered.
    """
    current = [review for review in reviews if review.superseded_by is None]
    fresh = [review for review in current if not review.outdated]
    verdicts = [review.verdict for review in fresh]
    claims = [review.claim for review in fresh]
    present = {review.specialist for review in fresh}
    return Consensus(
        ENDORSE=verdicts.count(ReviewVerdict.ENDORSE),
        NEUTRAL=verdicts.count(ReviewVerdict.NEUTRAL),
        REFINE=verdicts.count(ReviewVerdict.REFINE),
        OBJECT=verdicts.count(ReviewVerdict.OBJECT),
        outdated=len(current) - len(fresh),
        open_objections=sum(review.is_open_objection for review in current),
        claim={
            opinion.value: claims.count(opinion)
            for opinion in (ClaimOpinion.TRUE, ClaimOpinion.PARTLY, ClaimOpinion.FALSE)
        },
        missing=tuple(name for name in specialists if name not in present),
    )


def why_not_answerable(review: Review) -> str | None:
    """Say why a review is no open objection, to stand behind its name; None when it is one."""
    if review.verdict is not ReviewVerdict.OBJECT:
        return f"says {review.verdict.value}; only an OBJECT can be answered"
    if review.superseded_by is not None:
        return f"was superseded by {review.superseded_by}, and objects no more"
    if review.answer is not None:
        return f"was answered before: {review.answer['resolution']} by {review.answer['by']}"
    return None
