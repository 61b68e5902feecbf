"""Accounts and bearer tokens: shown once, stored as a hash, expiring, revoked."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


async def _token(api: Api, name: str, **fields: Any) -> dict[str, Any]:
    answer = await api.call("POST", f"/accounts/{name}/tokens", json=fields, expect=201)
    found: dict[str, Any] = answer.json()
    api.tokens[found["id"]] = found["token"]
    return found


async def _me(api: Api, token: dict[str, Any], expect: int) -> dict[str, Any]:
    answer = await api.call("GET", "/me", as_=token["id"], expect=expect)
    found: dict[str, Any] = answer.json()
    return found


async def test_an_account_is_made_with_its_role_and_specialists(api: Api) -> None:
    body = {
        "name": "ada",
        "role": "reviewer",
        "speaks_for": ["pytorch", "drl"],
        "display_name": "Ada L.",
    }

    answer = await api.call("POST", "/accounts", json=body, expect=201)

    made = answer.json()
    assert {name: made[name] for name in ("name", "role", "display_name")} == {
        name: body[name] for name in ("name", "role", "display_name")
    }
    assert made["speaks_for"] == ["drl", "pytorch"]
    assert answer.headers["location"] == "/api/v1/accounts/ada"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"role": "boss"}, "/role"),
        ({"name": "Ada L"}, "/name"),
        ({"name": "../etc"}, "/name"),
        ({"speaks_for": ["surgeon"]}, "/speaks_for/0"),
        ({"roles": "admin"}, "/roles"),
    ],
)
async def test_an_account_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    body = {"name": "refused", "role": "reader", **fields}

    answer = await api.call("POST", "/accounts", json=body, expect=422)

    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    await api.call("GET", "/accounts/refused/tokens", expect=404)


async def test_a_taken_name_is_refused(api: Api) -> None:
    await api.account("grace", "reader")

    answer = await api.call(
        "POST", "/accounts", json={"name": "grace", "role": "admin"}, expect=409
    )

    assert "account named grace" in answer.json()["detail"]


async def test_me_tells_whom_the_token_stands_for(api: Api) -> None:
    await api.account("mel", "reviewer", speaks_for=("drl",))
    token = await _token(api, "mel", label="laptop")

    me = await _me(api, token, 200)

    assert (me["name"], me["role"], me["speaks_for"]) == ("mel", "reviewer", ["drl"])
    assert me["token_id"] == token["id"]


async def test_a_secret_is_shown_once_and_kept_as_its_hash_only(api: Api) -> None:
    await api.account("kim", "reader")
    token = await _token(api, "kim", label="ci")

    listed = await api.call("GET", "/accounts/kim/tokens", expect=200)
    async with api.factory.engine.connect() as connection:
        digests = await connection.exec_driver_sql("SELECT digest FROM tokens")
        stored = {bytes(row[0]) for row in digests}
        history = await connection.exec_driver_sql("SELECT changes::text FROM audit_events")
        told = "".join(row[0] for row in history)

    assert token["token"].startswith("fnd_") and len(token["token"]) == 47
    assert token["token"] not in listed.text
    assert hashlib.sha256(token["token"].encode()).digest() in stored
    assert token["token"] not in told
    assert listed.json()["items"][0]["label"] == "ci"


async def test_a_token_expires(api: Api) -> None:
    await api.account("eve", "reader")
    soon = datetime.now(UTC) + timedelta(hours=1)
    token = await _token(api, "eve", expires_at=soon.isoformat())
    await _me(api, token, 200)

    async with api.factory.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE tokens SET expires_at = now() - interval '1 second' WHERE id = %s",
            (token["id"],),
        )

    assert "The token expired on" in (await _me(api, token, 401))["detail"]


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00", "soon"])
async def test_a_token_that_could_not_be_used_is_not_made(api: Api, expires_at: str) -> None:
    answer = await api.call(
        "POST", "/accounts/admin/tokens", json={"expires_at": expires_at}, expect=422
    )

    assert answer.json()["errors"][0]["pointer"] == "/expires_at"


async def test_a_revoked_token_opens_nothing_any_more(api: Api) -> None:
    await api.account("rev", "reader")
    token, other = await _token(api, "rev"), await _token(api, "rev")

    for _ in range(2):  # twice is as good as once
        await api.call("DELETE", f"/accounts/rev/tokens/{token['id']}", expect=204)

    assert "The token was revoked on" in (await _me(api, token, 401))["detail"]
    await _me(api, other, 200)
    states = {t["id"]: t["revoked_at"] for t in await _tokens(api, "rev")}
    assert states[token["id"]] is not None and states[other["id"]] is None


async def test_the_token_of_another_account_is_not_revoked(api: Api) -> None:
    await api.account("one", "reader")
    await api.account("two", "reader")
    token = await _token(api, "one")

    await api.call("DELETE", f"/accounts/two/tokens/{token['id']}", expect=404)

    await _me(api, token, 200)


async def test_the_last_use_is_recorded(api: Api) -> None:
    await api.account("used", "reader")
    token = await _token(api, "used")
    (before,) = [t for t in await _tokens(api, "used") if t["id"] == token["id"]]

    await asyncio.gather(*(_me(api, token, 200) for _ in range(3)))

    (after,) = [t for t in await _tokens(api, "used") if t["id"] == token["id"]]
    assert before["last_used_at"] is None
    assert after["last_used_at"] is not None


async def test_a_disabled_account_is_shut_out(api: Api) -> None:
    await api.account("gone", "maintainer")
    token = await _token(api, "gone")
    async with api.factory.engine.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE accounts SET disabled_at = now() WHERE name = 'gone'"
        )

    assert "The account gone is disabled" in (await _me(api, token, 401))["detail"]


async def test_the_specialists_are_listed_with_their_codes(api: Api) -> None:
    items = (await api.get("/specialists"))["items"]

    assert [(item["name"], item["code"], item["label"]) for item in items] == [
        ("drl", "DRL", "DRL Specialist"),
        ("pytorch", "PT", "PyTorch Specialist"),
        ("codereview", "CR", "Code Review Specialist"),
        ("human", "HU", "Human Reviewer"),
    ]


async def test_a_reporter_edits_its_own_open_tickets_only(api: Api) -> None:
    await api.account("rita", "reporter")
    await api.account("saul", "reporter")
    key = (await api.file(as_="rita"))["key"]
    headers = {"If-Match": '"1"'}

    refused = await api.call(
        "PATCH", f"/tickets/{key}", as_="saul", json={"title": "x"}, headers=headers, expect=403
    )
    await api.call(
        "PATCH", f"/tickets/{key}", as_="rita", json={"title": "x"}, headers=headers, expect=200
    )

    assert refused.json()["needs"] == "maintainer"
    assert refused.json()["you"] == "saul (reporter)"


async def _tokens(api: Api, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"/accounts/{name}/tokens"))["items"]
    return found
