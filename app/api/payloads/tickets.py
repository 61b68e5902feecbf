"""Tickets in and out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.payloads.external import ExternalResultOut
from app.api.payloads.fields import (
    Batch,
    Commit,
    CountedOut,
    Day,
    Domain,
    ExternalRef,
    Flag,
    Input,
    Key,
    Line,
    Markdown,
    Output,
    Patch,
    Slug,
    Summary,
    Title,
    declared,
)
from app.api.payloads.gates import ClosureOut, RequirementOut, TestabilityOut
from app.api.payloads.parts import (
    ChecklistItemIn,
    ChecklistItemOut,
    ChecklistItemPart,
    LocationIn,
    LocationOut,
    LocationPart,
    RelationIn,
    RelationOut,
    RelocatedOut,
    ReportIn,
    ReportOut,
    SectionIn,
    SectionOut,
    SectionPart,
)
from app.api.payloads.review_outputs import ConsensusOut, ReviewOut
from app.api.payloads.runs import AuthorsOut, TicketStrengthOut
from app.api.payloads.source import PlaceSourceOut
from app.domain.amendments import changes_of
from app.domain.calibration import ReviewSignal, signals_of
from app.domain.document import DOCUMENT, SKELETON
from app.domain.document import Field as Declared
from app.domain.evidence import EvidenceState, ProofBy
from app.domain.knowledge import Presence, TestsShown, knowledge
from app.domain.remedies import Caller, gate_for
from app.domain.runs import RunKind, TestOrigin, TestPurpose
from app.domain.sweeps import SweepVerdict
from app.domain.tickets import (
    Category,
    Resolution,
    Severity,
    Status,
    Ticket,
    TicketDraft,
)

_SINGLE: Mapping[str, Any] = {
    "title": Title,
    "severity": Severity,
    "number": Batch,
    "slug": Slug,
    "summary": Summary,
    "line": Line,
    "day": Day,
    "reference": ExternalRef,
    "markdown": Markdown,
}
_WHOLE: dict[str, Any] = {
    "domains": Domain,
    "categories": Category,
    "relations": RelationIn,
    "reports": ReportIn,
    "commits": Commit,
}
_NEW = _WHOLE | {"locations": LocationIn, "sections": SectionIn, "checklist": ChecklistItemIn}
_KEPT = _WHOLE | {
    "locations": LocationPart,
    "sections": SectionPart,
    "checklist": ChecklistItemPart,
}
"""The type of a field, or of its items, by its kind."""
_LIST: Any = list


def _given(field: Declared) -> tuple[Any, Any]:
    if field.is_list:
        items = _LIST[_NEW[field.kind]]
        return items, Field(default=[], max_length=field.most, description=field.meaning)
    kind = _SINGLE[field.kind]
    if field.is_required:
        return kind, Field(description=field.meaning)
    return kind | None, Field(default=None, description=field.meaning)


def _changed(field: Declared) -> tuple[Any, Any]:
    if field.is_list:
        items = _LIST[_KEPT[field.kind]] | None
        return items, Field(default=None, max_length=field.most)
    kind = _SINGLE[field.kind]
    # What is left out is never looked at, see `Patch`.
    return (kind if field.is_required else kind | None), Field(default=None)


_FILED = {name: field for name, field in DOCUMENT.items() if field.is_filed}
_Filed: Any = declared("TicketIn", Input, {name: _given(field) for name, field in _FILED.items()})
_Changes: Any = declared(
    "TicketPatch", Patch, {name: _changed(field) for name, field in DOCUMENT.items()}
)


class TicketIn(_Filed):  # type: ignore[misc]  # its fields are those of the document
    """A finding to be filed."""

    model_config = ConfigDict(json_schema_extra={"examples": [dict(SKELETON)]})

    key: Key | None = Field(None, description="Leave it out, and the next free one is minted.")

    def draft(self) -> TicketDraft:
        """Return the draft that this body stands for."""
        given = self.model_dump(exclude_unset=True, include={*_FILED})
        return TicketDraft(key=self.key, **changes_of(given))


class TicketPatch(_Changes):  # type: ignore[misc]  # its fields are those of the document
    """A JSON Merge Patch of a ticket's document: fields left out stay as they are."""

    def changes(self) -> dict[str, Any]:
        """Return the given fields as domain values; null clears a field or empties a list."""
        return changes_of(self.model_dump(exclude_unset=True))


class ClosedWithoutOut(Output):
    """Who closed a ticket as fixed without evidence, and why."""

    by: str
    reason: str | None


class SweptOut(Output):
    """What the newest sweep of what is in force said; it decides no evidence."""

    sweep: UUID
    verdict: SweepVerdict
    at: datetime


class EvidenceOut(Output):
    """What runs have shown."""

    state: EvidenceState
    stale: bool = Field(description="What decided it has changed since.")
    sentence: str = Field(description="What is known, in plain words.")
    run: UUID | None
    kind: RunKind | None
    package_digest: str | None
    decided_at: datetime | None
    last_attempt: dict[str, Any] | None = Field(
        description="The newest run, when it decided nothing."
    )
    closed_without: ClosedWithoutOut | None = Field(
        description="Closed as `fixed` by a waiver, or by overriding what evidence asks for."
    )
    by: ProofBy | None = Field(description="What made the defective package of a proof.")
    stale_reason: str | None = Field(description="What changed since it was decided.")
    flaky: bool = Field(description="A linked test passes and fails at the digests in force.")
    flips: list[dict[str, Any]] = Field(description="Figures of the tests that flip.")
    contradicted_by: UUID | None = Field(description="A run of the very same that ended otherwise.")
    authors: AuthorsOut | None = Field(description="Who wrote the patches and submitted tests.")
    introduced_in: str | None = Field(
        description="The commit that brought the defect in, as bisection with today's tests found."
    )
    fixed_in: str | None = Field(description="The commit that took it away, likewise.")
    swept: SweptOut | None = Field(
        description="The newest word of a sweep on the package and suite in force."
    )


class KnownOut(Output):
    """What runs have shown, as two separate facts."""

    defect: Presence = Field(description="Whether the defect is in the package as it is now.")
    tests: TestsShown = Field(
        description="What has shown that the linked tests fail with the defect and pass without."
    )


class TestLinkOut(Output):
    """A linked test."""

    id: UUID
    node_id: str
    purpose: TestPurpose
    origin: TestOrigin
    checklist_item: str | None
    digest: str | None
    last_outcome: str | None


class PatchOut(Output):
    """A patch, without its text."""

    digest: str
    author: str
    at: datetime
    applies: str = Field(description="`forward`, `reverse` or `no`, to the bundled package of now.")


class _TicketHead(Output):
    """What lists and tickets themselves show alike."""

    key: str
    title: str
    severity: Severity
    severity_raw: str | None = Field(
        description="Words of an imported document that are no severity: it is unknown, and "
        "counts as the gravest until somebody states one."
    )
    status: Status
    resolution: Resolution | None
    batch: int
    agent: str
    summary: str
    domains: list[str]
    target: str | None = Field(description="What its domains place it with, if anything.")
    categories: list[Category]


class SummaryOut(_TicketHead):
    """A ticket as lists show it."""

    assignee: str | None
    evidence: dict[str, Any]
    strength: float | None = Field(
        description="The share of mutants that its tests kill; null where that is not known, of "
        "fewer than five, or out of date."
    )
    consensus: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str


class TicketOut(_TicketHead):
    """A ticket with everything shown with it."""

    locations: list[LocationOut]
    sections: list[SectionOut]
    checklist: list[ChecklistItemOut]
    relations: list[RelationOut]
    reports: list[ReportOut]
    assignee: str | None
    reported_on: date | None
    external_ref: str | None
    commits: list[str]
    unknown_commits: list[str] = Field(
        description="Those of them that its git target's repository lacks: they count for no gate."
    )
    resolution_text: str | None
    reviews: list[ReviewOut]
    consensus: ConsensusOut
    verdicts_hidden: bool = Field(
        description="You review blind: others' verdicts are kept from you until yours is in."
    )
    evidence: EvidenceOut
    known: KnownOut
    signals: list[ReviewSignal] = Field(
        description="What is odd about the verdicts: several agree and no run has shown "
        "anything, or one says the contrary of what runs show."
    )
    tests: list[TestLinkOut]
    patches: dict[str, PatchOut]
    relocated: list[RelocatedOut] = Field(
        description="What became of the code of each location, by the tree in force."
    )
    strength: TicketStrengthOut | None = Field(
        description="Which small changes of what it is about its tests notice; null until a run "
        "of the kind `strength` has measured it."
    )
    external_results: list[ExternalResultOut] = Field(
        description="The newest twenty that others report of its tests; no evidence."
    )
    testability: TestabilityOut | None = Field(
        description="What a reviewer said of testing it; null while nobody has."
    )
    closure: ClosureOut | None = Field(description="How it got its final status.")
    gate: list[RequirementOut] = Field(
        description="What its resolution asks for; while it has none, what `fixed` would ask for."
    )
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str


class ShownTicketOut(TicketOut):
    """A ticket, and the code that it speaks about where that was asked for."""

    source: list[PlaceSourceOut] | None = Field(
        None,
        description="With `include=source`: of each location that names lines, the first twenty.",
    )


class SimilarOut(Output):
    """A ticket that is alike."""

    key: str
    title: str
    status: Status
    score: float = Field(ge=0, le=1, description="The more alike the higher.")
    reasons: list[str] = Field(
        description="What is alike.", examples=[["same lines: kasmina/blend_ops.py:59-94"]]
    )


class FiledTicketOut(TicketOut):
    """A new ticket, and those that may tell of the same."""

    similar: list[SimilarOut] = Field(description="The most alike first, at most 10.")


class SimilarListOut(Output):
    """Tickets that are alike."""

    items: list[SimilarOut]
    next_cursor: str | None = None


class TicketPageOut(CountedOut):
    """One page of tickets."""

    items: list[SummaryOut]
    next_cursor: str | None


class TickIn(Input):
    """Whether a checklist item is done."""

    done: Flag = Field(examples=[True])


_MADE = ("gate", "known", "signals")
_SHOWN = tuple(name for name in TicketOut.model_fields if name not in _MADE)


def ticket_body(ticket: Ticket, caller: Caller) -> dict[str, Any]:
    """Return a ticket as `caller` is answered; nested dataclasses are encoded as they are."""
    body = {name: getattr(ticket, name) for name in _SHOWN}
    body["known"] = knowledge(ticket.evidence)
    body["strength"] = None if ticket.strength is None else ticket.strength.figures()
    body["signals"] = signals_of(ticket.reviews, ticket.evidence, ticket.resolution)
    body["gate"] = gate_for(ticket, caller)
    return body


class LinksOut(Output):
    """The tests linked with a ticket."""

    items: list[TestLinkOut]
    next_cursor: str | None = None


class LinkedOut(TestLinkOut):
    """A new link; a submitted file may hold several tests, which `items` lists."""

    items: list[TestLinkOut] | None = None
    warnings: list[str] | None = None
    """Of a submitted file: what is odd about it."""
