"""Accounts, tokens, login links and specialists: who lets whom in, and as what."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.errors import Unauthenticated
from tests.support.api import Api
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio


async def _token(api: Api, as_: str, alias: str, *, path: str = "/me/tokens", **body: Any) -> Any:
    """Make a token, to be used as ``as_=alias``."""
    answer = await api.call("POST", path, as_=as_, json=body, expect=201)
    api.tokens[alias] = answer.json()["token"]
    return answer.json()


async def _patch(api: Api, name: str, *, expect: int = 200, as_: str = "admin", **body: Any) -> Any:
    return (await api.call("PATCH", f"/accounts/{name}", as_=as_, json=body, expect=expect)).json()


# --- accounts ------------------------------------------------------------------------------------


async def test_accounts_are_listed_in_the_order_of_their_names(api: Api) -> None:
    for name in ("zoe", "bert", "mia"):
        await api.account(name, "reader")

    first = await api.get("/accounts?limit=2")
    second = await api.get(f"/accounts?limit=2&cursor={first['next_cursor']}")

    assert [a["name"] for a in first["items"] + second["items"]] == ["admin", "bert", "mia", "zoe"]
    assert second["next_cursor"] is None
    assert await api.get("/accounts/bert") == first["items"][1]
    await api.call("GET", "/accounts/nobody", expect=404)


async def test_only_admins_see_and_change_accounts(api: Api) -> None:
    await api.account("max", "maintainer")
    calls: list[tuple[str, str, object]] = [
        ("GET", "/accounts", None),
        ("GET", "/accounts/max", None),
        ("PATCH", "/accounts/max", {"role": "admin"}),
        ("POST", "/accounts/max/login-link", None),
        ("POST", "/specialists", {"name": "sec", "code": "SEC", "label": "Security"}),
    ]
    for method, path, body in calls:
        refused = await api.call(method, path, as_="max", json=body, expect=403)
        assert refused.json()["needs"] == "admin"


async def test_a_change_is_in_force_at_once_and_recorded(api: Api, database: str) -> None:
    await api.account("pia", "reader")

    changed = await _patch(
        api, "pia", role="reviewer", speaks_for=["pytorch", "drl"], display_name="Pia"
    )
    same = await _patch(api, "pia", role="reviewer")

    assert changed == same
    assert (changed["role"], changed["speaks_for"]) == ("reviewer", ["drl", "pytorch"])
    key = (await api.file())["key"]
    review = {"verdict": "ENDORSE", "specialist": "drl"}
    await api.call("POST", f"/tickets/{key}/reviews", as_="pia", json=review, expect=201)
    cleared = await _patch(api, "pia", display_name=None, speaks_for=[])
    assert (cleared["display_name"], cleared["speaks_for"]) == (None, [])
    with psycopg.connect(database) as connection:
        events = connection.execute(
            "SELECT changes FROM audit_events WHERE action = 'account.changed' ORDER BY id"
        ).fetchall()
    assert [sorted(changes) for (changes,) in events] == [
        ["account", "display_name", "role", "speaks_for"],
        ["account", "display_name", "speaks_for"],
    ]


async def test_what_an_account_cannot_be_is_refused(api: Api) -> None:
    await api.account("pia", "reader")
    for body, pointer in [
        ({"role": "boss"}, "/role"),
        ({"role": None}, "/role"),
        ({"speaks_for": ["drl", "nobody"]}, "/speaks_for/1"),
        ({"disabled": "yes"}, "/disabled"),
        ({"name": "paul"}, "/name"),
    ]:
        refused = await api.call("PATCH", "/accounts/pia", json=body, expect=422)
        assert refused.json()["errors"][0]["pointer"] == pointer
    await _patch(api, "nobody", expect=404, role="reader")


async def test_a_disabled_account_gets_nowhere_and_its_leases_end(api: Api) -> None:
    await api.account("pia", "reviewer", speaks_for=("pytorch",))
    await api.account("paul", "reviewer", speaks_for=("pytorch",))
    await api.file()
    await api.call("POST", "/review-queue/claim", as_="pia", json={}, expect=200)

    shown = await _patch(api, "pia", disabled=True)

    assert shown["disabled"] is True
    assert shown["disabled_at"] is not None
    await api.call("GET", "/me", as_="pia", expect=401)
    claimed = await api.call("POST", "/review-queue/claim", as_="paul", json={}, expect=200)
    assert len(claimed.json()["items"]) == 1
    assert (await _patch(api, "pia", disabled=False))["disabled_at"] is None
    await api.call("GET", "/me", as_="pia", expect=401)
    await _token(api, "admin", "pia again", path="/accounts/pia/tokens")
    await api.call("GET", "/me", as_="pia again", expect=200)


async def test_the_last_admin_stays(api: Api) -> None:
    for change in ({"disabled": True}, {"role": "maintainer"}, {"role": "reader"}):
        refused = await _patch(api, "admin", expect=409, **change)
        assert "last admin" in refused["detail"]
    await _patch(api, "admin", display_name="The boss", role="admin", disabled=False)

    await api.account("eve", "admin")
    await _patch(api, "eve", disabled=True)
    await _patch(api, "admin", expect=409, role="reader")
    await _patch(api, "eve", disabled=False)
    await _token(api, "admin", "eve", path="/accounts/eve/tokens")
    await _patch(api, "admin", role="reader")
    await _patch(api, "eve", expect=409, as_="eve", disabled=True)


async def test_admins_that_take_each_other_away_at_once_leave_one(api: Api) -> None:
    names = [await api.account(f"boss-{n}", "admin") for n in range(6)]
    await _patch(api, "admin", as_=names[0], role="reader")

    answers = await asyncio.gather(
        *(
            api.call("PATCH", f"/accounts/{name}", as_=name, json={"role": "reader"})
            for name in names
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409]


# --- tokens --------------------------------------------------------------------------------------


async def test_own_tokens_are_made_listed_and_revoked(api: Api) -> None:
    await api.account("pia", "reviewer")

    made = await _token(api, "pia", "laptop", label="laptop")
    listed = (await api.get("/me/tokens", as_="pia"))["items"]

    assert {token["label"] for token in listed} == {"laptop", "token"}
    assert all("token" not in token for token in listed)
    assert (await api.get("/me", as_="laptop"))["token_id"] == made["id"]
    await api.call("DELETE", f"/me/tokens/{made['id']}", as_="pia", expect=204)
    await api.call("GET", "/me", as_="laptop", expect=401)
    own = (await api.get("/me/tokens"))["items"][0]["id"]
    await api.call("DELETE", f"/me/tokens/{own}", as_="pia", expect=404)


async def test_a_token_may_do_no_more_than_its_role(api: Api) -> None:
    await _token(api, "admin", "reading", role="reader")

    assert (await api.get("/me", as_="reading"))["role"] == "reader"
    await api.call("GET", "/accounts", as_="reading", expect=403)
    await api.call("POST", "/tickets", as_="reading", json={}, expect=403)
    above = await api.call("POST", "/me/tokens", as_="reading", json={"role": "admin"}, expect=403)
    assert above.json()["needs"] == "admin"


async def test_a_small_token_makes_only_small_tokens_and_revokes_no_greater_one(api: Api) -> None:
    await _token(api, "admin", "small", role="reporter")

    child = await _token(api, "small", "child")
    great = [t for t in (await api.get("/me/tokens"))["items"] if t["role"] is None]

    assert child["role"] == "reporter"
    assert (await api.get("/me", as_="child"))["role"] == "reporter"
    await api.call("DELETE", f"/me/tokens/{great[0]['id']}", as_="small", expect=403)
    await api.call("DELETE", f"/me/tokens/{child['id']}", as_="small", expect=204)


async def test_a_token_that_ends_makes_none_that_outlives_it(api: Api) -> None:
    await _token(api, "admin", "short", expires_at="2100-01-01T00:00:00Z")

    inherited = await _token(api, "short", "child")
    longer = await api.call(
        "POST", "/me/tokens", as_="short", json={"expires_at": "2101-01-01T00:00:00Z"}, expect=422
    )
    past = await api.call(
        "POST", "/me/tokens", json={"expires_at": "2001-01-01T00:00:00Z"}, expect=422
    )

    assert inherited["expires_at"] == "2100-01-01T00:00:00Z"
    for refused in (longer, past):
        assert refused.json()["errors"][0]["pointer"] == "/expires_at"


async def test_a_smaller_account_takes_its_tokens_down_with_it(api: Api) -> None:
    await api.account("max", "maintainer")
    await _token(api, "admin", "worker", path="/accounts/max/tokens", role="reviewer")
    above = await api.call("POST", "/accounts/max/tokens", json={"role": "admin"}, expect=422)

    await _patch(api, "max", role="reader")

    assert (await api.get("/me", as_="worker"))["role"] == "reader"
    assert above.json()["errors"][0]["allowed"] == ["reader", "reporter", "reviewer", "maintainer"]


async def test_an_account_has_a_bounded_number_of_tokens(api: Api, database: str) -> None:
    await api.account("pia", "reader")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tokens (id, account_id, digest, label)"
            " SELECT gen_random_uuid(), id, sha256(n::text::bytea), 'x'"
            " FROM accounts, generate_series(1, 99) AS n WHERE name = 'pia'"
        )

    refused = await api.call("POST", "/me/tokens", as_="pia", json={}, expect=409)
    revoked = (await api.get("/me/tokens", as_="pia"))["items"]
    spare = next(token["id"] for token in revoked if token["label"] == "x")
    await api.call("DELETE", f"/me/tokens/{spare}", as_="pia", expect=204)
    await api.call("POST", "/me/tokens", as_="pia", json={}, expect=201)

    assert "Revoke one first" in refused.json()["detail"]


async def test_answers_that_hold_a_secret_take_no_idempotency_key(api: Api) -> None:
    headers = {"Idempotency-Key": "a-key-of-mine"}
    for path in ("/me/tokens", "/accounts/admin/tokens", "/accounts/admin/login-link"):
        refused = await api.call("POST", path, json={}, headers=headers, expect=422)
        (error,) = refused.json()["errors"]
        assert (error["pointer"], error["in"]) == ("/Idempotency-Key", "header")


# --- login links ---------------------------------------------------------------------------------


async def _link(api: Api, name: str) -> str:
    answer = await api.call("POST", f"/accounts/{name}/login-link", expect=201)
    parts = urlsplit(answer.json()["url"])
    assert parts.path == "/login"
    (code,) = parse_qs(parts.query)["code"]
    return code


async def test_a_login_link_lets_its_account_in_once(api: Api, database: str) -> None:
    await api.account("pia", "reviewer")
    code = await _link(api, "pia")

    account = await api.factory.logins.redeem(code)
    with pytest.raises(Unauthenticated):
        await api.factory.logins.redeem(code)

    assert (account.name, account.role.value) == ("pia", "reviewer")
    with psycopg.connect(database) as connection:
        events = connection.execute(
            "SELECT action, changes::text FROM audit_events WHERE action LIKE 'login-link%'"
        ).fetchall()
    assert [action for action, _ in events] == ["login-link.created", "login-link.used"]
    assert not any(code in changes for _, changes in events)


async def test_of_many_that_come_with_one_code_one_gets_in(api: Api) -> None:
    code = await _link(api, "admin")

    results = await asyncio.gather(
        *(api.factory.logins.redeem(code) for _ in range(8)), return_exceptions=True
    )

    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert all(isinstance(r, Unauthenticated) for r in results if isinstance(r, Exception))


async def test_only_the_digest_of_a_code_is_kept_and_for_a_quarter_of_an_hour(
    api: Api, database: str
) -> None:
    code = await _link(api, "admin")

    with psycopg.connect(database, autocommit=True) as connection:
        digest, minutes = connection.execute(
            "SELECT digest, round(extract(epoch FROM expires_at - created_at) / 60)"
            " FROM login_codes"
        ).fetchone() or (None, None)
        connection.execute("UPDATE login_codes SET expires_at = now()")

    assert (digest, minutes) == (hashlib.sha256(code.encode()).digest(), 15)
    with pytest.raises(Unauthenticated):
        await api.factory.logins.redeem(code)


async def test_a_disabled_account_has_no_way_in_by_link(api: Api) -> None:
    await api.account("pia", "reviewer")
    code = await _link(api, "pia")
    await _patch(api, "pia", disabled=True)

    refused = await api.call("POST", "/accounts/pia/login-link", expect=409)
    await _patch(api, "pia", disabled=False)
    with pytest.raises(Unauthenticated):
        await api.factory.logins.redeem(code)

    assert "disabled" in refused.json()["detail"]
    await api.call("POST", "/accounts/nobody/login-link", expect=404)


async def test_an_account_that_is_enabled_again_starts_without_any_way_in(api: Api) -> None:
    await api.account("pia", "reviewer")
    async with visiting(api, "pia") as visitor:
        await _patch(api, "pia", disabled=True)
        refused = await api.call("POST", "/accounts/pia/tokens", json={}, expect=409)
        await _patch(api, "pia", disabled=False)

        by_token = await api.call("GET", "/me", as_="pia")
        by_session = await visitor.client.get("/tickets")

    assert "Enable it first" in refused.json()["detail"]
    assert by_token.status_code == 401
    assert by_session.headers["location"].startswith("/login")
    assert all(t["revoked_at"] for t in (await api.get("/accounts/pia/tokens"))["items"])
    fresh = await api.call("POST", "/accounts/pia/tokens", json={}, expect=201)
    api.tokens["pia"] = fresh.json()["token"]
    await api.get("/me", as_="pia")


async def test_whoever_logs_in_while_the_account_is_disabled_is_out(
    api: Api, database: str
) -> None:
    await api.account("pia", "reviewer")
    ways_in: list[Coroutine[Any, Any, Any]] = []
    for _ in range(4):
        ways_in.append(api.factory.sessions.open_with_code(await _link(api, "pia"), None))
        ways_in.append(api.factory.sessions.open_with_token(api.tokens["pia"], None))
        ways_in.append(api.call("POST", "/accounts/pia/tokens", json={}))

    await asyncio.gather(_patch(api, "pia", disabled=True), *ways_in, return_exceptions=True)
    await _patch(api, "pia", disabled=False)

    with psycopg.connect(database) as connection:
        left = connection.execute(
            "SELECT (SELECT count(*) FROM sessions s JOIN accounts a ON a.id = s.account_id"
            "         WHERE a.name = 'pia'),"
            " (SELECT count(*) FROM tokens t JOIN accounts a ON a.id = t.account_id"
            "   WHERE a.name = 'pia' AND t.revoked_at IS NULL)"
        )
        assert left.fetchone() == (0, 0)


# --- specialists ---------------------------------------------------------------------------------


async def test_a_new_specialist_files_and_reviews(api: Api) -> None:
    new = {"name": "security", "code": "SEC", "label": "Security Specialist"}

    answer = await api.call("POST", "/specialists", json=new, expect=201)
    await api.account("sam", "reviewer", speaks_for=("security",))
    ticket = await api.file(agent="security", batch=9)
    await api.call(
        "POST",
        f"/tickets/{ticket['key']}/reviews",
        as_="sam",
        json={"verdict": "ENDORSE"},
        expect=201,
    )

    assert answer.json() == {**new, "blind": False}
    assert ticket["key"] == "B9-SEC-01"
    assert ticket["consensus"]["missing"][-1] == "security"
    assert (await api.get("/specialists"))["items"][-1] == {**new, "blind": False}


async def test_names_and_codes_of_specialists_are_unique_and_well_formed(api: Api) -> None:
    good = {"name": "security", "code": "SEC", "label": "Security"}
    await api.call("POST", "/specialists", json=good, expect=201)
    for change, status in [
        ({"code": "SC"}, 409),
        ({"name": "sec"}, 409),
        ({"name": "x", "code": "A1"}, 422),
        ({"name": "x", "code": "A"}, 422),
        ({"name": "X Y", "code": "XY"}, 422),
    ]:
        await api.call("POST", "/specialists", json={**good, **change}, expect=status)
