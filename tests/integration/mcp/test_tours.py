"""The whole life of B2-DRL-10, by the official client and by REST: both leave the same behind.

Filed, argued about, proven and closed, by three accounts: in memory, over HTTP, over pipes.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anyio
import httpx
import pytest

from tests.integration.mcp.clients import in_memory, over_http, over_pipes, use
from tests.support.api import Api
from tests.support.service import Service
from tests.support.target import defect

pytestmark = pytest.mark.anyio

NODE_ID = "tests/verification/test_b2_drl_10.py"
FINDING = {
    "title": "Weights are read once",
    "severity": "P2",
    "batch": 2,
    "agent": "drl",
    "summary": "Changed weights have no effect.",
    "domains": ["kasmina"],
    "categories": ["correctness"],
    "locations": [{"path": "kasmina/blend_ops.py", "start_line": 1, "end_line": 9}],
    "sections": [{"heading": "Detailed Description", "body": "As said."}],
}
Act = Callable[..., Awaitable[dict[str, Any]]]
"""``act(who, tool, **arguments)``: does it as one of the three."""


async def tour(act: Act, order: Callable[[str], Awaitable[None]]) -> str:
    """Go all the way; returns the key."""
    key = str((await act("bot", "file", **FINDING))["key"])
    await act("bot", "find", q="weights")
    await act("ada", "show", key=key, source=True)
    await act("ada", "source", path="kasmina/blend_ops.py", lines="1-20")
    said = {"verdict": "OBJECT", "rationale": "Not so.", "claim": "false", "ticket_version": 1}
    review = await act("ada", "review", key=key, specialist="pytorch", model="m-1", **said)
    await act("bot", "submit_test", key=key, node_id=NODE_ID)
    await act("bot", "verify", key=key, kind="check", force=True)
    for number in ("", "-2", "-3"):
        planted = {"name": f"defect{number}", "patch": defect(f"B2-DRL-10{number}")}
        await act("bot", "put_patch", key=key, **planted)
    run = await act("bot", "verify", key=key, kind="proof", force=True)
    assert run["outcome"] == "proven", run
    await act("bot", "run_result", id=run["id"])
    reason = "The proof shows it."
    await act("max", "answer", key=key, review=review["id"], resolution="overruled", reason=reason)
    await order(key)
    work = await act("ada", "claim_work", kinds=["assess"])
    await act("ada", "release_work", id=work["id"])
    work = await act("ada", "claim_work", kinds=["assess"])
    assessed = {"verdict": "ENDORSE", "rationale": "Proven.", "specialist": "pytorch"}
    await act("ada", "submit_work", id=work["id"], **assessed)
    await act("max", "gate", key=key)
    await act("max", "move", key=key, to="investigating")
    await act("max", "move", key=key, to="closed", resolution="fixed", reason="Proven.")
    return key


def by_rest(http: httpx.AsyncClient, tokens: Mapping[str, str]) -> Act:
    """Act by the calls that the tools stand for."""

    async def call(who: str, method: str, path: str, **options: Any) -> Any:
        sent = {"Authorization": f"Bearer {tokens[who]}", **options.pop("headers", {})}
        answer = await http.request(method, f"/api/v1{path}", headers=sent, **options)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    async def act(who: str, tool: str, **given: Any) -> Any:
        ticket = f"/tickets/{given.pop('key', '')}"
        match tool:
            case "file":
                return await call(who, "POST", "/tickets", json=given)
            case "review":
                given["provenance"] = {"model": given.pop("model"), "tool": "mcp"}
                return await call(who, "POST", f"{ticket}/reviews", json=given)
            case "answer":
                path = f"{ticket}/reviews/{given.pop('review')}/answer"
                return await call(who, "POST", path, json=given)
            case "submit_test":
                return await call(who, "POST", f"{ticket}/tests", json=given)
            case "put_patch":
                path, diff = f"{ticket}/patches/{given['name']}", given["patch"]
                kind = {"Content-Type": "text/x-diff"}
                return await call(who, "PUT", path, content=diff, headers=kind)
            case "verify":
                run = await call(who, "POST", f"{ticket}/runs", json=given)
                return await call(who, "GET", f"/runs/{run['id']}?wait=60")
            case "move":
                return await call(who, "POST", f"{ticket}/transitions", json=given)
            case "claim_work":
                return (await call(who, "POST", "/work-orders/claim", json=given))["order"]
            case "release_work":
                return await call(who, "POST", f"/work-orders/{given['id']}/release")
            case "submit_work":
                path = f"/work-orders/{given.pop('id')}/submit"
                return await call(who, "POST", path, json={"review": given})
        return {}  # the others read, and leave nothing behind

    return act


@contextlib.asynccontextmanager
async def by_tools(
    connect: Callable[[str], contextlib.AbstractAsyncContextManager[Any]],
) -> AsyncIterator[Act]:
    """Act by tools, each of the three with a client of its own."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            who: await stack.enter_async_context(connect(who)) for who in ("bot", "ada", "max")
        }

        async def act(who: str, tool: str, **given: Any) -> dict[str, Any]:
            return await use(clients[who], tool, **given)

        yield act


async def make_accounts(http: httpx.AsyncClient, admin: str) -> dict[str, str]:
    """The three and the admin, with their tokens."""
    tokens = {"admin": admin}
    headers = {"Authorization": f"Bearer {admin}"}
    for name, role, specialists in (
        ("bot", "reviewer", ["drl"]),
        ("ada", "reviewer", ["pytorch"]),
        ("max", "maintainer", []),
    ):
        body = {"name": name, "role": role, "speaks_for": specialists}
        made = await http.post("/api/v1/accounts", json=body, headers=headers)
        assert made.status_code == 201, made.text
        path = f"/api/v1/accounts/{name}/tokens"
        tokens[name] = (await http.post(path, json={}, headers=headers)).json()["token"]
    return tokens


def placing(http: httpx.AsyncClient, admin: str) -> Callable[[str], Awaitable[None]]:
    """Place an order; no tool does that."""

    async def order(key: str) -> None:
        body = {"kind": "assess", "ticket": key, "specialist": "pytorch"}
        headers = {"Authorization": f"Bearer {admin}"}
        placed = await http.post("/api/v1/work-orders", json=body, headers=headers)
        assert placed.status_code == 201, placed.text

    return order


async def left_by(http: httpx.AsyncClient, admin: str, key: str) -> list[str]:
    """What the database holds of a ticket, but for ids, times and durations, line by line."""
    headers = {"Authorization": f"Bearer {admin}"}
    export = await http.get("/api/v1/exports?format=jsonl", headers=headers)
    lines = [json.loads(line) for line in export.text.splitlines()]
    (own,) = [
        x["ticket"]["id"] for x in lines if x["kind"] == "ticket" and x["ticket"]["key"] == key
    ]
    found = []
    for line in lines:
        row = line[line["kind"]] if line["kind"] in ("ticket", "run", "audit") else {}
        if own in (row.get("ticket_id"), row.get("id") if line["kind"] == "ticket" else None):
            for arm in line.get("arms", ()):
                arm["results"] = [[r["node_id"], r["outcome"]] for r in arm["results"]]
            line.pop("events", None)
            row.pop("environment", None)
            found.append(_plain(json.dumps(line, sort_keys=True), key, own))
    return found


def differing(seen: list[str], expected: list[str]) -> list[str]:
    """What the two do not share, value by value."""
    return list(difflib.unified_diff(_values(expected), _values(seen), n=2, lineterm=""))


def _values(lines: list[str]) -> list[str]:
    return [value for line in lines for value in json.dumps(json.loads(line), indent=0).split("\n")]


async def until_a_worker_lives(http: httpx.AsyncClient, admin: str) -> None:
    """Wait for its first sign: evidence is brought in step with the environment that it tells."""
    headers = {"Authorization": f"Bearer {admin}"}
    with anyio.fail_after(60):
        while not (await http.get("/api/v1/workers", headers=headers)).json()["items"]:
            await anyio.sleep(0.1)


def _plain(text: str, key: str, number: int) -> str:
    sort_key = "B2-DRL-" + key.rpartition("-")[2].rjust(10, "0")
    for name in (key, key.lower().replace("-", "_"), sort_key):
        text = text.replace(name, "KEY")
    text = re.sub(r'"sort_key": "[^"]*"', '"sort_key": "KEY"', text)
    text = re.sub(rf'"(ticket_id|id)": {number}\b', r'"\1": 0', text)
    text = re.sub(r'"id": \d+', '"id": 0', text)
    text = re.sub(r'"(request_id|worker)": "[^"]*"', r'"\1": ""', text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+(Z|\+00:00)?", "TIME", text)


async def test_in_memory_the_tour_leaves_what_that_by_rest_leaves(api_with_worker: Api) -> None:
    api, http = api_with_worker, api_with_worker.client
    admin = api.tokens["admin"]
    tokens = api.tokens = await make_accounts(http, admin)
    order = placing(http, admin)
    await until_a_worker_lives(http, admin)

    plain = await tour(by_rest(http, tokens), order)
    async with by_tools(lambda who: in_memory(api, who)) as act:
        by_client = await tour(act, order)

    expected = await left_by(http, admin, plain)
    assert differing(await left_by(http, admin, by_client), expected) == []
    assert len(expected) > 15
    assert '"resolution": "fixed"' in expected[0]


async def test_over_http_and_pipes_the_tour_leaves_what_that_by_rest_leaves(
    service: Service,
) -> None:
    admin = service.admin_token
    async with httpx.AsyncClient(base_url=service.url, timeout=90) as http:
        tokens = await make_accounts(http, admin)
        order = placing(http, admin)
        await until_a_worker_lives(http, admin)
        plain = await tour(by_rest(http, tokens), order)
        expected = await left_by(http, admin, plain)
        async with by_tools(lambda who: over_http(service.url, tokens[who])) as act:
            by_client = await tour(act, order)
        assert differing(await left_by(http, admin, by_client), expected) == []
        async with by_tools(lambda who: over_pipes(service, tokens[who])) as act:
            by_client = await tour(act, order)
        assert differing(await left_by(http, admin, by_client), expected) == []
