"""Cursors: only what was given out is read, and only for the query it was given out for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.cursors import Cursors
from app.errors import InvalidInput

CURSORS = Cursors(b"secret of the installation" * 2)
POSITION = st.tuples(st.text(max_size=20) | st.integers(-(2**53), 2**53), st.none() | st.booleans())


@given(query=st.text(max_size=40), position=POSITION)
def test_a_cursor_leads_back_to_its_place(query: str, position: tuple[object, ...]) -> None:
    assert CURSORS.read(query, CURSORS.make(query, position)) == position


@given(text=st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_what_was_not_given_out_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not made by this service"):
        CURSORS.read("/tickets", text)


@given(data=st.data(), character=st.characters(codec="ascii"))
def test_no_character_can_be_changed_added_or_left_out(data: st.DataObject, character: str) -> None:
    cursor = CURSORS.make("/tickets", ("2026-01-31", 7))
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = data.draw(
        st.sampled_from(
            [
                cursor[:place] + character + cursor[place + 1 :],
                cursor[:place] + character + cursor[place:],
                cursor[:place] + cursor[place + 1 :],
                cursor + character,
            ]
        )
    )

    if changed != cursor:
        with pytest.raises(InvalidInput):
            CURSORS.read("/tickets", changed)


def test_a_cursor_of_another_query_or_installation_is_refused() -> None:
    cursor = CURSORS.make("/tickets", (1,))

    with pytest.raises(InvalidInput, match="other filters"):
        CURSORS.read("/runs", cursor)
    with pytest.raises(InvalidInput, match="not made by this service"):
        Cursors(b"another secret").read("/tickets", cursor)
