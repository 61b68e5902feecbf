"""Patches of tickets: stored by digest, judged against the bundled package."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from app.sandbox.interface import LayerStatus
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.target import DEFECTS, defect, fix_of

pytestmark = pytest.mark.anyio

FIRST, SECOND = defect("B2-DRL-10"), defect("B2-DRL-10-2")
SHIPPED = sorted(path.stem for path in DEFECTS.glob("*.patch"))


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


async def _put(
    api: Api, key: str, name: str, text: str, expect: int, as_: str = "admin"
) -> httpx.Response:
    return await api.call(
        "PUT",
        f"/tickets/{key}/patches/{name}",
        content=text.encode(),
        headers={"Content-Type": "text/x-diff; charset=utf-8"},
        expect=expect,
        as_=as_,
    )


async def test_a_patch_is_shown_with_its_digest_and_its_text(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await _put(api, key, "defect", FIRST, expect=201)

    assert answer.headers["location"] == f"/api/v1/tickets/{key}/patches/defect"
    info = answer.json()
    assert (info["author"], info["applies"]) == ("admin", "forward")
    assert info["digest"] == hashlib.sha256(FIRST.encode()).hexdigest()
    assert (await api.get(f"/tickets/{key}"))["patches"] == {"defect": info}
    text = await api.call("GET", f"/tickets/{key}/patches/defect", expect=200)
    assert text.text == FIRST
    assert text.headers["content-type"].startswith("text/x-diff")


@pytest.fixture(scope="module")
async def people(api: Api) -> None:
    await api.account("rob", "reviewer", speaks_for=("drl",))
    await api.account("ada", "reporter")
    await api.account("tom", "reporter")


def _layers(api: Api, monkeypatch: pytest.MonkeyPatch, *, works: bool) -> None:
    layer = LayerStatus("mounts", works, "said the test")
    monkeypatch.setattr(api.factory.sandbox, "_layers", (layer,))


@pytest.mark.usefixtures("people")
async def test_reviewers_and_the_filer_of_an_open_ticket_store_patches_in_a_strict_cage(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _layers(api, monkeypatch, works=True)
    key = (await api.file(as_="ada"))["key"]

    await _put(api, key, "defect", FIRST, expect=201, as_="ada")
    await _put(api, key, "defect", SECOND, expect=200, as_="rob")
    other = (await _put(api, key, "defect", FIRST, expect=403, as_="tom")).json()

    assert (other["needs"], "somebody else" in other["detail"]) == ("reviewer", True)
    move = {"to": "wont-fix", "reason": "It is meant so."}
    await api.call("POST", f"/tickets/{key}/transitions", json=move, expect=200)
    closed = (await _put(api, key, "defect", FIRST, expect=403, as_="ada")).json()
    assert (closed["needs"], "is wont-fix" in closed["detail"]) == ("reviewer", True)


@pytest.mark.usefixtures("people")
async def test_without_a_strict_cage_only_a_maintainer_stores_patches(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _layers(api, monkeypatch, works=False)
    key = (await api.file(as_="ada"))["key"]

    for name in ("ada", "rob"):
        refused = (await _put(api, key, "defect", FIRST, expect=403, as_=name)).json()
        assert refused["needs"] == "maintainer"
        assert "mounts (said the test)" in refused["detail"]
    await _put(api, key, "defect", FIRST, expect=201)


async def test_a_patch_of_the_same_name_is_replaced(api: Api) -> None:
    key = (await api.file())["key"]
    await _put(api, key, "defect", FIRST, expect=201)

    await _put(api, key, "defect", SECOND, expect=200)

    assert (await api.call("GET", f"/tickets/{key}/patches/defect")).text == SECOND
    event = (await api.get(f"/tickets/{key}/history"))["items"][-1]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (FIRST, SECOND)]
    assert (event["action"], event["changes"]) == ("patch.put", {"defect": digests})


async def test_patches_of_several_names_stand_side_by_side(api: Api) -> None:
    key = (await api.file())["key"]
    await _put(api, key, "defect", FIRST, expect=201)
    await _put(api, key, "defect-2", SECOND, expect=201)

    assert sorted((await api.get(f"/tickets/{key}"))["patches"]) == ["defect", "defect-2"]


async def test_a_patch_that_has_landed_applies_in_reverse(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await _put(api, key, "fix", fix_of(FIRST), expect=201)

    assert answer.json()["applies"] == "reverse"


async def test_a_removed_patch_is_gone(api: Api) -> None:
    key = (await api.file())["key"]
    await _put(api, key, "fix", FIRST, expect=201)

    await api.call("DELETE", f"/tickets/{key}/patches/fix", expect=204)

    assert (await api.get(f"/tickets/{key}"))["patches"] == {}
    await api.call("GET", f"/tickets/{key}/patches/fix", expect=404)


async def test_a_patch_leaves_the_document_as_it_is(api: Api) -> None:
    filed = await api.file()

    await _put(api, filed["key"], "fix", FIRST, expect=201)

    assert (await api.get(f"/tickets/{filed['key']}"))["version"] == filed["version"]


async def test_the_defects_that_ship_with_the_suite_apply(api: Api) -> None:
    key = (await api.file())["key"]

    for n, name in enumerate(SHIPPED, 2):
        answer = await _put(api, key, f"defect-{n}", defect(name), expect=201)
        assert answer.json()["applies"] == "forward", name


async def test_a_proof_without_a_usable_patch_says_how_to_go_on(api: Api) -> None:
    await api.file(key="B2-CR-04")

    answer = await api.call("POST", "/tickets/B2-CR-04/runs", json={"kind": "proof"}, expect=409)

    problem = answer.json()
    assert problem["type"] == "/problems/nothing-to-run"
    (remedy,) = problem["remedy"]
    assert [(way["method"], way["path"]) for way in remedy["any_of"]] == [
        ("PUT", "/api/v1/tickets/B2-CR-04/patches/fix"),
        ("PUT", "/api/v1/tickets/B2-CR-04/patches/defect"),
    ]


async def test_a_run_without_a_linked_test_says_how_to_go_on(api: Api) -> None:
    key = (await api.file())["key"]

    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=409)

    (step,) = answer.json()["remedy"]
    assert (step["operation"], step["method"]) == ("linkTest", "POST")
    assert step["path"] == f"/api/v1/tickets/{key}/tests"
