"""``findings relocate``: where the code of findings is in a checkout."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Annotated, Any

import click

from app.cli.commands.exchange import WAIT_S
from app.cli.errors import UsageProblem
from app.cli.filters import TicketFilters
from app.cli.session import JsonFlag, opened
from app.cli.signature import Argument
from app.cli.tables import Table
from app.cli.text import visible

_MOST_FILES = 5000
_MOST_BYTES = 2 << 20
_LEFT_OUT = {"__pycache__", "node_modules", "venv", "build", "dist"}
_ENDS = (".py", ".pyi", ".pyx", ".c", ".cc", ".cpp", ".h", ".js", ".ts", ".go", ".rs", ".java")


def relocate(
    ctx: click.Context,
    folder: Annotated[
        str, Argument(metavar="DIR", help="Root of the code, to which locations are relative.")
    ],
    as_json: JsonFlag = None,
    *,
    filters: TicketFilters,
) -> None:
    """Show where the code of findings is in a checkout that is no target; nothing is stored.

    Its source files are sent to the service; hidden folders and environments are left out. In a
    pipe: ticket, state, what was filed, and where it is now.
    """
    content = _packed(Path(folder))
    with opened(ctx, as_json=as_json) as session:
        found = session.client.call(
            "POST",
            "relocations",
            params={**filters},
            content=content,
            headers={"Content-Type": "application/zip"},
            wait_s=WAIT_S,
        ).json()
        if session.out.printed_json(found):
            return
        rows = [(i["key"], i["state"], i["filed"], _now(i)) for i in found["items"]]
        columns = ("ticket", "state", "filed", "now")
        session.out.table(Table(columns, rows, empty="No ticket that you name has a location."))


def _now(item: dict[str, Any]) -> str | None:
    line = item["start_line"]
    return f"{item['path']}:{line}" if item["path"] and line else item["path"]


def _packed(root: Path) -> bytes:
    out, count = io.BytesIO(), 0
    if not root.is_dir():
        raise UsageProblem(f"{visible(root)} is no folder")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, folders, files in os.walk(root):
            folders[:] = sorted(
                n
                for n in folders
                if not n.startswith(".")
                and n not in _LEFT_OUT
                and not (Path(place) / n / "pyvenv.cfg").exists()
            )
            for name in sorted(files):
                file = Path(place) / name
                if not name.endswith(_ENDS) or file.is_symlink():
                    continue
                if file.stat().st_size > _MOST_BYTES:
                    continue
                count += 1
                if count > _MOST_FILES:
                    raise UsageProblem(
                        f"{visible(root)} holds more than {_MOST_FILES} source files",
                        "Name the folder of one package",
                    )
                archive.write(file, file.relative_to(root).as_posix())
    return out.getvalue()
