"""Cross-reviews in."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, HttpUrl, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.api.payloads.batch import BY_ITSELF
from app.api.payloads.fields import (
    AnyKey,
    Input,
    Line,
    LineNumber,
    Markdown,
    Note,
    Path,
    Rationale,
    Slug,
    Version,
)
from app.api.payloads.tickets import TicketPatch
from app.domain.reviews import (
    NEEDS_RATIONALE,
    Answer,
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
    note: Markdown | None = Field(None, description="What there is to say of these lines.")

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
        "",
        description="Markdown; OBJECT and REFINE need one.",
        examples=["The sum shows it."],
        validate_default=True,
    )
    claim: ClaimOpinion | None = None
    fix: FixOpinion | None = None
    proposed_severity: SeverityWord | None = None
    amendment: TicketPatch | None = Field(
        None,
        description="A merge patch of the ticket's document, for a maintainer to apply.",
        examples=[{"severity": "P1", "summary": "Leaving seed_input out couples the gradients."}],
    )
    ticket_version: Version | None = Field(
        None, description="The version you read; left out, the present one."
    )
    evidence: list[EvidenceItem] = Field(default=[], max_length=50)
    provenance: Provenance | None = None

    @field_validator("rationale")
    @classmethod
    def _explained(cls, rationale: str, known: ValidationInfo) -> str:
        verdict = known.data.get("verdict")
        if verdict and ReviewVerdict(verdict) in NEEDS_RATIONALE and not rationale.strip():
            raise PydanticCustomError(
                "missing_rationale",
                "{verdict} needs a rationale: say what is wrong and why",
                {"verdict": verdict},
            )
        return rationale

    @field_validator("amendment")
    @classmethod
    def _amends(cls, amendment: TicketPatch | None) -> TicketPatch | None:
        if amendment is not None and not amendment.model_fields_set:
            raise ValueError("should name the fields to change; leave it out to change none")
        return amendment

    def draft(self) -> ReviewDraft:
        """Return the draft that this body stands for."""
        return ReviewDraft(
            verdict=ReviewVerdict(self.verdict),
            rationale=self.rationale,
            specialist=self.specialist,
            claim=self.claim,
            fix=self.fix,
            proposed_severity=self.proposed_severity,
            amendment=None
            if self.amendment is None
            else self.amendment.model_dump(mode="json", exclude_unset=True),
            ticket_version=self.ticket_version,
            evidence=[item.model_dump(mode="json", exclude_none=True) for item in self.evidence],
            provenance=None
            if self.provenance is None
            else self.provenance.model_dump(exclude_none=True),
        )


class AnswerIn(Input):
    """How an objection ends."""

    resolution: Answer = Field(
        description="`withdrawn` by its author; `accepted` or `overruled` by a maintainer."
    )
    reason: Note = Field(examples=["The run shows it: the gradient is finite."])


class ConfirmIn(Input):
    """That an outdated review holds for the present content."""

    ticket_version: Version | None = Field(
        None,
        description="The version you read; refused when the content has changed since. Left out, "
        "the present one.",
    )


class BatchReviewIn(ReviewIn):
    """One review of a batch."""

    key: AnyKey


class BatchReviewsIn(Input):
    """Reviews to be recorded, each by itself."""

    items: list[Annotated[BatchReviewIn, BY_ITSELF]] = Field(min_length=1, max_length=200)
