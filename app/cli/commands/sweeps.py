"""``findings sweep``: look again at what was shown once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import click

from app.cli.commands.runs import PAUSE_S, WAIT_S, look_again
from app.cli.errors import EXIT_NO
from app.cli.ids import is_beginning, whole_id
from app.cli.moments import moment
from app.cli.progress import Progress, rate
from app.cli.session import JsonFlag, Session, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table

_LOOK_S = 1
"""So often a person is told how it goes."""
_MOST_SEARCHED = 1000
"""Among so many sweeps, the newest, an id is looked for by its beginning."""
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
    shown: Annotated[
        str | None,
        Option("--show", metavar="ID", help="Go back to one that was begun before; no TARGET."),
    ] = None,
    as_json: JsonFlag = None,
) -> None:
    """Look again at every ticket of a target that tests are linked with.

    Tickets closed as fixed are opened again where a test fails each time. It comes by itself when
    the package changes. With `--wait` the exit code is 1 where something regressed.

    In a pipe: ticket, verdict, run and reason of what is not as it was, separated by tabs.
    """
    if shown is not None and (target or revision):
        raise click.UsageError("--show takes no target and no revision.")
    body = {k: v for k, v in {"target": target, "revision": revision}.items() if v is not None}
    with opened(ctx, as_json=as_json) as session:
        if shown is None:
            found = session.client.post("sweeps", body=body)
        else:
            found = session.client.get("sweeps", _whole(session, shown))
        if wait:
            with look_again(str(found["id"]), command="findings sweep --wait --show", noun="sweep"):
                found = _waited(session, found)
        if not session.out.printed_json(found):
            _show(session, found)
    if wait and (found.get("status") != "finished" or found.get("counts", {}).get("regressed")):
        raise click.exceptions.Exit(EXIT_NO)


def _whole(session: Session, given: str) -> str:
    if not is_beginning(given):
        return given
    pages = session.client.pages("sweeps", params={}, limit=_MOST_SEARCHED)
    ids = [str(one["id"]) for page in pages for one in page["items"]]
    return whole_id(ids, given, "sweep", "the page of sweeps")


def _waited(session: Session, found: dict[str, Any]) -> dict[str, Any]:
    """Return a sweep once it has ended; meanwhile what the last one took says what is left."""
    with Progress() as progress:
        before = _last_one(session, found) if progress.is_shown else None
        began = time.monotonic()
        while found.get("status") not in _OVER:
            gone_s = time.monotonic() - began if found.get("status") == "running" else 0.0
            progress.say(_progress_line(found, gone_s, before))
            wait_s = _LOOK_S if progress.is_shown else WAIT_S
            asked = time.monotonic()
            found = session.client.get(
                "sweeps", str(found.get("id")), params={"wait": wait_s}, wait_s=wait_s
            )
            if found.get("status") == "queued":
                began = time.monotonic()
            if found.get("status") not in _OVER and time.monotonic() - asked < PAUSE_S:
                time.sleep(PAUSE_S)
    return found


class _Before(NamedTuple):
    """What the last sweep of the same target ran, and how long it took."""

    tests: int
    seconds: float


def _last_one(session: Session, found: Mapping[str, Any]) -> _Before | None:
    params = {"target": [found.get("target")], "status": ["finished"], "limit": 1}
    for last in session.client.get("sweeps", params=params)["items"]:
        took = datetime.fromisoformat(last["finished_at"]) - datetime.fromisoformat(
            last["started_at"]
        )
        if took.total_seconds() > 0:
            return _Before(int(last["tests"]), took.total_seconds())
    return None


def _progress_line(found: Mapping[str, Any], gone_s: float, before: _Before | None) -> str:
    words = f"sweep of {found.get('target')}: {found.get('status')}"
    if found.get("status") != "running":
        return words
    if tests := found.get("tests"):
        words += f", {tests} tests"
    words += f", {gone_s:.0f} s"
    if before is None:
        return words
    expected_s = before.seconds * (tests / before.tests if tests and before.tests else 1.0)
    left_s = max(0.0, expected_s - gone_s)
    told = f"about {left_s:.0f} s left" if left_s >= 1 else "longer than the last one"
    return f"{words}, {told} at {rate(before.tests, before.seconds)}"


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
