"""``findings report``: how things stand, as one file to be sent or kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from app.cli.errors import UsageProblem
from app.cli.files import save
from app.cli.session import JsonFlag, opened
from app.cli.signature import Option
from app.cli.text import visible


def make_report(
    ctx: click.Context,
    out: Annotated[
        str, Option("--out", metavar="FILE", help="Where to; - for standard output.")
    ] = "report.html",
    force: Annotated[bool, Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonFlag = None,
) -> None:
    """Write a report: the charts and lists of the start page as one HTML file.

    The file needs nothing else and asks no host for anything; its links lead back to the service.
    It prints where it went; a file that is there is left alone without --force.
    """
    target = Path(out)
    if out != "-" and not force and target.exists():
        raise UsageProblem(f"{visible(out)} is there already", "Write over it with --force")
    with (
        opened(ctx, as_json=as_json) as session,
        session.client.download("report", params={}) as content,
    ):
        if out == "-":
            for piece in content:
                session.out.raw(piece)
            return
        size = save(content, target, force=force)
        if not session.out.printed_json({"file": str(target.absolute()), "bytes": size}):
            session.out.line(target.absolute())
