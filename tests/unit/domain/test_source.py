"""Which lines of its file a test has."""

from __future__ import annotations

import pytest

from app.domain.source import LineRange, lines_of_test

FILE = """\
import pytest


@pytest.mark.finding("B5-DRL-01")
@pytest.mark.parametrize(
    "n",
    [1, 2],
)
def test_scale(
    n: int,
) -> None:
    assert n

    # the end


class TestScale:
    async def test_twice(self):
        assert True

    def test_twice_more(self):
        assert True
def test_last(): pass
""".splitlines()


@pytest.mark.parametrize(
    ("node_id", "expected"),
    [
        ("t.py::test_scale[1]", (9, 14)),
        ("t.py::TestScale", (17, 22)),
        ("t.py::TestScale::test_twice", (18, 19)),
        ("t.py::TestScale::test_twice_more", (21, 22)),
        ("t.py::test_last", (23, 23)),
        ("t.py", (1, 23)),
    ],
)
def test_a_test_has_the_lines_of_its_block(node_id: str, expected: tuple[int, int]) -> None:
    assert lines_of_test(FILE, node_id) == LineRange(*expected)


@pytest.mark.parametrize("node_id", ["t.py::test_none", "t.py::TestScale::test_last", "t.py::("])
def test_what_is_not_there_has_none(node_id: str) -> None:
    assert lines_of_test(FILE, node_id) is None


def test_decorators_in_one_line_belong_to_it() -> None:
    assert lines_of_test(
        ["@one", "@two(1)", "def test_x():", "    pass"], "t::test_x"
    ) == LineRange(1, 4)
