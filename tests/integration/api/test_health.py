"""Probes, request ids, and what callers are told when a part is away."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from app.database import libpq_url
from tests.support.api import Api, running_api
from tests.support.cluster import Server, clone_database, database_url, drop_database

pytestmark = pytest.mark.anyio


async def test_probes_need_no_token(api: Api) -> None:
    alive = await api.client.get("/healthz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


async def test_readiness_waits_for_the_catalogue(api: Api) -> None:
    app = api.client._transport.app  # type: ignore[attr-defined]  # the application under test
    app.state.ready = False
    starting = await api.client.get("/readyz")
    app.state.ready = True
    ready = await api.client.get("/readyz")

    assert (starting.status_code, starting.headers["retry-after"]) == (503, "1")
    assert starting.json()["detail"] == "The service is starting."
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_readiness_says_when_nothing_can_be_written(
    api: Api, cluster: Server, database: str
) -> None:
    app = api.client._transport.app  # type: ignore[attr-defined]  # the application under test
    app.state.ready = True
    name = conninfo_to_dict(libpq_url(database))["dbname"]
    with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        # What is opened from now on reads and no more, as on a server that has been made a copy.
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )

    async with asyncio.timeout(30):
        while "does not answer" in (refused := await api.client.get("/readyz")).text:
            pass
    reading = await api.client.get("/login")

    assert refused.status_code == 503
    assert "can only be read" in refused.json()["detail"]
    assert reading.status_code == 200


async def test_a_database_that_is_away_is_told_and_not_hidden(
    cluster: Server, template: str
) -> None:
    clone_database(cluster.admin_url, template, "case_away")
    async with running_api(database_url(cluster.service_url, "case_away")) as api:
        await api.get("/me")

        # Not on this thread: what is about to connect has to be able to say so meanwhile.
        await asyncio.to_thread(drop_database, cluster.admin_url, "case_away")

        for path in ("/readyz", "/api/v1/me", "/api/v1/tickets"):
            headers = {"Authorization": f"Bearer {api.tokens['admin']}"}
            answer = await api.client.get(path, headers=headers)
            assert answer.status_code in (503, 500), path
            assert answer.json()["type"] == "/problems/unavailable", path
            assert int(answer.headers["retry-after"]) > 0
        assert (await api.client.get("/healthz")).status_code == 200


async def test_a_request_carries_its_id_through_header_body_and_history(api: Api) -> None:
    headers = {"X-Request-ID": "build-4711.retry:2"}

    missing = await api.call("GET", "/tickets/B9-DRL-99", headers=headers, expect=404)
    filed = await api.call(
        "POST",
        "/tickets",
        headers=headers,
        json={"title": "t", "severity": "P4", "batch": 1, "agent": "drl", "summary": "s"},
        expect=201,
    )

    assert missing.headers["x-request-id"] == missing.json()["request_id"] == "build-4711.retry:2"
    history = await api.get(f"/tickets/{filed.json()['key']}/history")
    assert history["items"][0]["request_id"] == "build-4711.retry:2"


@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f", "new\tline-is-in-it", ""])
async def test_an_id_that_could_spoil_a_log_is_replaced(api: Api, given: str) -> None:
    answer = await api.client.get("/healthz", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


async def test_the_log_names_the_request_and_no_secret(api: Api) -> None:
    with capture_logs() as lines:
        await api.get("/tickets?q=word")

    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/tickets", 200)
    assert api.tokens["admin"] not in str(lines)


async def test_a_failure_that_nobody_foresaw_tells_no_inside(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(api.factory.accounts, "specialists", fail)

    answer = await api.call("GET", "/specialists", expect=500)

    problem = answer.json()
    assert problem["type"] == "/problems/internal"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text


async def test_another_method_is_told_which_are_possible(api: Api) -> None:
    answer = await api.call("PUT", "/tickets", json={}, expect=405)

    assert answer.json()["type"] == "/problems/method-not-allowed"
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/static/site.css", "/static/api-docs/x", "/static/none"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_files_can_be_read_and_nothing_else(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["detail"].endswith("this is: GET, HEAD.")
