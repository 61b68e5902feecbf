"""What tools are called with. An argument that a tool does not know is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.evidence import EvidenceState
from app.domain.reviews import Answer as AnswerWord
from app.domain.reviews import ClaimOpinion
from app.domain.tickets import Category, Resolution, Severity, Status
from app.domain.work_orders import OrderKind


def _no_word(value: object) -> object:
    # Else "10" and true would be taken for numbers, which the schema says they are not.
    if isinstance(value, str | bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


Whole = Annotated[int, BeforeValidator(_no_word)]
Flag = Annotated[bool, Field(strict=True)]
Key = Annotated[
    str,
    Field(max_length=60, pattern=r"^[A-Za-z0-9~-]+$", description="Of a ticket, like B2-DRL-10."),
]
Id = Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9-]+$")]
Text = Annotated[str, Field(max_length=50_000)]
Words = Annotated[str, Field(max_length=500)]
GivenVerdict = Literal["ENDORSE", "NEUTRAL", "REFINE", "OBJECT"]
"""`OTHER` is of imports only."""


class Arguments(BaseModel):
    """Arguments of a tool."""

    model_config = ConfigDict(extra="forbid")

    def given(self, *left_out: str) -> dict[str, Any]:
        """Return what was given, as JSON has it."""
        return self.model_dump(mode="json", exclude_none=True, exclude={*left_out})


class Find(Arguments):
    """Of `find`."""

    q: Words | None = Field(None, description="Words to find; of filters see the others.")
    status: list[Status] = Field([], max_length=10)
    severity: list[Severity] = Field([], max_length=10)
    evidence: list[EvidenceState] = Field([], max_length=10)
    agent: Words | None = None
    domain: Words | None = None
    target: Words | None = None
    batch: Annotated[int, Field(ge=0, le=999_999), BeforeValidator(_no_word)] | None = None
    limit: Whole = Field(10, ge=1, le=20)
    cursor: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="`next_cursor` of the page before; all else as there."
    )


class Show(Arguments):
    """Of `show`."""

    key: Key
    source: Flag = Field(False, description="With the code at its locations.")


class Source(Arguments):
    """Of `source`."""

    path: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="Like kasmina/blend_ops.py; left out: the files there are."
    )
    lines: Annotated[str, Field(max_length=40)] | None = Field(None, description="Like 59-94.")
    target: Words | None = None


class Location(BaseModel):
    """Where a finding is."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=1000)] | None = None
    start_line: Whole | None = None
    end_line: Whole | None = None
    symbol: Words | None = None
    note: Words | None = None


class Section(BaseModel):
    """A section of a finding."""

    model_config = ConfigDict(extra="forbid")

    heading: Words
    body: Text


class File(Arguments):
    """Of `file`."""

    title: Annotated[str, Field(max_length=300)]
    severity: Severity
    batch: Whole = Field(description="Of the audit.")
    agent: Annotated[str, Field(max_length=40)] = Field(description="Your specialist, like drl.")
    summary: Annotated[str, Field(max_length=4000)]
    domains: list[Words] = Field([], max_length=50, description='Like ["kasmina"].')
    categories: list[Category] = Field([], max_length=12)
    locations: list[Location] = Field([], max_length=50)
    sections: list[Section] = Field([], max_length=20)
    dry_run: Flag = Field(False, description="Check it, store nothing.")


class Review(Arguments):
    """Of `review`."""

    key: Key
    verdict: GivenVerdict
    rationale: Text = Field("", description="Markdown; OBJECT and REFINE need one.")
    specialist: Words | None = Field(
        None, description="May be left out when you speak for exactly one."
    )
    claim: ClaimOpinion | None = None
    proposed_severity: Severity | None = None
    ticket_version: Whole | None = Field(None, description="The `version` that you read.")
    model: Words | None = Field(None, description="What wrote it.")


class Answer(Arguments):
    """Of `answer`."""

    key: Key
    review: Id
    resolution: AnswerWord | Literal["confirmed"] = Field(
        description="accepted, overruled: a maintainer; withdrawn, confirmed: its author."
    )
    reason: Text | None = Field(None, description="Needed, but to confirm.")


class SubmitTest(Arguments):
    """Of `submit_test`."""

    key: Key
    node_id: Words | None = Field(None, description="Of a test that is there, or:")
    filename: Words | None = Field(None, description="test_x.py, and its `source`.")
    source: Annotated[str, Field(max_length=65_536)] | None = None
    purpose: Literal["demonstrates", "guards"] | None = None


class PutPatch(Arguments):
    """Of `put_patch`."""

    key: Key
    name: Annotated[str, Field(pattern=r"^(fix|defect(-\d+)?)$")] = Field(
        description="fix mends; defect, defect-2 … plant the defect."
    )
    patch: Annotated[str, Field(max_length=262_144)] = Field(description="A unified diff.")


class Verify(Arguments):
    """Of `verify`."""

    key: Key
    kind: Literal["check", "proof"]
    force: Flag = False
    wait_s: Whole = Field(50, ge=0, le=55, description="How long to wait for the end.")


class RunResult(Arguments):
    """Of `run_result`."""

    id: Id
    wait_s: Whole = Field(0, ge=0, le=55)


class Gate(Arguments):
    """Of `gate`."""

    key: Key
    resolution: Resolution | None = None


class Move(Arguments):
    """Of `move`."""

    key: Key
    to: Status
    resolution: Resolution | None = None
    reason: Text | None = None
    commits: list[Words] = Field([], max_length=20)
    duplicate_of: Key | None = None
    waiver: Text | None = Field(None, description="Why no run has to show it.")


class ClaimWork(Arguments):
    """Of `claim_work`."""

    kinds: list[OrderKind] = Field([], max_length=5, description="Left out: any.")
    specialist: Words | None = None
    minutes: Whole = Field(30, ge=1, le=1440)


class SubmitWork(Arguments):
    """Of `submit_work`."""

    id: Id
    filename: Words | None = Field(None, description="test_x.py; all but fix, assess.")
    source: Annotated[str, Field(max_length=65_536)] | None = None
    patch: Annotated[str, Field(max_length=262_144)] | None = Field(
        None, description="fix: mends the defect; refute: plants it."
    )
    verdict: GivenVerdict | None = Field(None, description="assess.")
    rationale: Text | None = None
    specialist: Words | None = None
    claim: ClaimOpinion | None = None


class ReleaseWork(Arguments):
    """Of `release_work`."""

    id: Id
