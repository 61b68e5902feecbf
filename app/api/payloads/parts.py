"""The parts of tickets, in and out: locations, sections, checklist items, relations, reports."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from app.api.payloads.fields import (
    AnyKey,
    Flag,
    Input,
    Line,
    LineNumber,
    Markdown,
    Output,
    Patch,
    Path,
    Summary,
)
from app.domain.relocated import PlaceState
from app.domain.tickets import (
    Location,
    RelationKind,
)

PartId = Annotated[
    str, Field(max_length=36, description="Of the part; what has none is a new one.")
]


class LocationIn(Input):
    """A place in the code: at least one of path, symbol and note."""

    path: Path | None = Field(None, examples=["kasmina/blend_ops.py"])
    start_line: LineNumber | None = Field(None, examples=[59])
    end_line: LineNumber | None = Field(None, examples=[94])
    symbol: Line | None = Field(None, examples=["blend_multiply()"])
    note: Line | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if problem := Location(**self.model_dump()).problem:
            raise ValueError(problem)
        return self


class NewLocation(LocationIn):
    """A location that an existing ticket gets."""

    id: None = None


class LocationChange(Patch):
    """A location that is kept: fields left out stay as they are."""

    id: PartId
    path: Path | None = None
    start_line: LineNumber | None = None
    end_line: LineNumber | None = None
    symbol: Line | None = None
    note: Line | None = None


class SectionIn(Input):
    """A free section in Markdown."""

    heading: Line = Field(examples=["Detailed Description"])
    body: Markdown = Field(examples=["What the code does, and what it should do."])


class NewSection(SectionIn):
    """A section that an existing ticket gets."""

    id: None = None


class SectionChange(Patch):
    """A section that is kept: fields left out stay as they are."""

    id: PartId
    heading: Line = Field(default="")
    body: Markdown = Field(default="")


class ChecklistItemIn(Input):
    """A step that shows the fix to be right."""

    text: Summary = Field(examples=["Every caller passes seed_input explicitly"])
    done: Flag = False


class NewChecklistItem(ChecklistItemIn):
    """A checklist item that an existing ticket gets."""

    id: None = None


class ChecklistItemChange(Patch):
    """A checklist item that is kept: fields left out stay as they are."""

    id: PartId
    text: Summary = Field(default="")
    done: Flag = False


def _kept_or_new(part: Any) -> str:
    given = part.get("id") if isinstance(part, dict) else getattr(part, "id", None)
    return "new" if given is None else "kept"


LocationPart = Annotated[
    Annotated[LocationChange, Tag("kept")] | Annotated[NewLocation, Tag("new")],
    Discriminator(_kept_or_new),
]
SectionPart = Annotated[
    Annotated[SectionChange, Tag("kept")] | Annotated[NewSection, Tag("new")],
    Discriminator(_kept_or_new),
]
ChecklistItemPart = Annotated[
    Annotated[ChecklistItemChange, Tag("kept")] | Annotated[NewChecklistItem, Tag("new")],
    Discriminator(_kept_or_new),
]


class RelationIn(Input):
    """A link to another ticket."""

    key: AnyKey
    kind: RelationKind = RelationKind.RELATED
    note: Line | None = None


class ReportIn(Input):
    """The audit report a finding was taken from."""

    file: Path = Field(examples=["reports/batch2-drl.md"])
    section: Line | None = None


class LocationOut(Output):
    """A place in the code."""

    id: str
    path: str | None
    start_line: int | None
    end_line: int | None
    symbol: str | None
    note: str | None


class RelocatedOut(Output):
    """What became of the code that a location names."""

    location: str = Field(description="Its id.")
    state: PlaceState = Field(
        description="; ".join(f"`{word}`: {word.meaning}" for word in PlaceState)
    )
    path: str | None
    start_line: int | None
    end_line: int | None = Field(description="Where it is now.")


class SectionOut(Output):
    """A free section in Markdown."""

    id: str
    heading: str
    body: str


class ChecklistItemOut(Output):
    """A checklist item."""

    id: str
    text: str
    done: bool


class RelationOut(Output):
    """A link to another ticket, seen from this one."""

    key: str
    kind: RelationKind
    note: str | None
    stated_here: bool = Field(
        description="False when the other ticket states it: a PATCH of this one leaves it alone, "
        "DELETE takes it away."
    )


class ReportOut(Output):
    """An audit report."""

    file: str
    section: str | None
