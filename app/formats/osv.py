"""Tickets as records of OSV 1.7, the format of vulnerability databases.

https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from app.domain.tickets import RelationKind, Resolution, Ticket
from app.formats.interface import Circumstances, Items

_VERSION = "1.7.3"
_WITHDRAWN = frozenset({Resolution.NOT_A_BUG, Resolution.DUPLICATE})


class OsvWriter:
    """A list of records, as OSV's own interface answers with.

    Args:
        said: where the service is.
    """

    items = Items.TICKET

    def __init__(self, said: Circumstances) -> None:
        self._url, self._installation = said.url, said.installation
        self._first = True

    def opening(self) -> bytes:
        """What stands before the first record."""
        return b'{"vulns":['

    def item(self, value: Ticket) -> bytes:
        """One record."""
        before, self._first = (b"" if self._first else b","), False
        return before + orjson.dumps(self._record(value))

    def closing(self) -> bytes:
        """What stands behind the last record."""
        return b"]}"

    def _record(self, ticket: Ticket) -> dict[str, Any]:
        withdrawn = ticket.resolution in _WITHDRAWN
        found: dict[str, Any] = {
            "schema_version": _VERSION,
            "id": ticket.key,
            "modified": _moment(ticket.updated_at),
            "published": _moment(ticket.created_at),
            "withdrawn": _moment(ticket.updated_at) if withdrawn else None,
            "related": [
                relation.key
                for relation in ticket.relations
                if relation.kind in (RelationKind.RELATED, RelationKind.DUPLICATE_OF)
            ],
            "summary": ticket.title[:120],
            "details": ticket.summary,
            "affected": [self._affected(ticket)],
            "references": [{"type": "REPORT", "url": f"{self._url}/tickets/{quote(ticket.key)}"}],
            "credits": [{"name": ticket.agent, "type": "FINDER"}],
            "database_specific": {
                "installation": self._installation,
                "severity": ticket.severity.value,
                "status": ticket.status.value,
                "resolution": ticket.resolution.value if ticket.resolution else None,
                "evidence": ticket.evidence.state.value,
                "categories": [category.value for category in ticket.categories],
            },
        }
        return {name: value for name, value in found.items() if value not in (None, [])}

    def _affected(self, ticket: Ticket) -> dict[str, Any]:
        places = [place for place in ticket.locations if place.path or place.symbol]
        return {
            "package": {"ecosystem": "PyPI", "name": _package(ticket)},
            "ecosystem_specific": {
                "paths": [place.path for place in places if place.path],
                "symbols": [place.symbol for place in places if place.symbol],
            },
            "database_specific": {"fixed_in": list(ticket.commits)},
        }


def _package(ticket: Ticket) -> str:
    return ticket.target or (ticket.domains[0] if ticket.domains else "unknown")


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
