"""Moving tickets along the workflow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.anyio


@pytest.fixture
async def people(api: Api) -> None:
    """A filer, another reporter, a reviewer for pytorch, a maintainer."""
    await api.account("ada", "reporter")
    await api.account("eve", "reporter")
    await api.account("rob", "reviewer", speaks_for=("pytorch",))
    await api.account("max", "maintainer")


async def move(api: Api, key: str, expect: int = 200, *, as_: str = "admin", **body: Any) -> Any:
    answer = await api.call(
        "POST", f"/tickets/{key}/transitions", as_=as_, json=body, expect=expect
    )
    return answer.json()


async def test_a_ticket_goes_from_open_to_in_review_and_back(api: Api) -> None:
    key = (await api.file())["key"]

    for status in ("investigating", "fix-in-progress", "in-review", "open"):
        assert (await move(api, key, to=status))["status"] == status


async def test_a_step_counts_the_version_up_and_answers_with_the_etag(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await api.call("POST", f"/tickets/{key}/transitions", json={"to": "investigating"})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["version"] == 2


async def test_a_step_makes_no_review_outdated(api: Api) -> None:
    key = (await api.file())["key"]
    review = {"specialist": "pytorch", "verdict": "ENDORSE"}
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)

    moved = await move(api, key, to="investigating")

    assert moved["consensus"]["ENDORSE"] == 1


async def test_a_step_that_does_not_exist_names_those_that_do(api: Api) -> None:
    key = (await api.file())["key"]

    problem = await move(api, key, 409, to="in-review")

    assert problem["type"] == "/problems/illegal-transition"
    assert problem["allowed"] == ["investigating", "fix-in-progress", "closed", "wont-fix"]
    (first,) = problem["remedy"]
    assert first["body"] == {"to": "investigating"}
    assert [call["body"] for call in first["then"]] == [{"to": "in-review"}]


async def test_the_same_status_again_is_no_step(api: Api) -> None:
    key = (await api.file())["key"]

    assert "already open" in (await move(api, key, 409, to="open"))["detail"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("who", "status", "expected"),
    [
        ("ada", "investigating", 200),
        ("eve", "investigating", 403),
        ("rob", "investigating", 200),
        ("ada", "wont-fix", 403),
        ("rob", "wont-fix", 403),
        ("max", "wont-fix", 200),
    ],
)
async def test_who_may_take_which_step(api: Api, who: str, status: str, expected: int) -> None:
    key = (await api.file(as_="ada"))["key"]

    await move(api, key, expected, as_=who, to=status, reason="it costs too much")


@pytest.mark.usefixtures("people")
async def test_a_refused_role_is_told_what_it_needs(api: Api) -> None:
    key = (await api.file(as_="ada"))["key"]

    problem = await move(api, key, 403, as_="eve", to="investigating")

    assert (problem["needs"], problem["you"]) == ("reviewer", "eve (reporter)")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "closed"}, "/resolution"),
        ({"to": "closed", "resolution": "wont-fix"}, "/resolution"),
        ({"to": "investigating", "resolution": "fixed"}, "/resolution"),
        ({"to": "done"}, "/to"),
        ({}, "/to"),
        ({"to": "investigating", "resolutoin": "fixed"}, "/resolutoin"),
        ({"to": "wont-fix", "reason": "x", "commits": ["xyz"]}, "/commits/0"),
        ({"to": "wont-fix", "reason": "x", "commits": ["4f2a9"]}, "/commits/0"),
        ({"to": "wont-fix", "duplicate_of": "B2-DRL-10", "reason": "x"}, "/duplicate_of"),
        ({"to": "closed", "resolution": "fixed", "override": True}, "/reason"),
        ({"to": "closed", "resolution": "fixed", "override": "yes"}, "/override"),
        ({"to": "closed", "resolution": "fixed", "waiver": {"reason": " "}}, "/waiver/reason"),
        ({"to": "closed", "resolution": "fixed", "waiver": "because"}, "/waiver"),
        ({"to": "investigating", "waiver": {"reason": "wording"}}, "/waiver"),
        ({"to": "wont-fix", "reason": "x", "waiver": {"reason": "wording"}}, "/waiver"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(
    api: Api, body: dict[str, Any], pointer: str
) -> None:
    key = (await api.file())["key"]

    problem = await move(api, key, 422, **body)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_closed_gate_lists_requirements_and_the_calls_that_open_it(api: Api) -> None:
    key = (await api.file())["key"]

    problem = await move(api, key, 409, to="closed", resolution="fixed")

    assert problem["type"] == "/problems/gate-unmet"
    states = {r["name"]: r["state"] for r in problem["requirements"]}
    assert states == {
        "evidence": "UNSATISFIED",
        "endorsement": "UNSATISFIED",
        "objections": "SATISFIED",
        "commit": "NOT_APPLICABLE",
    }
    link, _review = problem["remedy"]
    assert [call["operation"] for call in problem["remedy"]] == ["linkTest", "recordReview"]
    assert [call["operation"] for call in link["then"]] == ["triggerRun"]
    assert (await api.get(f"/tickets/{key}"))["version"] == 1


FIXED = {"to": "closed", "resolution": "fixed"}


async def endorsed(api: Api, **fields: Any) -> str:
    """A ticket of a part that no target covers, endorsed by somebody else."""
    key: str = (await api.file(**{"domains": ["simic"], **fields}))["key"]
    review = {"specialist": "pytorch", "verdict": "ENDORSE", "rationale": "right"}
    if "bob" not in api.tokens:
        await api.account("bob", "maintainer")
    await api.call("POST", f"/tickets/{key}/reviews", as_="bob", json=review, expect=201)
    return key


async def test_what_no_target_covers_is_closed_with_a_commit_and_a_waiver(api: Api) -> None:
    key = await endorsed(api)
    problem = await move(api, key, 409, **FIXED, commits=["4f2a9c1"])
    assert problem["remedy"] == [
        {
            "operation": "transitionTicket",
            "method": "POST",
            "path": f"/api/v1/tickets/{key}/transitions",
            "body": {**FIXED, "commits": ["4f2a9c1"], "waiver": {"reason": "<reason>"}},
            "replaces": True,
        }
    ]
    waiver = {"reason": "wording"}
    refused = await move(api, key, 409, **FIXED, waiver=waiver)
    assert "commit: No commit is named" in refused["detail"]

    moved = await move(api, key, **FIXED, commits=["4F2A9C1", "4f2a9c1", "0" * 40], waiver=waiver)

    assert (moved["status"], moved["resolution"]) == ("closed", "fixed")
    assert moved["commits"] == ["4f2a9c1", "0" * 40]
    assert moved["closure"]["waiver"] == "wording"
    assert moved["evidence"]["closed_without"] == {"by": "admin", "reason": "wording"}
    assert {r["name"]: r["state"] for r in moved["gate"]}["waiver"] == "SATISFIED"
    event = (await api.get(f"/tickets/{key}/history"))["items"][-1]
    assert event["changes"]["waiver"] == [None, "wording"]


async def test_closings_without_evidence_are_shown_in_lists_until_they_are_taken_back(
    api: Api,
) -> None:
    waived, plain = await endorsed(api), (await api.file())["key"]
    overridden = (await api.file())["key"]
    await move(api, waived, **FIXED, commits=["4f2a9c1"], waiver={"reason": "wording"})
    await move(api, overridden, **FIXED, override=True, reason="shown by hand")
    await move(api, plain, to="wont-fix", reason="too rare")

    page = await api.get("/tickets?waived=true&sort=created")

    assert [(t["key"], t["evidence"]["closed_without"]) for t in page["items"]] == [
        (waived, {"by": "admin", "reason": "wording"}),
        (overridden, {"by": "admin", "reason": "shown by hand"}),
    ]
    others = await api.get("/tickets?waived=false")
    assert [t["key"] for t in others["items"]] == [plain]
    assert "closed_without" not in others["items"][0]["evidence"]
    table = (await api.call("GET", "/exports?format=csv&waived=true", expect=200)).text
    assert "admin: wording" in table
    assert plain not in table
    again = await move(api, waived, to="open", reason="it came up again")
    assert again["evidence"]["closed_without"] is None
    assert [t["key"] for t in (await api.get("/tickets?waived=true"))["items"]] == [overridden]


async def test_where_evidence_can_be_had_a_waiver_does_not_stand_in_for_it(api: Api) -> None:
    key = await endorsed(api, domains=["kasmina"])

    problem = await move(api, key, 409, **FIXED, commits=["4f2a9c1"], waiver={"reason": "trust me"})

    assert "waiver" not in {r["name"] for r in problem["requirements"]}
    assert problem["remedy"][0]["operation"] == "linkTest"


async def test_a_ticket_without_domains_belongs_to_the_only_target(api: Api) -> None:
    key = await endorsed(api, domains=[])

    problem = await move(api, key, 409, **FIXED, commits=["4f2a9c1"], waiver={"reason": "trust me"})

    assert problem["requirements"][0]["name"] == "evidence"
    assert problem["requirements"][0]["state"] == "UNSATISFIED"
    assert (await api.get(f"/tickets/{key}"))["evidence"]["state"] == "none"


async def test_many_are_closed_by_one_waiver_and_those_that_can_be_shown_are_not(api: Api) -> None:
    shown, hidden = await endorsed(api, domains=["kasmina"]), await endorsed(api)
    body = {"keys": [shown, hidden], **FIXED, "commits": ["4f2a9c1"]}

    without = await api.call("POST", "/transitions:batch", json=body, expect=200)
    waiver = {"reason": "wording"}
    answer = await api.call(
        "POST", "/transitions:batch", json={**body, "waiver": waiver}, expect=200
    )

    assert without.json()["done"] == 0
    assert [item["result"] for item in answer.json()["items"]] == ["refused", "done"]


@pytest.mark.usefixtures("people")
async def test_only_a_maintainer_gives_a_waiver(api: Api) -> None:
    key = await endorsed(api)

    problem = await move(
        api, key, 403, as_="rob", **FIXED, commits=["4f2a9c1"], waiver={"reason": "wording"}
    )

    assert problem["needs"] == "maintainer"


async def test_an_override_is_recorded_on_the_ticket_and_in_its_history(api: Api) -> None:
    key = (await api.file())["key"]

    moved = await move(
        api, key, to="closed", resolution="fixed", override=True, reason="shown by hand"
    )

    assert moved["closure"]["overridden"] == ["evidence", "endorsement"]
    assert (moved["closure"]["by"], moved["closure"]["reason"]) == ("admin", "shown by hand")
    states = {r["name"]: r["state"] for r in moved["gate"]}
    assert states["evidence"] == states["endorsement"] == "OVERRIDDEN"
    event = (await api.get(f"/tickets/{key}/history"))["items"][-1]
    assert event["action"] == "ticket.moved"
    assert event["changes"]["status"] == ["open", "closed"]
    assert event["changes"]["resolution"] == [None, "fixed"]
    assert event["changes"]["reason"] == [None, "shown by hand"]
    assert event["changes"]["overridden"] == [None, ["evidence", "endorsement"]]


async def test_an_override_where_nothing_is_open_overrides_nothing(api: Api) -> None:
    key = (await api.file())["key"]

    moved = await move(api, key, to="wont-fix", override=True, reason="it is meant so")

    assert moved["closure"]["overridden"] == []


@pytest.mark.usefixtures("people")
async def test_only_a_maintainer_overrides(api: Api) -> None:
    key = (await api.file(as_="ada"))["key"]

    problem = await move(
        api, key, 403, as_="rob", to="investigating", override=True, reason="because"
    )

    assert problem["needs"] == "maintainer"


async def test_a_duplicate_gets_its_relation_in_the_same_step(api: Api) -> None:
    first, second = [(await api.file())["key"] for _ in range(2)]

    moved = await move(api, second, to="closed", resolution="duplicate", duplicate_of=first)

    assert [(r["key"], r["kind"]) for r in moved["relations"]] == [(first, "duplicate-of")]
    shown = await api.get(f"/tickets/{first}")
    assert [(r["key"], r["kind"]) for r in shown["relations"]] == [(second, "duplicated-by")]


async def test_a_refused_step_leaves_no_relation(api: Api) -> None:
    first, second = [(await api.file())["key"] for _ in range(2)]
    await move(api, first, to="closed", resolution="duplicate", duplicate_of=second)

    problem = await move(api, second, 409, to="closed", resolution="duplicate", duplicate_of=first)

    assert problem["path"] == [second, first, second]
    shown = await api.get(f"/tickets/{second}")
    assert [r["kind"] for r in shown["relations"]] == ["duplicated-by"]
    assert (shown["status"], shown["version"]) == ("open", 1)


@pytest.mark.parametrize("other", ["B9-PT-999", "itself"])
async def test_a_duplicate_names_another_ticket(api: Api, other: str) -> None:
    key = (await api.file())["key"]
    body = {"to": "closed", "resolution": "duplicate"}

    problem = await move(api, key, 422, **body, duplicate_of=key if other == "itself" else other)

    assert problem["errors"][0]["pointer"] == "/duplicate_of"


async def test_not_a_bug_needs_a_reason_and_somebody_who_says_so(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"to": "closed", "resolution": "not-a-bug"}
    problem = await move(api, key, 409, **body)
    assert {r["name"] for r in problem["requirements"] if r["state"] == "UNSATISFIED"} == {
        "reason",
        "refutation",
    }

    review = {"specialist": "pytorch", "verdict": "OBJECT", "rationale": "it is meant so"}
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)
    moved = await move(api, key, **body, reason="the contract says so")

    assert moved["resolution"] == "not-a-bug"
    assert {r["state"] for r in moved["gate"]} == {"SATISFIED"}


async def test_wont_fix_needs_a_reason(api: Api) -> None:
    key = (await api.file())["key"]

    problem = await move(api, key, 409, to="wont-fix")
    assert problem["remedy"][0]["body"]["reason"] == "<reason>"

    assert (await move(api, key, to="wont-fix", reason="too rare"))["resolution"] == "wont-fix"


@pytest.mark.parametrize("back_to", ["open", "investigating"])
async def test_a_reopened_ticket_has_no_resolution(api: Api, back_to: str) -> None:
    key = (await api.file())["key"]
    await move(api, key, to="wont-fix", reason="too rare", resolution_text="Left as it is.")

    moved = await move(api, key, to=back_to, reason="it came up again")

    assert (moved["status"], moved["resolution"], moved["closure"]) == (back_to, None, None)
    assert moved["resolution_text"] == "Left as it is."


async def test_an_etag_that_comes_along_is_obeyed(api: Api) -> None:
    key = (await api.file())["key"]
    path, body = f"/tickets/{key}/transitions", {"to": "investigating"}

    stale = await api.call("POST", path, json=body, headers={"If-Match": '"7"'})
    fresh = await api.call("POST", path, json=body, headers={"If-Match": '"1"'})

    assert (stale.status_code, stale.json()["etag"]) == (412, '"1"')
    assert fresh.status_code == 200


async def test_of_many_who_take_the_same_step_at_once_one_does(api: Api) -> None:
    key = (await api.file())["key"]

    answers = await asyncio.gather(
        *(
            api.call("POST", f"/tickets/{key}/transitions", json={"to": "fix-in-progress"})
            for _ in range(12)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11
    shown = await api.get(f"/tickets/{key}")
    assert (shown["status"], shown["version"]) == ("fix-in-progress", 2)
    moves = [
        event
        for event in (await api.get(f"/tickets/{key}/history"))["items"]
        if event["action"] == "ticket.moved"
    ]
    assert len(moves) == 1


async def test_an_objection_and_a_closing_at_once_leave_no_closed_ticket_with_a_doubt_before_it(
    api: Api,
) -> None:
    """Whichever came first, the history has them in an order that the rules allow."""
    key = (await api.file(domains=["simic"]))["key"]
    review = {"specialist": "pytorch", "verdict": "ENDORSE"}
    await api.account("rob", "reviewer", speaks_for=("pytorch",))
    await api.call("POST", f"/tickets/{key}/reviews", as_="rob", json=review, expect=201)
    objection = {"specialist": "human", "verdict": "OBJECT", "rationale": "no"}
    closing = {**FIXED, "commits": ["4f2a9c1"], "waiver": {"reason": "wording"}}

    closed, _ = await asyncio.gather(
        api.call("POST", f"/tickets/{key}/transitions", json=closing),
        api.call("POST", f"/tickets/{key}/reviews", json=objection, expect=201),
    )

    actions = [event["action"] for event in (await api.get(f"/tickets/{key}/history"))["items"]]
    if closed.status_code == 200:
        assert actions.index("ticket.moved") < len(actions) - 1
        assert actions[-1] == "review.recorded"
    else:
        assert closed.status_code == 409
        assert "ticket.moved" not in actions
