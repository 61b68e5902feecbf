"""Revisions: what a target was at one moment of its history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

MAX_NAME = 200
NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./@^~+-]*")
"""How a revision may be named: a commit's id or the start of it, a branch, a tag, ``main~3``."""


class RevisionRefused(ValueError):
    """A revision cannot be used; the message says why, and where there is one, what to do."""


class ObjectMissing(RevisionRefused):
    """The repository lacks an object, or it is damaged."""


@dataclass(frozen=True)
class Revision:
    """One commit of a git target, or one state that a folder target was seen in."""

    id: str
    """The commit's id; of a folder, the digest of its package."""
    at: datetime
    """When it was committed; of a folder, when it was first seen."""
    author: str | None = None
    """Name of the commit's author; a folder has none."""
    subject: str | None = None
    """First line of the commit's message."""
    parents: tuple[str, ...] = ()
    """Ids of its parents, the first one first."""

    @property
    def short(self) -> str:
        """The start of the id, as people write it."""
        return self.id[:10]
