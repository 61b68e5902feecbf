"""Amendments: the merge patch of a ticket's document that a review may carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from app.domain.reviews import Review
from app.domain.tickets import (
    Category,
    ChecklistItem,
    Location,
    PartChange,
    Relation,
    RelationKind,
    ReportReference,
    Section,
    Severity,
)

SEVERITY_ONLY = frozenset({"severity"})
"""A change of content that no other review has to be read again for."""


def proposal_of(review: Review) -> Mapping[str, Any] | None:
    """Return the merge patch that applying `review` takes, or None when it proposes nothing.

    A review that names only a severity proposes just that.
    """
    if review.amendment is not None:
        return review.amendment
    if review.proposed_severity is not None:
        return {"severity": review.proposed_severity}
    return None


def changes_of(amendment: Mapping[str, Any]) -> dict[str, Any]:
    """Return an amendment, as JSON or a payload holds it, as new values by field of a document.

    It has the form that the service accepts: known fields, valid words.
    Null clears a field or empties a list.
    """
    return {name: _value(name, value) for name, value in amendment.items()}


def _value(name: str, value: Any) -> Any:
    match name:
        case "locations":
            return tuple(_part(Location, item) for item in value or ())
        case "sections":
            return tuple(_part(Section, item) for item in value or ())
        case "checklist":
            return tuple(_part(ChecklistItem, item) for item in value or ())
        case "relations":
            return tuple(_relation(item) for item in value or ())
        case "reports":
            return tuple(ReportReference(**item) for item in value or ())
        case "categories":
            return tuple(dict.fromkeys(Category(word) for word in value or ()))
        case "domains" | "commits":
            return tuple(dict.fromkeys(value or ()))
        case "severity":
            return Severity(value)
        case "reported_on":
            return date.fromisoformat(value) if isinstance(value, str) else value
        case _:
            return value


def _part(kind: Callable[..., Any], item: Mapping[str, Any]) -> Any:
    if item.get("id") is None:
        return kind(**item)
    return PartChange(item["id"], {name: value for name, value in item.items() if name != "id"})


def _relation(item: Mapping[str, Any]) -> Relation:
    kind = RelationKind(item.get("kind", RelationKind.RELATED))
    return Relation(key=item["key"], kind=kind, note=item.get("note"))
