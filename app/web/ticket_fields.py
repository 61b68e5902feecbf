"""A ticket's document as the fields of a form, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from app.domain.document import DOCUMENT
from app.domain.tickets import Ticket, TicketDraft
from app.errors import FieldError, InvalidInput
from app.web.forms import Sent

PARTS: Mapping[str, tuple[str, ...]] = {
    "locations": ("path", "start_line", "end_line", "symbol", "note"),
    "sections": ("heading", "body"),
    "checklist": ("text",),
}
"""Lists whose items are rows of a form, with the fields of a row."""

SPARE_ROWS: Mapping[str, int] = {"locations": 2, "sections": 1, "checklist": 3}
MOST_ROWS: Mapping[str, int] = {"locations": 200, "sections": 100, "checklist": 200}

FORM = {name: field for name, field in DOCUMENT.items() if field.is_in_form}
TEXTS = tuple(name for name, field in FORM.items() if not field.is_list)
LISTS = tuple(name for name, field in FORM.items() if field.is_list and name not in PARTS)
FIELDS = tuple(name for name in (*TEXTS, *LISTS, *PARTS) if name != "agent")
"""What an edit may change."""


def values_of(ticket: Ticket | TicketDraft) -> dict[str, Any]:
    """Return a document as a form shows it; what a draft has not is empty."""
    values: dict[str, Any] = {name: _text(getattr(ticket, name, None)) for name in TEXTS}
    for name in LISTS:
        values[name] = [str(word) for word in getattr(ticket, name, ())]
    for name, fields in PARTS.items():
        values[name] = [
            {"id": part.id, "done": getattr(part, "done", False)}
            | {f: _text(getattr(part, f)) for f in fields}
            for part in getattr(ticket, name)
        ]
    return values


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def values_in(sent: Sent) -> dict[str, Any]:
    """Return what a form holds, in the shape of `values_of`."""
    values: dict[str, Any] = {name: sent.text(name) for name in (*TEXTS, "key")}
    for name in LISTS:
        # Boxes that are ticked, or words of one line.
        ticked = [word for word in sent.lists.get(name, []) if word]
        values[name] = ticked if name == "categories" else sent.words(name)
    for name, fields in PARTS.items():
        values[name] = [
            row
            for n in range(MOST_ROWS[name])
            if (row := _row(sent, f"{name}-{n}", fields)) is not None
        ]
    return values


def _row(sent: Sent, prefix: str, fields: tuple[str, ...]) -> dict[str, Any] | None:
    found: dict[str, Any] = {f: sent.text(f"{prefix}-{f}") for f in fields}
    if not any(found.values()):
        return None
    found["id"] = sent.text(f"{prefix}-id") or None
    found["done"] = sent.text(f"{prefix}-done") == "true"
    return found


def digest(value: Any) -> str:
    """Return what tells whether a field of the form was touched."""
    return hashlib.sha256(repr(_normal(value)).encode("utf-8", "replace")).hexdigest()[:16]


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return sorted((name, str(_normal(part))) for name, part in value.items() if part)
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return value


def touched(sent: Sent, values: Mapping[str, Any]) -> list[str]:
    """Return the fields that differ from what the form showed when it was opened."""
    return [name for name in FIELDS if digest(values[name]) != sent.text(f"was-{name}")]


def body_of(values: Mapping[str, Any], names: tuple[str, ...] | list[str]) -> dict[str, Any]:
    """Return fields of a form as the API's payloads take them.

    Raises:
        InvalidInput: a number is none.
    """
    body: dict[str, Any] = {}
    for name in names:
        value = values[name]
        if name in PARTS:
            body[name] = [_part(name, n, row) for n, row in enumerate(value)]
        elif name == "batch":
            body[name] = _number("batch", value)
        elif not (DOCUMENT[name].is_required or DOCUMENT[name].is_list):
            body[name] = value or None
        else:
            body[name] = value
    return body


def _part(name: str, n: int, row: Mapping[str, Any]) -> dict[str, Any]:
    kept = row.get("id")
    nothing = None if name == "locations" else ""
    # Of a part that is kept, a field that is left out would stay as it was.
    part: dict[str, Any] = {f: row[f] or nothing for f in PARTS[name] if row[f] or kept}
    for line in ("start_line", "end_line"):
        if part.get(line) is not None:
            part[line] = _number(f"{name}/{n}/{line}", part[line])
    if name == "sections":
        part.setdefault("body", "")
    if name == "checklist":
        part["done"] = row["done"]
    if kept:
        part["id"] = kept
    return part


def _number(pointer: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 12:
        return int(text)
    name = pointer.rpartition("/")[2]
    raise InvalidInput(
        FieldError(f"/{pointer}", f"{name} should be a whole number, not {text[:20]!r}")
    )
