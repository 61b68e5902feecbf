"""The forms of a ticket's page: what they send, what they keep, and what they escape."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.support.api import Api
from tests.support.pages import Visitor, fields_of, origin, said_by, visiting
from tests.support.target import defect, fix_of

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>"


async def review(api: Api, key: str, **fields: Any) -> str:
    body = {"specialist": "pytorch", "verdict": "OBJECT", "rationale": "No.", **fields}
    answer = await api.call("POST", f"/tickets/{key}/reviews", json=body, expect=201)
    return str(answer.json()["id"])


async def upload(visitor: Visitor, path: str, file: tuple[str, str]) -> httpx.Response:
    return await visitor.client.post(
        path,
        data={"csrf": visitor.csrf, "patch": ""},
        files={"patch": file},
        headers=origin(),
    )


async def test_what_a_review_rests_on_is_shown_and_does_nothing(api: Api) -> None:
    key = (await api.file())["key"]
    evidence = [
        {"kind": "code", "path": "kasmina/slot.py", "snippet": f"x = 1  # {HOSTILE}\n"},
        {"kind": "code", "path": "kasmina/slot.py", "start_line": 3, "end_line": 9},
        {"kind": "output", "command": f"pytest {HOSTILE}", "text": f"1 failed {HOSTILE}"},
        {"kind": "link", "url": "https://elsewhere.example/a"},
    ]
    await review(api, key, evidence=evidence, provenance={"model": HOSTILE})

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")

    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3
    assert "kasmina/slot.py:3–9" in html
    assert 'class="hl-' in html  # the code is highlighted
    assert re.search(r'<a href="https://elsewhere.example/a" rel="[^"]*noopener', html)


async def test_a_review_may_propose_a_title_and_point_at_code(api: Api) -> None:
    key = (await api.file(title="at first"))["key"]
    form = {
        "verdict": "REFINE", "specialist": "pytorch", "rationale": "In part.",
        "amended_title": "another title", "code_path": "kasmina/slot.py",
        "code_start_line": "7", "code_snippet": "a = b", "link_url": "https://elsewhere.example/",
    }  # fmt: skip

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        answer = await visitor.send(f"/tickets/{key}/reviews", form)
        html = await visitor.see(answer.headers["location"])
        (path,) = re.findall(r'action="(/tickets/[^"]*/apply)"', html)
        applied = await visitor.send(path, {})

    assert '<del class="old">at first</del>' in html
    assert applied.headers["location"].endswith("#reviews")
    ticket = await api.get(f"/tickets/{key}")
    assert ticket["title"] == "another title"
    assert ticket["reviews"][0]["evidence"] == [
        {"kind": "code", "path": "kasmina/slot.py", "start_line": 7, "snippet": "a = b"},
        {"kind": "link", "url": "https://elsewhere.example/"},
    ]


async def test_a_refused_answer_is_shown_at_its_own_objection(api: Api) -> None:
    key = (await api.file())["key"]
    first = await review(api, key)
    await review(api, key, specialist="codereview")

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        path = f"/tickets/{key}/reviews/{first}/answer"
        answer = await visitor.send(path, {"resolution": "wrong", "reason": "kept text"})

    opened = re.findall(r'<details class="act"[^>]* open>.*?action="([^"]*)"', answer.text, re.S)
    assert answer.status_code == 422
    assert opened == [path]
    assert fields_of(answer.text, path)["reason"] == "kept text"


async def test_a_patch_may_come_as_a_file(api: Api) -> None:
    key, text = (await api.file(key="B2-DRL-13"))["key"], defect("B2-DRL-13")

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        path = f"/tickets/{key}/patches/defect"
        answer = await upload(visitor, path, ("a.patch", text))
        empty = await upload(visitor, path, ("", ""))
        html = await visitor.see(f"/tickets/{key}")

    assert answer.status_code == 303
    assert empty.status_code == 422
    assert list((await api.get(f"/tickets/{key}"))["patches"]) == ["defect"]
    assert '<span class="add">+' in html


async def test_a_run_may_be_asked_for_in_another_way(api: Api) -> None:
    key = (await api.file(key="B2-DRL-14"))["key"]

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        wrong = await visitor.send(f"/tickets/{key}/runs", {"kind": "check", "repeat": "many"})
        form = {"kind": "check", "repeat": "3", "force": "true"}
        right = await visitor.send(f"/tickets/{key}/runs", form)

    assert wrong.status_code == 422
    assert "should be a whole number" in wrong.text
    assert right.status_code == 303
    (run,) = (await api.get(f"/runs?ticket={key}"))["items"]
    assert run["repeats"] == 3


async def test_the_head_says_what_is_known(api: Api) -> None:
    ticket = await api.file(key="B2-PT-05")

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{ticket['key']}")

    head = html[html.index('class="ticket-head"') : html.index('class="two"')]
    for word in (
        ticket["key"],
        "P2",
        "open",
        "not known",
        "not shown",
        ticket["evidence"]["sentence"],
    ):
        assert word in head


async def test_every_form_of_the_page_proves_where_it_comes_from(api: Api) -> None:
    key = (await api.file(key="B2-CR-10", checklist=[{"text": "shown"}]))["key"]
    other = (await api.file())["key"]
    relation = {"key": other, "kind": "related"}
    await api.call("POST", f"/tickets/{key}/relations", json=relation, expect=201)
    await review(api, key, amendment={"title": "x"})

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")
        forms = re.findall(
            r'<form[^>]*method="post"[^>]*action="([^"]*)"[^>]*>(.*?)</form>', html, re.S
        )
        refused = [
            (await visitor.client.post(path, data={}, headers=origin())).status_code
            for path, _ in forms
        ]

    assert len(forms) > 12
    assert all('name="csrf"' in body for _, body in forms)
    assert set(refused) == {403}


async def test_the_suites_own_defects_are_planted_under_free_names(api: Api) -> None:
    key = (await api.file(key="B2-DRL-10"))["key"]
    folder = "tests/verification/defects"

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")
        path = f"/tickets/{key}/patches/suite"
        own = [f"{folder}/{key}{rest}.patch" for rest in ("", "-2")]
        answer = await visitor.send(path, {"path": own})
        outside = await visitor.send(path, {"path": "app/guide.md"})

    assert f'<option value="{own[0]}">' in html
    assert said_by(answer) == "planted"
    assert outside.status_code == 404
    patches = (await api.get(f"/tickets/{key}"))["patches"]
    assert {name: info["applies"] for name, info in patches.items()} == {
        "defect": "forward",
        "defect-2": "forward",
    }


async def test_a_patch_the_wrong_way_round_is_turned_with_one_click(api: Api) -> None:
    key = (await api.file(key="B2-DRL-13"))["key"]
    mends = fix_of(defect("B2-DRL-13"))  # of a package that is sound: it only fits in reverse

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        await upload(visitor, f"/tickets/{key}/patches/defect", ("a.patch", mends))
        before = await visitor.see(f"/tickets/{key}")
        answer = await visitor.send(f"/tickets/{key}/patches/defect/turn", {})
        after = await visitor.see(f"/tickets/{key}")

    assert "is the wrong way round" in before
    assert said_by(answer) == "turned"
    assert "is the wrong way round" not in after
    assert (await api.get(f"/tickets/{key}"))["patches"]["defect"]["applies"] == "forward"


async def test_one_button_is_next_and_the_page_says_no_word_of_the_api(api: Api) -> None:
    key = (await api.file(domains=["kasmina"]))["key"]
    await api.account("rita", "reader")

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")
    async with visiting(api, "rita") as visitor:
        read = await visitor.see(f"/tickets/{key}")

    part = html[html.index('class="next"') : html.index('class="more"')]
    assert re.findall(r'class="button[^"]*" href="([^"]*)"', part) == ["#node_id"]
    assert "This waits for a reviewer." in read
    for word in ("setTestability", "/api/v1", "linkTest", "of this API"):
        assert word not in html.replace('href="/api/v1', "")


async def test_the_code_is_in_sight_and_a_comment_on_a_line_is_kept(api: Api) -> None:
    place = {"path": "kasmina/blend_ops.py", "start_line": 59, "end_line": 61}
    key = (await api.file(key="B2-DRL-10", locations=[place, {"path": "gone.py"}]))["key"]
    text = defect("B2-DRL-10")
    await api.call(
        "PUT", f"/tickets/{key}/patches/defect", content=text,
        headers={"Content-Type": "text/x-diff"}, expect=201,
    )  # fmt: skip

    async with visiting(api) as visitor:
        html = await visitor.see(f"/review?as=pytorch&keys={key}")
        form = {
            "verdict": "ENDORSE", "specialist": "pytorch", "keys": key, "rationale": "So.",
            "comment_at": ["kasmina/blend_ops.py:60", "kasmina/blend_ops.py:61", "nowhere:x"],
            "comment": [f"here {HOSTILE}", " ", "lost"], "comment_code": ["x = 1", "", ""],
        }  # fmt: skip
        answer = await visitor.send(f"/review/{key}", form)
        ticket = await visitor.see(f"/tickets/{key}")
        source = await visitor.see("/source/kasmina/kasmina/blend_ops.py?lines=59-61")
        missing = await visitor.client.get("/source/kasmina/kasmina/none.py")

    assert 'data-line="59" class="named"' in html
    assert 'data-line="62"><b>62' in html
    assert "def test_seed_input_cannot_be_left_out" in html  # the test, in place
    assert '<span class="add">+' in html
    assert said_by(answer) == "reviewed"
    (review,) = (await api.get(f"/tickets/{key}"))["reviews"]
    assert review["evidence"] == [
        {
            "kind": "code", "path": "kasmina/blend_ops.py", "start_line": 60,
            "snippet": "x = 1", "note": f"here {HOSTILE}",
        }
    ]  # fmt: skip
    assert HOSTILE not in ticket
    assert "lines=60-60#L60" in ticket
    assert f'href="/tickets/{key}"' in source
    assert missing.status_code == 404


async def test_what_was_removed_is_put_back_as_it_was(api: Api) -> None:
    key = (await api.file(key="B2-DRL-13", checklist=[{"text": "shown"}]))["key"]
    item = (await api.get(f"/tickets/{key}"))["checklist"][0]["id"]
    await api.call("POST", f"/tickets/{key}/notes", json={"body": "a *note*"}, expect=201)
    linked = {"node_id": "tests/verification/test_b2_cr_10.py", "purpose": "guards",
              "checklist_item": item}  # fmt: skip
    await api.call("POST", f"/tickets/{key}/tests", json=linked, expect=201)
    await api.call(
        "PUT", f"/tickets/{key}/patches/defect", content=defect("B2-DRL-13"),
        headers={"Content-Type": "text/x-diff"}, expect=201,
    )  # fmt: skip
    before, notes = await api.get(f"/tickets/{key}"), await api.get(f"/tickets/{key}/notes")
    link = next(one["id"] for one in before["tests"] if one["origin"] == "manual")
    paths = [
        "patches/defect/remove",
        f"tests/{link}/remove",
        f"notes/{notes['items'][0]['id']}/delete",
    ]

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        for path in paths:
            answer = await visitor.send(f"/tickets/{key}/{path}", {})
            html = await visitor.see(answer.headers["location"])
            assert f'action="/tickets/{key}/undo"' in html
            restored = await visitor.send(f"/tickets/{key}/undo", {})
            assert said_by(restored) == "restored"
        again = await visitor.send(f"/tickets/{key}/undo", {})

    after = await api.get(f"/tickets/{key}")
    assert (after["patches"], after["tests"]) == (before["patches"], before["tests"])
    assert await api.get(f"/tickets/{key}/notes") == notes
    assert again.status_code == 409
    actions = [event["action"] for event in (await api.get(f"/tickets/{key}/history"))["items"]]
    assert [one for one in actions if one.endswith("restored")] == [
        "patch.restored", "test.restored", "note.restored",
    ]  # fmt: skip


async def test_what_took_its_place_meanwhile_stays(api: Api) -> None:
    key = (await api.file(key="B2-DRL-13"))["key"]
    put = {"content": defect("B2-DRL-13"), "headers": {"Content-Type": "text/x-diff"}}
    await api.call("PUT", f"/tickets/{key}/patches/defect", **put, expect=201)

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        await visitor.send(f"/tickets/{key}/patches/defect/remove", {})
        await api.call("PUT", f"/tickets/{key}/patches/defect", **put, expect=201)
        refused = await visitor.send(f"/tickets/{key}/undo", {})

    assert refused.status_code == 409
    assert "Something else has taken its place" in refused.text


async def test_a_note_is_deleted_by_its_author_or_a_maintainer(api: Api) -> None:
    key = (await api.file())["key"]
    await api.account("ada", "reporter")
    await api.account("rob", "reporter")
    made = [
        await api.call("POST", f"/tickets/{key}/notes", as_="ada", json={"body": text}, expect=201)
        for text in ("one", "two")
    ]
    one, two = (f"/tickets/{key}/notes/{note.json()['id']}" for note in made)

    refused = await api.call("DELETE", one, as_="rob")
    await api.call("DELETE", one, as_="ada", expect=204)
    await api.call("DELETE", two, expect=204)
    gone = await api.call("DELETE", two)
    left = (await api.get(f"/tickets/{key}/notes"))["items"]
    others = await api.call("POST", f"/tickets/{key}/undo", as_="rob")
    undone = await api.call("POST", f"/tickets/{key}/undo", expect=200)

    assert (refused.status_code, refused.json()["needs"]) == (403, "maintainer")
    assert (gone.status_code, others.status_code, left) == (404, 409, [])
    assert undone.json() == {"restored": "note"}
    back = (await api.get(f"/tickets/{key}/notes"))["items"]
    assert [note["body"] for note in back] == ["two"]  # what the admin has deleted


async def test_a_test_is_found_by_words_and_linked_by_its_last_part(api: Api) -> None:
    key = (await api.file())["key"]

    async with visiting(api) as visitor:
        await visitor.see(f"/tickets/{key}")
        path = f"/tickets/{key}/tests"
        by_doc = await visitor.see(f"{path}/search?q=never+guesses")
        none = await visitor.see(f"{path}/search?q=no+such+words+anywhere")
        await visitor.see(f"/tickets/{key}")
        linked = await visitor.send(path, {"node_id": "test_seed_input_cannot_be_left_out"})
        by_file = await visitor.send(path, {"node_id": "test_b2_cr_10.py"})
        unknown = await visitor.send(path, {"node_id": "test_none"})

    full = "tests/verification/test_b2_drl_10.py::test_seed_input_cannot_be_left_out"
    assert f'data-value="{full}"' in by_doc
    assert "No test holds these words" in none
    assert (said_by(linked), said_by(by_file), unknown.status_code) == ("linked", "linked", 422)
    tests = (await api.get(f"/tickets/{key}"))["tests"]
    assert full in {test["node_id"] for test in tests}
