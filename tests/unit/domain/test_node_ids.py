"""Which names stand for which tests."""

from __future__ import annotations

import pytest

from app.cli.views.runs import _is_linked
from app.domain.node_ids import is_among

NAMES = {"t.py", "d/u.py::Case", "v.py::test", "w.py::test[a]"}


@pytest.mark.parametrize(
    ("node_id", "among"),
    [
        ("t.py::Case::test_x[1]", True),
        ("t.pyx::test", False),
        ("d/u.py::Case::test", True),
        ("d/u.py::Cases::test", False),
        ("v.py::test[a[b]::c]", True),
        ("v.py::tests", False),
        ("w.py::test[a]", True),
        ("w.py::test[a][b]", False),
        ("w.py::test", False),
        ("x[t.py].py::test", False),
    ],
)
def test_a_name_stands_for_itself_and_what_is_below_it(node_id: str, among: bool) -> None:
    assert is_among(node_id, NAMES) is among
    # The command decides it by itself: it knows nothing of the service.
    assert _is_linked(node_id, NAMES) is among
