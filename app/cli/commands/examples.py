"""``findings load-examples``: a tracker full of tickets whose claims have been run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import click

from app.cli.commands.runs import until_ended
from app.cli.errors import EXIT_NO, NotAllowed, Refused, Stopped, Unreachable
from app.cli.examples import EXAMPLES, Example, Loaded, load, read_examples, settle
from app.cli.output import Output, say
from app.cli.patches import DEFECTS
from app.cli.progress import Bar, resumable
from app.cli.server import serves_from_here
from app.cli.service_targets import add_copy
from app.cli.session import JsonFlag, Session, opened
from app.cli.signature import Option
from app.cli.tables import Table

ROLES = ("maintainer", "admin")
"""Who may record reviews of every specialist and store patches."""

_TAKEN_UP_S = 10.0
"""Within so many seconds the service has read that a target was declared."""

_REPEAT = "Repeat the command to wait for the rest"


def load_examples(
    ctx: click.Context,
    folder: Annotated[
        Path | None,
        Option("--from", metavar="DIR", help="Where the tickets lie, else the shipped ones."),
    ] = None,
    defects: Annotated[
        Path | None,
        Option(metavar="DIR", help="Where the defect patches lie, else the suite's own."),
    ] = None,
    no_run: Annotated[bool, Option("--no-run", help="File only, run no proof.")] = False,
    as_json: JsonFlag = None,
) -> None:
    """File the example tickets with reviews, tests and patches, and run them all.

    Safe to repeat: what is there stays as it is, and only what is missing is added. It needs a
    maintainer's token. The exit code is 0 when every run ended as its example expects. Each ticket
    is printed when it is done.

    In a pipe: key, what was done, outcome of the run and the reason, separated by tabs.
    """
    examples = read_examples(folder or EXAMPLES)
    with opened(ctx, as_json=as_json) as session:
        _require_maintainer(session)
        examples = _placed(session, examples)
        loaded = []
        bar = Bar("Filing", len(examples))
        with resumable(lambda: f"stopped: {bar.done} of {len(examples)} are filed", _REPEAT), bar:
            for example in examples:
                bar.show(example.key)
                loaded.append(load(session.client, example, defects or DEFECTS))
                bar.advance()
        if not no_run:
            _queue(session, loaded)
        _finish(session, loaded, proofs=not no_run)
        if not session.out.printed_json(_as_json(loaded, proofs=not no_run)):
            say(summary(loaded, proofs=not no_run))
    if not no_run and not all(item.is_as_expected for item in loaded):
        raise click.exceptions.Exit(EXIT_NO)


def _require_maintainer(session: Session) -> None:
    me = session.client.get("me")
    if me.get("role") not in ROLES:
        raise NotAllowed(
            "the reviews of all specialists and the patches need a maintainer's token; "
            f"you are {me.get('name')}, {me.get('role')}",
            "Set FINDINGS_TOKEN to the token of a maintainer or admin",
        )


def _placed(session: Session, examples: Sequence[Example]) -> list[Example]:
    """Return the examples whose targets are there, after declaring those that can be declared."""
    wanted = {one.repository for one in examples if one.repository is not None}
    missing = {one for one in wanted if one.stem not in _targets(session)}
    if serves_from_here(session.server, os.environ):
        for repository in missing:
            add_copy(repository)
        until = monotonic() + _TAKEN_UP_S
        while missing and monotonic() < until:
            sleep(0.2)
            missing = {one for one in missing if one.stem not in _targets(session)}
    for repository in missing:
        say(
            f"{repository.stem} is no target of the service, so its examples are left out. "
            f"Where the service runs: findings target add {repository}"
        )
    return [one for one in examples if one.repository not in missing]


def _targets(session: Session) -> set[str]:
    return {str(target.get("name")) for target in session.client.get("targets").get("items", ())}


def _queue(session: Session, loaded: Sequence[Loaded]) -> None:
    """Ask for every run that is missing, so that the workers can go ahead; wait for none."""
    waiting = [item for item in loaded if not item.is_settled]
    under_way = _under_way(session) if waiting else {}
    for item in waiting:
        key = item.example.key
        if key in under_way and not item.patches:
            item.run = under_way[key]
            continue
        try:
            run = session.client.post("tickets", key, "runs", body=item.example.asked)
        except Refused as error:
            if error.status != 409:
                raise
            item.reason = str(error)
        else:
            item.run = str(run.get("id"))


def _under_way(session: Session) -> dict[str, str]:
    """Return the runs that an earlier call has queued, by ticket."""
    params = {"kind": ["check", "proof"], "status": ["queued", "running"]}
    pages = session.client.pages("runs", params=params, limit=None)
    return {str(run["ticket"]): str(run["id"]) for page in pages for run in page["items"]}


def _finish(session: Session, loaded: Sequence[Loaded], *, proofs: bool) -> None:
    """Wait for each run in the order they were queued, and print what came out as it comes."""
    session.out.live()
    with Bar("Running", len(loaded) if proofs else 0, passing=True) as bar:
        for item in loaded:
            if proofs:
                bar.show(item.example.key)
                if not item.is_settled:
                    _await(session, item)
                settle(session.client, item)
            bar.advance()
            if not session.out.as_json:
                with bar.aside():
                    _print(session.out, item)


def _await(session: Session, item: Loaded) -> None:
    try:
        run = until_ended(session.client, {"id": item.run}, lambda _: None)
    except KeyboardInterrupt:
        raise Stopped("stopped waiting; the proofs go on", _REPEAT) from None
    except Unreachable as error:
        raise Unreachable(error.detail, f"The proofs may go on. {_REPEAT}") from None
    item.outcome = str(run.get("outcome") or run.get("status"))
    if not item.is_as_expected:
        item.reason = str(run.get("reason") or "")


def _print(out: Output, item: Loaded) -> None:
    cells = (item.example.key, item.result, item.outcome or "", item.reason)
    if out.terminal:
        ended = item.outcome or "not run"
        stands = "" if item.status == "open" else item.status
        out.row((f"{item.example.key:10}", f"{item.result:10}", f"{ended:12}", stands, item.reason))
    else:
        out.table(Table((), [cells], kind=""))


def summary(loaded: Sequence[Loaded], *, proofs: bool) -> str:
    """Say in a line what was done and what came out."""
    done = Counter(item.result for item in loaded)
    words = [f"{number} {result}" for result, number in sorted(done.items())]
    reviews = sum(len(item.reviews) for item in loaded)
    patches = sum(len(item.patches) for item in loaded)
    text = (
        f"{len(loaded)} tickets: {', '.join(words)}; {reviews} reviews and {patches} patches added."
    )
    if not proofs:
        return f"{text} Nothing was run."
    own = [item for item in loaded if item.result != "left-alone"]
    proven = sum(item.outcome == "proven" for item in own)
    others = [item for item in own if item.outcome != "proven"]
    text += f" {proven} of {len(own)} proven"
    if not others:
        return f"{text}."
    named = "; ".join(
        f"{item.example.key} {item.outcome or 'not run'}"
        + (" as expected" if item.is_as_expected else f" ({item.reason})" if item.reason else "")
        for item in others
    )
    return f"{text}; not proven: {named}"


def _as_json(loaded: Sequence[Loaded], *, proofs: bool) -> dict[str, Any]:
    return {
        "items": [item.as_json() for item in loaded],
        "proven": sum(item.outcome == "proven" for item in loaded),
        "as_expected": all(item.is_as_expected for item in loaded) if proofs else None,
    }
