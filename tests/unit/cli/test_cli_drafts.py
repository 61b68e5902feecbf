"""Tickets from files and options."""

from pathlib import Path
from typing import Any

import pytest

from app.cli import drafts
from app.cli.errors import UsageProblem
from app.cli.inputs import read_bytes, read_table

EXAMPLE = Path(__file__).parents[3] / "examples" / "tickets" / "B2-DRL-10.toml"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a/b.py", {"path": "a/b.py"}),
        ("a/b.py:5", {"path": "a/b.py", "start_line": 5, "end_line": 5}),
        ("a.py:59-94", {"path": "a.py", "start_line": 59, "end_line": 94}),
        ("a.py:1-2#f()", {"path": "a.py", "start_line": 1, "end_line": 2, "symbol": "f()"}),
        ("a.py#C.f", {"path": "a.py", "symbol": "C.f"}),
        ("#f()", {"symbol": "f()"}),
        ("c:/x.py:3", {"path": "c:/x.py", "start_line": 3, "end_line": 3}),
    ],
)
def test_locations(text: str, place: dict[str, Any]) -> None:
    assert drafts.location(text) == place


@pytest.mark.parametrize("text", ["", ":5", "#"])
def test_what_is_no_location(text: str) -> None:
    with pytest.raises(UsageProblem, match="no place in the code"):
        drafts.location(text)


def test_sections_reports_relations(tmp_path: Path) -> None:
    (tmp_path / "body.md").write_text("long = text")
    assert drafts.section("Fix=a = b") == {"heading": "Fix", "body": "a = b"}
    assert drafts.section(f"Fix=@{tmp_path}/body.md") == {"heading": "Fix", "body": "long = text"}
    with pytest.raises(UsageProblem, match="no section"):
        drafts.section("Fix")
    assert drafts.report("r.md#1. a") == {"file": "r.md", "section": "1. a"}
    assert drafts.relation("blocks:A-1") == {"kind": "blocks", "key": "A-1"}
    assert drafts.relation("A-1") == {"key": "A-1"}


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"title": "x", "batch": 2, "reported_on": "2025-01-31"}')
    (tmp_path / "t.toml").write_text('title = "x"\nbatch = 2\nreported_on = 2025-01-31\n')
    assert drafts.ticket_in(f"{tmp_path}/t.json") == drafts.ticket_in(f"{tmp_path}/t.toml")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.json", b"{", "not valid JSON"),
        ("t.toml", b"a =", "not valid TOML"),
        ("t.json", b"[1]", "one JSON object"),
        ("t.json", b"[" * 100_000, "not valid"),
        ("t.txt", b"\xff\xfe", "not UTF-8"),
        ("t.toml", b"[ticket]\n[other]\n", "unknown: other"),
        ("t.toml", b"ticket = 3\n", "should hold a table"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageProblem, match=words):
        drafts.ticket_in(str(tmp_path / name))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="No such file"):
        read_table(str(tmp_path / "absent.json"))
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_table("nul\0byte")
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(UsageProblem, match="larger than 10 bytes"):
        read_bytes(str(tmp_path / "big"), limit=10)


def test_the_example_is_complete() -> None:
    ticket, reviews = drafts.ticket_in(str(EXAMPLE))
    assert not drafts.missing(ticket)
    assert (ticket["key"], ticket["severity"], ticket["batch"]) == ("B2-DRL-10", "P3", 2)
    (place,) = ticket["locations"]
    assert (place["path"], place["start_line"], place["end_line"]) == (
        "kasmina/blend_ops.py",
        59,
        94,
    )
    assert len(ticket["checklist"]) == 2
    assert [(review["specialist"], review["verdict"]) for review in reviews] == [
        ("pytorch", "ENDORSE"),
        ("drl", "NEUTRAL"),
        ("codereview", "NEUTRAL"),
    ]
