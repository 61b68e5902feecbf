"""Imports out."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from app.api.payloads.fields import Output
from app.domain.documents import ImportItem, ImportResult


class ImportItemOut(Output):
    """What became of one document."""

    source_path: str | None
    key: str | None = Field(description="The ticket that the document belongs to.")
    result: ImportResult
    line: int | None = Field(description="Where the reason stands, from 1.")
    reason: str | None = Field(description="Why it was not taken, and how to mend it.")
    warnings: list[str] = Field(
        description="What is odd; `moved` for a document that lies elsewhere now, `drift: …` "
        "where folder and status disagree."
    )
    changes: dict[str, Any] = Field(
        description="`[before, after]` of each field that changed, or that is in conflict; of long "
        "lists ten items that differ, of texts the first 200 characters."
    )


class ImportOut(Output):
    """What became of each document, in their order."""

    items: list[ImportItemOut]
    layout: str | None = Field(None, description="With `layout=guess`: the proposed one, as TOML.")


class DocumentReviewOut(Output):
    """A cross-review as its document words it."""

    reviewer: str
    reviewer_raw: str | None
    verdict: str
    verdict_raw: str
    text: str
    date: str | None


class VerificationItemOut(Output):
    """An item of the verification check-list."""

    text: str
    done: bool


class RelatedOut(Output):
    """A reference to another ticket."""

    id: str
    relationship: str | None


class DocumentOut(Output):
    """A ticket as its document words it."""

    source_path: str | None
    id: str
    title: str
    severity: str | None
    status_raw: str | None
    status: str | None
    batch: int | None
    agent: str | None
    domains: list[str]
    assignee: str | None
    created: date | str | None
    updated: date | str | None
    files: list[str]
    lines: str | None
    symbol: str | None
    summary: str | None
    categories: list[str]
    reviews: list[DocumentReviewOut]
    verification_items: list[VerificationItemOut]
    related: list[RelatedOut]
    has_resolution: bool
    commits: list[str]
    section_headings: list[str]


def import_body(items: list[ImportItem], layout: str | None = None) -> dict[str, Any]:
    """Return the report of an import."""
    return {"items": items} if layout is None else {"items": items, "layout": layout}
