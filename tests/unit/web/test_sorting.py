"""Lists that a page has whole, by any of their headers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.requests import Request

from app.web.sorting import sorted_rows


@dataclass(frozen=True)
class Row:
    name: str
    runs: int | None


ROWS = (Row("bela", 3), Row("Ada", None), Row("cleo", 1))
VALUES = {"name": lambda row: row.name, "runs": lambda row: row.runs}


def asked(query: str) -> Request:
    scope = {"type": "http", "path": "/list", "query_string": query.encode(), "headers": []}
    return Request({**scope, "scheme": "http", "server": ("test", 80)})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "bela Ada cleo"),
        ("sort=name", "Ada bela cleo"),
        ("sort=-name", "cleo bela Ada"),
        ("sort=runs", "cleo bela Ada"),  # without a value: last
        ("sort=-runs", "bela cleo Ada"),
        ("sort=password", "bela Ada cleo"),
    ],
)
def test_rows_go_by_the_header_that_is_asked_for(query: str, names: str) -> None:
    rows, _ = sorted_rows(asked(query), ROWS, VALUES)

    assert " ".join(row.name for row in rows) == names


def test_a_header_leads_to_its_order_and_then_backwards() -> None:
    _, heads = sorted_rows(asked("kind=a&kind=b&sort=name&cursor=x"), ROWS, VALUES)

    assert heads.address("name") == "/list?kind=a&kind=b&sort=-name"
    assert heads.address("runs") == "/list?kind=a&kind=b&sort=runs"
    assert (heads.direction("name"), heads.direction("runs")) == ("ascending", None)
    assert sorted_rows(asked("sort=-name"), ROWS, VALUES)[1].direction("name") == "descending"
