"""A ticket to be filed: from a file, from options, from answers to questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import click

from app.cli.errors import UsageProblem
from app.cli.inputs import read_table, read_text
from app.cli.signature import Option, Options
from app.cli.text import visible
from app.cli.words import KINDS
from app.domain.document import DOCUMENT, SEVERITIES, Field

OF_EXAMPLES = ("repository", "after", "expect", "run", "not_testable", "tests", "patches", "step")
"""What a file of an example may hold beside the ticket and its reviews."""

REQUIRED = tuple(name for name, field in DOCUMENT.items() if field.is_required)

_LOCATION = re.compile(
    r"(?P<path>[^#]*?)(?::(?P<start>\d{1,9})(?:-(?P<end>\d{1,9}))?)?(?:#(?P<symbol>.+))?"
)


def ticket_in(source: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the ticket in a file, and the reviews beside it.

    The file holds the ticket's fields, or a table ``ticket`` with them and a list ``reviews``.
    What else an example holds, from its tests to the step that settles it, is not read here.

    Raises:
        UsageProblem: it is laid out in another way.
    """
    found = read_table(source)
    if "ticket" not in found:
        return found, []
    ticket, reviews = found["ticket"], found.get("reviews", [])
    unknown = sorted(set(found) - {"ticket", "reviews", *OF_EXAMPLES})
    if unknown or not isinstance(ticket, dict) or not isinstance(reviews, list):
        raise UsageProblem(
            f"{visible(source)} should hold a table [ticket] and, if any, tables [[reviews]]"
            + (f"; unknown: {visible(', '.join(unknown))}" if unknown else "")
        )
    return ticket, reviews


def location(text: str) -> dict[str, Any]:
    """Return the place that ``PATH[:LINE[-LINE]][#SYMBOL]`` stands for."""
    match = _LOCATION.fullmatch(text)
    if match is None or not any((match["path"], match["symbol"])):
        raise UsageProblem(
            f"{visible(text)!r} is no place in the code",
            "Write it as PATH, PATH:LINE, PATH:LINE-LINE or any of them with #SYMBOL behind",
        )
    start, end = match["start"], match["end"]
    place = {
        "path": match["path"] or None,
        "start_line": int(start) if start else None,
        "end_line": int(end or start) if start else None,
        "symbol": match["symbol"],
    }
    return {name: value for name, value in place.items() if value is not None}


def section(text: str) -> dict[str, str]:
    """Return the section that ``HEADING=TEXT`` or ``HEADING=@FILE`` stands for."""
    heading, found, body = text.partition("=")
    if not found:
        raise UsageProblem(
            f"{visible(text)!r} is no section", "Write it as HEADING=TEXT or HEADING=@FILE"
        )
    return {"heading": heading, "body": read_text(body[1:]) if body.startswith("@") else body}


def relation(text: str) -> dict[str, str]:
    """Return the relation that ``KEY`` or ``KIND:KEY`` stands for."""
    kind, found, key = text.partition(":")
    return {"kind": kind, "key": key} if found else {"key": text}


def report(text: str) -> dict[str, str]:
    """Return the report reference that ``FILE`` or ``FILE#SECTION`` stands for."""
    file, found, part = text.partition("#")
    return {"file": file, "section": part} if found else {"file": file}


def _item(text: str) -> dict[str, str]:
    return {"text": text}


_READ: Mapping[str, Callable[[str], Any]] = {
    "locations": location,
    "sections": section,
    "checklist": _item,
    "relations": relation,
    "reports": report,
}
"""What an option's value stands for, by the kind of its field."""
_LIST: Any = list


def _option(name: str, field: Field, more: str = "") -> Any:
    option = field.option or name
    kind: Any = int if field.kind == "number" else str
    return Annotated[
        _LIST[kind] if field.is_list else kind,
        Option(
            f"--{option.replace('_', '-')}",
            metavar=field.metavar,
            help=f"{field.meaning}{more}{' Repeatable.' if field.is_list else ''}",
            complete=KINDS.get(option, ""),
        ),
    ]


class NewFields(Options):
    """The fields of a ticket that is filed."""

    declared: ClassVar[Mapping[str, Any]] = {
        name: _option(name, field) for name, field in DOCUMENT.items() if field.is_filed
    }


class ChangedFields(Options):
    """The fields of a ticket that one option can say."""

    declared: ClassVar[Mapping[str, Any]] = {
        name: _option(
            name,
            field,
            " Instead of those it has."
            if field.is_list
            else ""
            if field.is_required
            else " '' for none.",
        )
        for name, field in DOCUMENT.items()
        if field.kind not in _READ
    }


def given(fields: NewFields) -> dict[str, Any]:
    """Return what options say of a new ticket, as the service takes it."""
    return {
        name: [_READ[name](one) for one in value] if name in _READ else value
        for name, value in fields.items()
        if value not in (None, [])
    }


def changed(fields: ChangedFields) -> dict[str, Any]:
    """Return what options change of a ticket, as a merge patch; an empty text clears a field."""
    return {
        name: None if value == "" and not DOCUMENT[name].is_required else value
        for name, value in fields.items()
        if value is not None
    }


def missing(draft: dict[str, Any]) -> Sequence[str]:
    """Return the required fields that `draft` does not have."""
    return [name for name in REQUIRED if draft.get(name) in (None, "")]


def ask_for(draft: dict[str, Any]) -> None:
    """Ask a person for the required fields that are missing."""
    for name in missing(draft):
        if name == "severity":
            for word, means in SEVERITIES.items():
                click.echo(f"{word}  {means}", err=True)
        kind = int if name == "batch" else str
        draft[name] = click.prompt(name.capitalize(), type=kind, err=True)


def require_complete(draft: dict[str, Any]) -> None:
    """Check that a draft has what every ticket needs.

    Raises:
        UsageProblem: something is missing.
    """
    absent = missing(draft)
    if absent:
        options = ", ".join(f"--{name}" for name in absent)
        raise UsageProblem(
            f"the ticket has no {', '.join(absent)}", f"Give {options}, or a file that holds it"
        )
