"""Tests linked with tickets: by markers in the suite, and by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

FILE = "tests/verification/test_b2_cr_10.py"


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        await found.account("rob", "reviewer")
        await found.account("tom", "reporter")
        yield found


async def _link(api: Api, key: str, node_id: str, **fields: object) -> dict[str, object]:
    body = {"node_id": node_id, **fields}
    answer = await api.call("POST", f"/tickets/{key}/tests", as_="rob", json=body, expect=201)
    found: dict[str, object] = answer.json()
    return found


async def test_the_catalogue_tells_what_each_test_is_for(api: Api) -> None:
    tests = {test["node_id"]: test for test in (await api.get("/tests?limit=200"))["items"]}

    test = tests["tests/verification/test_b2_drl_10.py::test_seed_input_cannot_be_left_out"]
    assert test["path"] == "tests/verification/test_b2_drl_10.py"
    assert test["findings"] == ["B2-DRL-10"]
    assert "never guesses the seed's input" in test["doc"]
    assert len(test["digest"]) == 64
    assert (test["purpose"], test["last_outcome"]) == ("demonstrates", None)


async def test_markers_link_by_themselves(api: Api) -> None:
    await api.file(key="B2-DRL-10")

    items = (await api.get("/tickets/B2-DRL-10/tests"))["items"]

    assert len(items) == 3
    assert {item["origin"] for item in items} == {"marker"}
    shown = await api.get("/tickets/B2-DRL-10")
    assert shown["tests"] == items
    assert shown["evidence"]["state"] == "unverified"


async def test_the_link_of_a_marker_cannot_be_deleted(api: Api) -> None:
    await api.file(key="B2-DRL-07")
    (item,) = (await api.get("/tickets/B2-DRL-07/tests"))["items"]

    answer = await api.call("DELETE", f"/tickets/B2-DRL-07/tests/{item['id']}", expect=409)

    assert '@pytest.mark.finding("B2-DRL-07")' in answer.json()["detail"]
    assert len((await api.get("/tickets/B2-DRL-07/tests"))["items"]) == 1


async def test_a_link_by_hand_is_shown_and_can_be_deleted(api: Api) -> None:
    filed = await api.file(checklist=[{"text": "it moves"}])
    key, item = filed["key"], filed["checklist"][0]["id"]

    link = await _link(api, key, FILE, purpose="guards", checklist_item=item)
    with_link = await api.get(f"/tickets/{key}")
    await api.call("DELETE", f"/tickets/{key}/tests/{link['id']}", as_="rob", expect=204)
    without = await api.get(f"/tickets/{key}")

    assert with_link["tests"] == [link]
    assert (link["origin"], link["purpose"], link["checklist_item"]) == ("manual", "guards", item)
    assert link["digest"] is not None
    assert (with_link["evidence"]["state"], without["evidence"]["state"]) == ("unverified", "none")
    assert without["version"] == filed["version"]


async def test_a_test_may_be_linked_once(api: Api) -> None:
    key = (await api.file())["key"]
    await _link(api, key, FILE)

    answer = await api.call("POST", f"/tickets/{key}/tests", json={"node_id": FILE}, expect=409)

    assert f"already linked with {key}" in answer.json()["detail"]


async def test_a_hand_overrides_what_the_marker_says_of_a_test(api: Api) -> None:
    node_id = "tests/verification/test_b2_drl_08.py"
    await api.file(key="B2-DRL-08")
    (marked,) = (await api.get("/tickets/B2-DRL-08/tests"))["items"]

    await _link(api, "B2-DRL-08", marked["node_id"], purpose="guards")

    (item,) = (await api.get("/tickets/B2-DRL-08/tests"))["items"]
    assert (item["origin"], item["purpose"]) == ("manual", "guards")
    assert item["node_id"].startswith(node_id)


async def test_a_checklist_item_with_tests_behind_it_stays(api: Api) -> None:
    filed = await api.file(checklist=[{"text": "it moves"}])
    key = filed["key"]
    await _link(api, key, FILE, checklist_item=filed["checklist"][0]["id"])

    answer = await api.call(
        "PATCH", f"/tickets/{key}", json={"checklist": []}, headers={"If-Match": '"1"'}, expect=409
    )

    assert answer.json()["type"] == "/problems/still-in-use"
    assert (await api.get(f"/tickets/{key}"))["version"] == 1


async def test_the_checklist_item_of_another_ticket_is_refused(api: Api) -> None:
    other = (await api.file(checklist=[{"text": "x"}]))["checklist"][0]["id"]
    key = (await api.file())["key"]

    body = {"node_id": FILE, "checklist_item": other}
    answer = await api.call("POST", f"/tickets/{key}/tests", json=body, expect=422)

    assert answer.json()["errors"][0]["pointer"] == "/checklist_item"


async def test_a_reporter_does_not_link_tests(api: Api) -> None:
    key = (await api.file(as_="tom"))["key"]

    answer = await api.call(
        "POST", f"/tickets/{key}/tests", as_="tom", json={"node_id": FILE}, expect=403
    )

    assert (answer.json()["needs"], answer.json()["you"]) == ("reviewer", "tom (reporter)")


@pytest.mark.parametrize(
    "selector",
    [
        "tests/verification/test_b2_drl_10.py",
        "tests/verification/test_b2_drl_10.py::test_seed_input_cannot_be_left_out",
    ],
)
async def test_a_link_may_name_a_file_or_a_test(api: Api, selector: str) -> None:
    key = (await api.file())["key"]

    assert (await _link(api, key, selector))["node_id"] == selector


@pytest.mark.parametrize(
    "selector",
    [
        "tests/verification/test_b2_drl",
        "tests/verification",
        "test_b2_drl_10.py",
        "tests/verification/test_b2_drl_10.py::test_seed_input",
        "tests/verification/test_b2_drl_10.py::",
        "tests/verification/../verification/test_b2_drl_10.py",
        "%",
    ],
)
async def test_part_of_a_name_links_nothing(api: Api, selector: str) -> None:
    key = (await api.file())["key"]

    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": selector}, expect=422)


async def test_linking_is_recorded(api: Api) -> None:
    key = (await api.file())["key"]
    link = await _link(api, key, FILE)
    await api.call("DELETE", f"/tickets/{key}/tests/{link['id']}", expect=204)

    events = (await api.get(f"/tickets/{key}/history"))["items"][-2:]

    assert [(event["actor"], event["action"]) for event in events] == [
        ("rob", "test.linked"),
        ("admin", "test.unlinked"),
    ]


async def test_the_tests_of_many_tickets_are_those_of_each(api: Api) -> None:
    """A sweep asks for all at once: by markers, by hand, and of both where the hand overrides."""
    await api.file(key="B2-PT-01")
    await api.file(key="B2-DRL-13")
    node_id = "tests/verification/test_b2_drl_13.py::test_each_step_goes_its_share_of_the_way"
    await _link(api, "B2-DRL-13", node_id, purpose="guards")
    by_hand = (await api.file())["key"]
    await _link(api, by_hand, FILE)

    async with api.factory.unit.read() as stores:
        keys = {one.id: one.key for one in await stores.ticket_edits.linked("kasmina")}
        found = await stores.links.expanded_of(keys, "support")
        each = {one: await stores.links.expanded(one, keys[one], "support") for one in keys}

    assert found == each
    tests = {keys[one]: of_one for one, of_one in found.items()}
    assert {one.purpose.value for one in tests["B2-DRL-13"]} == {"guards", "demonstrates"}
    assert {one.node_id.partition("::")[0] for one in tests[by_hand]} == {FILE}
    assert tests["B2-PT-01"]
