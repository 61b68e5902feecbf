"""What full text finds a ticket by, and how queries are read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.search import (
    MAX_BODY_BYTES,
    MAX_LEAD_BYTES,
    MAX_WORD,
    search_query,
    search_texts,
    words,
)
from app.domain.tickets import Location, Section

PAIRS = [
    ("kasmina/ops/blend.py", "blend.py"),
    ("kasmina/ops/blend.py:7-9", "blend.py:7"),
    ("see kasmina/ops/blend_ops.py.", "ops/blend_ops.py"),
    ("C:\\kasmina\\blend.py", "kasmina/blend.py"),
    ("torch.nn.functional.pad(x)", "functional.pad"),
    ("B2-DRL-10", "DRL-10"),
    ("b2-drl-10", "B2-DRL-10"),
    ("`64dd86bb1f2e3d4c5b6a79880123456789abcdef`", "64dd86b"),
    ("64DD86BB", "64dd86bb1f2e3d4c5b6a79880123456789abcdef"),
    ("It doesn't, and won't.", "doesn't"),
    ("It doesn’t.", "doesn't"),
    ("the naïve café", ["naive", "cafe"][0]),
    ("the naive cafe", "Café"),
    ("Straße", "strasse"),
    ("a `state_dict()` of it", "state_dict"),
    ("--no-renames", "--no-renames"),
    ("https://example.org/a/b?c=d", "example.org/a/b"),
]


@pytest.mark.parametrize(("text", "query"), PAIRS)
def test_a_query_has_the_words_of_the_text_in_a_row(text: str, query: str) -> None:
    there, asked = words(text), words(query)

    assert asked
    assert any(there[n : n + len(asked)] == asked for n in range(len(there)))


@pytest.mark.parametrize(
    ("q", "read"),
    [
        ("gradients couples", "gradients couples"),
        ("gradients OR momentum", "gradients or momentum"),
        ("gradients -couples", "gradients -couples"),
        ('"seed input"', '"seed input"'),
        ('-"host becomes" x', '-"host becomes" x'),
        ('"never closed', '"never closed"'),
        ("blend.py:7", '"blend py 7"'),
        ("-ops/blend.py", '-"ops blend py"'),
        ("--no-renames", '"no renames"'),
        ("don't", "dont"),
        ('"or"', '"or"'),
        ("or,", '"or"'),
        ("&|!():*<->", ""),
        ("a & b", "a b"),
        ("\0", ""),
    ],
)
def test_queries(q: str, read: str) -> None:
    assert search_query(q) == read


@given(st.text(max_size=80))
def test_a_query_holds_nothing_but_words_and_its_own_signs(q: str) -> None:
    for term in search_query(q).replace('"', " ").split():
        assert all(c.isalnum() for c in term.removeprefix("-"))


def words_of_place(location: Location) -> set[str]:
    return set(search_texts("KAS-1", "", "", [location], []).lead.split())


@pytest.mark.parametrize(
    ("location", "found"),
    [
        (
            Location(path="kasmina/blend_ops.py", start_line=7),
            {"kasmina", "blend", "ops", "py", "7"},
        ),
        (Location(path="Makefile"), {"makefile"}),
        (Location(symbol="SeedSlot.blendInto()"), {"seedslot", "seed", "slot", "blend", "into"}),
        (Location(symbol="HTTPServer"), {"httpserver", "http", "server"}),
        (Location(symbol="app::main"), {"app", "main"}),
        (Location(note="see tools/x.py."), {"tools", "x", "py"}),
    ],
)
def test_places_are_found_by_their_parts(location: Location, found: set[str]) -> None:
    assert found <= words_of_place(location)


def test_each_text_has_its_weight() -> None:
    texts = search_texts("KAS-1", "Title", "Summary", [], [Section("Heading", "Body")], ["Step"])

    assert texts.title == "kas 1 title"
    assert texts.lead == "summary"
    assert texts.body == "heading body step"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10,
        "ä/b" * 10,
        "🦀.🦀 ",
        "/" * 10,
        "aB" * 10,
        "a_b-c ",
        "a.",
        "0a",
        "a@b.",
        "x-1-",
        "'a",
    ],
)
def test_texts_are_bounded_plain_and_looked_at_in_linear_time(text: str) -> None:
    started = time.process_time()
    sections = [Section("x", text * 19_000) for _ in range(100)]
    places = [Location(path=text * 90, symbol=text * 45) for _ in range(200)]

    texts = search_texts("KAS-1", text * 30, text * 400, places, sections)

    assert len(texts.body.encode()) <= MAX_BODY_BYTES
    assert len(texts.lead.encode()) <= MAX_LEAD_BYTES
    for word in f"{texts.title} {texts.lead} {texts.body}".split():
        assert word.isalnum() and len(word) <= MAX_WORD
    assert time.process_time() - started < 20  # quadratic work would take hours
