"""``findings minimise``: how much of a fix the tests need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import click

from app.cli.commands.runs import look_again, wait_for
from app.cli.errors import EXIT_NO
from app.cli.files import save
from app.cli.output import Output
from app.cli.session import JsonFlag, Key, opened
from app.cli.signature import Argument, Option


def minimise(
    ctx: click.Context,
    key: Key,
    patch: Annotated[str, Argument(metavar="PATCH", help="Which patch: fix, and no other.")],
    budget: Annotated[
        int | None,
        Option(
            metavar="SECONDS", help="How long forms are tried, 120 by default.", min=1, max=3600
        ),
    ] = None,
    out: Annotated[
        str | None, Option("--out", metavar="FILE", help="Write the reduced patch there.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Try even forms whose result is known.")] = False,
    as_json: JsonFlag = None,
) -> None:
    """Reduce the fix of a ticket to what still makes the same tests pass.

    Hunks are left out, then blocks of changes, then lines, as long as the linked tests pass and no
    other test of the suite breaks. What is left and what fell away is printed; nothing is stored.
    The exit code is 0 when that was found.
    """
    given = {"budget_s": budget, "force": force or None}
    body: dict[str, Any] = {"kind": "minimise", "patch": patch}
    body |= {name: value for name, value in given.items() if value is not None}
    with opened(ctx, as_json=as_json) as session:
        run = session.client.post("tickets", key, "runs", body=body)
        with look_again(str(run.get("id"))):
            run = wait_for(session, run)
        found = run.get("minimised")
        if out is not None and found:
            save(iter([str(found.get("text")).encode()]), Path(out))
        if not session.out.printed_json(run):
            _show(session.out, run, found, out)
    if not found:
        raise click.exceptions.Exit(EXIT_NO)


def _show(
    out: Output, run: Mapping[str, Any], found: Mapping[str, Any] | None, file: str | None
) -> None:
    counts = found or {}
    out.fields(
        [
            ("run", run.get("id")),
            ("ticket", run.get("ticket")),
            ("outcome", run.get("outcome") or run.get("status")),
            ("reason", run.get("reason")),
            ("lines", _counts(counts.get("lines"))),
            ("hunks", _counts(counts.get("hunks"))),
            ("written", file if found else None),
        ]
    )
    if not found:
        return
    out.diff(str(found.get("text")))
    if found.get("fell_away"):
        out.remark("")
        out.remark("What fell away, as a diff on top of that:")
        out.diff(str(found.get("fell_away")))
        out.remark("")
        if found.get("lands"):
            name = file or "FILE"
            out.remark(
                f"Nothing was stored. To take it: findings patch put {run.get('ticket')} fix {name}"
            )
        else:
            out.remark("The fix has landed: what fell away could be taken out of the package.")


def _counts(found: Mapping[str, Any] | None) -> str | None:
    return None if not found else f"{found.get('after')} of {found.get('before')}"
