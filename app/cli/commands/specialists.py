"""``findings specialist``: the points of view that reviews are written from."""

from __future__ import annotations

from typing import Annotated, Any

import click

from app.cli.errors import UsageProblem
from app.cli.session import JsonSession, Session
from app.cli.signature import Argument, Option
from app.cli.tables import Table

_BLIND_HELP = "Who speaks for it sees others' verdicts on a ticket once its own is in."


def list_specialists(session: JsonSession) -> None:
    """List the specialists, with the code that stands in keys of their tickets."""
    found = session.client.get("specialists")
    if session.out.printed_json(found):
        return
    columns = ("name", "code", "label", "reviews blind")
    rows = [_row(one) for one in found["items"]]
    session.out.table(Table(columns, rows, cut="label", may_go=("label",)))


def add_specialist(
    session: JsonSession,
    name: Annotated[str, Argument(metavar="NAME", help="Like security.")],
    code: Annotated[
        str, Option(metavar="LETTERS", help="Two to five capitals for keys; required.")
    ] = "",
    label: Annotated[
        str | None, Option(metavar="TEXT", help="What people read; the name when left out.")
    ] = None,
    blind: Annotated[bool, Option("--blind", help=_BLIND_HELP)] = False,
) -> None:
    """Add a specialist; from now on tickets can be filed and reviewed as it."""
    if not code:
        raise click.UsageError("Give the letters for its tickets' keys with --code, like SEC.")
    body = {"name": name, "code": code, "label": label or name, "blind": blind}
    _show(session, session.client.post("specialists", body=body))


def edit_specialist(
    session: JsonSession,
    name: Annotated[str, Argument(metavar="NAME", help="The specialist.", complete="specialist")],
    label: Annotated[str | None, Option(metavar="TEXT", help="What people read.")] = None,
    blind: Annotated[bool, Option("--blind", help=_BLIND_HELP)] = False,
    not_blind: Annotated[
        bool, Option("--not-blind", help="They see all verdicts, as by default.")
    ] = False,
) -> None:
    """Change how a specialist is called, or whether those who speak for it review blind."""
    if blind and not_blind:
        raise click.UsageError("Give --blind or --not-blind, not both.")
    body: dict[str, Any] = {} if label is None else {"label": label}
    if blind or not_blind:
        body["blind"] = blind
    if not body:
        raise UsageProblem("there is nothing to change", "Give --label, --blind or --not-blind")
    _show(session, session.client.send("PATCH", "specialists", name, body=body))


def _show(session: Session, specialist: dict[str, Any]) -> None:
    if session.out.printed_json(specialist):
        return
    session.out.fields(
        [
            ("name", specialist.get("name")),
            ("code", specialist.get("code")),
            ("label", specialist.get("label")),
            ("reviews blind", "yes" if specialist.get("blind") else "no"),
        ]
    )


def _row(specialist: dict[str, Any]) -> tuple[object, ...]:
    blind = "yes" if specialist.get("blind") else ""
    return specialist.get("name"), specialist.get("code"), specialist.get("label"), blind
