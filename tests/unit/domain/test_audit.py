"""Ids of events."""

from __future__ import annotations

import pytest

from app.domain.audit import EventId, parse_event_id


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
