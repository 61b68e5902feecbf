"""Relations between tickets: inverses, circles, who states them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio


async def relate(
    api: Api, key: str, kind: str, other: str, expect: int = 201, **more: Any
) -> dict[str, Any]:
    body = {"key": other, "kind": kind, **more}
    answer = await api.call("POST", f"/tickets/{key}/relations", json=body, expect=expect)
    found: dict[str, Any] = answer.json()
    return found


async def relations(api: Api, key: str) -> list[tuple[str, str]]:
    return [(r["kind"], r["key"]) for r in (await api.get(f"/tickets/{key}"))["relations"]]


async def three(api: Api) -> list[str]:
    return [(await api.file())["key"] for _ in range(3)]


@pytest.mark.parametrize(
    ("kind", "inverse"),
    [
        ("related", "related"),
        ("blocks", "blocked-by"),
        ("blocked-by", "blocks"),
        ("duplicate-of", "duplicated-by"),
        ("duplicated-by", "duplicate-of"),
    ],
)
async def test_both_tickets_show_a_relation(api: Api, kind: str, inverse: str) -> None:
    a, b, _ = await three(api)

    assert await relate(api, a, kind, b, note="see there") == {
        "key": b,
        "kind": kind,
        "note": "see there",
        "stated_here": True,
    }

    assert await relations(api, a) == [(kind, b)]
    assert await relations(api, b) == [(inverse, a)]


@pytest.mark.parametrize("kind", ["related", "blocks", "duplicate-of"])
async def test_the_same_relation_from_the_other_end_is_there_already(api: Api, kind: str) -> None:
    a, b, _ = await three(api)
    await relate(api, a, kind, b)
    inverse = {"related": "related", "blocks": "blocked-by", "duplicate-of": "duplicated-by"}

    await relate(api, b, inverse[kind], a, 409)
    await relate(api, a, kind, b, 409)

    assert await relations(api, a) == [(kind, b)]


async def test_stating_a_relation_counts_up_the_version_of_the_ticket_that_states_it(
    api: Api,
) -> None:
    a, b, _ = await three(api)

    answer = await api.call("POST", f"/tickets/{a}/relations", json={"key": b}, expect=201)

    assert answer.headers["etag"] == '"2"'
    assert (await api.get(f"/tickets/{b}"))["version"] == 1


@pytest.mark.parametrize(("other", "said"), [("B9-PT-999", "no ticket"), ("itself", "itself")])
async def test_a_relation_names_another_ticket(api: Api, other: str, said: str) -> None:
    a, _, _ = await three(api)

    problem = await relate(api, a, "blocks", a if other == "itself" else other, 422)

    assert problem["errors"][0]["pointer"] == "/key"
    assert said in problem["detail"]


@pytest.mark.parametrize("kind", ["blocks", "duplicate-of"])
async def test_a_circle_is_refused_with_its_path(api: Api, kind: str) -> None:
    a, b, c = await three(api)
    await relate(api, a, kind, b)
    await relate(api, b, kind, c)

    problem = await relate(api, c, kind, a, 409)

    assert problem["type"] == "/problems/relation-cycle"
    assert (problem["kind"], problem["path"]) == (kind, [c, a, b, c])
    assert await relations(api, c) == [("blocked-by" if kind == "blocks" else "duplicated-by", b)]


async def test_a_circle_is_seen_through_inverses(api: Api) -> None:
    a, b, c = await three(api)
    await relate(api, a, "blocks", b)
    await relate(api, c, "blocked-by", b)

    problem = await relate(api, a, "blocked-by", c, 409)

    assert problem["path"] == [c, a, b, c]


async def test_relations_of_other_kinds_make_no_circle(api: Api) -> None:
    a, b, _ = await three(api)
    await relate(api, a, "blocks", b)

    await relate(api, b, "duplicate-of", a)
    await relate(api, b, "related", a)

    assert {kind for kind, _ in await relations(api, a)} == {"blocks", "duplicated-by", "related"}


async def test_a_ticket_cannot_be_filed_into_a_circle(api: Api) -> None:
    a, b, _ = await three(api)
    await relate(api, a, "blocks", b)
    circle = [{"key": a, "kind": "blocks"}, {"key": b, "kind": "blocked-by"}]

    body = ticket_body(key="B7-DRL-01", relations=circle)
    answer = await api.call("POST", "/tickets", json=body, expect=409)

    assert answer.json()["path"] == [b, "B7-DRL-01", a, b]
    await api.call("GET", "/tickets/B7-DRL-01", expect=404)


async def test_a_ticket_cannot_be_edited_into_a_circle(api: Api) -> None:
    a, b, c = await three(api)
    await relate(api, a, "blocks", b)
    await relate(api, b, "blocks", c)
    etag = {"If-Match": '"1"'}

    body = {"relations": [{"key": a, "kind": "blocks"}]}
    await api.call("PATCH", f"/tickets/{c}", json=body, headers=etag, expect=409)

    assert await relations(api, c) == [("blocked-by", b)]


async def test_an_edit_replaces_what_the_ticket_states_and_keeps_what_others_state(
    api: Api,
) -> None:
    a, b, c = await three(api)
    await relate(api, a, "blocked-by", b)
    await relate(api, c, "related", a)

    body = {"relations": [{"key": b, "kind": "related"}]}
    await api.call("PATCH", f"/tickets/{a}", json=body, headers={"If-Match": '"2"'}, expect=200)

    assert sorted(await relations(api, a)) == sorted([("related", b), ("related", c)])
    assert await relations(api, b) == [("related", a)]
    assert await relations(api, c) == [("related", a)]


async def test_an_edit_that_sends_back_what_is_shown_changes_nothing(api: Api) -> None:
    a, b, c = await three(api)
    await relate(api, a, "blocks", b)
    await relate(api, c, "blocks", a)
    shown = (await api.get(f"/tickets/{a}"))["relations"]
    body = {"relations": [{k: r[k] for k in ("key", "kind", "note")} for r in reversed(shown)]}

    answer = await api.call("PATCH", f"/tickets/{a}", json=body, headers={"If-Match": '"2"'})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


async def test_a_relation_is_taken_away_with_the_etag_of_the_ticket_in_the_path(api: Api) -> None:
    a, b, _ = await three(api)
    await relate(api, a, "blocks", b)
    path = f"/tickets/{a}/relations/blocks/{b}"

    missing = await api.call("DELETE", path)
    stale = await api.call("DELETE", path, headers={"If-Match": '"1"'})
    gone = await api.call("DELETE", path, headers={"If-Match": '"2"'})
    again = await api.call("DELETE", path, headers={"If-Match": '"3"'})

    assert (missing.status_code, missing.json()["etag"]) == (428, '"2"')
    assert (stale.status_code, stale.json()["etag"]) == (412, '"2"')
    assert (gone.status_code, gone.headers["etag"]) == (204, '"3"')
    assert again.status_code == 404
    assert await relations(api, b) == []


async def test_a_relation_taken_away_from_the_other_end_changes_both_documents(api: Api) -> None:
    a, b, _ = await three(api)
    await relate(api, a, "blocks", b)

    path = f"/tickets/{b}/relations/blocked-by/{a}"
    await api.call("DELETE", path, headers={"If-Match": '"1"'}, expect=204)

    assert await relations(api, a) == []
    assert [(await api.get(f"/tickets/{key}"))["version"] for key in (a, b)] == [3, 2]


async def test_both_histories_tell_of_a_relation(api: Api) -> None:
    a, b, _ = await three(api)
    await relate(api, a, "blocks", b)
    await api.call(
        "DELETE", f"/tickets/{a}/relations/blocks/{b}", headers={"If-Match": '"2"'}, expect=204
    )

    for key, kind, other in ((a, "blocks", b), (b, "blocked-by", a)):
        events = (await api.get(f"/tickets/{key}/history"))["items"][-2:]
        assert [event["action"] for event in events] == ["relation.added", "relation.removed"]
        said = events[0]["changes"]["relations"][1]
        assert (said["kind"], said["key"]) == (kind, other)


@pytest.mark.parametrize("kind", ["blocks", "duplicate-of"])
async def test_two_who_close_a_circle_from_both_ends_do_not_both_succeed(
    api: Api, kind: str
) -> None:
    for _ in range(4):
        a, b, c = await three(api)
        await relate(api, b, kind, c)
        body = [{"key": b, "kind": kind}, {"key": a, "kind": kind}]

        answers = await asyncio.gather(
            api.call("POST", f"/tickets/{a}/relations", json=body[0]),
            api.call("POST", f"/tickets/{c}/relations", json=body[1]),
        )

        assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_many_relations_at_once_between_the_same_tickets_all_arrive(api: Api) -> None:
    """Nobody waits for anybody in a circle, and nothing is lost."""
    keys = [(await api.file())["key"] for _ in range(5)]
    pairs = [(a, b) for a in keys for b in keys if a < b]
    wanted = [(a, "related", b) for a, b in pairs] + [(b, "blocked-by", a) for a, b in pairs]

    answers = await asyncio.gather(
        *(
            api.call("POST", f"/tickets/{a}/relations", json={"key": b, "kind": kind})
            for a, kind, b in wanted
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    found = {(a, kind, b) for a in keys for kind, b in await relations(api, a)}
    assert found.issuperset(wanted)


async def test_an_edit_beside_a_relation_from_the_other_end_loses_nothing(api: Api) -> None:
    a, b, _ = await three(api)

    edited, related = await asyncio.gather(
        api.call("PATCH", f"/tickets/{b}", json={"relations": []}, headers={"If-Match": '"1"'}),
        api.call("POST", f"/tickets/{a}/relations", json={"key": b, "kind": "related"}),
    )

    assert (edited.status_code, related.status_code) == (200, 201)
    assert await relations(api, b) == [("related", a)]


async def duplicates(api: Api) -> tuple[str, str]:
    """A ticket, and another one that is closed as its duplicate."""
    a, b, _ = await three(api)
    body = {"to": "closed", "resolution": "duplicate", "duplicate_of": a}
    await api.call("POST", f"/tickets/{b}/transitions", json=body, expect=200)
    return a, b


async def remove(api: Api, key: str, kind: str, other: str, expect: int) -> Any:
    headers = {"If-Match": f'"{(await api.get(f"/tickets/{key}"))["version"]}"'}
    path = f"/tickets/{key}/relations/{kind}/{other}"
    return await api.call("DELETE", path, headers=headers, expect=expect)


@pytest.mark.parametrize("from_the_duplicate", [True, False])
async def test_what_a_duplicate_is_closed_by_stays_while_it_is(
    api: Api, from_the_duplicate: bool
) -> None:
    a, b = await duplicates(api)
    end = (b, "duplicate-of", a) if from_the_duplicate else (a, "duplicated-by", b)

    problem = (await remove(api, *end, expect=409)).json()

    assert problem["type"] == "/problems/resolution-rests-on-it"
    assert problem["resting"] == [b]
    (reopen,) = problem["remedy"]
    assert (reopen["path"], reopen["needs"]) == (f"/api/v1/tickets/{b}/transitions", "reviewer")
    assert await relations(api, b) == [("duplicate-of", a)]
    await api.call("POST", reopen["path"].removeprefix("/api/v1"), json=reopen["body"], expect=200)
    await remove(api, *end, expect=204)


async def test_an_edit_does_not_take_the_original_from_a_duplicate_but_may_name_another(
    api: Api,
) -> None:
    _, b = await duplicates(api)
    c = (await api.file())["key"]
    headers = {"If-Match": f'"{(await api.get(f"/tickets/{b}"))["version"]}"'}
    path = f"/tickets/{b}"

    refused = await api.call("PATCH", path, json={"relations": []}, headers=headers, expect=409)
    other = [{"key": c, "kind": "duplicate-of"}]
    await api.call("PATCH", path, json={"relations": other}, headers=headers, expect=200)

    assert refused.json()["type"] == "/problems/resolution-rests-on-it"
    assert await relations(api, b) == [("duplicate-of", c)]


async def test_of_two_originals_one_may_go(api: Api) -> None:
    a, b = await duplicates(api)
    c = (await api.file())["key"]
    await relate(api, b, "duplicate-of", c)

    await remove(api, b, "duplicate-of", a, expect=204)
    await remove(api, b, "duplicate-of", c, expect=409)


async def test_closing_a_duplicate_while_its_relation_is_taken_away_leaves_none_without(
    api: Api,
) -> None:
    for _ in range(4):
        a, b, _ = await three(api)
        await relate(api, a, "duplicated-by", b)
        body = {"to": "closed", "resolution": "duplicate"}

        await asyncio.gather(
            api.call("POST", f"/tickets/{b}/transitions", json=body),
            api.call("PATCH", f"/tickets/{a}", json={"relations": []}, headers={"If-Match": '"2"'}),
        )

        closed = (await api.get(f"/tickets/{b}"))["status"] == "closed"
        assert closed is bool(await relations(api, b))
