"""Columns and paths of results, as tools count and write them."""

from __future__ import annotations

import pytest

from app.formats.sarif.columns import code_point
from app.formats.sarif.uris import Paths

LINE = "é = '𝛼' + x"
"""A letter of two bytes, and one of four bytes and two UTF-16 units."""


@pytest.mark.parametrize(
    ("kind", "column"),
    [("unicodeCodePoints", 11), ("utf16CodeUnits", 12), ("utf8CodeUnits", 15), (None, 11)],
)
def test_a_column_is_counted_as_the_run_counts(kind: str | None, column: int) -> None:
    assert LINE[code_point(LINE, column, kind) - 1] == "x"


def test_a_column_behind_the_line_stays_behind_it() -> None:
    assert code_point(LINE, 99, "utf16CodeUnits") > len(LINE)


def paths(root: str | None = None, **bases: str) -> Paths:
    named = {name: {"uri": uri} for name, uri in bases.items()}
    return Paths(named, [], root, frozenset({"kasmina/slot.py"}))


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("a/./b.py", "a/b.py"),
        ("a%20b.py", "a b.py"),
        ("file:///w/src/a.py", "a.py"),
        ("file://host/w/src/a.py", "a.py"),
        ("/w/src/a.py", "a.py"),
        ("/elsewhere/kasmina/slot.py", "kasmina/slot.py"),
        ("../a.py", None),
        ("a/../../b.py", None),
        ("/w/../etc/passwd", None),
        ("x" * 2000, None),
    ],
)
def test_a_uri_is_a_path_below_the_root_or_none(uri: str, path: str | None) -> None:
    assert paths("/w/src").of({"uri": uri})[0] == path


def test_an_absolute_path_without_a_root_says_what_is_missing() -> None:
    path, odd = paths().of({"uri": "file:///w/src/a.py"})

    assert path == "w/src/a.py"
    assert odd == "the path is absolute; name the folder that the code lay in as root"


def test_a_base_stands_before_a_relative_uri_and_an_unknown_one_does_not() -> None:
    found = paths("/w/src", SRC="file:///w/src/")

    assert found.of({"uri": "a.py", "uriBaseId": "SRC"}) == ("a.py", None)
    assert found.of({"uri": "a.py", "uriBaseId": "NONE"}) == ("a.py", None)
