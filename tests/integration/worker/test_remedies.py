"""A client that knows only the OpenAPI document and what errors say closes a ticket.

It wants one thing, like the step to ``closed``. What stands in its way comes back as `remedy`:
calls that it makes as they stand, after filling in their placeholders, as the account it has; only
where a remedy says who is needed does another account make it. Only what a call cannot know is
given to it: the text of a patch, a test's name, and what people write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.accounts import Role
from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
DEFECTS = ROOT / "tests" / "verification" / "defects"
MOST_ROUNDS = 6


@dataclass
class Follower:
    """Makes calls as one account, and the calls that would mend those that are refused.

    What the account may not do itself, as `needs` says, the least other account does that can.
    """

    api: Api
    document: dict[str, Any]
    name: str
    """As whom it asks, and makes every call that says nothing of who is needed."""
    accounts: dict[str, Role]
    """Who else there is, the least of them first."""
    answers: dict[str, str]
    """What to put in place of placeholders."""
    made: list[str] = field(default_factory=list)
    """The operations that it was told to make, in order."""
    helped: list[str] = field(default_factory=list)
    """What `needs` said of those that others had to make."""

    async def achieve(self, operation: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a call until it succeeds, with all that its refusals ask for in between."""
        wanted = {"operation": operation, "method": "POST", "path": path, "body": body}
        for _ in range(MOST_ROUNDS):
            answer = await self._call(wanted)
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                await self._until_done(answer)
                return found
            assert answer.status_code == 409, answer.text
            for remedy in answer.json()["remedy"]:
                done = await self.follow(remedy)
                if remedy.get("replaces"):
                    return done
        raise AssertionError(f"still refused after {self.made}: {answer.text}")

    async def prove(self, key: str) -> None:
        """Do what the gate says of evidence, until it is there."""
        for _ in range(MOST_ROUNDS):
            gate = await self.api.get(f"/tickets/{key}/gate", as_=self.name)
            evidence = next(need for need in gate if need["name"] == "evidence")
            if evidence["state"] == "SATISFIED":
                return
            for remedy in evidence["remedy"]:
                await self.follow(remedy)
        raise AssertionError(f"not proven after {self.made}")

    async def follow(self, remedy: dict[str, Any]) -> dict[str, Any]:
        """Make the call of a remedy, or one that does as well, and those that follow it."""
        way = next(filter(self._can_fill, remedy.get("any_of", [remedy])))
        self.made.append(way["operation"])
        answer = await self._call(way)
        assert answer.is_success, (way, answer.text)
        await self._until_done(answer)
        for step in way.get("then", ()):
            await self.follow(step)
        done: dict[str, Any] = answer.json()
        return done

    def _can_fill(self, call: dict[str, Any]) -> bool:
        body = call.get("body")
        words = [body] if isinstance(body, str) else list((body or {}).values())
        name = call["path"].rpartition("/")[2]
        known = self.document["x-remedy-placeholders"].keys()
        # The patch at hand plants a defect; it would mend nothing.
        return name != "fix" and all(
            w in self.answers for w in words if isinstance(w, str) and w in known
        )

    async def _call(self, call: dict[str, Any]) -> httpx.Response:
        """Make a call as the account, or as the least other one where that is needed."""
        path = call["path"].removeprefix("/api/v1")
        send = {"method": call["method"], "path": path, **self._body(call)}
        if "needs" not in call:
            answer = await self.api.call(as_=self.name, **send)
            assert answer.status_code != 403, (call, answer.text)
            return answer
        self.helped.append(call["needs"])
        for name, role in self.accounts.items():
            allowed = call["needs"] not in tuple(Role) or role.includes(Role(call["needs"]))
            if allowed and name not in call.get("not_as", ()):
                answer = await self.api.call(as_=name, **send)
                if answer.status_code != 403:
                    return answer
        raise AssertionError(f"nobody may {call['operation']}")

    def _operation(self, name: str) -> dict[str, Any]:
        for methods in self.document["paths"].values():
            for operation in methods.values():
                if operation["operationId"] == name:
                    found: dict[str, Any] = operation
                    return found
        raise AssertionError(f"the document has no operation {name}")

    def _body(self, call: dict[str, Any]) -> dict[str, Any]:
        body = self._filled(call.get("body"))
        if body is None:
            return {}
        if isinstance(body, str):
            content = self._operation(call["operation"])["requestBody"]["content"]
            return {"content": body, "headers": {"Content-Type": next(iter(content))}}
        return {"json": body}

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str) and value in self.document["x-remedy-placeholders"]:
            return self.answers[value]
        return value

    async def _until_done(self, answer: httpx.Response) -> None:
        """Wait for what was only accepted."""
        while answer.status_code == 202:
            place = answer.headers["location"].removeprefix("/api/v1")
            run = await self.api.get(f"{place}?wait=60", as_=self.name)
            if run["status"] in ("finished", "cancelled"):
                assert run["outcome"] in ("passed", "proven"), run
                return


async def follower(api: Api, name: str, **answers: str) -> Follower:
    await api.account("ada", "reporter")
    await api.account("rob", "reviewer", speaks_for=("codereview",))
    await api.account("max", "maintainer")
    return Follower(
        api=api,
        document=(await api.call("GET", "/openapi.json", expect=200)).json(),
        name=name,
        accounts={"ada": Role.REPORTER, "rob": Role.REVIEWER, "max": Role.MAINTAINER},
        answers={"<rationale>": "The suite shows it.", **answers},
    )


DEFECT = (DEFECTS / "B2-DRL-02.patch").read_text()
NODE_ID = "tests/verification/test_b2_drl_02.py"
SOURCE = (ROOT / NODE_ID).read_text()


@pytest.mark.parametrize(
    ("key", "asked_for"),
    [
        ("B2-DRL-02", ["triggerRun", "recordReview", "putPatch", "triggerRun"]),
        (None, ["linkTest", "triggerRun", "recordReview", "putPatch", "triggerRun"]),
    ],
    ids=["linked-by-its-marker", "not-linked-yet"],
)
async def test_following_remedies_proves_and_closes_a_fresh_ticket(
    api_with_worker: Api, key: str | None, asked_for: list[str]
) -> None:
    client = await follower(api_with_worker, "max", **{"<patch>": DEFECT, "<node_id>": NODE_ID})
    named = {} if key is None else {"key": key}
    ticket = await api_with_worker.file(as_="ada", **ticket_body(), **named)

    closed = await client.achieve(
        "transitionTicket",
        f"/api/v1/tickets/{ticket['key']}/transitions",
        {"to": "closed", "resolution": "fixed"},
    )

    assert (closed["status"], closed["resolution"]) == ("closed", "fixed")
    assert (closed["evidence"]["state"], closed["evidence"]["stale"]) == ("proven", False)
    assert closed["closure"]["overridden"] == []
    assert client.made == asked_for
    assert client.helped == []


@pytest.mark.parametrize("name", ["rob", "max", "admin"])
async def test_whoever_may_run_tests_proves_a_ticket_alone(api_with_worker: Api, name: str) -> None:
    api = api_with_worker
    client = await follower(api, name, **{"<patch>": DEFECT, "<node_id>": NODE_ID})
    key = (await api.file(as_="ada"))["key"]

    await client.achieve("triggerRun", f"/api/v1/tickets/{key}/runs", {"kind": "proof"})

    assert (await api.get(f"/tickets/{key}"))["evidence"]["state"] == "proven"
    assert client.made == ["linkTest", "putPatch"]
    assert client.helped == []


@pytest.mark.parametrize(
    ("name", "answers", "needed"),
    [
        # A filer gives test and patch itself, and has a reviewer run them.
        ("ada", {"<filename>": "test_own.py", "<source>": SOURCE}, ["reviewer"] * 2),
        ("rob", {"<node_id>": NODE_ID}, []),
        # Who only reads is told whom to ask, at each step.
        ("ron", {"<node_id>": NODE_ID}, ["reviewer"] * 4),
    ],
)
async def test_the_gate_leads_every_role_to_proven(
    api_with_worker: Api, name: str, answers: dict[str, str], needed: list[str]
) -> None:
    api = api_with_worker
    client = await follower(api, name, **{"<patch>": DEFECT, **answers})
    await api.account("ron", "reader")
    key = (await api.file(as_="ada"))["key"]

    await client.prove(key)

    assert (await api.get(f"/tickets/{key}"))["evidence"]["state"] == "proven"
    assert client.made == ["linkTest", "triggerRun", "putPatch", "triggerRun"]
    assert client.helped == needed


async def test_a_review_is_asked_of_the_reader_as_a_specialist_it_speaks_for(
    api_with_worker: Api,
) -> None:
    api = api_with_worker
    await follower(api, "rob")
    key = (await api.file(as_="ada"))["key"]

    async def endorsement(name: str) -> dict[str, Any]:
        gate = await api.get(f"/tickets/{key}/gate", as_=name)
        (remedy,) = next(need for need in gate if need["name"] == "endorsement")["remedy"]
        assert remedy == (await api.get(f"/tickets/{key}", as_=name))["gate"][1]["remedy"][0]
        return dict(remedy)

    assert (await endorsement("rob"))["body"]["specialist"] == "codereview"
    assert "needs" not in await endorsement("rob")
    assert (await endorsement("ada"))["needs"] == "reviewer"


async def test_following_remedies_answers_an_objection(api_with_worker: Api) -> None:
    api = api_with_worker
    client = await follower(
        api,
        "max",
        **{"<answer>": "overruled", "<reason>": "The run shows it.", "<commit>": "4f2a9c1"},
    )
    key = (await api.file(as_="ada", domains=["elsewhere"]))["key"]
    review = {"specialist": "human", "verdict": "OBJECT", "rationale": "It is meant so."}
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)
    gate = await api.get(f"/tickets/{key}/gate", as_="rob")
    (told,) = next(need for need in gate if need["name"] == "objections")["remedy"]
    assert [way["needs"] for way in told["any_of"]] == ["maintainer", "admin"]

    closed = await client.achieve(
        "transitionTicket",
        f"/api/v1/tickets/{key}/transitions",
        {"to": "closed", "resolution": "fixed"},
    )

    assert closed["resolution"] == "fixed"
    assert closed["commits"] == ["4f2a9c1"]
