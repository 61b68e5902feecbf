"""Words for moments, and paths that stay on this site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.web.hosts import host_name
from app.web.render import relative
from app.web.routing import local_path

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=10), "now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=80), "80 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(days=100), "3 mo ago"),
        (timedelta(days=900), "2 y ago"),
        (-timedelta(hours=5), "in 5 h"),
    ],
)
def test_moments_are_said_in_a_word_or_two(before: timedelta, said: str) -> None:
    assert relative(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("/tickets?q=a%20b", "/tickets?q=a%20b"),
        (None, "/"),
        ("", "/"),
        ("tickets", "/"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("/\n/elsewhere.example", "/"),
        ("https://elsewhere.example", "/"),
    ],
)
def test_only_paths_of_this_site_are_followed(wanted: str | None, taken: str) -> None:
    assert local_path(wanted) == taken


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.example:80", "a.example"), ("A.Example.", "a.example"), ("[::1]:80", "::1"), ("", "")],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
