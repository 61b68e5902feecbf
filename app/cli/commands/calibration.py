"""``findings calibration``: how often reviewers were right before anything was run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from app.cli.session import JsonSession
from app.cli.signature import Option
from app.cli.tables import Table


def show_calibration(
    session: JsonSession,
    by: Annotated[
        str, Option(metavar="WHAT", help="specialist, account, model or domain.")
    ] = "specialist",
) -> None:
    """Show how often reviewers were right before anything was run.

    The interval bounds the share of right verdicts at 95 %. With fewer than ten that were right or
    wrong there is too little to say.
    """
    found = session.client.get("calibration", params={"by": by})
    if session.out.printed_json(found["items"]):
        return
    session.out.table(
        Table(
            (by, "right", "wrong", "abstained", "share", "interval"),
            [_row(row) for row in found["items"]],
            empty="No verdict was recorded before a run that decided its ticket's evidence.",
        )
    )


def _row(row: Mapping[str, Any]) -> tuple[object, ...]:
    numbers = (row["who"], row["right"], row["wrong"], row["abstained"])
    if row["low"] is None:
        return (*numbers, None, "too few to say")
    interval = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %"
    return (*numbers, f"{100 * row['right'] / row['n']:.0f} %", interval)
