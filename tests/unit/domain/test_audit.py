"""Ids of events."""

from __future__ import annotations

import json

import pytest

from app.domain.audit import MOST_CHARS, EventId, bounded, parse_event_id


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1044-17", EventId(1044, 17)),
        ("0-0", EventId(0, 0)),
        ("18446744073709551615-9223372036854775807", EventId(2**64 - 1, 2**63 - 1)),
        ("18446744073709551616-1", None),
        ("1-9223372036854775808", None),
        ("1", None),
        ("-1-1", None),
        ("1-1 ", None),
        ("١-١", None),
        ("", None),
    ],
)
def test_ids_are_read_strictly(text: str, found: EventId | None) -> None:
    assert parse_event_id(text) == found
    assert found is None or str(found) == text


def test_the_transaction_comes_first() -> None:
    assert EventId(9, 5) < EventId(10, 1) < EventId(10, 2)


def test_changes_of_ordinary_size_are_kept_as_they_are() -> None:
    changes = {"note": [None, "x" * 20_000], "tags": [["a"], ["a", "b"]], "count": [1, 2]}

    assert bounded(changes) == changes


def test_a_long_text_keeps_its_beginning_and_says_how_much_is_missing() -> None:
    (before, after) = bounded({"note": ["x" * 50_000, None]})["note"]

    assert before == f"{'x' * 20_000} [… 30,000 characters are not kept]"
    assert after is None


@pytest.mark.parametrize(
    "value",
    [
        [{"heading": "h" * 200, "body": "b" * 20_000}] * 100,
        ["x"] * 100_000,
        {f"k{n}": "v" * 5000 for n in range(50)},
        [[[[["x" * 900] * 30] * 3] * 3]],
    ],
    ids=("sections", "items", "fields", "nested"),
)
def test_whatever_changes_an_event_has_a_bound(value: object) -> None:
    found = bounded({"sections": [value, value], "title": ["old", "new"]})

    assert len(json.dumps(found)) < 2 * MOST_CHARS
    assert found["title"] == ["old", "new"]
