"""Folders are dispositions, and may disagree with the status."""

from __future__ import annotations

import pytest

from app.formats.markdown import disposition, drift


@pytest.mark.parametrize(
    ("path", "status", "resolution"),
    [
        ("fixed/B1-PT-01.md", "closed", "fixed"),
        ("docs/bugs/triaged/B1-PT-01.md", "open", None),
        ("wontfix/B1-PT-01.md", "wont-fix", "wont-fix"),
        ("not-a-bug\\B1-PT-01.md", "closed", "not-a-bug"),
    ],
)
def test_the_folder_is_a_disposition(path: str, status: str, resolution: str | None) -> None:
    found = disposition(path)
    assert found is not None
    assert (found.status, found.resolution) == (status, resolution)


def test_another_folder_says_nothing() -> None:
    assert disposition("inbox/B1-PT-01.md") is None
    assert disposition(None) is None
    assert drift("inbox", "open") is None


@pytest.mark.parametrize(
    ("folder", "agrees", "drifts"),
    [
        ("fixed", "closed fixed already-fixed", "open wont-fix invalid in-review"),
        ("triaged", "open investigating in-review fix-in-progress", "closed fixed wontfix invalid"),
        ("wontfix", "wont-fix wontfix closed", "open fixed invalid"),
        ("not-a-bug", "invalid closed", "open fixed wont-fix"),
    ],
)
def test_drift(folder: str, agrees: str, drifts: str) -> None:
    assert [drift(folder, status) for status in agrees.split()] == [None] * len(agrees.split())
    assert all(drift(folder, status) for status in drifts.split())
