"""Which way to a page is chosen by what the server knows of tickets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.storage.statistics import TicketStatistics
from app.storage.ticket_pages import expectation
from app.storage.ticket_search import LONG_WALK, WALK

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=n) for n in range(101)]
KNOWN = TicketStatistics(
    tickets=100_000,
    words={"blend": 0.6, "seed": 0.09, "it's": 0.03},
    bounds={
        "created_at": DAYS,
        "updated_at": DAYS,
        "sort_key": [f"KAS-{n:03d}" for n in range(101)],
    },
)


@pytest.mark.parametrize(
    ("terms", "share"),
    [
        ("", 1.0),
        ("T", 1.0),
        ("'blend'", 0.6),
        ("'blend' & 'seed'", 0.09 * 0.6**0.5),
        ("'blend' | 'seed'", 0.6),
        ("'blend' <-> 'seed'", 0.09 * 0.6**0.5),
        ("'it''s'", 0.03),
        ("'|' & 'blend'", 0.01 * 0.6**0.5),
        ("'walrus'", 0.01),
        ("'walrus' | 'seed'", 0.09),
    ],
)
def test_the_share_of_a_query_comes_from_those_of_its_words(terms: str, share: float) -> None:
    assert KNOWN.share_of(terms) == pytest.approx(share)


def test_without_statistics_any_word_may_be_frequent() -> None:
    nothing = TicketStatistics()

    assert nothing.share_of("'walrus'") == 1.0
    assert nothing.window("created_at", None, 0.01, 50, descending=True) is None


@pytest.mark.parametrize(
    ("after", "share", "rows", "descending", "end"),
    [
        (None, 0.5, 50, True, 99),
        (None, 0.05, 50, True, 97),
        (DAYS[50], 0.05, 50, True, 46),
        (DAYS[50] + timedelta(hours=1), 0.05, 50, True, 47),
        (START + timedelta(days=900), 0.05, 50, True, 97),
        (DAYS[3], 0.05, 50, True, None),
        (None, 0.0002, 200, True, None),
        (None, 0.05, 50, False, 3),
        (DAYS[50], 0.05, 50, False, 53),
        (DAYS[98], 0.05, 50, False, None),
    ],
)
def test_a_window_ends_where_enough_of_the_wanted_are_to_be_expected(
    after: datetime | None, share: float, rows: int, descending: bool, end: int | None
) -> None:
    found = KNOWN.window("created_at", after, share, rows, descending=descending)

    assert found == (None if end is None else DAYS[end])


def test_a_window_in_the_order_of_keys_begins_behind_the_last_one() -> None:
    assert KNOWN.window("sort_key", "KAS-042~2", 0.05, 50, descending=False) == "KAS-046"


@pytest.mark.parametrize(
    ("order", "terms", "walk", "bounded"),
    [
        ("-created", "'blend'", WALK, True),
        ("-created", "'blend' <-> 'seed'", LONG_WALK, True),
        ("-created", "'walrus' <-> 'seed'", 0, True),
        ("-created", "'<' & 'blend'", 0, True),
        ("-updated", "'walrus'", 0, True),
        ("created", "'walrus'", 0, True),
        ("severity", "'walrus'", 0, False),
        ("key", "'blend'", WALK, True),
        ("key", "", WALK, True),
    ],
)
def test_frequent_words_are_walked_to_and_a_window_is_known_in_orders_with_bounds(
    order: str, terms: str, walk: int, bounded: bool
) -> None:
    expected = expectation(KNOWN, terms, order, None, 50)

    assert (expected.walk, expected.until is not None) == (walk, bounded)
