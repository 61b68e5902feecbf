"""Runs: as rows of a list, and whole, with each test before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from app.cli.moments import moment
from app.cli.output import Output
from app.cli.tables import Id, Table
from app.cli.views.words import evidence_words

Json = Mapping[str, Any]

ENDED = ("finished", "cancelled")
GOOD = ("passed", "proven")
"""Outcomes that answer yes."""

LIST = Table(
    ("run", "ticket", "kind", "status", "outcome", "asked by", "queued"),
    (),
    empty="No run matches.",
    cut="asked by",
    may_go=("asked by", "kind", "queued", "status", "outcome"),
)


def list_row(run: Json) -> tuple[object, ...]:
    """Return the cells of a run in a list."""
    return (
        Id(run.get("id") or ""),
        run.get("ticket"),
        run.get("kind"),
        run.get("status"),
        run.get("outcome"),
        run.get("requested_by"),
        moment(run.get("queued_at")),
    )


RESULTS = Table(
    ("arm", "test", "outcome", "cause", "at", "message"),
    (),
    empty="No result matches.",
    cut="message",
    may_go=("at", "cause", "message"),
)


def result_row(result: Json) -> tuple[object, ...]:
    """Return the cells of a result in a list."""
    return (
        result.get("arm"),
        result.get("node_id"),
        result.get("outcome"),
        result.get("cause"),
        _place(result),
        result.get("message"),
    )


def show_run(out: Output, run: Json, *, ticket: Json | None = None, by_hand: bool = False) -> None:
    """Print a run; with its ticket also which tests were linked and what is known now.

    With `by_hand` also how to repeat it.
    """
    evidence = (ticket or {}).get("evidence") or {}
    out.fields(
        [
            ("run", run.get("id")),
            ("ticket", run.get("ticket")),
            ("kind", run.get("kind")),
            ("status", run.get("status")),
            ("outcome", run.get("outcome")),
            ("reason", run.get("reason")),
            ("hint", run.get("hint")),
            *(("hint", hint) for hint in run.get("hints") or ()),
            ("asked by", run.get("requested_by")),
            ("queued", moment(run.get("queued_at"))),
            ("finished", moment(run.get("finished_at"))),
            ("reused from", run.get("reused_from")),
            *(("revision", _commit_words(commit)) for commit in run.get("revisions") or ()),
            ("others compared", run.get("compared")),
            *(("not comparable", node) for node in run.get("not_comparable") or ()),
            ("patch by", ", ".join(_authors(run, "patch"))),
            ("tests by", ", ".join(_authors(run, "tests"))),
            ("one author", "wrote both patch and tests" if _same_author(run) else None),
            ("evidence", evidence_words(evidence)),
            ("evidence says", evidence.get("sentence")),
        ]
    )
    arms = [arm for arm in run.get("arms") or () if isinstance(arm, Mapping)]
    linked = {str(link.get("node_id")) for link in (ticket or {}).get("tests") or ()}
    matrix = _matrix(arms)
    shown = [node for node in matrix if not linked or _is_linked(node, linked)]
    names = [str(arm.get("name")) for arm in arms]
    out.table(
        Table(
            ("test", *(_arm_title(arm) for arm in arms)),
            [(node, *_outcomes(matrix[node], names, plain=not out.terminal)) for node in shown],
            title="Tests" if shown else "",
            kind="test",
        )
    )
    _show_rest(out, run, matrix, set(shown), names)
    _show_causes(out, arms, set(shown))
    _show_failures(out, arms, set(shown))
    _show_warnings(out, arms, set(shown))
    missing = sum(_missing(arm) for arm in arms)
    if missing:
        out.remark("")
        out.remark(
            f"{missing} more results are not shown: findings run results {run.get('id')} --all"
        )
    if by_hand:
        _show_by_hand(out, run.get("by_hand") or ())
    elif run.get("by_hand"):
        out.remark("")
        out.remark(f"To repeat it by hand: findings run show {run.get('id')} --by-hand")


def _missing(arm: Json) -> int:
    """Return how many results of an arm the answer leaves out."""
    given = len(arm.get("results") or ())
    total = arm.get("results_total")
    return total - given if isinstance(total, int) else 0


def _commit_words(commit: Json) -> str:
    when = str(commit.get("at") or "")[:10]
    return f"{str(commit.get('id'))[:10]} {when} {commit.get('subject') or ''}"


def _authors(run: Json, what: str) -> list[str]:
    return [str(name) for name in (run.get("authors") or {}).get(what) or ()]


def _same_author(run: Json) -> bool:
    return bool((run.get("authors") or {}).get("same"))


def _show_causes(out: Output, arms: Iterable[Json], shown: Collection[str]) -> None:
    """Print why linked tests did not pass, on each arm, and where."""
    modes: dict[tuple[object, ...], list[str]] = {}
    for arm in arms:
        for result in arm.get("results") or ():
            if result.get("cause") and result.get("node_id") in shown:
                mode = str(result.get("mode"))
                # People read once what a pipe gets for each mode.
                same = (None if out.terminal else mode, result.get("node_id"), arm.get("name"))
                why = (result.get("cause"), result.get("phase"), _place(result))
                modes.setdefault((*same, *why), []).append(mode)
    rows = [
        (node, arm, ", ".join(dict.fromkeys(found)), *why)
        for (_, node, arm, *why), found in modes.items()
    ]
    out.table(
        Table(
            ("test", "arm", "mode", "cause", "phase", "at"),
            rows,
            title="Causes" if rows else "",
            kind="cause",
        )
    )


def _show_warnings(out: Output, arms: Iterable[Json], shown: Collection[str]) -> None:
    """Print warnings, skipped subtests and what tests recorded, each once."""
    rows: list[tuple[object, ...]] = []
    for arm in arms:
        for result in arm.get("results") or ():
            if result.get("node_id") not in shown:
                continue
            said = [("warning", text) for text in result.get("warnings") or ()]
            said += [("skipped subtest", name) for name in result.get("skipped_subtests") or ()]
            said += [(f"property {name}", value) for name, value in result.get("properties") or ()]
            rows += [(result.get("node_id"), arm.get("name"), *one) for one in said]
    out.table(
        Table(
            ("test", "arm", "what", "says"),
            list(dict.fromkeys(rows)),
            title="Noted" if rows else "",
            kind="noted",
        )
    )


def _show_by_hand(out: Output, steps: Iterable[Json]) -> None:
    """Print the commands that repeat a run: a script for people, a row a step for pipes."""
    given = [(str(step.get("why")), str(step.get("command"))) for step in steps]
    if out.terminal:
        if given:
            script = "\n".join(f"# {why}\n{command}" for why, command in given)
            title = "To repeat it by hand, at the project's root"
            out.passage("by-hand", title, script, verbatim=True)
        return
    out.table(Table(("why", "command"), given, kind="by-hand"))


def _place(result: Json) -> str:
    line = result.get("line")
    return f"{result.get('file') or ''}:{line}" if line else str(result.get("file") or "")


def _show_rest(
    out: Output,
    run: Json,
    matrix: Mapping[str, Mapping[str, str]],
    shown: Collection[str],
    names: Sequence[str],
) -> None:
    rest = [node for node in matrix if node not in shown]
    broken = [str(node) for node in run.get("also_broken") or ()]
    if rest and not broken:
        out.remark("")
        out.remark(f"The rest of the suite ({len(rest)} tests) holds.")
    out.table(
        Table(
            ("also broken", *names),
            [
                (node, *_outcomes(matrix.get(node, {}), names, plain=not out.terminal))
                for node in broken
            ],
            title="Also broken",
            kind="also-broken",
        )
    )


def _show_failures(out: Output, arms: Iterable[Json], shown: Collection[str]) -> None:
    """Print why linked tests failed where they should have passed, once where repeats agree."""
    told: set[tuple[str, str, str]] = set()
    for arm in arms:
        if str(arm.get("name")).startswith("before"):
            continue
        for result in arm.get("results") or ():
            outcome = result.get("outcome")
            if outcome in ("passed", "skipped") or result.get("node_id") not in shown:
                continue
            title = f"{result.get('node_id')} {outcome} on {arm.get('name')}"
            text = str(result.get("traceback") or result.get("message") or "")
            for kind, said in (
                ("message", text),
                ("printed", str(result.get("stdout") or "")),
                ("log", str(result.get("log") or "")),
            ):
                if said and (title, kind, said) not in told:
                    told.add((title, kind, said))
                    suffix = "" if kind == "message" else f", {kind}"
                    out.passage(kind, title + suffix, said)


def _matrix(arms: Iterable[Json]) -> dict[str, dict[str, str]]:
    """Return outcomes by test and arm; repeats that differ are joined: ``passed/failed``."""
    found: dict[str, dict[str, list[str]]] = {}
    for arm in arms:
        for result in arm.get("results") or ():
            node, outcome = str(result.get("node_id")), str(result.get("outcome"))
            seen = found.setdefault(node, {}).setdefault(str(arm.get("name")), [])
            if outcome not in seen:
                seen.append(outcome)
    return {
        node: {name: "/".join(outcomes) for name, outcomes in by_arm.items()}
        for node, by_arm in found.items()
    }


def _outcomes(by_arm: Mapping[str, str], names: Sequence[str], *, plain: bool) -> list[str]:
    if plain:
        return [f"{name}={by_arm.get(name, '-')}" for name in names]
    return [by_arm.get(name, "-") for name in names]


def _arm_title(arm: Json) -> str:
    patch = arm.get("patch")
    name = str(arm.get("name"))
    if isinstance(patch, Mapping):
        sign = "−" if patch.get("reverse") else "+"
        return f"{name} ({sign}{patch.get('name')})"
    revision = str(arm.get("revision") or "")
    return f"{name} ({revision[:10]})" if revision else name


def _is_linked(node: str, linked: Collection[str]) -> bool:
    """Tell whether `node` is one of the linked ids, or below a linked file, class or function."""
    name = node.partition("[")[0]
    while name and name not in linked:
        name = name.rpartition("::")[0]
    return bool(name) or node in linked
