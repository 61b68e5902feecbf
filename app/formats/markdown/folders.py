"""The folder that a document lies in is its disposition; its status is another fact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from app.formats.markdown.words import document_status


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a folder says about the tickets in it, in the tracker's words."""

    folder: str
    status: str
    resolution: str | None


DISPOSITIONS = MappingProxyType(
    {
        d.folder: d
        for d in (
            Disposition("triaged", "open", None),
            Disposition("fixed", "closed", "fixed"),
            Disposition("wontfix", "wont-fix", "wont-fix"),
            Disposition("not-a-bug", "closed", "not-a-bug"),
        )
    }
)
_AGREEING = MappingProxyType(
    {
        "triaged": {"open", "investigating", "fix-in-progress", "in-review"},
        "fixed": {"closed", "fixed"},
        "wontfix": {"closed", "wont-fix"},
        "not-a-bug": {"closed", "not-a-bug"},
    }
)


def disposition(source_path: str | None) -> Disposition | None:
    """What the folder right above a document says, None for any other folder."""
    if not source_path:
        return None
    return DISPOSITIONS.get(PurePosixPath(source_path.replace("\\", "/")).parent.name)


def home_of(status: str, resolution: str | None) -> str:
    """The folder that tickets of a status lie in.

    For a resolution that no folder stands for it is ``closed``, which says nothing.
    """
    if status == "wont-fix":
        return "wontfix"
    if status != "closed":
        return "triaged"
    folders = {None: "fixed", "already-fixed": "fixed", "fixed": "fixed", "not-a-bug": "not-a-bug"}
    return folders.get(resolution, "closed")


def agrees(folder: str, status: str, resolution: str | None) -> bool:
    """Whether a ticket's status is what its folder says, as ``app.storage.drift`` has it in SQL."""
    if status == "closed" and resolution is None:
        return folder != "triaged"
    return folder == home_of(status, resolution)


def moved(source_path: str, folder: str) -> str:
    """The path of a document in another folder beside its own."""
    path = PurePosixPath(source_path.replace("\\", "/"))
    return str(path.parent.with_name(folder) / path.name)


def drift(folder: str | None, status: str | None) -> str | None:
    """Why folder and status disagree, None where they do not or one of them says nothing.

    ``status`` is a document's word, raw or normal. A bare ``closed`` agrees with every folder
    of closed tickets, since it does not say why the ticket was closed.
    """
    agreeing = _AGREEING.get(folder or "")
    if agreeing is None or not status:
        return None
    word = document_status(status)
    return None if word in agreeing else f"lies in '{folder}' but its status is '{word}'"
