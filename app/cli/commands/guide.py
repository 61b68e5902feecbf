"""``findings guide`` and ``findings source``: what to know before one works on a ticket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from app.cli.output import Output
from app.cli.session import JsonSession
from app.cli.signature import Argument

_GUIDE = Path(__file__).parents[2] / "guide.md"


def print_guide(ctx: click.Context) -> None:
    """Print the page that leads from filing to proof by the API, as it is at /llms.txt."""
    del ctx
    Output().raw(_GUIDE.read_bytes())


def show_source(
    session: JsonSession,
    place: Annotated[
        str | None,
        Argument(metavar="[PATH[:LINE[-LINE]]]", help="A file, and which lines of it."),
    ] = None,
) -> None:
    """Show lines of the package under test or of its suite, or list the files.

    In a pipe the lines come as they are, without numbers.
    """
    if place is None:
        found = session.client.get("source", "files")
        if not session.out.printed_json(found):
            session.out.block("\n".join(found["items"]))
        return
    path, _, lines = place.partition(":")
    found = session.client.get("source", params={"path": path, "lines": lines or None})
    if session.out.printed_json(found):
        return
    width = len(str(found["start"] + len(found["lines"])))
    numbered = enumerate(found["lines"], found["start"])
    if session.out.terminal:
        session.out.block("\n".join(f"{n:>{width}}  {line}" for n, line in numbered))
    else:
        session.out.block("\n".join(found["lines"]))
