"""Cross-reviews, plain where nothing is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from app.domain.reviews import Review, ReviewVerdict


def a_review(specialist: str, verdict: str = "ENDORSE", **fields: Any) -> Review:
    """A current review of `specialist`."""
    plain: dict[str, Any] = {
        "id": uuid4(),
        "rationale": "",
        "author": specialist,
        "on_behalf": False,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "ticket_version": 1,
        "outdated": False,
    }
    return Review(specialist=specialist, verdict=ReviewVerdict(verdict), **{**plain, **fields})
