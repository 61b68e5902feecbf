"""What full text finds a ticket by."""

from __future__ import annotations

import time

import pytest

from app.domain.search import MAX_BODY_BYTES, MAX_PLACES_BYTES, search_texts
from app.domain.tickets import Location, Section


def words_of_place(location: Location) -> set[str]:
    texts = search_texts("KAS-1", "", "", [location], [])
    return set(texts.lead.split())


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            Location(path="kasmina/blend_ops.py"),
            {"kasmina/blend_ops.py", "kasmina/blend_ops", "blend_ops.py", "kasmina", "blend_ops"},
        ),
        (Location(path="a/b/c/D.py"), {"a", "a/b", "a/b/c", "D.py", "a/b/c/D", "D", "py"}),
        (Location(path="Makefile"), {"Makefile"}),
        (Location(symbol="SeedSlot.blendInto()"), {"SeedSlot", "Seed", "Slot", "blend", "Into"}),
        (Location(symbol="HTTPServer"), {"HTTPServer", "HTTP", "Server"}),
        (Location(symbol="app::main"), {"app", "main"}),
        (Location(note="see tools/x.py."), {"tools/x.py", "x.py", "tools"}),
    ],
)
def test_places_are_found_by_their_parts(location: Location, words: set[str]) -> None:
    assert words <= words_of_place(location)


def test_each_text_has_its_weight() -> None:
    texts = search_texts("KAS-1", "Title", "Summary", [], [Section("Heading", "Body")])

    assert texts.title == "KAS-1 Title"
    assert texts.lead.startswith("Summary")
    assert texts.body.split() == ["Heading", "Body"]


@pytest.mark.parametrize("text", ["a" * 10, "ä/b" * 10, "🦀.🦀 ", "/" * 10, "aB" * 10, "a_b-c "])
def test_texts_are_bounded_and_looked_at_in_linear_time(text: str) -> None:
    started = time.process_time()
    sections = [Section("x", text * 19_000) for _ in range(100)]
    places = [Location(path=text * 90, symbol=text * 45) for _ in range(200)]

    texts = search_texts("KAS-1", text * 30, text * 400, places, sections)

    assert len(texts.body.encode()) <= MAX_BODY_BYTES + 200
    assert len(texts.lead.encode()) <= MAX_PLACES_BYTES + 200_000
    assert time.process_time() - started < 20  # quadratic work would take hours
