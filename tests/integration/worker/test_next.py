"""A client that knows only /llms.txt and the answers goes from filing to proven."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.config import PROJECT_ROOT
from tests.support.api import Api, ticket_body
from tests.support.target import defect

pytestmark = pytest.mark.anyio

NODE_ID = "tests/verification/test_b2_drl_02.py"
MOST_CALLS = 9


@dataclass
class Agent:
    """Follows ``next``; what a call cannot know it fills in from `answers`."""

    api: Api
    name: str
    answers: dict[str, str]
    calls: list[str] = field(default_factory=list)

    async def until_proven(self, key: str) -> dict[str, Any]:
        """Follow ``next`` until evidence no longer stands in the way."""
        while len(self.calls) < 2 * MOST_CALLS:
            step = (
                await self._call({"method": "GET", "path": f"/api/v1/tickets/{key}/next"})
            ).json()
            run = await self._follow(step)
            if run is not None and run["outcome"] == "proven":
                return run
        raise AssertionError(self.calls)

    async def _follow(self, step: dict[str, Any]) -> dict[str, Any] | None:
        """Make the call of a step and those of its `then`; return the last run."""
        assert "needs" not in step, step
        way = next(one for one in step.get("any_of", [step]) if self._can_fill(one))
        run = await self._ended(await self._call(way))
        for following in way.get("then", ()):
            run = await self._follow(following) or run
        return run

    def _can_fill(self, call: dict[str, Any]) -> bool:
        wanted = re.findall(r"<[a-z_]+>", str(call.get("body", "")))
        return all(word in self.answers for word in wanted)

    async def _ended(self, answer: httpx.Response) -> dict[str, Any] | None:
        while answer.status_code == 202 or answer.json().get("status") in ("queued", "running"):
            place = answer.headers.get("location", answer.request.url.path)
            answer = await self._call({"method": "GET", "path": f"{place}?wait=60"})
        found: dict[str, Any] = answer.json()
        return found if "outcome" in found else None

    async def _call(self, call: dict[str, Any]) -> httpx.Response:
        body, sent = call.get("body"), {}
        if isinstance(body, str):
            sent = {"content": self.answers[body], "headers": {"Content-Type": "text/x-diff"}}
        elif body is not None:
            filled = {
                n: self.answers.get(v, v) if isinstance(v, str) else v for n, v in body.items()
            }
            sent = {"json": filled}
        self.calls.append(f"{call['method']} {call['path']}")
        path = call["path"].removeprefix("/api/v1")
        answer = await self.api.call(call["method"], path, as_=self.name, **sent)
        assert answer.is_success, (call, answer.text)
        return answer


@pytest.mark.parametrize(
    ("role", "answers"),
    [
        ("reviewer", {"<node_id>": NODE_ID}),
        ("reviewer", {"<source>": (PROJECT_ROOT / NODE_ID).read_text()}),
        ("maintainer", {"<node_id>": NODE_ID}),
    ],
    ids=["links-a-test", "hands-a-test-in", "as-a-maintainer"],
)
async def test_from_filing_to_proven_in_few_calls_and_without_a_refusal(
    api_with_worker: Api, role: str, answers: dict[str, str]
) -> None:
    api = api_with_worker
    await api.account("bot", role, speaks_for=("drl",))
    agent = Agent(api, "bot", {"<patch>": defect("B2-DRL-02"), **answers})

    filed = await agent._call({"method": "POST", "path": "/api/v1/tickets", "body": ticket_body()})
    key = filed.json()["key"]
    await agent.until_proven(key)

    assert (await api.get(f"/tickets/{key}"))["evidence"]["state"] == "proven"
    assert len(agent.calls) <= MOST_CALLS, agent.calls


async def test_a_ticket_that_is_proven_waits_for_those_who_may_close_it(api: Api) -> None:
    await api.account("ada", "reporter")
    await api.account("rob", "reviewer", speaks_for=("codereview",))
    key = (await api.file(as_="ada"))["key"]

    filer = await api.get(f"/tickets/{key}/next", as_="ada")
    reviewer = await api.get(f"/tickets/{key}/next", as_="rob")

    assert filer["operation"] == "linkTest"
    assert filer["body"] == {
        "filename": f"test_{key.lower().replace('-', '_')}.py",
        "source": "<source>",
    }
    assert "needs" not in filer
    assert reviewer["operation"] == "linkTest"
    assert reviewer["why"]

    elsewhere = (await api.file(as_="ada", domains=["elsewhere"]))["key"]
    assert (await api.get(f"/tickets/{elsewhere}/next", as_="rob"))["operation"] == "recordReview"
    asked = await api.get(f"/tickets/{elsewhere}/next", as_="ada")
    assert (asked["operation"], asked["needs"]) == ("recordReview", "reviewer")
    body = {"specialist": "codereview", "verdict": "ENDORSE", "rationale": "Seen."}
    await api.call("POST", f"/tickets/{elsewhere}/reviews", as_="rob", json=body, expect=201)
    closing = await api.get(f"/tickets/{elsewhere}/next")
    assert closing["operation"] == "transitionTicket"
    assert closing["body"]["waiver"]
    sent = {**closing["body"], "commits": ["4f2a9c1"], "waiver": {"reason": "Wording alone."}}
    await api.call("POST", f"/tickets/{elsewhere}/transitions", json=sent, expect=200)
    assert "settled as fixed" in (await api.get(f"/tickets/{elsewhere}/next"))["waiting_for"]


async def test_a_run_that_goes_on_is_waited_for(api: Api) -> None:
    key = (await api.file(key="B2-DRL-02"))["key"]
    run = (
        await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    ).json()

    step = await api.get(f"/tickets/{key}/next")

    assert (step["operation"], step["path"]) == ("showRun", f"/api/v1/runs/{run['id']}?wait=60")


async def test_the_guide_is_one_page_and_open(api: Api) -> None:
    answer = await api.client.get("/llms.txt")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.content) <= 8192
    document = (await api.client.get("/api/v1/openapi.json")).json()
    told = re.findall(r"`(GET|POST) (/[^`?]*)", answer.text)
    known = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path.removeprefix("/api/v1")))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert {(m, re.sub(r"\{\w+\}", "*", re.sub(r"\s+", "", p))) for m, p in told} <= known


async def test_a_part_of_the_contract_is_whole_in_itself(api: Api) -> None:
    whole = (await api.client.get("/api/v1/openapi.json")).json()
    answer = await api.client.get("/api/v1/openapi.json?tags=workflow,review queue")
    part = answer.json()

    tags = {
        tag
        for methods in part["paths"].values()
        for operation in methods.values()
        for tag in operation["tags"]
    }
    assert tags == {"workflow", "review queue"}
    assert len(answer.content) < len(str(whole)) / 2
    schemas = part["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/(\w+)", answer.text):
        assert schemas[name] == whole["components"]["schemas"][name]
    refused = await api.client.get("/api/v1/openapi.json?tags=tickts")
    assert refused.status_code == 422
    assert "tickets" in refused.json()["errors"][0]["allowed"]
