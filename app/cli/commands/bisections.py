"""``findings bisect``: which commit brought a defect in, and which took it away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import click

from app.cli.commands.runs import look_again, watched
from app.cli.errors import EXIT_NO
from app.cli.ids import whole_run_id
from app.cli.moments import moment
from app.cli.output import Output
from app.cli.progress import Bar
from app.cli.session import JsonFlag, opened
from app.cli.signature import Argument, Option
from app.cli.streams import ServerEvent
from app.cli.tables import Table

_ANSWERS = ("exact", "intervals")
_SIGNS = {"good": "+", "bad": "-", "skip": "?"}


def bisect(
    ctx: click.Context,
    key: Annotated[
        str | None, Argument(metavar="[KEY]", help="The ticket, like B2-DRL-10.")
    ] = None,
    fixed: Annotated[
        bool, Option("--fixed", help="Look for the commit that took the defect away.")
    ] = False,
    older: Annotated[
        str | None,
        Option("--from", metavar="REV", help="The older end; looked for when left out."),
    ] = None,
    newer: Annotated[
        str | None,
        Option("--to", metavar="REV", help="The newer end; what is in force when left out."),
    ] = None,
    first_parent: Annotated[
        bool, Option("--first-parent", help="Leave out the commits of merged branches.")
    ] = False,
    budget_s: Annotated[
        int | None, Option("--budget-s", metavar="N", help="End after so many seconds.")
    ] = None,
    budget_runs: Annotated[
        int | None, Option("--budget-runs", metavar="N", help="End after so many runs.")
    ] = None,
    shown: Annotated[
        str | None,
        Option("--show", metavar="ID", help="Go back to one that was begun before; no KEY."),
    ] = None,
    as_json: JsonFlag = None,
) -> None:
    """Find the commit that brought a defect in, or that fixed it.

    The ticket's tests of today run on revisions of its target, as few as halving needs. A revision
    is bad where they fail as they do at the bad end; what cannot be collected or fails otherwise
    is skipped. The exit code is 0 when the commit was found.

    Ctrl-C ends the waiting only: `--show` comes back to it.
    """
    if (shown is None) == (key is None):
        raise click.UsageError("Name a ticket, or one that was begun before with --show.")
    body: dict[str, Any] = {"direction": "fixed" if fixed else "introduced"}
    given: dict[str, Any] = {"from": older, "to": newer, "first_parent": first_parent or None}
    given |= {"budget_s": budget_s, "budget_runs": budget_runs}
    body |= {name: value for name, value in given.items() if value is not None}
    with opened(ctx, as_json=as_json) as session:
        if key is None:
            found = session.client.get("bisections", whole_run_id(session.client, str(shown)))
        else:
            found = session.client.post("tickets", key, "bisections", body=body)
        bar = Bar(f"Bisecting {found['ticket']}", None, passing=True)
        again = "findings bisect --show"
        with look_again(str(found["id"]), command=again, noun="bisection"):
            found = watched(session.client, found, bar, _hear, path="bisections")
        if not session.out.printed_json(found):
            _show(session.out, found)
    if found.get("outcome") not in _ANSWERS:
        raise click.exceptions.Exit(EXIT_NO)


def _hear(event: ServerEvent, bar: Bar) -> None:
    if event.kind == "step":
        bar.advance()
        seen = event.data.get("outcome") or "looked at again"
        bar.show(f"{str(event.data.get('revision'))[:10]} {seen}")
    elif event.kind == "left" and (commits := event.data.get("commits")):
        # Halving, and a look at what is named and at its parent once more.
        bar.expect(math.ceil(math.log2(commits)) + 2)
        bar.show(f"one of {commits} commits" if commits > 1 else "confirming")


def _show(out: Output, found: Mapping[str, Any]) -> None:
    told = {commit["id"]: commit for commit in found["revisions"]}
    first, last = found["first"], found["last"]
    confidence = found["confidence"]
    out.fields(
        [
            ("bisection", found["id"]),
            ("ticket", found["ticket"]),
            ("outcome", found["outcome"] or found["status"]),
            ("reason", found["reason"]),
            ("commit", _commit(told, last) if first == last else None),
            ("oldest", _commit(told, first) if first != last else None),
            ("newest", _commit(told, last) if first != last else None),
            *(
                ("stretch", f"{one['first'][:10]} to {(one['last'] or 'the end')[:10]}")
                for one in found["intervals"]
            ),
            ("confidence", None if confidence is None else f"{confidence:.3g}"),
            ("runs", found["runs"]),
        ]
    )
    latest = {step["revision"]: step for step in found["steps"]}
    rows = [
        (
            f"{_SIGNS[step['outcome']]} {step['outcome']}",
            step["revision"][:10],
            moment(step["at"]),
            step["subject"],
            step["reason"],
        )
        for step in sorted(latest.values(), key=lambda step: step["place"] or 0)
    ]
    columns = ("seen", "revision", "of", "subject", "why not")
    out.table(
        Table(
            columns,
            rows,
            cut="subject",
            may_go=("of", "why not"),
            title="Revisions looked at, the newest first",
        )
    )


def _commit(told: Mapping[str, Mapping[str, Any]], commit: str | None) -> str | None:
    if commit is None:
        return None
    known = told.get(commit)
    if known is None:
        return commit
    return f"{commit[:10]} {known['subject']} ({known['author']}, {str(known['at'])[:10]})"
