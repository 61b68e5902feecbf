"""``findings stats``: what the tickets and reviews add up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from app.cli.output import Output
from app.cli.session import JsonSession
from app.cli.signature import Option
from app.cli.tables import Table


def show_stats(
    session: JsonSession,
    weeks: Annotated[
        int, Option(min=1, max=104, metavar="N", help="So many weeks, back from now.")
    ] = 12,
) -> None:
    """Show figures by severity, status, evidence, specialist and week.

    In a pipe the first cell of each line says what it counts.
    """
    stats = session.client.get("stats", params={"weeks": weeks})
    if not session.out.printed_json(stats):
        _show(session.out, stats)


_TITLES = {"stale": "Stale evidence, by what it was"}


def _show(out: Output, stats: Mapping[str, Any]) -> None:
    for name in ("severity", "status", "evidence", "stale"):
        out.table(
            Table(
                (name, "covered", "not covered", "all"),
                _words(stats, name),
                title=_TITLES.get(name, name.capitalize()),
                kind=name,
            )
        )
    out.table(
        Table(
            ("specialist", "ENDORSE", "NEUTRAL", "REFINE", "OBJECT", "upheld", "contradicted"),
            [_specialist(name, figures) for name, figures in stats.get("verdicts", {}).items()],
            title="Reviews",
            kind="verdicts",
        )
    )
    weeks = [(w.get("week"), w.get("opened"), w.get("closed")) for w in stats.get("weeks", [])]
    out.table(Table(("week of", "opened", "closed"), weeks, title="Weeks", kind="week"))
    out.table(
        Table(
            ("ticket", "specialist", "by", "said", "the claim was", "because"),
            [_contradiction(item) for item in stats.get("contradicted", [])],
            title="Opinions that did not stand",
            kind="contradicted",
        )
    )


def _words(stats: Mapping[str, Any], name: str) -> list[tuple[object, ...]]:
    covered = stats.get("covered", {}).get(name, {})
    other = stats.get("not_covered", {}).get(name, {})
    return [
        (word, covered.get(word, 0), other.get(word, 0), count)
        for word, count in stats.get(name, {}).items()
        if count
    ]


def _specialist(name: str, figures: Mapping[str, Any]) -> tuple[object, ...]:
    verdicts = figures.get("verdicts", {})
    counts = [verdicts.get(word, 0) for word in ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")]
    return (name, *counts, figures.get("upheld"), figures.get("contradicted"))


def _contradiction(item: Mapping[str, Any]) -> tuple[object, ...]:
    claim = item.get("claim")
    said = f"{item.get('verdict')}, claim {claim}" if claim else item.get("verdict")
    return (
        item.get("ticket"),
        item.get("specialist"),
        item.get("author"),
        said,
        item.get("claim_was"),
        item.get("because"),
    )
