"""The gate as it is shown, the filter that rests on it, and testability."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.accounts import Role
from app.domain.gate_facts import facts_of
from app.domain.gates import is_closable
from app.domain.remedies import ROLES
from app.domain.strength import Strength, StrengthGate
from app.schema.accounts import accounts
from app.schema.reviews import reviews
from app.schema.strength import ticket_strength
from app.schema.tickets import tickets
from app.schema.verification import texts, ticket_patches
from app.storage.rows import new_id
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.statements import sent_statements

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
FIX = "f" * 64


async def test_a_ticket_shows_what_fixed_would_ask_for(api: Api) -> None:
    filed = await api.file()

    shown = await api.get(f"/tickets/{filed['key']}")

    assert [r["name"] for r in shown["gate"]] == ["evidence", "endorsement", "objections", "commit"]
    assert shown["gate"] == filed["gate"] == await api.get(f"/tickets/{filed['key']}/gate")


async def test_showing_a_ticket_with_its_gate_takes_one_statement(api: Api) -> None:
    key = (await api.file(relations=[{"key": (await api.file())["key"]}]))["key"]
    await api.get(f"/tickets/{key}")
    with sent_statements() as statements:
        await api.factory.tickets.show(key)

    assert len(statements) == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("to=closed", ["evidence", "endorsement", "objections", "commit"]),
        ("to=closed&resolution=already-fixed", ["evidence", "commit"]),
        ("resolution=not-a-bug", ["reason", "refutation"]),
        ("resolution=duplicate", ["relation"]),
        ("to=wont-fix", ["reason"]),
        ("to=investigating", []),
    ],
)
async def test_the_gate_of_any_step_can_be_asked_for(
    api: Api, query: str, names: list[str]
) -> None:
    key = (await api.file())["key"]

    gate = await api.get(f"/tickets/{key}/gate?{query}")

    assert [requirement["name"] for requirement in gate] == names


async def test_a_resolution_that_the_status_cannot_have_is_refused(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await api.call("GET", f"/tickets/{key}/gate?to=wont-fix&resolution=fixed", expect=422)

    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["allowed"], error["in"]) == (
        "/resolution",
        ["wont-fix"],
        "query",
    )


async def test_what_cannot_be_tested_needs_a_commit_instead(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"state": "not-testable", "reason": "it is about wording"}

    answer = await api.call("PUT", f"/tickets/{key}/testability", json=body, expect=200)

    ticket = answer.json()
    states = {r["name"]: r["state"] for r in ticket["gate"]}
    assert (states["evidence"], states["commit"]) == ("NOT_APPLICABLE", "UNSATISFIED")
    assert ticket["testability"]["state"] == "not-testable"
    assert (ticket["testability"]["by"], ticket["testability"]["reason"]) == (
        "admin",
        "it is about wording",
    )
    assert (ticket["version"], answer.headers["etag"]) == (1, '"1"')
    last = (await api.get(f"/tickets/{key}/history"))["items"][-1]
    assert (last["action"], last["changes"]["testability"]) == (
        "testability.set",
        ["testable", "not-testable"],
    )


async def test_what_can_be_tested_after_all_needs_evidence_again(api: Api) -> None:
    key = (await api.file())["key"]
    path = f"/tickets/{key}/testability"
    await api.call("PUT", path, json={"state": "not-testable", "reason": "no"}, expect=200)

    answer = await api.call("PUT", path, json={"state": "testable"}, expect=200)

    assert {r["name"]: r["state"] for r in answer.json()["gate"]}["evidence"] == "UNSATISFIED"


@pytest.mark.parametrize(
    "body", [{"state": "not-testable"}, {"state": "not-testable", "reason": " "}, {"state": "no"}]
)
async def test_not_testable_needs_a_reason(api: Api, body: dict[str, Any]) -> None:
    key = (await api.file())["key"]

    await api.call("PUT", f"/tickets/{key}/testability", json=body, expect=422)


async def test_a_reporter_cannot_say_that_its_own_ticket_is_not_testable(api: Api) -> None:
    await api.account("ada", "reporter")
    key = (await api.file(as_="ada"))["key"]
    body = {"state": "not-testable", "reason": "trust me"}

    await api.call("PUT", f"/tickets/{key}/testability", as_="ada", json=body, expect=403)


@dataclass(frozen=True)
class Case:
    """A generated ticket: its columns, and reviews by column."""

    ticket: dict[str, Any]
    reviews: list[dict[str, Any]]
    fix: str | None
    """How a fix patch applies, where there is one."""
    strength: dict[str, Any] | None
    """What is known of its tests, by column."""


def cases(count: int, filer: UUID, other: UUID) -> list[Case]:
    chance = random.Random(4)
    states = ["none", "not-covered", "unverified", "passing", "proven", "proven", "regressed"]
    found = []
    for n in range(count):
        status, resolution = chance.choice(
            [("open", None)] * 4 + [("in-review", None), ("closed", "fixed")]
        )
        said = chance.choice([None, None, "testable", "not-testable"])
        ready = n % 2  # nothing but its strength, perhaps, keeps it open
        ticket = {
            "key": f"B50-DRL-{n}",
            "sort_key": f"B50-DRL-{n:04}",
            "title": f"case {n}",
            "severity": chance.choice(["P0", "P1", "P1", "P2", "P3"]),
            "status": status,
            "resolution": resolution,
            "batch": 50,
            "agent": chance.choice(["drl", "pytorch", "somebody"]),
            "summary": "generated",
            "domains": [],
            "commits": chance.choice([[], ["4f2a9c1"]]),
            "version": 3,
            "content_version": chance.choice([1, 3]),
            "created_by": filer,
            "evidence_state": "proven" if ready else chance.choice(states),
            "evidence_stale": not ready and chance.random() < 0.3,
            "testability": None
            if said is None
            else {"state": said, "reason": "x", "by": "admin", "at": "2026-01-01T00:00:00+00:00"},
        }
        found.append(
            Case(
                ticket,
                [_endorsement(other)] if ready else _reviews(chance, filer, other),
                chance.choice([None, "forward", "reverse", "reverse", "no"]),
                _strength(chance),
            )
        )
    return found


def _endorsement(other: UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "specialist": "human",
        "author_id": other,
        "verdict": "ENDORSE",
        "rationale": "x",
        "ticket_version": 3,
        "content_version": 3,
    }


def _strength(chance: random.Random) -> dict[str, Any] | None:
    if chance.random() < 0.2:
        return None
    figures = {
        **Strength(
            unexplained_in_fix=chance.choice([0, 0, 0, 2]), not_run_in_fix=chance.choice([0, 0, 3])
        ).figures(),
        "fix": chance.choice([FIX, FIX, FIX, "0" * 64, None]),
    }
    if chance.random() < 0.2:
        del figures["not_run_in_fix"], figures["fix"]  # as an earlier version wrote it
    return {
        "run_id": new_id(),
        "figures": figures,
        "package_digest": "",
        "links_digest": "",
        "stale": chance.random() < 0.2,
    }


def _reviews(chance: random.Random, filer: UUID, other: UUID) -> list[dict[str, Any]]:
    found = []
    for specialist in chance.sample(
        ["drl", "pytorch", "codereview", "human"], chance.randint(0, 3)
    ):
        verdict = chance.choice(["ENDORSE", "ENDORSE", "ENDORSE", "REFINE", "NEUTRAL", "OBJECT"])
        answered = chance.random() < 0.5 and verdict == "OBJECT"
        answer = {"resolution": "withdrawn", "reason": "x", "by": "a", "at": "2026-01-01"}
        row = {
            "id": new_id(),
            "specialist": specialist,
            "author_id": chance.choice([filer, other, other]),
            "verdict": verdict,
            "rationale": "x",
            "ticket_version": 3,
            "content_version": chance.choice([1, 3]),
            "superseded_by": chance.choice([None, None, None, new_id()]),
        }
        if answered:
            row["answer"] = answer
        if verdict == "REFINE" and chance.random() < 0.5:
            row["applied"] = {"by": "a", "at": "2026-01-01", "version": 3}
        found.append(row)
    return found


@pytest.fixture(params=list(StrengthGate))
async def by_gate(
    request: pytest.FixtureRequest, database: str, shared: Shared
) -> AsyncIterator[Api]:
    """A service of each setting of the gate."""
    async with running_api(database, shared=shared, strength_gate=request.param) as found:
        yield found


async def test_the_filter_finds_exactly_what_the_rule_calls_closable(by_gate: Api) -> None:
    api = by_gate
    await api.account("bob", "reviewer", speaks_for=("pytorch",))
    async with api.factory.engine.begin() as connection:
        ids = dict((await connection.execute(select(accounts.c.name, accounts.c.id))).all())
        await connection.execute(insert(texts).values(digest=FIX, text="a patch"))
        for case in cases(250, ids["admin"], ids["bob"]):
            ticket_id = await connection.scalar(
                upsert(tickets).values(case.ticket).returning(tickets.c.id)
            )
            for row in case.reviews:
                await connection.execute(insert(reviews).values(ticket_id=ticket_id, **row))
            if case.fix is not None:
                fix = {"name": "fix", "digest": FIX, "target": "kasmina", "author_id": ids["admin"]}
                await connection.execute(
                    insert(ticket_patches).values(ticket_id=ticket_id, applies=case.fix, **fix)
                )
            if case.strength is not None:
                await connection.execute(
                    insert(ticket_strength).values(ticket_id=ticket_id, **case.strength)
                )

    by_rule = set()
    for n in range(250):
        ticket = await api.factory.tickets.show(f"B50-DRL-{n}")
        if is_closable(ticket.status, facts_of(ticket)):
            by_rule.add(ticket.key)

    assert await _listed(api, "closable=true") == by_rule
    assert await _listed(api, "closable=false") == {f"B50-DRL-{n}" for n in range(250)} - by_rule
    assert 10 < len(by_rule) < 240


async def _listed(api: Api, query: str) -> set[str]:
    found: set[str] = set()
    cursor = ""
    while True:
        page = await api.get(f"/tickets?{query}&limit=200{cursor}")
        found |= {item["key"] for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_workflow_shows_matrix_requirements_roles_and_words(api: Api) -> None:
    workflow = await api.get("/workflow")

    steps = {(s["from"], s["to"]): s for s in workflow["transitions"]}
    assert steps["in-review", "closed"]["role"] == "maintainer"
    assert steps["in-review", "closed"]["resolutions"][0] == "fixed"
    assert ("open", "in-review") not in steps
    by_name = {r["name"]: r for r in workflow["resolutions"]}
    assert by_name["not-a-bug"]["requirements"] == ["reason", "refutation"]
    assert workflow["roles"][0] == "reader"
    assert workflow["words"]["severity"] == ["P0", "P1", "P2", "P3", "P4"]


async def test_every_operation_that_a_remedy_names_is_documented(api: Api) -> None:
    document = (await api.call("GET", "/openapi.json", expect=200)).json()
    operations = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    named = {
        "judgeMutant",
        "linkTest",
        "unlinkTest",
        "putPatch",
        "triggerRun",
        "recordReview",
        "confirmReview",
        "answerReview",
        "addRelation",
        "transitionTicket",
        "setTestability",
    }

    assert named <= operations
    roles = {
        operation["operationId"]: Role(operation.get("x-required-role", "reader"))
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    assert all(role.includes(roles[name]) for name, role in ROLES.items())
    assert "<patch>" in document["x-remedy-placeholders"]
    assert "RemedyOut" in document["components"]["schemas"]
