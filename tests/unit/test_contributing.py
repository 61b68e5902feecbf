"""CONTRIBUTING.md says where things lie and which files a new one touches; both are held here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.main import documented_routes

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
RECIPES = {
    match["example"]: re.findall(r"^- `([^`]+)`", match["body"], flags=re.M)
    for match in re.finditer(
        r"^### [^\n]*\(like `(?P<example>\w+)`\)\n(?P<body>.*?)(?=^##)", TEXT, flags=re.M | re.S
    )
}
SOURCES = [path for ending in ("py", "html") for path in (ROOT / "app").rglob(f"*.{ending}")]
LEAD_THERE = {"app/web/home.py", "app/web/templates/tickets/list.html"}
"""Pages that ask for the list of such tickets, as they may for any."""


def test_what_is_named_is_there() -> None:
    named = re.findall(r"`((?:app|tests|docs|scripts|migrations)/[^`\s]*)`", TEXT)

    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("example", ["objected", "refutation", "openvex"])
def test_what_is_there_is_named_in_the_files_of_its_list_only(example: str) -> None:
    naming = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(rf"\b({example}|{example.upper()})\b", path.read_text("utf-8"))
    }

    assert naming - LEAD_THERE <= set(RECIPES[example])


def test_the_route_of_the_list_is_one() -> None:
    assert "listSpecialists" in {route.unique_id for route in documented_routes()}
