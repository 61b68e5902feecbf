"""The formats that tickets are exported in: a line for each, and its file in `app.formats`.

The route, the links of the list and ``findings export --format`` are read from `EXPORTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Export(NamedTuple):
    """A format of exports."""

    writer: str
    """What writes it, as ``module:Class`` of `app.formats`; empty for the whole export."""
    suffix: str
    media_type: str
    meaning: str
    label: str
    """On a page."""


ExportName = Literal["markdown", "jsonl", "csv", "sarif", "openvex", "osv"]

_CSV, _JSON = "text/csv; charset=utf-8; header=present", "application/json"
EXPORTS: Mapping[ExportName, Export] = {
    "markdown": Export(
        "archive:DocumentArchive", ".zip", "application/zip", "a zip of documents", "Markdown"
    ),
    "jsonl": Export(
        "",
        ".jsonl",
        "application/x-ndjson",
        "everything that belongs to the tickets, line by line; complete only for admins",
        "JSON lines",
    ),
    "csv": Export("csv:TicketTable", ".csv", _CSV, "a table", "CSV"),
    "sarif": Export(
        "sarif.writer:SarifWriter", ".sarif", "application/sarif+json", "SARIF 2.1.0", "SARIF"
    ),
    "openvex": Export("vex:VexWriter", ".openvex.json", _JSON, "OpenVEX 0.2.0", "OpenVEX"),
    "osv": Export("osv:OsvWriter", ".osv.json", _JSON, "a list of records of OSV 1.7", "OSV"),
}

MEANINGS = "; ".join(f"{name}: {export.meaning}" for name, export in EXPORTS.items())
"""All of them, as help and contract tell them."""
