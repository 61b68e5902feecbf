"""Batches of tickets in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails, PydanticCustomError

from app.api.payloads.fields import MAX_REF, AnyKey, Flag, Input, Line, Output, Ref
from app.api.payloads.tickets import TicketIn
from app.domain.filing import MAX_ITEMS, FilingResult, SiblingRelation
from app.domain.tickets import Relation, RelationKind, TicketDraft


class BatchRelationIn(Input):
    """A link to another ticket, or to another item of the batch: either `key` or `ref`."""

    key: AnyKey | None = None
    ref: Ref | None = Field(None, description="Of another item of this batch, before or behind.")
    kind: RelationKind = RelationKind.RELATED
    note: Line | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key is None) == (self.ref is None):
            raise ValueError("give either key or ref")
        return self

    def relation(self) -> Relation | SiblingRelation:
        """Return the relation that this stands for."""
        if self.ref is not None:
            return SiblingRelation(self.ref, self.kind, self.note)
        assert self.key is not None
        return Relation(self.key, self.kind, self.note)


class BatchTicketIn(TicketIn):
    """A finding to be filed, with a reference of your own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ref": "first",
                    "title": "blend_multiply couples gradients when seed_input is left out",
                    "severity": "P3",
                    "batch": 2,
                    "agent": "drl",
                    "summary": "Leaving seed_input out makes the host its own seed input.",
                    "relations": [{"ref": "second", "kind": "related"}],
                }
            ]
        }
    )

    ref: Ref = Field(description="Your name for the item, unique in the batch.")
    relations: list[BatchRelationIn] = Field(default=[], max_length=200)

    def draft(self) -> TicketDraft:
        """Return the draft without its relations, some of which name no ticket yet."""
        return TicketIn.draft(self.model_copy(update={"relations": []}))


@dataclass(frozen=True)
class UnreadItem:
    """An item that is no ticket; the rest of the batch is filed without it."""

    ref: str
    value: Any
    errors: list[ErrorDetails]


def _readable_or_not(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    ref = value.get("ref") if isinstance(value, dict) else None
    if not isinstance(ref, str) or not ref.strip() or len(ref) > MAX_REF:
        raise PydanticCustomError(
            "ref", f"should be an object with a ref of 1 to {MAX_REF} characters"
        )
    try:
        return handler(value)
    except ValidationError as error:
        return UnreadItem(ref.strip(), value, error.errors(include_url=False))


_LOOSELY: JsonDict = {
    "items": {
        "anyOf": [
            {"$ref": "#/components/schemas/BatchTicketIn"},
            {
                "type": "object",
                "description": "Anything else with a ref is refused by itself, in the answer.",
                "required": ["ref"],
                "properties": {"ref": {"type": "string", "minLength": 1, "maxLength": MAX_REF}},
            },
        ]
    }
}


class BatchIn(Input):
    """Findings to be filed together."""

    items: list[Annotated[BatchTicketIn, WrapValidator(_readable_or_not)]] = Field(
        min_length=1, max_length=MAX_ITEMS, json_schema_extra=_LOOSELY
    )
    atomic: Flag = Field(False, description="File all of them or none.")
    dry_run: Flag = Field(False, description="Check everything, store nothing.")

    @model_validator(mode="after")
    def _refs_differ(self) -> Self:
        seen: set[str] = set()
        for item in self.items:
            if item.ref in seen:
                raise ValueError(f"the ref {item.ref!r} stands twice in items")
            seen.add(item.ref)
        return self


class FiledItemOut(Output):
    """What became of an item."""

    ref: str
    key: str | None = Field(description="Of the ticket; in a dry run the one it would get.")
    result: FilingResult = Field(
        description="`created`, `refused` for the reason in `problem`, or `rolled-back` because "
        "another item of an atomic batch was refused."
    )
    problem: dict[str, Any] | None = Field(
        None, description="Why it was refused, after RFC 9457; pointers are those of this body."
    )


class FiledOut(Output):
    """What became of a batch."""

    items: list[FiledItemOut]
