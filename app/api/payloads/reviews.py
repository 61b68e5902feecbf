"""Cross-reviews in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, HttpUrl, model_validator

from app.api.payloads.fields import (
    Input,
    Line,
    LineNumber,
    Markdown,
    Output,
    Path,
    Rationale,
    Slug,
    Version,
)
from app.domain.reviews import (
    NEEDS_RATIONALE,
    ClaimOpinion,
    FixOpinion,
    ReviewDraft,
    ReviewVerdict,
)

GivenVerdict = Literal["ENDORSE", "NEUTRAL", "REFINE", "OBJECT"]
SeverityWord = Literal["P0", "P1", "P2", "P3", "P4"]


class CodeEvidence(Input):
    """A place in the code that the review rests on."""

    kind: Literal["code"]
    path: Path
    start_line: LineNumber | None = None
    end_line: LineNumber | None = None
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,40}$")] | None = None
    snippet: Markdown | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_line and self.end_line and self.end_line < self.start_line:
            raise ValueError(
                f"end_line {self.end_line} lies before start_line {self.start_line}; swap them"
            )
        return self


class RunEvidence(Input):
    """A run of this service."""

    kind: Literal["run"]
    id: UUID


class OutputEvidence(Input):
    """What a command printed."""

    kind: Literal["output"]
    command: Line
    text: Markdown


class LinkEvidence(Input):
    """A page elsewhere."""

    kind: Literal["link"]
    url: HttpUrl


EvidenceItem = Annotated[
    CodeEvidence | RunEvidence | OutputEvidence | LinkEvidence, Field(discriminator="kind")
]


class Provenance(Input):
    """Which agent wrote a review, and how."""

    model: Line | None = None
    prompt_version: Line | None = None
    tool: Line | None = None


class ReviewIn(Input):
    """A cross-review to be recorded."""

    specialist: Slug | None = Field(
        None, description="May be left out when your account speaks for exactly one."
    )
    verdict: GivenVerdict = Field(examples=["ENDORSE"])
    rationale: Rationale = Field(
        "", description="Markdown; OBJECT and REFINE need one.", examples=["The sum shows it."]
    )
    claim: ClaimOpinion | None = None
    fix: FixOpinion | None = None
    proposed_severity: SeverityWord | None = None
    amendment: dict[str, Any] | None = Field(
        None, description="A merge patch of the ticket's document."
    )
    ticket_version: Version | None = Field(
        None, description="The version you read; left out, the present one."
    )
    evidence: list[EvidenceItem] = Field(default=[], max_length=50)
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if ReviewVerdict(self.verdict) in NEEDS_RATIONALE and not self.rationale.strip():
            raise ValueError(f"{self.verdict} needs a rationale: say what is wrong and why")
        return self

    def draft(self) -> ReviewDraft:
        """Return the draft that this body stands for."""
        return ReviewDraft(
            verdict=ReviewVerdict(self.verdict),
            rationale=self.rationale,
            specialist=self.specialist,
            claim=self.claim,
            fix=self.fix,
            proposed_severity=self.proposed_severity,
            amendment=self.amendment,
            ticket_version=self.ticket_version,
            evidence=[item.model_dump(mode="json", exclude_none=True) for item in self.evidence],
            provenance=None
            if self.provenance is None
            else self.provenance.model_dump(exclude_none=True),
        )


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
    answer: dict[str, Any] | None
    applied: dict[str, Any] | None


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
