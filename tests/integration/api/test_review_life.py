"""What becomes of a review: applied, answered, confirmed, outdated; and many at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.support.api import Api

pytestmark = pytest.mark.anyio


async def _reviewer(api: Api, name: str, *specialists: str) -> str:
    return await api.account(name, "reviewer", speaks_for=specialists)


async def _review(api: Api, key: str, as_: str, **fields: Any) -> dict[str, Any]:
    body = {"verdict": "ENDORSE", "rationale": "The sum shows it.", **fields}
    answer = await api.call("POST", f"/tickets/{key}/reviews", as_=as_, json=body, expect=201)
    found: dict[str, Any] = answer.json()
    return found


async def _patch(api: Api, key: str, **fields: Any) -> dict[str, Any]:
    etag = f'"{(await api.get(f"/tickets/{key}"))["version"]}"'
    answer = await api.call(
        "PATCH", f"/tickets/{key}", json=fields, headers={"If-Match": etag}, expect=200
    )
    found: dict[str, Any] = answer.json()
    return found


async def _outdated(api: Api, key: str) -> dict[str, bool]:
    return {r["specialist"]: r["outdated"] for r in (await api.get(f"/tickets/{key}"))["reviews"]}


# --- apply ---------------------------------------------------------------------------------------


async def test_an_applied_amendment_changes_the_document_and_names_the_review(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    amendment = {"title": "blend_add ignores alpha", "domains": ["kasmina/ops"], "assignee": None}
    review = await _review(api, key, "pia", verdict="REFINE", amendment=amendment)

    answer = await api.call("POST", f"/tickets/{key}/reviews/{review['id']}/apply", expect=200)

    ticket = answer.json()
    assert (ticket["title"], ticket["domains"]) == ("blend_add ignores alpha", ["kasmina/ops"])
    assert (ticket["version"], answer.headers["etag"]) == (2, '"2"')
    (shown,) = ticket["reviews"]
    assert (shown["applied"]["by"], shown["applied"]["version"]) == ("admin", 2)
    assert shown["outdated"] is False
    event = (await api.get(f"/tickets/{key}/history"))["items"][-1]
    assert event["action"] == "review.applied"
    assert event["changes"]["review"] == [None, review["id"]]
    assert event["changes"]["title"][1] == "blend_add ignores alpha"
    assert "assignee" not in event["changes"]


@pytest.mark.parametrize(
    ("amendment", "others_outdated"),
    [
        ({"severity": "P0"}, False),
        ({"severity": "P0", "assignee": "ada"}, False),
        ({"checklist": [{"text": "run it twice"}]}, False),
        ({"sections": [{"heading": "Appendix", "body": "Logs."}]}, False),
        ({"summary": "Something else."}, True),
        ({"severity": "P0", "summary": "Something else."}, True),
        ({"sections": [{"heading": "Detailed Description", "body": "Why."}]}, True),
    ],
)
async def test_other_reviews_are_outdated_unless_only_the_severity_changed(
    api: Api, amendment: dict[str, Any], others_outdated: bool
) -> None:
    await _reviewer(api, "pia", "pytorch")
    await _reviewer(api, "cora", "codereview")
    key = (await api.file())["key"]
    await _review(api, key, "cora")
    review = await _review(api, key, "pia", verdict="REFINE", amendment=amendment)

    await api.call("POST", f"/tickets/{key}/reviews/{review['id']}/apply", expect=200)

    assert await _outdated(api, key) == {"codereview": others_outdated, "pytorch": False}


async def test_a_review_that_was_outdated_before_stays_so_when_the_severity_changes(
    api: Api,
) -> None:
    await _reviewer(api, "pia", "pytorch")
    await _reviewer(api, "cora", "codereview")
    key = (await api.file())["key"]
    await _review(api, key, "cora")
    await _patch(api, key, title="another title")
    review = await _review(api, key, "pia", verdict="REFINE", proposed_severity="P0")

    await api.call("POST", f"/tickets/{key}/reviews/{review['id']}/apply", expect=200)

    assert await _outdated(api, key) == {"codereview": True, "pytorch": False}
    assert (await api.get(f"/tickets/{key}"))["severity"] == "P0"


async def test_what_cannot_be_applied_is_refused_with_the_reason(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    path = f"/tickets/{key}/reviews"
    plain = await _review(api, key, "pia")
    nothing = await api.call("POST", f"{path}/{plain['id']}/apply", expect=409)
    first = await _review(api, key, "pia", amendment={"severity": "P1"})
    await api.call("POST", f"{path}/{first['id']}/apply", expect=200)
    twice = await api.call("POST", f"{path}/{first['id']}/apply", expect=409)
    older = await _review(api, key, "pia", amendment={"severity": "P3"})
    await _review(api, key, "pia", amendment={"severity": "P4"})
    superseded = await api.call("POST", f"{path}/{older['id']}/apply", expect=409)
    unknown = await api.call("POST", f"{path}/{uuid4()}/apply", expect=404)
    other = (await api.file())["key"]
    elsewhere = await api.call("POST", f"/tickets/{other}/reviews/{first['id']}/apply", expect=404)
    as_reviewer = await api.call("POST", f"{path}/{older['id']}/apply", as_="pia", expect=403)

    assert "proposes no change" in nothing.json()["detail"]
    assert "was applied by admin" in twice.json()["detail"]
    assert "superseded" in superseded.json()["detail"]
    assert unknown.json()["type"] == elsewhere.json()["type"] == "/problems/not-found"
    assert as_reviewer.json()["needs"] == "maintainer"


async def test_an_outdated_amendment_is_applied_once_its_author_confirmed_it(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    review = await _review(api, key, "pia", verdict="REFINE", amendment={"severity": "P1"})
    await _patch(api, key, title="another title")
    path = f"/tickets/{key}/reviews/{review['id']}"

    refused = await api.call("POST", f"{path}/apply", expect=409)
    remedy = refused.json()["remedy"][0]
    await api.call(remedy["method"], remedy["path"].removeprefix("/api/v1"), as_="pia", expect=200)
    await api.call("POST", f"{path}/apply", expect=200)

    assert remedy["operation"] == "confirmReview"
    assert (await api.get(f"/tickets/{key}"))["severity"] == "P1"


UNFIT_AMENDMENTS: list[tuple[object, str]] = [
    ({"titel": "x"}, "/amendment/titel"),
    ({"title": ""}, "/amendment/title"),
    ({"title": None}, "/amendment/title"),
    ({"severity": "P9"}, "/amendment/severity"),
    ({"status": "closed"}, "/amendment/status"),
    ({"key": "B9-DRL-01"}, "/amendment/key"),
    ({"locations": [{"start_line": 3}]}, "/amendment/locations/0"),
    ({"sections": [{"id": "none", "heading": "a", "body": "b"}]}, "/amendment/sections/0/id"),
    ({"relations": [{"key": "B9-DRL-77"}]}, "/amendment/relations/0/key"),
    ({}, "/amendment"),
    ("x", "/amendment"),
]


async def test_an_amendment_has_to_fit_when_it_is_recorded(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"verdict": "REFINE", "rationale": "x", "specialist": "drl"}

    for amendment, pointer in UNFIT_AMENDMENTS:
        answer = await api.call(
            "POST", f"/tickets/{key}/reviews", json={**body, "amendment": amendment}, expect=422
        )
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], amendment

    assert (await api.get(f"/tickets/{key}/reviews?all=true"))["items"] == []


async def test_an_amendment_that_no_longer_fits_changes_nothing(api: Api) -> None:
    ticket = await api.file(checklist=[{"text": "callers pass it"}])
    key, item = ticket["key"], ticket["checklist"][0]
    kept = {"checklist": [{"id": item["id"], "text": "every caller passes it"}]}
    review = await _review(api, key, "admin", specialist="drl", verdict="REFINE", amendment=kept)
    await _patch(api, key, checklist=[])

    answer = await api.call("POST", f"/tickets/{key}/reviews/{review['id']}/apply", expect=422)

    assert answer.json()["errors"][0]["pointer"] == "/amendment/checklist/0/id"
    assert (await api.get(f"/tickets/{key}"))["checklist"] == []
    (shown,) = (await api.get(f"/tickets/{key}/reviews"))["items"]
    assert shown["applied"] is None


# --- answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "who", "status"),
    [
        ("withdrawn", "pia", 200),
        ("withdrawn", "cora", 403),
        ("withdrawn", "admin", 403),
        ("accepted", "admin", 200),
        ("overruled", "admin", 200),
        ("accepted", "pia", 403),
        ("overruled", "cora", 403),
    ],
)
async def test_who_may_end_an_objection(api: Api, resolution: str, who: str, status: int) -> None:
    await _reviewer(api, "pia", "pytorch")
    await _reviewer(api, "cora", "codereview")
    key = (await api.file())["key"]
    review = await _review(api, key, "pia", verdict="OBJECT")
    before = (await api.get(f"/tickets/{key}"))["consensus"]["open_objections"]

    answer = await api.call(
        "POST",
        f"/tickets/{key}/reviews/{review['id']}/answer",
        as_=who,
        json={"resolution": resolution, "reason": "The run shows it."},
        expect=status,
    )

    ticket = await api.get(f"/tickets/{key}")
    assert before == 1
    assert ticket["consensus"]["open_objections"] == (0 if status == 200 else 1)
    assert ticket["version"] == 1
    if status == 200:
        told = answer.json()["answer"]
        assert (told["resolution"], told["by"]) == (resolution, who)
        event = (await api.get(f"/tickets/{key}/history"))["items"][-1]
        assert event["changes"]["answer"] == [None, resolution]


async def test_only_an_open_objection_can_be_answered(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"resolution": "accepted", "reason": "right"}
    endorsed = await _review(api, key, "admin", specialist="drl")
    objected = await _review(api, key, "admin", specialist="pytorch", verdict="OBJECT")
    replaced = await _review(api, key, "admin", specialist="human", verdict="OBJECT")
    await _review(api, key, "admin", specialist="human")
    path = f"/tickets/{key}/reviews"
    await api.call("POST", f"{path}/{objected['id']}/answer", json=body, expect=200)

    for review in (endorsed, objected, replaced):
        await api.call("POST", f"{path}/{review['id']}/answer", json=body, expect=409)
    await api.call(
        "POST", f"{path}/{objected['id']}/answer", json={**body, "reason": " "}, expect=422
    )


async def test_an_objection_to_an_older_text_stays_open_until_it_is_answered(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    review = await _review(api, key, "pia", verdict="OBJECT")
    await _patch(api, key, title="another title")
    consensus = (await api.get(f"/tickets/{key}"))["consensus"]
    assert (consensus["OBJECT"], consensus["outdated"], consensus["open_objections"]) == (0, 1, 1)

    await api.call(
        "POST",
        f"/tickets/{key}/reviews/{review['id']}/answer",
        as_="pia",
        json={"resolution": "withdrawn", "reason": "The new title is right."},
        expect=200,
    )

    assert (await api.get(f"/tickets/{key}"))["consensus"]["open_objections"] == 0


# --- confirm -------------------------------------------------------------------------------------


async def test_the_author_confirms_that_an_outdated_review_still_holds(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    review = await _review(api, key, "pia")
    await _patch(api, key, title="another title")
    path = f"/tickets/{key}/reviews/{review['id']}/confirm"
    assert (await api.get(f"/tickets/{key}"))["consensus"]["ENDORSE"] == 0

    by_other = await api.call("POST", path, expect=403)
    stale = await api.call("POST", path, as_="pia", json={"ticket_version": 1}, expect=409)
    ahead = await api.call("POST", path, as_="pia", json={"ticket_version": 9}, expect=422)
    first = await api.call("POST", path, as_="pia", json={"ticket_version": 2}, expect=200)
    again = await api.call("POST", path, as_="pia", expect=200)

    assert by_other.json()["needs"] == "the review's author, pia"
    assert stale.json()["etag"] == '"2"'
    assert ahead.json()["errors"][0]["pointer"] == "/ticket_version"
    assert first.json() == again.json()
    assert (first.json()["outdated"], first.json()["ticket_version"]) == (False, 1)
    assert (await api.get(f"/tickets/{key}"))["consensus"]["ENDORSE"] == 1
    actions = [e["action"] for e in (await api.get(f"/tickets/{key}/history"))["items"]]
    assert actions.count("review.confirmed") == 1


async def test_a_superseded_review_cannot_be_confirmed(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    key = (await api.file())["key"]
    first = await _review(api, key, "pia")
    await _review(api, key, "pia")

    await api.call("POST", f"/tickets/{key}/reviews/{first['id']}/confirm", as_="pia", expect=409)


async def test_a_review_of_an_older_version_is_stored_as_outdated(api: Api) -> None:
    key = (await api.file())["key"]
    await _patch(api, key, title="another title")
    await _patch(api, key, assignee="ada")

    old = await _review(api, key, "admin", specialist="drl", ticket_version=1)
    newer = await _review(api, key, "admin", specialist="human", ticket_version=2)

    assert (old["outdated"], newer["outdated"]) == (True, False)


# --- evidence ------------------------------------------------------------------------------------


async def test_evidence_and_provenance_are_kept_as_they_came(api: Api) -> None:
    key = (await api.file())["key"]
    evidence = [
        {"kind": "code", "path": "kasmina/ops.py", "start_line": 3, "end_line": 9},
        {"kind": "output", "command": "pytest -q", "text": "1 failed\n"},
        {"kind": "link", "url": "https://example.org/a?b=c"},
    ]
    provenance = {"model": "m-1", "prompt_version": "7", "tool": "auditor"}

    review = await _review(
        api,
        key,
        "admin",
        specialist="drl",
        claim="partly",
        fix="other",
        evidence=evidence,
        provenance=provenance,
    )

    assert review["evidence"] == evidence
    assert review["provenance"] == provenance
    assert (review["claim"], review["fix"], review["on_behalf"]) == ("partly", "other", True)


UNFIT_EVIDENCE = [
    ({"kind": "run", "id": str(uuid4())}, "/evidence/0/id"),
    ({"kind": "run", "id": "x"}, "/evidence/0/id"),
    ({"kind": "run"}, "/evidence/0/id"),
    ({"kind": "link", "url": "javascript:alert(1)"}, "/evidence/0/url"),
    ({"kind": "output", "command": "ls", "text": "a", "exit": 1}, "/evidence/0/exit"),
    ({"kind": "code", "path": "a.py", "start_line": 9, "end_line": 3}, "/evidence/0"),
    ({"kind": "code", "path": "a.py", "commit": "HEAD"}, "/evidence/0/commit"),
    ({"kind": "rumour"}, "/evidence/0"),
    ({"path": "a.py"}, "/evidence/0"),
]


async def test_evidence_that_names_nothing_is_refused(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"verdict": "ENDORSE", "specialist": "drl"}

    for item, pointer in UNFIT_EVIDENCE:
        answer = await api.call(
            "POST", f"/tickets/{key}/reviews", json={**body, "evidence": [item]}, expect=422
        )
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], item


async def test_a_field_of_no_kind_of_evidence_is_answered_with_those_there_are(api: Api) -> None:
    key = (await api.file())["key"]
    item = {"kind": "output", "command": "ls", "text": "a", "comand": "x"}
    body = {"verdict": "ENDORSE", "specialist": "drl", "evidence": [item]}

    answer = await api.call("POST", f"/tickets/{key}/reviews", json=body, expect=422)

    (error,) = answer.json()["errors"]
    assert error["allowed"] == ["kind", "command", "text"]
    assert error["did_you_mean"] == "command"


# --- many at once --------------------------------------------------------------------------------


async def test_a_batch_records_what_it_can_and_says_why_not(api: Api) -> None:
    await _reviewer(api, "pia", "pytorch")
    first, second = (await api.file())["key"], (await api.file())["key"]
    items: list[Any] = [
        {"key": first, "verdict": "ENDORSE"},
        {"key": "B9-DRL-99", "verdict": "ENDORSE"},
        {"key": second, "verdict": "MAYBE"},
        {"key": second, "verdict": "OBJECT"},
        {"key": second, "verdict": "REFINE", "rationale": "x", "amendment": {"titel": "y"}},
        {"key": second, "verdict": "NEUTRAL", "specialist": "drl"},
        {"key": second, "verdict": "NEUTRAL", "ticket_version": 9},
        {"verdict": "NEUTRAL"},
        17,
        {"key": second, "verdict": "NEUTRAL", "rationale": "of little weight"},
    ]

    answer = await api.call("POST", "/reviews:batch", as_="pia", json={"items": items}, expect=200)

    results = answer.json()["items"]
    statuses = [r["problem"]["status"] if "problem" in r else None for r in results]
    assert statuses == [None, 404, 422, 422, 422, 403, 422, 422, 422, None]
    pointers = [r["problem"]["errors"][0]["pointer"] for r in results if _is_invalid(r)]
    assert pointers == [
        "/items/2/verdict",
        "/items/3/rationale",
        "/items/4/amendment/titel",
        "/items/6/ticket_version",
        "/items/7/key",
        "/items/8",
    ]
    assert results[4]["problem"]["errors"][0]["did_you_mean"] == "title"
    assert [r["key"] for r in results[-3:]] == [None, None, second]
    assert results[0]["review"]["specialist"] == "pytorch"
    (stored,) = (await api.get(f"/tickets/{second}"))["reviews"]
    assert stored == results[-1]["review"]


def _is_invalid(result: dict[str, Any]) -> bool:
    return result["result"] == "refused" and result["problem"]["status"] == 422


async def test_batches_that_review_the_same_tickets_at_once_lose_nothing(
    api: Api, database: str
) -> None:
    keys = [(await api.file())["key"] for _ in range(12)]
    agents = [await _reviewer(api, f"agent-{n}", "pytorch") for n in range(4)]

    async def batch(n: int) -> list[dict[str, Any]]:
        own = keys if n % 2 else keys[::-1]
        answer = await api.call(
            "POST",
            "/reviews:batch",
            as_=agents[n],
            json={"items": [{"key": key, "verdict": "ENDORSE"} for key in own]},
            headers={"Idempotency-Key": f"batch-number-{n}"},
            expect=200,
        )
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    answers = await asyncio.gather(*(batch(n) for n in range(len(agents))))

    assert {item["result"] for items in answers for item in items} == {"recorded"}
    with psycopg.connect(database) as connection:
        counts = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE superseded_by IS NULL) FROM reviews"
        ).fetchone()
    assert counts == (48, 12)


async def test_a_batch_is_bounded(api: Api) -> None:
    item = {"key": "B9-DRL-99", "verdict": "ENDORSE"}

    await api.call("POST", "/reviews:batch", json={"items": []}, expect=422)
    await api.call("POST", "/reviews:batch", json={"items": [item] * 201}, expect=422)
