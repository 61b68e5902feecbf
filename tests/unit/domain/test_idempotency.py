"""Idempotency keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.idempotency import Answer, KeyedRequest, folded, is_idempotency_key


@pytest.mark.parametrize(
    ("key", "accepted"),
    [
        ("12345678", True),
        ("!~" * 4, True),
        ("x" * 200, True),
        ("1234567", False),
        ("x" * 201, False),
        ("has a space", False),
        ("tab\tbetween", False),
        ("ünïcödé-key", False),
        ("newline-1\n", False),
        ("", False),
    ],
)
def test_keys_are_visible_ascii(key: str, accepted: bool) -> None:
    assert is_idempotency_key(key) is accepted


def test_a_key_is_bound_to_account_method_and_path_and_not_to_the_content() -> None:
    request = KeyedRequest("12345678", "POST", "/a", b"content")
    scopes = {
        request.scope("ada"),
        request.scope("bob"),
        replace(request, key="12345679").scope("ada"),
        replace(request, method="PUT").scope("ada"),
        replace(request, path="/b").scope("ada"),
    }

    assert len(scopes) == 5
    assert replace(request, content=b"other").scope("ada") == request.scope("ada")


def test_parts_do_not_run_into_each_other() -> None:
    assert folded((b"ab", b"c")) != folded((b"a", b"bc"))


@pytest.mark.parametrize(
    ("status", "success"), [(200, True), (202, True), (304, False), (409, False)]
)
def test_only_2xx_is_success(status: int, success: bool) -> None:
    assert Answer(status, {}, b"").is_success is success
