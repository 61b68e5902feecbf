"""How alike findings are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.similarity import (
    MAX_TITLE_KEYS,
    SHOWN,
    Candidate,
    Features,
    compare,
    features,
    most_similar,
    similarity_keys,
    words_of,
)
from app.domain.tickets import Location

NUMBERS = (
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
    *("hundred", "thousand", "million"),
)


def at(path: str, start: int | None = None, end: int | None = None) -> Features:
    return features("", "", [Location(path=path, start_line=start, end_line=end)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("blend_multiply", {"blend", "multiply"}),
        ("BlendMultiply couples", {"blend", "multiply", "couple"}),
        ("The HTTPServer is closing", {"http", "server", "clos"}),
        ("properties", {"property"}),
        ("a an the of is", set()),
        ("gradients gradient", {"gradient"}),
        ("loss classes", {"loss", "classe"}),
        ("x1 42 __", set()),
        ("", set()),
    ],
)
def test_words_without_endings_and_without_words_that_mean_nothing(
    text: str, words: set[str]
) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("one", "other", "least", "most", "reason"),
    [
        (at("a.py", 10, 20), at("a.py", 10, 20), 0.85, 0.85, "same lines: a.py:10-20"),
        (at("a.py", 10, 20), at("a.py", 20, 90), 0.55, 0.6, "same lines: a.py:20-90"),
        (at("a.py", 10), at("a.py", 10), 0.85, 0.85, "same lines: a.py:10-10"),
        (at("a.py", 10, 20), at("a.py", 25, 30), 0.35, 0.35, "lines nearby: a.py:25-30"),
        (at("a.py", 10, 20), at("a.py", 400, 410), 0.2, 0.2, "same file: a.py"),
        (at("a.py"), at("a.py", 10), 0.2, 0.2, "same file: a.py"),
        (at("a.py", 10), at("b.py", 10), 0.0, 0.0, None),
    ],
)
def test_places(
    one: Features, other: Features, least: float, most: float, reason: str | None
) -> None:
    score, reasons = compare(one, other)

    assert least <= score <= most
    assert reasons == (() if reason is None else (reason,))
    assert compare(other, one)[0] == score


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("f", "f", True),
        ("f()", "f", True),
        ("A.f()", "A.f", True),
        ("A.f", "B.f", False),
        ("f", "F", False),
    ],
)
def test_symbols(one: str, other: str, same: bool) -> None:
    score, reasons = compare(
        features("", "", [Location(symbol=one)]), features("", "", [Location(symbol=other)])
    )

    assert (score, reasons) == (
        (0.6, (f"same symbol: {one.removesuffix('()')}",)) if same else (0.0, ())
    )


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("blend_multiply couples gradients", "blend_multiply couples gradients", 0.85, 0.95),
        ("blend_multiply couples gradients", "Coupled gradient in BlendMultiply", 0.5, 0.95),
        ("blend_multiply couples gradients", "Checkpoint drops the optimiser", 0.0, 0.0),
        ("", "", 0.0, 0.0),
    ],
)
def test_words(one: str, other: str, least: float, most: float) -> None:
    score, _ = compare(features(one, "", []), features(other, "", []))

    assert least <= score <= most


def test_likenesses_add_up_below_one() -> None:
    place = [Location(path="a.py", start_line=1, end_line=9, symbol="f()")]
    same = features("blend multiply", "gradients couple", place)

    score, reasons = compare(same, same)

    assert 0.95 < score <= 1
    assert [reason.partition(":")[0] for reason in reasons] == [
        "same lines",
        "same symbol",
        "same words",
    ]


def test_the_most_alike_come_first_and_the_unlike_not_at_all() -> None:
    own = at("a.py", 100, 200)
    candidates = [
        Candidate("KAS-1", "far", "open", at("a.py", 900)),
        Candidate("KAS-2", "some", "open", at("a.py", 200, 300)),
        Candidate("KAS-3", "all", "closed", at("a.py", 100, 200)),
        *(Candidate(f"KAS-{n}", "most", "open", at("a.py", 120, 200)) for n in range(10, 30)),
    ]

    found = most_similar(own, candidates)

    assert [ticket.key for ticket in found[:2]] == ["KAS-3", "KAS-10"]
    assert len(found) == SHOWN
    assert "KAS-1" not in [ticket.key for ticket in most_similar(own, candidates[:3])]


def keys_of(title: str, summary: str = "") -> set[int]:
    return set(similarity_keys(features(title, summary, [])))


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (("blend_multiply couples gradients",), ("Coupled gradient in BlendMultiply",), True),
        (("blend_multiply couples gradients",), ("multiply couples factors",), True),
        (("blend_multiply couples gradients",), ("gradients vanish elsewhere",), False),
        (("Checkpoint drops momentum",), ("blend_multiply couples gradients",), False),
        (("One title", f"{' '.join(NUMBERS)}"), ("Another name", f"{' '.join(NUMBERS[1:])}"), True),
        (("One title", f"{' '.join(NUMBERS[:9])}"), ("Another name", " ".join(NUMBERS[9:])), False),
        (("", ""), ("", ""), False),
    ],
)
def test_findings_share_a_key_when_two_words_of_the_title_or_most_of_the_text_are_the_same(
    one: tuple[str, ...], other: tuple[str, ...], shared: bool
) -> None:
    assert bool(keys_of(*one) & keys_of(*other)) == shared


def test_keys_fit_the_column_and_are_bounded() -> None:
    keys = similarity_keys(features(" ".join(NUMBERS), " ".join(NUMBERS), []))

    assert MAX_TITLE_KEYS < len(keys) <= MAX_TITLE_KEYS + 8
    assert all(-(2**31) <= key < 2**31 for key in keys)
    assert len(set(keys)) == len(keys)


STORED = (
    *(881010226, -2049270857, 1725391816, 1073420739, 1818488553),
    *(-1564463290, 1492769931, -1154264065, -219491564),
)


def test_keys_stay_the_same_because_they_are_stored() -> None:
    keys = similarity_keys(features("blend couples", "The host is its own seed input.", []))

    assert keys == STORED


@settings(max_examples=200)
@given(st.text(max_size=80), st.text(max_size=400))
def test_any_text_has_keys_that_depend_on_its_words_alone(title: str, summary: str) -> None:
    own = features(title, summary, [])
    shuffled = Features(frozenset(sorted(own.title)), frozenset(sorted(own.words)), ())

    assert similarity_keys(own) == similarity_keys(shuffled)
