"""Ticket drafts, plain where nothing is said."""

from __future__ import annotations

from typing import Any

from app.domain.tickets import Severity, TicketDraft


def a_draft(**fields: Any) -> TicketDraft:
    """A draft of a finding."""
    plain: dict[str, Any] = {
        "title": "scale ignores its factor",
        "severity": Severity.P2,
        "batch": 5,
        "agent": "drl",
        "summary": "The factor is read and then dropped.",
    }
    return TicketDraft(**{**plain, **fields})
