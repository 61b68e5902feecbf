"""Filing many tickets in one call."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio


def item(ref: str, **fields: Any) -> dict[str, Any]:
    return {"ref": ref, **ticket_body(batch=30, **fields)}


async def batch(api: Api, *items: Any, **options: Any) -> list[dict[str, Any]]:
    answer = await api.call("POST", "/tickets:batch", json={"items": items, **options}, expect=200)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def filed(api: Api) -> list[str]:
    found = await api.get("/tickets?batch=30&sort=key&limit=200")
    return [ticket["key"] for ticket in found["items"]]


def results(items: list[dict[str, Any]]) -> dict[str, str]:
    return {item["ref"]: item["result"] for item in items}


async def test_items_get_keys_in_their_order(api: Api) -> None:
    items = await batch(api, item("a"), item("b", key="KAS-7"), item("c"))

    assert [(i["ref"], i["key"], i["result"]) for i in items] == [
        ("a", "B30-DRL-01", "created"),
        ("b", "KAS-7", "created"),
        ("c", "B30-DRL-02", "created"),
    ]


async def test_relations_name_siblings_in_any_direction(api: Api) -> None:
    items = await batch(
        api,
        item("a", relations=[{"ref": "c", "kind": "blocks", "note": "first"}]),
        item("b", relations=[{"ref": "c"}]),
        item("c", relations=[{"ref": "b"}]),
    )

    keys = {i["ref"]: i["key"] for i in items}
    shown = await api.get(f"/tickets/{keys['a']}")
    assert results(items) == {"a": "created", "b": "created", "c": "created"}
    assert [(r["key"], r["kind"], r["note"]) for r in shown["relations"]] == [
        (keys["c"], "blocks", "first")
    ]
    related = (await api.get(f"/tickets/{keys['b']}"))["relations"]
    assert [(r["key"], r["kind"]) for r in related] == [(keys["c"], "related")]


async def test_a_refused_item_stops_only_those_that_name_it(api: Api) -> None:
    items = await batch(
        api,
        item("good"),
        item("bad", severity="P9"),
        item("needs", relations=[{"key": "KAS-9"}, {"ref": "bad"}]),
        item("lost", relations=[{"key": "KAS-404"}]),
        item("late"),
    )

    assert results(items) == {
        "good": "created",
        "bad": "refused",
        "needs": "refused",
        "lost": "refused",
        "late": "created",
    }
    assert await filed(api) == ["B30-DRL-01", "B30-DRL-02"]
    bad, needs, lost = (items[n]["problem"] for n in (1, 2, 3))
    assert (bad["status"], bad["errors"][0]["pointer"]) == (422, "/items/1/severity")
    assert bad["errors"][0]["allowed"] == ["P0", "P1", "P2", "P3", "P4"]
    assert needs["status"] == 409 and "'bad'" in needs["detail"]
    assert lost["errors"][0]["pointer"] == "/items/3/relations/0/key"


async def test_items_that_name_each_other_are_filed_together_or_not(api: Api) -> None:
    await api.file(key="KAS-1")
    items = await batch(
        api,
        item("a", relations=[{"ref": "b"}]),
        item("b", key="KAS-1", relations=[{"ref": "a"}]),
        item("c"),
    )

    assert results(items) == {"a": "refused", "b": "refused", "c": "created"}
    assert items[1]["problem"]["type"] == "/problems/already-taken"
    assert await filed(api) == ["B30-DRL-01"]


async def test_a_circle_of_blocks_is_refused_and_one_of_related_is_fine(api: Api) -> None:
    blocks = await batch(
        api,
        item("a", relations=[{"ref": "b", "kind": "blocks"}]),
        item("b", relations=[{"ref": "a", "kind": "blocks"}]),
    )
    related = await batch(
        api, item("a", relations=[{"ref": "b"}]), item("b", relations=[{"ref": "a"}])
    )

    assert results(blocks) == {"a": "refused", "b": "refused"}
    assert "/problems/relation-cycle" in [i["problem"]["type"] for i in blocks]
    assert results(related) == {"a": "created", "b": "created"}


async def test_atomic_files_all_or_none(api: Api) -> None:
    none = await batch(api, item("a"), item("b", title=""), item("c"), atomic=True)
    after = await filed(api)
    both = await batch(api, item("a"), item("b"), atomic=True)

    assert results(none) == {"a": "rolled-back", "b": "refused", "c": "rolled-back"}
    assert [i["key"] for i in none] == [None, None, None]
    assert after == []
    assert [i["key"] for i in both] == ["B30-DRL-01", "B30-DRL-02"]


@pytest.mark.parametrize("atomic", [True, False])
async def test_a_dry_run_tells_the_keys_and_leaves_nothing(api: Api, atomic: bool) -> None:
    items = [item("a", relations=[{"ref": "b"}]), item("b"), item("c")]

    dry = await batch(api, *items, atomic=atomic, dry_run=True)
    after = await filed(api)
    real = await batch(api, *items, atomic=atomic)

    assert after == []
    assert [i["key"] for i in dry] == [i["key"] for i in real]
    assert results(dry) == results(real)
    assert (await api.get("/changes?limit=200"))["items"][0]["ticket"] == real[1]["key"]


async def test_a_batch_sent_again_with_its_key_is_filed_once(api: Api) -> None:
    body = {"items": [item("a"), item("b")]}
    header = {"Idempotency-Key": "batch-of-today"}

    first = await api.call("POST", "/tickets:batch", json=body, headers=header, expect=200)
    again = await api.call("POST", "/tickets:batch", json=body, headers=header, expect=200)

    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await filed(api)) == 2


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([], "/items"),
        ([{"title": "x"}], "/items/0"),
        (["x"], "/items/0"),
        ([{"ref": "a"}, {"ref": "a"}], ""),
        ([{"ref": str(n)} for n in range(501)], "/items"),
    ],
)
async def test_what_has_no_reference_of_its_own_is_refused_as_a_whole(
    api: Api, items: list[Any], pointer: str
) -> None:
    answer = await api.call("POST", "/tickets:batch", json={"items": items}, expect=422)

    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_relation_names_a_key_or_a_sibling(api: Api) -> None:
    items = await batch(
        api,
        item("both", relations=[{"ref": "x", "key": "KAS-1"}]),
        item("nobody", relations=[{"ref": "x"}]),
        item("itself", relations=[{"ref": "itself"}]),
    )

    pointers = [i["problem"]["errors"][0]["pointer"] for i in items]
    assert pointers == [
        "/items/0/relations/0",
        "/items/1/relations/0/ref",
        "/items/2/relations/0/ref",
    ]


async def test_a_large_batch_is_read_and_a_larger_one_refused(api: Api) -> None:
    text = "x" * 190_000
    sections = [{"heading": str(n), "body": text} for n in range(10)]
    items = [item(str(n), sections=sections) for n in range(2)]

    assert results(await batch(api, *items)) == {"0": "created", "1": "created"}
    too_much = await api.call("POST", "/tickets:batch", content=b" " * (21 << 20))
    ordinary = await api.call("POST", "/tickets", content=b" " * (3 << 20))
    assert (too_much.status_code, ordinary.status_code) == (413, 413)


async def test_the_document_describes_items(api: Api) -> None:
    document = httpx.Response(200, content=(await api.client.get("/api/v1/openapi.json")).content)
    schemas = document.json()["components"]["schemas"]

    assert "BatchTicketIn" in schemas
    assert {"ref", "title"} <= set(schemas["BatchTicketIn"]["required"])
