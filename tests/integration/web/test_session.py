"""Logging in and out, and what a page accepts from whom."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from app.admission import first_login_link
from app.web import pages
from app.web.routing import PageRoute
from tests.support.api import Api
from tests.support.pages import ORIGIN, fields_of, origin, stranger, visiting

pytestmark = pytest.mark.anyio


async def test_a_stranger_is_sent_to_the_login_and_back_afterwards(api: Api) -> None:
    async with stranger(api) as visitor:
        sent = await visitor.client.get("/tickets?severity=P1")
        assert sent.headers["location"] == "/login?next=%2Ftickets%3Fseverity%3DP1"

        data = {"token": api.tokens["admin"], "next": "/tickets?severity=P1"}
        logged_in = await visitor.client.post("/login", data=data, headers=origin())

        assert (logged_in.status_code, logged_in.headers["location"]) == (
            303,
            "/tickets?severity=P1",
        )
        cookie = logged_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Secure" not in cookie
        await visitor.see("/tickets")


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "x"],
)
async def test_a_login_never_leads_to_another_site(api: Api, following: str) -> None:
    async with stranger(api) as visitor:
        data = {"token": api.tokens["admin"], "next": following}
        answer = await visitor.client.post("/login", data=data, headers=origin())

    assert answer.headers["location"] == "/"


async def test_a_one_time_link_works_once(api: Api) -> None:
    link = (await first_login_link(api.factory) or "").partition("/login")[2]
    async with stranger(api) as first, stranger(api) as second:
        shown = await first.see(f"/login{link}")
        opened = await first.client.post(
            "/login", data=fields_of(shown, "/login"), headers=origin()
        )
        assert opened.status_code == 303
        await first.see("/tickets")

        shown = await second.see(f"/login{link}")
        again = await second.client.post(
            "/login", data=fields_of(shown, "/login"), headers=origin()
        )

    assert again.status_code == 401
    assert "used already" in again.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "Slackbot-LinkExpanding 1.0"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Purpose": "prefetch"},
    ],
)
async def test_whatever_opens_a_link_spends_nothing(
    api: Api, method: str, headers: dict[str, str]
) -> None:
    code = (await first_login_link(api.factory) or "").partition("code=")[2]
    async with stranger(api) as visitor:
        for _ in range(2):
            asked = await visitor.client.request(method, f"/login?code={code}", headers=headers)
            assert asked.status_code == 200
            assert "set-cookie" not in asked.headers

        done = await visitor.client.post("/login", data={"code": code}, headers=origin())

    assert done.status_code == 303


async def test_a_session_ends_with_the_log_out(api: Api) -> None:
    async with visiting(api) as visitor, stranger(api) as thief:
        thief.client.cookies = visitor.client.cookies.__class__(visitor.client.cookies)
        assert (await visitor.send("/logout", {})).status_code == 303

        answer = await thief.client.get("/tickets")

    assert answer.headers["location"].startswith("/login")


async def test_a_session_ends_with_the_token_it_was_opened_with(api: Api) -> None:
    await api.account("ada", "reader")
    async with visiting(api, "ada") as visitor:
        token = (await api.get("/accounts/ada/tokens"))["items"][0]["id"]
        await api.call("DELETE", f"/accounts/ada/tokens/{token}", expect=204)

        answer = await visitor.client.get("/tickets")

    assert answer.status_code == 303


async def test_a_session_may_no_more_than_its_token(api: Api) -> None:
    made = await api.call("POST", "/accounts/admin/tokens", json={"role": "reader"}, expect=201)
    api.tokens["lent"] = made.json()["token"]

    async with visiting(api, "lent") as visitor:
        answer = await visitor.client.get("/accounts")

    assert answer.status_code == 403


async def test_the_secret_is_not_in_the_database(api: Api) -> None:
    async with visiting(api) as visitor:
        (secret,) = visitor.client.cookies.values()
    async with api.factory.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT to_jsonb(s)::text FROM sessions s")
        stored = " ".join(row[0] for row in rows)

    assert stored
    assert secret not in stored


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {},
        {"Referer": "http://evil.example/test"},
    ],
)
async def test_a_form_from_another_site_is_refused(api: Api, headers: dict[str, str]) -> None:
    key = (await api.file())["key"]
    async with visiting(api) as visitor:
        data = {"csrf": visitor.csrf, "body": "hello"}
        answer = await visitor.client.post(f"/tickets/{key}/notes", data=data, headers=headers)
        login = await visitor.client.post(
            "/login", data={"token": api.tokens["admin"]}, headers=headers
        )

    assert (answer.status_code, login.status_code) == (403, 403)
    assert (await api.get(f"/tickets/{key}/notes"))["items"] == []


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
async def test_a_form_without_the_sessions_mark_is_refused(api: Api, csrf: str) -> None:
    key = (await api.file())["key"]
    async with visiting(api) as visitor:
        answer = await visitor.send(f"/tickets/{key}/notes", {"csrf": csrf, "body": "hello"})

    assert answer.status_code == 403
    assert (await api.get(f"/tickets/{key}/notes"))["items"] == []


async def test_the_mark_of_one_session_is_no_use_in_another(api: Api) -> None:
    key = (await api.file())["key"]
    await api.account("ada", "reporter")
    async with visiting(api) as visitor, visiting(api, "ada") as other:
        answer = await visitor.send(f"/tickets/{key}/notes", {"csrf": other.csrf, "body": "x"})

    assert answer.status_code == 403


async def test_a_cookie_opens_no_call_of_the_api(api: Api) -> None:
    async with visiting(api) as visitor:
        answer = await visitor.client.get("/api/v1/tickets")

    assert answer.status_code == 401


async def test_every_form_of_the_pages_checks_where_it_comes_from() -> None:
    forms = {
        route.path: isinstance(route, PageRoute)
        for router in (*pages.ROUTERS, pages.router)
        for route in router.routes
        if isinstance(route, APIRoute) and route.methods - {"GET", "HEAD"}
    }

    # A login has no session yet; it checks the origin by itself, which another test shows.
    assert {path for path, checked in forms.items() if not checked} == {"/login"}
    assert len(forms) > 20


@pytest.mark.parametrize("host", ["evil.example", "test.evil.example", "127.0.0.1.evil.example"])
async def test_a_name_that_points_here_is_not_answered(api: Api, host: str) -> None:
    async with visiting(api) as visitor:
        answer = await visitor.client.get("/login", headers={"Host": host})

    assert answer.status_code == 421


async def test_a_strangers_name_is_answered_with_a_token_that_is_valid(api: Api) -> None:
    answers = {}
    for token in (api.tokens["admin"], "fnd_made_up", ""):
        headers = {"Host": "evil.example", "Authorization": f"Bearer {token}"}
        for path in ("/api/v1/me", "/login", "/api/v1/openapi.json"):
            answer = await api.client.get(path, headers=headers)
            answers[token, path] = answer.status_code
    basic = {"Host": "evil.example", "Authorization": f"Basic {api.tokens['admin']}"}

    valid = {status for (token, _), status in answers.items() if token == api.tokens["admin"]}
    others = {status for (token, _), status in answers.items() if token != api.tokens["admin"]}
    assert (valid, others) == ({200}, {421})
    assert (await api.client.get("/login", headers=basic)).status_code == 421


@pytest.mark.parametrize("host", ["test", "TEST:8000", "localhost:9", "127.0.0.1", "[::1]:80"])
async def test_own_names_and_addresses_are_answered(api: Api, host: str) -> None:
    async with stranger(api) as visitor:
        answer = await visitor.client.get("/login", headers={"Host": host})

    assert answer.status_code == 200


async def test_pages_are_kept_by_nobody_and_run_no_foreign_script(api: Api) -> None:
    async with visiting(api) as visitor:
        answer = await visitor.client.get("/tickets")

    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert ORIGIN not in answer.text
