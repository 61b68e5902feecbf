"""``findings patch`` and ``findings load-patches``: a ticket's fix, and the defects to plant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from app.cli.errors import UsageProblem
from app.cli.patches import DEFECTS, defects_in
from app.cli.patches import put_patch as put
from app.cli.session import JsonSession, Key
from app.cli.signature import Argument, Option
from app.cli.tables import Table

Name = Annotated[str, Argument(metavar="NAME", help="fix, defect, defect-2 …", complete="patch")]


def put_patch(
    session: JsonSession,
    key: Key,
    name: Name,
    file: Annotated[str, Argument(metavar="FILE", help="A unified diff; - for stdin.")],
) -> None:
    """Store a patch: the fix of a ticket, or a defect that its tests must catch."""
    info = put(session.client, key, name, file)
    if session.out.as_json:
        session.out.json(info)
    elif session.out.terminal:
        session.out.line(_applied(info))
    else:
        session.out.row((name, _how(info)))


def show_patch(session: JsonSession, key: Key, name: Name) -> None:
    """Print the text of a patch; in a pipe exactly as it was stored."""
    content = session.client.call("GET", "tickets", key, "patches", name, safe=True).content
    if session.out.as_json:
        session.out.json({"name": name, "text": content.decode("utf-8", "replace")})
    elif session.out.terminal:
        session.out.block(content.decode("utf-8", "replace"))
    else:
        session.out.raw(content)


def remove_patch(session: JsonSession, key: Key, name: Name) -> None:
    """Take a patch off a ticket; runs that used it keep its text."""
    session.client.call("DELETE", "tickets", key, "patches", name)
    session.out.remark(f"{key} has no patch {name} any more.")


def load_patches(
    session: JsonSession,
    key: Key,
    folder: Annotated[
        Path | None,
        Option("--from", metavar="DIR", help="Where the patches lie, else the suite's own."),
    ] = None,
) -> None:
    """Store the suite's own defect patches with a ticket.

    KEY.patch becomes the patch `defect`, KEY-2.patch `defect-2`, and so on.
    """
    files = defects_of(key, folder or DEFECTS)
    stored = {name: put(session.client, key, name, str(path)) for name, path in files.items()}
    if session.out.printed_json(stored):
        return
    session.out.table(
        Table(
            ("patch", "applies", "file"),
            [(name, _how(info), files[name].name) for name, info in stored.items()],
        )
    )


def defects_of(key: str, folder: Path) -> dict[str, Path]:
    """Return the defect patches of a ticket in `folder`, by the name they are stored under.

    Raises:
        UsageProblem: there is none.
    """
    found = defects_in(folder, key)
    if not found:
        raise UsageProblem(
            f"there is no {key}.patch in {folder}",
            "Say with --from where the patches lie, or store one with "
            f"`findings patch put {key} defect FILE`",
        )
    return found


def _how(info: dict[str, Any]) -> str:
    return str(info.get("applies"))


def _applied(info: dict[str, Any]) -> str:
    match info.get("applies"):
        case "forward":
            return "Stored: it applies to the bundled package."
        case "reverse":
            return "Stored: the bundled package has it already, it applies in reverse."
        case other:
            return f"Stored: applies {other}."
