"""Notes: remarks on a ticket that are no review."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Note:
    """A remark on a ticket."""

    id: UUID
    author: str
    body: str
    """Markdown."""
    created_at: datetime
