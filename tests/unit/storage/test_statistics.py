"""Which way to a page is chosen by what the server knows of tickets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.storage.statistics import STEP, Spread, TicketStatistics
from app.storage.tickets.pages import Expectation, expectation
from app.storage.tickets.search import LONG_WALK, WALK

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=n) for n in range(101)]
KNOWN = TicketStatistics(
    tickets=100_000,
    words={"blend": 0.6, "seed": 0.09, "it's": 0.03},
    spreads={
        "created_at": Spread.of(DAYS, 100_000),
        "updated_at": Spread.of(DAYS, 100_000),
        "sort_key": Spread.of([f"KAS-{n:03d}" for n in range(101)], 100_000),
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
        (" & ".join(["'walrus'"] * 250), 1e-9),
    ],
)
def test_the_share_of_a_query_comes_from_those_of_its_words(terms: str, share: float) -> None:
    assert KNOWN.share_of(terms) == pytest.approx(share)


@pytest.mark.parametrize(
    ("terms", "telling"),
    [
        ("'blend'", None),
        ("'walrus'", None),
        ("'blend' & 'walrus'", "'walrus'"),
        ("'it''s' & 'blend' <-> 'walrus'", "'it''s' & 'walrus'"),
        ("'blend' | 'walrus'", None),
        ("'blend' & 'seed'", None),
        ("", None),
    ],
)
def test_only_rare_words_are_asked_of_the_index(terms: str, telling: str | None) -> None:
    assert KNOWN.telling(terms, 0.05) == telling


def test_without_statistics_any_word_may_be_frequent() -> None:
    nothing = TicketStatistics()

    assert nothing.share_of("'walrus'") == 1.0
    assert nothing.window("created_at", None, 0.01, 50, descending=True) is None


@pytest.mark.parametrize(
    ("after", "share", "rows", "descending", "end"),
    [
        (None, 0.5, 50, True, 99),
        (None, 0.05, 50, True, 98),
        (DAYS[50], 0.05, 50, True, 47),
        (DAYS[50] + timedelta(hours=1), 0.05, 50, True, 48),
        (START + timedelta(days=900), 0.05, 50, True, 98),
        (DAYS[3], 0.05, 50, True, None),
        (None, 0.0002, 200, True, None),
        (None, 0.05, 50, False, 2),
        (DAYS[50], 0.05, 50, False, 52),
        (DAYS[98], 0.05, 50, False, None),
    ],
)
def test_a_window_ends_where_enough_of_the_wanted_are_to_be_expected(
    after: datetime | None, share: float, rows: int, descending: bool, end: int | None
) -> None:
    found = KNOWN.window("created_at", after, share, rows, descending=descending)

    assert found == (None if end is None else DAYS[end])


HOURS = [DAYS[100] + timedelta(hours=n) for n in range(8)]


@pytest.mark.parametrize(
    ("after", "tickets", "end"),
    [
        (None, STEP, HOURS[7]),
        (None, STEP + 1, HOURS[6]),
        (None, 4 * STEP, HOURS[4]),
        (None, 4 * STEP + 1, DAYS[99]),
        (HOURS[6], STEP, HOURS[4]),
        (DAYS[50], 1000, DAYS[48]),
    ],
)
def test_the_newest_tickets_count_though_the_statistics_do_not_know_them(
    after: datetime | None, tickets: int, end: datetime
) -> None:
    spread = Spread.of(DAYS, 100_000, [HOURS[7], HOURS[6], HOURS[5], HOURS[4]])

    assert spread.tickets == 100_000 + 4 * STEP
    assert spread.window(after, tickets, descending=True) == end


def test_a_window_in_the_order_of_keys_begins_behind_the_last_one() -> None:
    assert KNOWN.window("sort_key", "KAS-042~2", 0.05, 50, descending=False) == "KAS-045"


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
    expected = expectation(replace(KNOWN, tickets=1e6), terms, order, None, 50)

    assert (expected.walk, expected.until is not None) == (walk, bounded)


def test_where_few_tickets_hold_the_words_they_are_all_looked_up() -> None:
    few = replace(KNOWN, tickets=30_000)

    assert expectation(few, "'walrus'", "-created", None, 50) == Expectation(0, None, None)


def test_no_number_of_words_is_too_many() -> None:
    terms = " & ".join(f"'{n}'" for n in range(250))

    known = replace(KNOWN, words={"blend": 0.006})

    share = known.share_of(terms)

    assert known.window("created_at", None, share, 200, descending=True) is None
