"""``findings verify`` and ``findings run``: run a ticket's tests and read what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import click

from app.cli.browser import Web, open_page
from app.cli.errors import EXIT_NO, CliError, Refused, Stopped, Unreachable
from app.cli.ids import whole_run_id
from app.cli.progress import Bar, Progress
from app.cli.session import Everything, JsonFlag, JsonSession, Limit, Session, opened
from app.cli.signature import Argument, Option
from app.cli.streams import ServerEvent, follow
from app.cli.tables import Table
from app.cli.views import runs as view

if TYPE_CHECKING:
    from app.cli.client import Client

WAIT_S = 25
"""How long one look waits at the service for a run to end."""

PAUSE_S = 0.2
"""Between looks, should something on the way answer at once instead of waiting."""

RunId = Annotated[str, Argument(metavar="RUN", help="Its id, or the beginning of it.")]
_Words = list[str] | None


def verify(
    ctx: click.Context,
    key: Annotated[
        str | None, Argument(metavar="[KEY]", help="The ticket, like B2-DRL-10.")
    ] = None,
    proof: Annotated[
        bool,
        Option("--proof", help="Show that the tests fail on the defect and pass on the package."),
    ] = False,
    repeat: Annotated[
        int | None, Option(metavar="N", help="How often each test runs, 1 to 10.")
    ] = None,
    test: Annotated[
        list[str] | None,
        Option(
            "--test", metavar="NODE_ID", help="Only this linked test; decides nothing. Repeatable."
        ),
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Run even where an earlier result could be reused.")
    ] = False,
    before: Annotated[
        str | None,
        Option(
            "--before",
            metavar="REV",
            help="With --proof, of a git target: the tests must fail at this revision.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        Option("--after", metavar="REV", help="And pass at this one; else what is in force."),
    ] = None,
    revision: Annotated[
        str | None,
        Option("--revision", metavar="REV", help="Check this revision of a git target."),
    ] = None,
    stale: Annotated[
        bool,
        Option("--stale", help="Queue a run for every ticket whose evidence is stale; no KEY."),
    ] = False,
    watch: Annotated[
        bool, Option("--watch", help="Print each test and what it prints as it happens.")
    ] = False,
    as_json: JsonFlag = None,
) -> None:
    """Run the tests of a ticket and wait for the result.

    A check runs them on the bundled package; a proof runs them on a defective package, where they
    must fail, and on the sound one. Two revisions of a git target are such packages, too: name
    them with --before and --after, or the ticket by its commits. The exit code is 0 only when the
    check passed or the proof holds for what is in force.

    With `--stale` every ticket with stale evidence gets a run of the kind that decided it, and is
    listed; nothing waits for the results. Closed tickets stay closed.
    """
    if stale == (key is not None):
        raise click.UsageError("Name a ticket, or ask for --stale.")
    if key is None:
        with opened(ctx, as_json=as_json) as session:
            if not _queue_stale(session):
                raise click.exceptions.Exit(EXIT_NO)
        return
    body: dict[str, Any] = {"kind": "proof" if proof else "check"}
    given = {"repeat": repeat, "tests": test or None, "force": force or None}
    revisions = {"before": before, "after": after, "revision": revision}
    body |= {k: v for k, v in {**given, **revisions}.items() if v is not None}
    with opened(ctx, as_json=as_json) as session:
        run = session.client.post("tickets", key, "runs", body=body)
        with look_again(str(run.get("id"))):
            if watch:
                _print_events(session, str(run.get("id")))
            run = wait_for(session, run)
        ticket = session.client.get("tickets", key)
        if not session.out.printed_json(run):
            view.show_run(session.out, run, ticket=ticket)
    if run.get("outcome") not in view.GOOD or _is_lost_again(run, ticket):
        raise click.exceptions.Exit(EXIT_NO)


def _is_lost_again(run: Mapping[str, Any], ticket: Mapping[str, Any]) -> bool:
    """Tell whether history proves the fix, and what is in force has lost it."""
    evidence = ticket.get("evidence") or {}
    return evidence.get("run") == run.get("id") and evidence.get("state") == "regressed"


def _queue_stale(session: Session) -> bool:
    """Queue a run for each ticket whose evidence is stale and list them; True: all were taken."""
    found = session.client.pages("tickets", params={"stale": "true"}, limit=None)
    rows = [_queued(session, ticket) for page in found for ticket in page.get("items", ())]
    if not session.out.printed_json({"items": rows}):
        names = ("key", "status", "evidence", "run", "result")
        listed = [tuple(row[name] for name in names) for row in rows]
        session.out.table(Table(names, listed, title="Tickets with stale evidence"))
    return all(row["run"] for row in rows)


def _queued(session: Session, ticket: Mapping[str, Any]) -> dict[str, Any]:
    """Queue a run of the kind that decided a ticket's evidence."""
    key, state = str(ticket.get("key")), ticket.get("evidence", {}).get("state")
    row = {"key": key, "status": ticket.get("status"), "evidence": state, "run": None}
    kind = "proof" if state in _PROOFS else "check"
    try:
        run = session.client.post("tickets", key, "runs", body={"kind": kind})
    except Refused as refused:
        return row | {"result": refused.detail}
    return row | {"run": run.get("id"), "result": f"{kind} queued"}


_PROOFS = ("proven", "fix-ready", "cannot-fail")
"""Evidence that only a proof gives."""


def wait_for(session: Session, run: dict[str, Any]) -> dict[str, Any]:
    """Return the run once it has ended, telling a person meanwhile how it goes."""
    with Progress() as progress:
        return until_ended(session.client, run, progress.show)


def until_ended(
    client: Client,
    run: dict[str, Any],
    tell: Callable[[Mapping[str, Any]], None],
    *,
    path: str = "runs",
    wait_s: float = WAIT_S,
) -> dict[str, Any]:
    """Return a run, or what goes on like one, once it has ended; `tell` hears before each look."""
    while run.get("status") not in view.ENDED:
        tell(run)
        asked = time.monotonic()
        run = client.get(path, str(run.get("id")), params={"wait": wait_s}, wait_s=wait_s)
        if run.get("status") not in view.ENDED and time.monotonic() - asked < PAUSE_S:
            time.sleep(PAUSE_S)
    return run


def watched(
    client: Client,
    run: dict[str, Any],
    bar: Bar,
    hear: Callable[[ServerEvent, Bar], None],
    *,
    path: str = "runs",
) -> dict[str, Any]:
    """Return a run, or what goes on like one, once it has ended; `bar` shows how it comes on.

    `hear` takes its events and moves the bar; where nobody looks they are not asked for.
    """
    with bar:
        if bar.is_shown and run.get("status") not in view.ENDED:
            bar.show(str(run.get("status")))
            for event in follow(client, path, str(run.get("id")), "events"):
                if event.kind == "status":
                    waits = event.data.get("reason") or event.data.get("status")
                    bar.show("" if event.data.get("status") == "running" else str(waits))
                hear(event, bar)
        return until_ended(client, run, lambda _: None, path=path)


def _print_events(session: Session, run_id: str) -> None:
    """Print what is seen of a run until it ends; the result comes after."""
    session.out.live()
    for event in follow(session.client, "runs", run_id, "events"):
        data = event.data
        match event.kind:
            case "test":
                words = [data.get("arm"), data.get("outcome"), data.get("node_id")]
            case "log":
                words = [f"[{data.get('arm')}]", data.get("text")]
            case _:
                words = [data.get("status"), data.get("outcome")]
        if not session.out.as_json:
            session.out.line(" ".join(str(word) for word in words if word))


@contextmanager
def look_again(
    run_id: str, *, command: str = "findings run show", noun: str = "run"
) -> Iterator[None]:
    """Say how to come back to a run, or to what goes on like one, when waiting ends early."""
    again = f"Look again with `{command} {run_id}`"
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped waiting; the {noun} goes on",
            again if noun == "sweep" else f"{again}, or end it with `findings run cancel {run_id}`",
        ) from None
    except Unreachable as error:
        raise Unreachable(error.detail, f"The {noun} may go on. {again}") from None
    except CliError as error:
        error.remedy = f"{error.remedy} {again}".strip()
        raise


def show_run(
    session: JsonSession,
    run_id: RunId,
    wait: Annotated[bool, Option("--wait", help="Wait until it has ended.")] = False,
    by_hand: Annotated[
        bool, Option("--by-hand", help="With the commands that repeat it; a pipe always gets them.")
    ] = False,
    web: Web = False,
) -> None:
    """Show a run with the outcome of each test in each arm."""
    run_id = whole_run_id(session.client, run_id)
    if web:
        open_page(session, "runs", run_id)
        return
    run = session.client.get("runs", run_id)
    if wait:
        with look_again(run_id):
            run = wait_for(session, run)
    if not session.out.printed_json(run):
        ticket = session.client.get("tickets", str(run.get("ticket")))
        by_hand |= not session.out.terminal
        view.show_run(session.out, run, ticket=ticket, by_hand=by_hand)


def list_runs(
    session: JsonSession,
    ticket: Annotated[_Words, Option(metavar="KEY", help="Repeatable, as all.")] = None,
    status: Annotated[
        _Words,
        Option(
            metavar="WORD",
            help="queued, running, finished or cancelled.",
            complete="run-status",
        ),
    ] = None,
    outcome: Annotated[
        _Words,
        Option(metavar="WORD", help="Like passed, failed or proven.", complete="run-outcome"),
    ] = None,
    kind: Annotated[
        _Words, Option(metavar="WORD", help="check, proof or strength.", complete="run-kind")
    ] = None,
    target: Annotated[_Words, Option(metavar="NAME", help="Of which target.")] = None,
    requested_by: Annotated[_Words, Option(metavar="NAME", help="Who asked for it.")] = None,
    limit: Limit = 50,
    everything: Everything = False,
    web: Web = False,
) -> None:
    """List runs, newest first.

    In a pipe: run, ticket, kind, status, outcome, asked by and queued, separated by tabs.
    """
    params = {
        "ticket": ticket,
        "status": status,
        "outcome": outcome,
        "kind": kind,
        "target": target,
        "requested_by": requested_by,
    }
    if web:
        open_page(session, "runs", params=params)
        return
    session.list(
        "runs",
        params=params,
        limit=None if everything else limit,
        table=view.LIST,
        row=view.list_row,
    )


def list_results(
    session: JsonSession,
    run_id: RunId,
    arm: Annotated[_Words, Option(metavar="NAME", help="Like before or after. Repeatable.")] = None,
    outcome: Annotated[
        _Words,
        Option(metavar="WORD", help="Like failed or skipped. Repeatable.", complete="test-outcome"),
    ] = None,
    limit: Limit = 50,
    everything: Everything = False,
) -> None:
    """List the results of a run, arm by arm; a run of thousands is shown with some of them.

    In a pipe: arm, test, outcome, cause, where it failed and its message, separated by tabs.
    """
    session.list(
        "runs",
        whole_run_id(session.client, run_id),
        "results",
        params={"arm": arm, "outcome": outcome},
        limit=None if everything else limit,
        table=view.RESULTS,
        row=view.result_row,
    )


def cancel_run(session: JsonSession, run_id: RunId) -> None:
    """Cancel a run; what its worker has started is stopped."""
    run = session.client.post("runs", whole_run_id(session.client, run_id), "cancel")
    if not session.out.printed_json(run):
        session.out.remark(f"Run {run.get('id')} is {run.get('status')}.")
