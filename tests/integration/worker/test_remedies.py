"""A client that knows only the OpenAPI document and what errors say closes a ticket.

It wants one thing, the step to ``closed``. What stands in its way comes back as `remedy`: calls
that it makes as they stand, after filling in their placeholders. Only what a call cannot know is
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
    """Makes calls, and the calls that would mend those that are refused."""

    api: Api
    document: dict[str, Any]
    accounts: dict[str, Role]
    """Whom it can act as, the least of them first."""
    answers: dict[str, str]
    """What to put in place of placeholders."""
    made: list[str] = field(default_factory=list)
    """The operations that it was told to make, in order."""

    async def achieve(self, operation: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a call until it succeeds, with all that its refusals ask for in between."""
        wanted = {"operation": operation, "method": "POST", "path": path, "body": body}
        for _ in range(MOST_ROUNDS):
            answer = await self._call(wanted)
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code == 409, answer.text
            for remedy in answer.json()["remedy"]:
                self.made.append(remedy["operation"])
                mended = await self._call(remedy)
                assert mended.is_success, (remedy, mended.text)
                if remedy.get("replaces"):
                    done: dict[str, Any] = mended.json()
                    return done
                await self._until_done(mended)
        raise AssertionError(f"still refused after {self.made}: {answer.text}")

    async def _call(self, call: dict[str, Any]) -> httpx.Response:
        """Make a call as the least account that may."""
        operation = self._operation(call["operation"])
        needed = Role(operation["x-required-role"])
        path = call["path"].removeprefix("/api/v1")
        answer = None
        for name, role in self.accounts.items():
            if not role.includes(needed) or name in call.get("not_as", ()):
                continue
            if call.get("only_as") and name not in call["only_as"]:
                continue
            answer = await self.api.call(call["method"], path, as_=name, **self._body(call))
            if answer.status_code != 403:
                return answer
        assert answer is not None, f"nobody may {call['operation']}"
        return answer

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
            run = await self.api.get(f"{place}?wait=60", as_=next(iter(self.accounts)))
            if run["status"] in ("finished", "cancelled"):
                assert run["outcome"] in ("passed", "proven"), run
                return


async def follower(api: Api, **answers: str) -> Follower:
    await api.account("ada", "reporter")
    await api.account("rob", "reviewer", speaks_for=("pytorch",))
    await api.account("max", "maintainer")
    return Follower(
        api=api,
        document=(await api.call("GET", "/openapi.json", expect=200)).json(),
        accounts={"ada": Role.REPORTER, "rob": Role.REVIEWER, "max": Role.MAINTAINER},
        answers={"<rationale>": "The suite shows it.", **answers},
    )


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
    client = await follower(
        api_with_worker,
        **{
            "<patch>": (DEFECTS / "B2-DRL-02.patch").read_text(),
            "<node_id>": "tests/verification/test_b2_drl_02.py",
        },
    )
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


async def test_following_remedies_answers_an_objection(api_with_worker: Api) -> None:
    api = api_with_worker
    client = await follower(
        api, **{"<answer>": "overruled", "<reason>": "The run shows it.", "<commit>": "4f2a9c1"}
    )
    key = (await api.file(as_="ada", domains=["elsewhere"]))["key"]
    review = {"specialist": "human", "verdict": "OBJECT", "rationale": "It is meant so."}
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)

    closed = await client.achieve(
        "transitionTicket",
        f"/api/v1/tickets/{key}/transitions",
        {"to": "closed", "resolution": "fixed"},
    )

    assert closed["resolution"] == "fixed"
    assert closed["commits"] == ["4f2a9c1"]
