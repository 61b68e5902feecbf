"""Patches: the defects that lie beside the suite, and storing one with a ticket."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.inputs import read_bytes

if TYPE_CHECKING:
    from app.cli.client import Client

DEFECTS = Path(__file__).resolve().parents[2] / "tests" / "verification" / "defects"
"""Where the suite keeps the defects that its tests catch."""

MAX_BYTES = 256 << 10
"""Largest patch that the service takes."""


def defects_in(folder: Path, key: str) -> dict[str, Path]:
    """Return the defect patches of a ticket in `folder`, by the name they are stored under.

    ``KEY.patch`` is ``defect``, ``KEY-2.patch`` is ``defect-2``, and so on.
    """
    wanted = re.compile(rf"{re.escape(key.upper())}(?:-([2-9]|[1-9]\d{{1,2}}))?\.patch")
    found: dict[int, Path] = {}
    for path in folder.glob("*.patch"):
        match = wanted.fullmatch(path.name)
        if match:
            found[int(match[1] or 1)] = path
    return {
        "defect" if number == 1 else f"defect-{number}": found[number] for number in sorted(found)
    }


def put_patch(client: Client, key: str, name: str, file: str) -> dict[str, Any]:
    """Store the patch in `file` (``-`` for standard input); return what the service says of it.

    Raises:
        UsageProblem: it cannot be read or is too large.
        Refused: the service does not take it.
    """
    return put_text(client, key, name, read_bytes(file, limit=MAX_BYTES))


def put_text(client: Client, key: str, name: str, text: bytes) -> dict[str, Any]:
    """Store the patch `text` with a ticket; return what the service says of it.

    Raises:
        Refused: the service does not take it.
    """
    answer = client.call(
        "PUT",
        "tickets",
        key,
        "patches",
        name,
        content=text,
        headers={"Content-Type": "text/x-diff"},
        safe=True,
    )
    info: dict[str, Any] = answer.json()
    return info
