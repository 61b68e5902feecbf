"""Tests that clients hand in with a ticket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.runs import TestPurpose

MAX_BYTES = 64 << 10
"""The largest test file that is taken."""

MAX_TESTS = 5_000
"""Parameters counted; each is a link of the ticket."""

FILENAME = re.compile(r"test_[a-z0-9_]{1,80}\.py")


def path_below_suite(key: str, filename: str) -> str:
    """Return where a submitted file stands below the suite: a folder of its ticket's own."""
    return f"submitted/{key.lower().replace('-', '_').replace('~', '_')}/{filename}"


@dataclass(frozen=True)
class SubmittedTest:
    """A test file that a client handed in."""

    id: UUID
    filename: str
    path: str
    """Relative to the suite's folder."""
    digest: str
    source: str
    purpose: TestPurpose
    node_ids: tuple[str, ...]
    author: str
    created_at: datetime
