"""Saved views in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.api.payloads.fields import Flag, Input, Line, Output, Patch
from app.api.payloads.filters import FiltersIn
from app.domain.filters import TicketOrder
from app.domain.views import View, ViewDraft

ViewName = Annotated[Line, Field(max_length=80)]


def _given(filters: FiltersIn) -> dict[str, Any]:
    """Return the filters that narrow anything, as they came."""
    found = filters.model_dump(mode="json", exclude_unset=True)
    return {name: value for name, value in found.items() if value not in ([], None, "")}


class ViewIn(Input):
    """A view to be saved."""

    name: ViewName = Field(examples=["grave and open"])
    filters: FiltersIn = Field(
        default=FiltersIn(),
        description="As those of `GET /tickets`.",
        examples=[{"severity": ["P0", "P1"], "status": ["open"]}],
    )
    sort: TicketOrder = "-created"
    shared: Flag = Field(default=False, description="Everybody sees it; needs the role reporter.")

    def draft(self) -> ViewDraft:
        """Return it as the domain has it."""
        return ViewDraft(self.name, _given(self.filters), self.sort, self.shared)


class ViewPatch(Patch):
    """A merge patch of a view: fields left out stay as they are; `filters` are replaced whole."""

    name: ViewName = Field(default="")
    filters: FiltersIn = Field(default=FiltersIn())
    sort: TicketOrder = "-created"
    shared: Flag = False

    def changes(self) -> dict[str, Any]:
        """Return the given fields as domain values."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "filters" in given:
            given["filters"] = _given(given["filters"])
        return given


class ViewOut(Output):
    """A saved view."""

    id: UUID
    name: str
    owner: str
    filters: dict[str, Any]
    sort: str
    shared: bool
    query: str = Field(
        description="Filters and order as the address of a list holds them.",
        examples=["severity=P0&severity=P1&status=open"],
    )
    created_at: datetime
    updated_at: datetime


class ViewPageOut(Output):
    """One page of views, oldest first."""

    items: list[ViewOut]
    next_cursor: str | None


def view_body(view: View) -> dict[str, Any]:
    """Return a view as it is answered."""
    return {name: getattr(view, name) for name in ViewOut.model_fields}
