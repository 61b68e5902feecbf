"""Comma-separated rows that are safe to open in a spreadsheet.

A cell that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets
take as "this is text" (https://owasp.org/www-community/attacks/CSV_Injection). So does what
follows a semicolon, a tab or the end of a line inside a cell: where lists are parted by semicolons,
or rows are pasted, another cell begins there. Rows end with CRLF and quotes are doubled, after RFC
4180. What a cell cannot hold is cut, and says so.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum

from app.domain.tickets import TicketSummary, severity_words
from app.formats.interface import Circumstances, Items

MAX_CELL = 32_767
"""Characters that a spreadsheet's cell holds."""

_CUT = " … [cut]"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
_INNER = re.compile(rf"([;\t\r\n] *)(?=[{re.escape(''.join(_FORMULA))}])")
_BOM = "\ufeff"

TICKET_COLUMNS = (
    "key",
    "title",
    "severity",
    "status",
    "resolution",
    "batch",
    "agent",
    "domains",
    "target",
    "categories",
    "assignee",
    "summary",
    "evidence",
    "closed_without_evidence",
    "created_at",
    "updated_at",
)


class CsvRows:
    """A table with a header row, one mapping a row."""

    def __init__(self, columns: Sequence[str] = TICKET_COLUMNS, *, bom: bool = False) -> None:
        """
        Args:
            columns: keys of the mappings, in order; others are left out.
            bom: begin with a byte order mark, by which Excel knows UTF-8.

        """
        self.columns = tuple(columns)
        self.bom = bom

    def opening(self) -> bytes:
        """The byte order mark, if wanted, and the header row."""
        return ((_BOM if self.bom else "") + _row(self.columns)).encode("utf-8")

    def item(self, value: Mapping[str, object]) -> bytes:
        """One row."""
        text = _row(cell(value.get(column)) for column in self.columns)
        return text.encode("utf-8", errors="replace")

    def closing(self) -> bytes:
        """Nothing: a CSV file has no end mark."""
        return b""


class TicketTable:
    """A table of tickets that spreadsheets can open without harm."""

    items = Items.SUMMARY

    def __init__(self, _: Circumstances) -> None:
        self._rows = CsvRows(bom=True)
        self.opening, self.closing = self._rows.opening, self._rows.closing

    def item(self, value: TicketSummary) -> bytes:
        """One ticket."""
        state, without = value.evidence["state"], value.evidence.get("closed_without")
        shown = {name: getattr(value, name, None) for name in TICKET_COLUMNS} | {
            "severity": severity_words(value.severity, value.severity_raw),
            "evidence": f"{state} (stale)" if value.evidence["stale"] else state,
            "closed_without_evidence": without and f"{without['by']}: {without['reason']}",
        }
        return self._rows.item(shown)


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL).writerow(list(cells))
    return out.getvalue()


def cell(value: object) -> str:
    """A value as the text of a cell; several values are joined by ``; ``."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Enum():
            return cell(value.value)
        case int() | float():
            return str(value)
        case date() | datetime():
            return value.isoformat()
        case Mapping():
            return _guard("; ".join(f"{key}: {_text(one)}" for key, one in value.items()))
        case str():
            return _guard(value)
        case Iterable():
            return _guard("; ".join(_text(one) for one in value))
    return _guard(str(value))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _guard(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    if text.lstrip(" ").startswith(_FORMULA):
        text = "'" + text
    text = _INNER.sub(r"\1'", text)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(_CUT)] + _CUT
