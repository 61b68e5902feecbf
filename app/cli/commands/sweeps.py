"""``findings sweep``: look again at what was shown once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import click

from app.cli.commands.runs import WAIT_S
from app.cli.errors import EXIT_NO
from app.cli.moments import moment
from app.cli.session import JsonFlag, Session, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table

_OVER = ("finished", "cancelled")
_SHOWN = ("regressed", "repaired", "flaky", "held-by-decision", "not-applicable", "infrastructure")


def sweep(
    ctx: click.Context,
    target: Annotated[
        str | None, Argument(metavar="[TARGET]", help="Else the bundled one.")
    ] = None,
    revision: Annotated[
        str | None,
        Option("--revision", metavar="REV", help="Of a git target; else what is in force."),
    ] = None,
    wait: Annotated[
        bool, Option("--wait", help="Wait until it has ended, and tell what it says.")
    ] = False,
    as_json: JsonFlag = None,
) -> None:
    """Look again at every ticket of a target that tests are linked with.

    Tickets closed as fixed are opened again where a test fails each time. It comes by itself when
    the package changes. With `--wait` the exit code is 1 where something regressed.

    In a pipe: ticket, verdict, run and reason of what is not as it was, separated by tabs.
    """
    body = {k: v for k, v in {"target": target, "revision": revision}.items() if v is not None}
    with opened(ctx, as_json=as_json) as session:
        found = session.client.post("sweeps", body=body)
        if wait:
            found = _waited(session, found)
        if session.out.as_json:
            session.out.json(found)
        else:
            _show(session, found)
    if wait and (found.get("status") != "finished" or found.get("counts", {}).get("regressed")):
        raise click.exceptions.Exit(EXIT_NO)


def _waited(session: Session, found: dict[str, Any]) -> dict[str, Any]:
    while found.get("status") not in _OVER:
        found = session.client.get(
            "sweeps", str(found.get("id")), params={"wait": WAIT_S}, wait_s=WAIT_S
        )
    return found


def _show(session: Session, found: Mapping[str, Any]) -> None:
    counts = found.get("counts") or {}
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    session.out.fields(
        [
            ("sweep", found.get("id")),
            ("target", found.get("target")),
            ("revision", found.get("revision")),
            ("status", found.get("status")),
            ("reason", found.get("reason")),
            ("tickets", told or None),
            ("opened again", found.get("reopened")),
            ("finished", moment(found.get("finished_at"))),
        ]
    )
    if found.get("status") not in _OVER:
        return
    pages = session.client.pages(
        "sweeps", str(found.get("id")), "items", params={"verdict": list(_SHOWN)}, limit=None
    )
    rows = [
        (item.get("ticket"), item.get("verdict"), item.get("run"), item.get("reason"))
        for page in pages
        for item in page.get("items", ())
    ]
    session.out.table(
        Table(("ticket", "verdict", "run", "reason"), rows, title="What is not as it was")
        if rows
        else Table(("ticket", "verdict", "run", "reason"), ())
    )
