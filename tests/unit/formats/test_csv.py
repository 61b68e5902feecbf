"""CSV that a spreadsheet opens without running it."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.tickets import TicketSummary
from app.formats.csv import MAX_CELL, TICKET_COLUMNS, CsvRows, TicketTable, cell
from app.formats.interface import Circumstances, StreamFormat, stream


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_file() -> None:
    form: StreamFormat[dict[str, object]] = CsvRows(["key", "n", "tags"])
    data = b"".join(stream(form, [{"key": "A-1", "n": 3, "tags": ["x", "y"]}, {"key": 'a,"b"\nc'}]))
    assert data == b'key,n,tags\r\nA-1,3,x; y\r\n"a,""b""\nc",,\r\n'


def test_a_byte_order_mark_on_request() -> None:
    assert CsvRows(["key"], bom=True).opening() == b"\xef\xbb\xbfkey\r\n"
    assert CsvRows().opening().decode().strip().split(",") == list(TICKET_COLUMNS)


def test_a_row_of_a_ticket() -> None:
    at = datetime(2025, 3, 1, tzinfo=UTC)
    evidence = {"state": "proven", "stale": True}
    ticket = TicketSummary(
        key="A1-CR-01",
        title="It leaks",
        severity="unknown",
        status="closed",
        resolution="fixed",
        batch=1,
        agent="codereview",
        summary="",
        domains=("a/b", "c"),
        categories=(),
        assignee=None,
        evidence=evidence | {"closed_without": {"by": "ada", "reason": "wording"}},
        consensus={},
        version=2,
        created_at=at,
        updated_at=at,
        created_by="ada",
        severity_raw="dire",
    )
    table = TicketTable(Circumstances("https://findings.example", "1.0", "7d1c", at))

    header, row = rows(table.opening() + table.item(ticket) + table.closing())

    assert header == list(TICKET_COLUMNS)
    shown = dict(zip(header, row, strict=True))
    assert shown["severity"] == "unknown (dire)"
    assert shown["evidence"] == "proven (stale)"
    assert shown["closed_without_evidence"] == "ada: wording"
    assert (shown["domains"], shown["assignee"]) == ("a/b; c", "")


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("http://x")',
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "=cmd|' /C calc'!A0",
        "＝1+1",
    ],
)
def test_formulas_become_text(formula: str) -> None:
    ((got,),) = rows(CsvRows(["a"]).item({"a": formula}))
    assert got.startswith("'")
    ((got,),) = rows(CsvRows(["a"]).item({"a": [formula, "b"]}))
    assert got.startswith("'")


@pytest.mark.parametrize("between", [";", "; ", ";   ", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"])
def test_what_another_separator_makes_a_cell_of_is_text_too(between: str, formula: str) -> None:
    for value in (f"a{between}{formula}", ["a", f"b{between}{formula}"], ["a", formula]):
        line = CsvRows(["key", "a", "n"]).item({"key": "B2-DRL-10", "a": value, "n": 1}).decode()
        cells = [
            cell.lstrip(" ")
            for one in line.split("\r\n")
            for row in re.split(r"[\r\n]", one)
            for cell in re.split(r"[;\t]", row)
        ]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))], line


def test_numbers_stay_numbers() -> None:
    assert CsvRows(["a", "b"]).item({"a": -3, "b": -0.5}) == b"-3,-0.5\r\n"


class Word(StrEnum):
    OPEN = "open"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (Word.OPEN, "open"),
        (datetime(2025, 3, 1, tzinfo=UTC), "2025-03-01T00:00:00+00:00"),
        ({"state": "proven", "stale": None}, "state: proven; stale: "),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_cell_too_long_for_a_spreadsheet_says_so() -> None:
    text = cell("a" * (MAX_CELL + 1))
    assert len(text) == MAX_CELL
    assert text.endswith("[cut]")


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_any_text_stays_in_its_cell(values: list[str]) -> None:
    data = CsvRows(["a", "b"]).item({"a": values[0], "b": values[1]})
    (row,) = rows(data)
    assert len(row) == 2
    assert all(not text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in row)


def test_lone_surrogates_do_not_break_the_file() -> None:
    assert CsvRows(["a"]).item({"a": "x\ud800"}) == b"x?\r\n"
