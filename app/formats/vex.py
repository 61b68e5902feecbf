"""Tickets as OpenVEX 0.2.0: of each product which findings affect it, and which do not.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from app.domain.evidence import EvidenceState
from app.domain.tickets import Resolution, Status, Ticket
from app.formats.interface import Circumstances, Items

_CONTEXT = "https://openvex.dev/ns/v0.2.0"
_SHOWN = frozenset({EvidenceState.REPRODUCED, EvidenceState.REGRESSED, EvidenceState.FIX_READY})
"""With these the defect was seen in the package as it ships."""


class VexWriter:
    """An OpenVEX document, ticket by ticket.

    Args:
        said: where, by which version and when it is said.
    """

    items = Items.TICKET

    def __init__(self, said: Circumstances) -> None:
        self._url, self._now = said.url, said.now
        self._installation = said.installation
        self._author = f"Findings {said.version}"
        self._first = True

    def opening(self) -> bytes:
        """What stands before the first statement."""
        stamp = self._now.isoformat()
        head = {
            "@context": _CONTEXT,
            "@id": f"{self._url}/openvex/{quote(stamp)}",
            "author": self._author,
            "tooling": f"Findings, installation {self._installation}",
            "timestamp": stamp,
            "version": 1,
        }
        return orjson.dumps(head)[:-1] + b',"statements":['

    def item(self, value: Ticket) -> bytes:
        """One statement; nothing for a duplicate, of which its original speaks."""
        if value.resolution is Resolution.DUPLICATE:
            return b""
        before, self._first = (b"" if self._first else b","), False
        return before + orjson.dumps(self._statement(value))

    def closing(self) -> bytes:
        """What stands behind the last statement."""
        return b"]}"

    def _statement(self, ticket: Ticket) -> dict[str, Any]:
        address = f"{self._url}/tickets/{quote(ticket.key)}"
        return {
            "vulnerability": {
                "@id": address,
                "name": ticket.key,
                "description": ticket.title,
            },
            "timestamp": ticket.updated_at.isoformat(),
            "products": [{"@id": product_of(ticket)}],
            **_status(ticket),
        }


def product_of(ticket: Ticket) -> str:
    """Return what a ticket is about as a package URL: its target, or else its first domain."""
    name = ticket.target or (ticket.domains[0] if ticket.domains else "unknown")
    return f"pkg:generic/{quote(name, safe='/')}"


def _status(ticket: Ticket) -> dict[str, str]:
    reason = (ticket.closure and ticket.closure.reason) or ticket.resolution_text or ""
    if ticket.resolution is Resolution.NOT_A_BUG:
        # Its schema takes a justification or an impact statement, and programs read the former.
        return {
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
            "status_notes": reason or "The finding was refuted.",
        }
    if ticket.status is Status.WONT_FIX:
        told = f"It will not be fixed: {reason}" if reason else "It will not be fixed."
        return {"status": "affected", "action_statement": told}
    if ticket.status is Status.CLOSED:
        return {"status": "fixed"}
    if ticket.evidence.state in _SHOWN:
        return {"status": "affected", "action_statement": ticket.evidence.sentence}
    return {"status": "under_investigation"}
