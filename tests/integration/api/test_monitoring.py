"""What operators read: metrics of requests, runs, workers, housekeeping and the pool."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Api

pytestmark = pytest.mark.anyio

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
HERE = {"Host": "localhost"}
NODE_ID = "tests/verification/test_b2_drl_10.py"


async def scrape(api: Api, *, as_: str = "admin") -> Samples:
    answer = await api.client.get(
        "/metrics", headers={"Authorization": f"Bearer {api.tokens[as_]}"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


async def test_metrics_need_a_token_and_the_smallest_role_will_do(api: Api) -> None:
    assert (await api.client.get("/metrics", headers=HERE)).status_code == 401
    await api.account("prometheus", "reader")

    assert await scrape(api, as_="prometheus")


async def test_requests_are_counted_by_the_template_of_their_route(api: Api) -> None:
    key = (await api.file())["key"]
    for _ in range(3):
        await api.get(f"/tickets/{key}")
    await api.call("GET", "/tickets/ABC-99", expect=404)
    for path in ("/api/v1/nowhere-1", "/api/v1/nowhere-2"):
        await api.client.get(path, headers=HERE)
    await api.client.request("BREW", "/api/v1/tickets", headers=HERE)

    samples = await scrape(api)

    shown = {"method": "GET", "route": "/api/v1/tickets/{key}"}
    assert value(samples, "findings_http_requests_total", status="200", **shown) == 3
    assert value(samples, "findings_http_requests_total", status="404", **shown) == 1
    assert value(samples, "findings_http_request_duration_seconds_count", **shown) == 4
    routes = {dict(labels).get("route") for _, labels in samples} - {None}
    assert not any("nowhere" in str(route) or key in str(route) for route in routes)
    methods = {dict(labels).get("method") for _, labels in samples} - {None}
    assert methods <= {"GET", "POST", "other"}


async def test_runs_are_seen_waiting_and_ended(api: Api) -> None:
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE_ID}, expect=201)
    await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)

    samples = await scrape(api)

    assert value(samples, "findings_runs_queued") == 1
    assert value(samples, "findings_run_queue_age_seconds") > 0
    assert value(samples, "findings_workers") == 0
    assert value(samples, "findings_database_pool_connections", state="most") == 10
    assert value(samples, "findings_zygote_starts_total") == 0


async def test_outcomes_and_durations_are_counted_once_over_all_processes(
    api_with_worker: Api,
) -> None:
    api = api_with_worker
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE_ID}, expect=201)
    for _ in range(2):
        run = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
        await api.get(f"/runs/{run.json()['id']}?wait=60")

    samples = await scrape(api)

    ended = {"kind": "check", "outcome": "passed"}
    assert value(samples, "findings_runs_finished_total", **ended) == 2
    name = "findings_run_duration_seconds"
    assert value(samples, f"{name}_count", kind="check") == 2
    assert value(samples, f"{name}_bucket", kind="check", le="+Inf") == 2
    bounds = [
        (float(dict(labels)["le"]), count)
        for (sample, labels), count in samples.items()
        if sample == f"{name}_bucket"
    ]
    assert [count for _, count in sorted(bounds)] == sorted(count for _, count in bounds)
    assert value(samples, "findings_runs_queued") == 0


async def test_every_answer_to_an_account_says_where_it_stands(api: Api) -> None:
    answer = await api.call("GET", "/specialists")

    assert answer.headers["RateLimit-Policy"] == '"account";q=60000;w=60'
    assert answer.headers["RateLimit"].startswith('"account";r=')
    open_to_all: httpx.Response = await api.client.get("/healthz")
    assert "RateLimit" not in open_to_all.headers
