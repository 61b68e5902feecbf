"""The table that says how grave the results of scanners are, and of which kind."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from app.domain.scanning import ScannerRow, ScannerTable
from app.domain.tickets import Category, Severity
from app.errors import StartupError

_SHIPPED = Path(__file__).with_name("scanners.toml")
_REMEDY = "Mend the file that FINDINGS_SCANNER_TABLE names; docs/exchange.md says what it may hold."
_WORDS = ("scanner", "rule", "tag", "level")


def scanner_table(own: Path | None) -> ScannerTable:
    """Return the rows of an operator's file, and behind them those that ship.

    Raises:
        StartupError: the file cannot be read, or a row is none.
    """
    return ScannerTable((*(_rows(own) if own else ()), *_rows(_SHIPPED)))


def _rows(file: Path) -> tuple[ScannerRow, ...]:
    try:
        rows = tomllib.loads(file.read_text("utf-8")).get("row", [])
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise StartupError(
            f"The table of scanners {file} cannot be read: {error}.", remedy=_REMEDY
        ) from None
    if not isinstance(rows, list):
        raise StartupError(
            f"The table of scanners {file}: write its rows as [[row]].", remedy=_REMEDY
        )
    return tuple(_row(file, n, row) for n, row in enumerate(rows, 1))


def _row(file: Path, number: int, given: dict[str, Any]) -> ScannerRow:
    where = f"Row {number} of the table of scanners {file}"
    known = {*_WORDS, "security", "severity", "categories", "domains"}
    if unknown := sorted(set(given) - known):
        raise StartupError(
            f"{where} says {unknown[0]!r}; it may say {', '.join(sorted(known))}.", remedy=_REMEDY
        )
    try:
        return ScannerRow(
            **{word: str(given.get(word, "*")) for word in _WORDS},
            security=None if "security" not in given else float(given["security"]),
            severity=None if "severity" not in given else Severity(given["severity"]),
            categories=None
            if "categories" not in given
            else tuple(Category(word) for word in given["categories"]),
            domains=None if "domains" not in given else tuple(map(str, given["domains"])),
        )
    except (ValueError, TypeError) as error:
        raise StartupError(f"{where}: {error}.", remedy=_REMEDY) from None
