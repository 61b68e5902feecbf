"""Tickets and drafts of them, plain where nothing is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.domain.tickets import Severity, Status, Ticket, TicketDraft


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


def a_ticket(**fields: Any) -> Ticket:
    """An open ticket as it is shown, filed by ``bob`` for ``drl``."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    nothing = ("resolution", "assignee", "reported_on", "external_ref", "resolution_text")
    plain: dict[str, Any] = {
        "id": 1,
        "key": "B5-DRL-01",
        "title": "scale ignores its factor",
        "severity": Severity.P2,
        "status": Status.OPEN,
        "batch": 5,
        "agent": "drl",
        "summary": "The factor is read and then dropped.",
        "domains": ("kasmina",),
        "categories": (),
        "commits": (),
        "version": 1,
        "content_version": 1,
        "created_at": moment,
        "updated_at": moment,
        "created_by": "bob",
        "target": "kasmina",
        **dict.fromkeys(nothing),
    }
    return Ticket(**{**plain, **fields})
