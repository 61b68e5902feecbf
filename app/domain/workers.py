"""Worker processes as the service knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class WorkerState:
    """A worker process at its last sign of life."""

    name: str
    """Host and process id."""
    concurrency: int
    """So many runs it executes at once."""
    running: int
    """So many it was executing."""
    package_digest: str | None = None
    suite_digest: str | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    """``python``, ``torch``, ``platform``, the isolation ``layers`` that work there, and
    ``targets``: the digest of the environment in which it runs each of them."""
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None

    @property
    def targets(self) -> Mapping[str, str]:
        """The targets that it can run, each with the digest of its environment."""
        found: Mapping[str, str] = self.environment.get("targets", {})
        return found
