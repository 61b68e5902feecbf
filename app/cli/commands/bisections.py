"""``findings bisect``: which commit brought a defect in, and which took it away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import click

from app.cli.commands.runs import look_again, until_ended
from app.cli.errors import EXIT_NO
from app.cli.moments import moment
from app.cli.output import Output
from app.cli.progress import Progress
from app.cli.session import JsonFlag, opened
from app.cli.signature import Argument, Option
from app.cli.tables import Table

_ANSWERS = ("exact", "intervals")
_SIGNS = {"good": "+", "bad": "-", "skip": "?"}


def bisect(
    ctx: click.Context,
    key: Annotated[str, Argument(metavar="KEY", help="The ticket, like B2-DRL-10.")],
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
    as_json: JsonFlag = None,
) -> None:
    """Find the commit that brought a defect in, or that fixed it.

    The ticket's tests of today run on revisions of its target, as few as halving needs. A revision
    is bad where they fail as they do at the bad end; what cannot be collected or fails otherwise
    is skipped. The exit code is 0 when the commit was found.
    """
    body: dict[str, Any] = {"direction": "fixed" if fixed else "introduced"}
    given: dict[str, Any] = {"from": older, "to": newer, "first_parent": first_parent or None}
    given |= {"budget_s": budget_s, "budget_runs": budget_runs}
    body |= {name: value for name, value in given.items() if value is not None}
    with opened(ctx, as_json=as_json) as session:
        found = session.client.post("tickets", key, "bisections", body=body)
        with look_again(str(found.get("id"))), Progress() as progress:

            def tell(now: Mapping[str, Any]) -> None:
                progress.say(f"bisection of {key}: {now['status']}, {now['runs']} runs")

            found = until_ended(session.client, found, tell, path="bisections", wait_s=1)
        if session.out.as_json:
            session.out.json(found)
        else:
            _show(session.out, found)
    if found.get("outcome") not in _ANSWERS:
        raise click.exceptions.Exit(EXIT_NO)


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
        for step in sorted(latest.values(), key=lambda step: str(step["at"]), reverse=True)
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
