"""``findings strength`` and ``findings mutant``: what a ticket's tests would miss, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import click

from app.cli.commands.runs import look_again, until_ended, watched
from app.cli.errors import EXIT_NO, Refused, UsageProblem
from app.cli.progress import Bar, resumable
from app.cli.session import JsonFlag, JsonSession, Key, Session, opened
from app.cli.signature import Argument, Option
from app.cli.streams import ServerEvent
from app.cli.tables import Table
from app.cli.views import strength as view

_REPEAT = "Go on with the same command: what is measured is not run again"
_ENOUGH = 8
"""So many characters of a digest are asked for at least."""


def measure(
    ctx: click.Context,
    key: Annotated[
        str | None, Argument(metavar="[KEY]", help="The ticket, like B2-DRL-10.")
    ] = None,
    every: Annotated[
        bool, Option("--all", help="Every ticket whose evidence is proven; no KEY.")
    ] = False,
    budget: Annotated[
        int | None,
        Option(metavar="SECONDS", help="How long mutants are run, 60 by default.", min=1, max=3600),
    ] = None,
    scope: Annotated[
        str | None, Option(metavar="WORD", help="function (default) or file.", complete="scope")
    ] = None,
    force: Annotated[bool, Option("--force", help="Run even those whose result is known.")] = False,
    as_json: JsonFlag = None,
) -> None:
    """Measure which small changes of what a ticket is about its tests notice.

    The functions that the ticket names or its patches touch are changed, one place at a time, and
    the linked tests run on each. Survivors are printed as diffs, at most seven. The exit code is 0
    when the run measured something; with `--all`, when it did for each ticket.
    """
    if every == (key is not None):
        raise click.UsageError("Name a ticket, or ask for --all.")
    given = {"budget_s": budget, "scope": scope, "force": force or None}
    body = {"kind": "strength"} | {k: v for k, v in given.items() if v is not None}
    with opened(ctx, as_json=as_json) as session:
        measured = _all(session, body) if key is None else _one(session, key, body)
    if not measured:
        raise click.exceptions.Exit(EXIT_NO)


def judge_mutant(
    session: JsonSession,
    key: Key,
    digest: Annotated[
        str, Argument(metavar="MUTANT", help="Its digest, or the beginning, as it is printed.")
    ],
    verdict: Annotated[
        str,
        Argument(
            metavar="VERDICT",
            help="equivalent: it changes nothing; accepted: no test is wanted for it.",
            complete="mutant-verdict",
        ),
    ],
    because: Annotated[
        str | None, Option("--because", metavar="TEXT", help="Why; required.")
    ] = None,
) -> None:
    """Say of a survivor that it changes nothing, or that no test is wanted for it.

    The verdict holds in later runs too, as long as the function stays as it is.
    """
    if not (because or "").strip():
        raise click.UsageError("Say why with --because.")
    whole = _whole_digest(session, key, digest)
    told = {"verdict": verdict, "reason": because}
    mutant = session.client.send("PUT", "mutants", whole, "verdict", body=told)
    if not session.out.printed_json(mutant):
        view.mutant(session.out, mutant)


def _one(session: Session, key: str, body: Mapping[str, Any]) -> bool:
    run = session.client.post("tickets", key, "runs", body=body)
    with look_again(str(run.get("id"))):
        run = watched(session.client, run, Bar(f"Mutants of {key}", None, passing=True), _hear)
    if not session.out.printed_json(run):
        found = _mutants(session, str(run.get("id")), outcome="survived")
        view.measured(session.out, run, found)
    return run.get("outcome") == "measured"


def _all(session: Session, body: Mapping[str, Any]) -> bool:
    """Queue a run for each proven ticket, then wait for one after the other; weakest first."""
    pages = session.client.pages("tickets", params={"evidence": "proven"}, limit=None)
    keys = [str(ticket.get("key")) for page in pages for ticket in page.get("items", ())]
    asked: list[tuple[str, dict[str, Any] | None, str]] = []
    for key in keys:
        try:
            asked.append((key, session.client.post("tickets", key, "runs", body=body), ""))
        except Refused as refused:
            asked.append((key, None, refused.detail))
    rows: list[dict[str, Any]] = []

    def so_far() -> str:
        return f"stopped waiting: {len(rows)} of {len(asked)} tickets are measured, the runs go on"

    with resumable(so_far, _REPEAT), Bar("Measuring", len(asked)) as bar:
        for key, run, refusal in asked:
            bar.show(key)
            ended = run
            if run is not None:
                ended = until_ended(session.client, run, lambda _: None)
            rows.append(view.row(key, ended, refusal))
            bar.advance()
    rows.sort(key=lambda one: (one["value"] is None, one["value"] or 0.0, one["key"]))
    if not session.out.printed_json({"items": rows}):
        listed = [tuple(one[name] for name in view.COLUMNS) for one in rows]
        session.out.table(Table(view.COLUMNS, listed, title="Strength of proofs, weakest first"))
    return all(one["outcome"] == "measured" for one in rows)


def _hear(event: ServerEvent, bar: Bar) -> None:
    if event.kind == "mutants":
        bar.expect(int(event.data.get("planned") or 0) - bar.done)
    elif event.kind == "mutant" and event.data.get("suite_killed_by"):
        bar.show("asking the rest of the suite")
    elif event.kind == "mutant":
        bar.advance()
        bar.show(f"{event.data.get('path')}:{event.data.get('line')} {event.data.get('outcome')}")


def _whole_digest(session: Session, key: str, beginning: str) -> str:
    """Return the digest of the ticket's mutant that begins so."""
    if len(beginning) < _ENOUGH:
        raise UsageProblem(f"{beginning} is too short", f"Give {_ENOUGH} characters or more")
    strength = session.client.get("tickets", key).get("strength")
    if not strength:
        raise UsageProblem(
            f"the strength of {key} was not measured", f"Run findings strength {key}"
        )
    found = _mutants(session, str(strength.get("run")))
    matching = {str(one.get("digest")) for one in found}
    matching = {one for one in matching if one.startswith(beginning.lower())}
    if len(matching) != 1:
        told = "no mutant" if not matching else f"{len(matching)} mutants"
        raise UsageProblem(
            f"{told} of {key} has a digest that begins with {beginning}",
            f"findings strength {key} prints those that survive",
        )
    return matching.pop()


def _mutants(session: Session, run_id: str, **params: str) -> list[Mapping[str, Any]]:
    pages: Iterable[Mapping[str, Any]] = session.client.pages(
        "runs", run_id, "mutants", params=params, limit=None
    )
    return [mutant for page in pages for mutant in page.get("items", ())]
