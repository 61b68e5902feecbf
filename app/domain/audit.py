"""Audit events: who changed what, when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class AuditEvent:
    """One change, as history shows it."""

    id: int
    at: datetime
    actor: str | None
    action: str
    changes: Mapping[str, Any]
    """``{field: [old, new]}``."""
    request_id: str | None
