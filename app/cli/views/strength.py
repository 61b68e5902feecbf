"""The strength of a ticket's tests, with the mutants that survive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.cli.output import Output

Json = Mapping[str, Any]

COLUMNS = ("key", "strength", "mutants", "survived", "outcome", "reason")
SHOWN = 7
"""So many survivors are printed: more are not read."""


def measured(out: Output, run: Json, survivors: Sequence[Json]) -> None:
    """Print what a run has measured, and the survivors that nobody has explained first."""
    strength = run.get("strength") or {}
    out.fields(
        [
            ("run", run.get("id")),
            ("ticket", run.get("ticket")),
            ("outcome", run.get("outcome")),
            ("reason", run.get("reason")),
            *(("hint", hint) for hint in run.get("hints") or ()),
            ("strength", share(strength)),
            ("killed", strength.get("killed")),
            ("survived", strength.get("survived")),
            ("equivalent", strength.get("equivalent") or None),
            ("timed out", strength.get("timed_out") or None),
            ("not importable", strength.get("imports") or None),
            ("not run", strength.get("not_run") or None),
        ]
    )
    ordered = sorted(
        survivors,
        key=lambda one: (one.get("verdict") is not None, bool(one.get("suite_killed_by"))),
    )
    for one in ordered[:SHOWN]:
        out.remark("")
        mutant(out, one)
    if len(ordered) > SHOWN:
        out.remark("")
        out.remark(f"{len(ordered) - SHOWN} more survivors are on the run's page.")
    if ordered:
        key = run.get("ticket")
        out.remark("")
        out.remark(f"Write a test that fails on one: findings test new {key}")
        out.remark(
            f"Or say why none is needed: findings mutant {key} "
            f"{str(ordered[0].get('digest'))[:12]} equivalent --because '…'"
        )


def mutant(out: Output, one: Json) -> None:
    """Print a mutant: where, what became of it, and the diff."""
    place = f"{one.get('path')}:{one.get('line')}"
    words = [str(one.get("digest"))[:12], one.get("outcome"), one.get("operator"), place]
    out.line("  ".join(str(word) for word in (*words, one.get("function")) if word))
    if one.get("suite_killed_by"):
        out.line(f"killed by the suite: {one.get('suite_killed_by')}")
    if one.get("verdict"):
        out.line(f"{one.get('verdict')} by {one.get('verdict_by')}: {one.get('verdict_reason')}")
    out.diff(str(one.get("diff") or ""))


def share(strength: Json) -> str | None:
    """Return strength in words: the share with its interval."""
    if not strength.get("n"):
        return None
    low, high = strength.get("low") or 0.0, strength.get("high") or 0.0
    value = strength.get("value")
    told = "too few to say" if value is None else f"{value:.0%}"
    return f"{told} ({low:.0%} to {high:.0%}, {strength.get('n')} mutants)"


def row(key: str, run: Json | None, refusal: str) -> dict[str, Any]:
    """Return what is listed of a ticket among all."""
    found = run or {}
    strength = found.get("strength") or {}
    return {
        "key": key,
        "strength": share(strength),
        "mutants": strength.get("n"),
        "survived": strength.get("survived"),
        "outcome": found.get("outcome"),
        "reason": refusal or (None if found.get("outcome") == "measured" else found.get("reason")),
        "value": strength.get("value"),
        "run": found.get("id"),
    }
