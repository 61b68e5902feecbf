"""Roles, tokens and who the last admin is, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.domain.accounts import Account, Role, Token, takes_admin_away


@pytest.mark.parametrize(
    ("role", "limit", "expected"),
    [
        (Role.ADMIN, None, Role.ADMIN),
        (Role.ADMIN, Role.READER, Role.READER),
        (Role.REVIEWER, Role.REVIEWER, Role.REVIEWER),
        (Role.READER, Role.ADMIN, Role.READER),
    ],
)
def test_a_token_makes_an_account_smaller_and_never_greater(
    role: Role, limit: Role | None, expected: Role
) -> None:
    assert Account(uuid4(), "ada", role).limited_to(limit).role is expected


def test_a_small_token_of_a_maintainer_speaks_only_for_its_own_specialists() -> None:
    account = Account(uuid4(), "ada", Role.MAINTAINER, speaks_for=("drl",))

    small = account.limited_to(Role.REVIEWER)

    assert (account.may_speak_for("human"), small.may_speak_for("human")) == (True, False)
    assert small.may_speak_for("drl")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"display_name": "x", "speaks_for": ()}, False),
        ({"role": Role.ADMIN, "disabled": False}, False),
        ({"role": Role.MAINTAINER}, True),
        ({"disabled": True}, True),
        ({"role": Role.ADMIN, "disabled": True}, True),
    ],
)
def test_which_changes_take_an_admin_away(changes: dict[str, Any], expected: bool) -> None:
    assert takes_admin_away(changes) is expected


@pytest.mark.parametrize(
    ("expires", "revoked", "expected"),
    [(None, None, True), (5, None, True), (3, None, False), (4, None, False), (5, 1, False)],
)
def test_which_tokens_are_live(expires: int | None, revoked: int | None, expected: bool) -> None:
    def at(day: int | None) -> datetime | None:
        return None if day is None else datetime(2026, 1, day, tzinfo=UTC)

    token = Token(
        uuid4(), "ada", "x", datetime(2026, 1, 1, tzinfo=UTC), at(expires), at(revoked), None
    )

    assert token.is_live(datetime(2026, 1, 4, tzinfo=UTC)) is expected
