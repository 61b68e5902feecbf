"""How calls travel: the token, redirects, lost answers, pages; against a real socket."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from app.cli import client as module
from app.cli.client import Client
from app.cli.errors import Refused, Unreachable, UsageProblem
from app.cli.server import Server


@pytest.fixture
def client(stub: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "_PAUSES_S", (0.0, 0.0))
    connection = Client(Server(stub.url, "fnd_secret", loopback=True), read_timeout_s=5)
    yield connection
    connection.close()


def test_the_token_goes_in_the_header(client: Client, stub: Any, reply: Any) -> None:
    stub.on("GET", "me", reply({"name": "ada"}))
    assert client.get("me") == {"name": "ada"}
    assert stub.requests[0].headers["authorization"] == "Bearer fnd_secret"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_the_token_stays(
    client: Client, stub: Any, reply: Any, status: int
) -> None:
    stub.on("GET", "me", reply({}, status, {"Location": f"{stub.url}/api/v1/elsewhere"}))
    with pytest.raises(UsageProblem, match="the token was not sent there"):
        client.get("me")
    assert [request.path for request in stub.requests] == ["/api/v1/me"]


def test_a_proxy_of_the_environment_does_not_see_local_calls(
    stub: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    stub.on("GET", "me", reply({"name": "ada"}))
    client = Client(Server(stub.url, "fnd_secret", loopback=True))
    assert client.get("me") == {"name": "ada"}
    client.close()


def test_an_unusable_proxy_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://x")
    with pytest.raises(UsageProblem, match="HTTPS_PROXY"):
        Client(Server("https://findings.example", "fnd_x", loopback=False))


def test_parts_of_a_path_are_quoted(client: Client, stub: Any, reply: Any) -> None:
    stub.on("GET", "tickets/a%2F..%2Fb%3Fc%23d%20%25", reply({}))
    client.get("tickets", "a/../b?c#d %")
    assert stub.requests[0].query == {}


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_parts_that_would_turn_the_path_are_refused(client: Client, part: str) -> None:
    with pytest.raises(UsageProblem, match="empty or only dots"):
        client.get("tickets", part)


def test_filters_repeat_and_empty_ones_are_left_out(client: Client, stub: Any, reply: Any) -> None:
    stub.on("GET", "tickets", reply({"items": []}))
    client.get("tickets", params={"severity": ["P0", "P1"], "q": None, "a": [], "stale": False})
    assert stub.requests[0].query == {"severity": ["P0", "P1"], "stale": ["false"]}


def test_text_that_is_no_utf8_is_sent_for_the_service_to_refuse(
    client: Client, stub: Any, reply: Any
) -> None:
    stub.on("POST", "tickets", reply({}))
    client.post("tickets", body={"title": "\udcff"})
    assert stub.requests[0].body == b'{"title": "\\udcff"}'


def test_nothing_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        client = Client(Server(url, "fnd_x", loopback=True))
        with pytest.raises(Unreachable) as caught:
            client.get("me")
        client.close()
    assert caught.value.code == 4
    assert "`findings serve`" in str(caught.value)


def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    client: Client, stub: Any, reply: Any
) -> None:
    lost = reply(hang_up=True)
    stub.on("POST", "tickets", lost, lost, reply({"key": "A-1"}, 201))
    assert client.post("tickets", body={}, key="cli-12345678") == {"key": "A-1"}
    keys = {request.headers["idempotency-key"] for request in stub.requests}
    assert (len(stub.requests), keys) == (3, {"cli-12345678"})


def test_a_call_without_a_key_is_made_once(client: Client, stub: Any, reply: Any) -> None:
    stub.on("POST", "accounts", reply(hang_up=True))
    with pytest.raises(Unreachable, match="Look whether the call had its effect"):
        client.post("accounts", body={})
    assert len(stub.requests) == 1


def test_an_earlier_call_with_the_same_key_is_waited_for(
    client: Client, stub: Any, reply: Any
) -> None:
    busy = reply({"detail": "under way"}, 409, {"Retry-After": "0"})
    stub.on("POST", "tickets", busy, reply({"key": "A-1"}, 201))
    assert client.post("tickets", body={}, key="cli-12345678") == {"key": "A-1"}


def test_a_conflict_without_a_key_is_final(client: Client, stub: Any, reply: Any) -> None:
    stub.on("POST", "accounts", reply({"detail": "taken"}, 409, {"Retry-After": "0"}))
    with pytest.raises(Refused, match="taken"):
        client.post("accounts", body={})
    assert len(stub.requests) == 1


def test_an_answer_that_does_not_come() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = Client(Server(url, "fnd_x", loopback=True), read_timeout_s=0.05)
        with pytest.raises(Unreachable, match="took too long"):
            client.get("me")
        client.close()


@pytest.mark.parametrize(
    ("status", "code"), [(404, 2), (502, 4)], ids=["another-site", "a-proxy-without-service"]
)
def test_an_error_that_is_not_the_services(
    client: Client, stub: Any, reply: Any, status: int, code: int
) -> None:
    stub.on("GET", "me", reply(status=status, raw=b"<html>"))
    with pytest.raises(Refused, match="not as a findings service does") as caught:
        client.get("me")
    assert caught.value.code == code


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[" * 200_000, b"\xff"])
def test_an_answer_that_is_no_json(client: Client, stub: Any, reply: Any, raw: bytes) -> None:
    stub.on("GET", "me", reply(raw=raw))
    with pytest.raises(UsageProblem, match="the answer is not JSON"):
        client.get("me")


def test_pages_follow_the_cursor_up_to_the_limit(client: Client, stub: Any, reply: Any) -> None:
    full = [reply({"items": list(range(200)), "next_cursor": f"c{n}"}) for n in (1, 2)]
    stub.on("GET", "tests", *full, reply({"items": [1], "next_cursor": None}))
    assert sum(len(page["items"]) for page in client.pages("tests", params={}, limit=None)) == 401
    asked = [request.query.get("cursor") for request in stub.requests]
    assert asked == [None, ["c1"], ["c2"]]

    stub.on("GET", "tests", *full)
    pages = list(client.pages("tests", params={}, limit=250))
    assert [request.query["limit"] for request in stub.requests[-2:]] == [["200"], ["50"]]
    assert len(pages) == 2


def test_a_cursor_that_leads_nowhere_ends(client: Client, stub: Any, reply: Any) -> None:
    stub.on("GET", "tests", reply({"items": [1], "next_cursor": "same"}))
    assert len(list(client.pages("tests", params={}, limit=None))) == 2


def test_json_bodies_say_what_they_are(client: Client, stub: Any, reply: Any) -> None:
    stub.on("POST", "x", reply({}))
    client.post("x", body={"a": 1})
    client.post("x")
    first, second = stub.requests
    assert (json.loads(first.body), first.headers["content-type"]) == ({"a": 1}, "application/json")
    assert (second.body, "content-type" in second.headers) == (b"", False)
