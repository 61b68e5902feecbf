"""What visitors see of tickets, and what their forms do."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.support.api import Api
from tests.support.pages import Visitor, fields_of, said_by, visiting

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


async def test_the_list_goes_on_where_the_page_before_ended(api: Api) -> None:
    for _ in range(53):
        await api.file()

    async with visiting(api) as visitor:
        first = await visitor.see("/tickets?agent=drl")
        following = re.search(r'rel="next" href="([^"]*)"', first)
        assert following is not None
        second = await visitor.see(following.group(1).replace("&amp;", "&"))

    assert first.count('<td class="key">') == 50
    assert second.count('<td class="key">') == 3


async def test_filters_are_shown_as_chips_that_can_be_taken_away(api: Api) -> None:
    wanted = (await api.file(severity="P1"))["key"]
    other = (await api.file(severity="P3"))["key"]

    async with visiting(api) as visitor:
        html = await visitor.see("/tickets?severity=P1&severity=P9&q=factor")

    assert wanted in html
    assert other not in html
    assert 'href="/tickets?q=factor"' in html
    assert "P9" in html  # said to be left out


async def test_a_cursor_of_another_list_leads_to_its_first_page(api: Api) -> None:
    async with visiting(api) as visitor:
        answer = await visitor.client.get("/tickets?severity=P1&cursor=abc")

    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets?severity=P1")


async def test_text_of_strangers_is_shown_and_does_nothing(api: Api) -> None:
    ticket = await api.file(
        title=HOSTILE,
        summary=HOSTILE,
        sections=[{"heading": HOSTILE, "body": f"{HOSTILE} [x](javascript:alert(3))"}],
        locations=[{"note": HOSTILE}],
        checklist=[{"text": HOSTILE}],
        reports=[{"file": HOSTILE}],
        assignee=HOSTILE,
    )
    key = ticket["key"]
    await api.call("POST", f"/tickets/{key}/notes", json={"body": HOSTILE}, expect=201)
    review = {"verdict": "OBJECT", "rationale": HOSTILE, "specialist": "pytorch",
              "amendment": {"title": HOSTILE}}  # fmt: skip
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)

    async with visiting(api) as visitor:
        pages = [
            await visitor.see(path)
            for path in (f"/tickets/{key}", "/tickets", f"/tickets/{key}/history", "/", "/review",
                         f"/tickets/{key}/edit", f"/tickets?q={HOSTILE}")
        ]  # fmt: skip

    for html in pages:
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert 'href="javascript' not in html
    assert "&lt;script&gt;alert(1)" in pages[0]


async def test_links_of_strangers_lead_away_without_a_trace(api: Api) -> None:
    key = (await api.file(summary="[out](https://elsewhere.example/)"))["key"]

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")

    (link,) = re.findall(r"<a [^>]*elsewhere[^>]*>", html)
    assert "nofollow" in link
    assert "noopener" in link


async def test_a_review_is_recorded_and_the_page_says_so(api: Api) -> None:
    key = (await api.file())["key"]
    await api.account("ada", "reviewer", speaks_for=("pytorch",))

    async with visiting(api, "ada") as visitor:
        form = {
            "verdict": "REFINE",
            "specialist": "pytorch",
            "claim": "partly",
            "rationale": "a\r\nb",
        }
        answer = await visitor.send(f"/tickets/{key}/reviews", form)
        html = await visitor.see(answer.headers["location"])
        again = await visitor.see(answer.headers["location"])

    (review,) = (await api.get(f"/tickets/{key}"))["reviews"]
    assert (review["verdict"], review["rationale"], review["author"]) == ("REFINE", "a\nb", "ada")
    assert "Your review is recorded" in html
    assert "Your review is recorded" not in again  # it belongs to one view


async def test_a_refused_form_is_shown_as_it_was_sent(api: Api) -> None:
    key = (await api.file())["key"]

    async with visiting(api) as visitor:
        form = {"verdict": "OBJECT", "specialist": "pytorch", "amended_summary": "kept text"}
        answer = await visitor.send(f"/tickets/{key}/reviews", form)

    assert answer.status_code == 422
    assert "needs a rationale" in answer.text
    assert "kept text" in answer.text
    assert (await api.get(f"/tickets/{key}"))["reviews"] == []


async def test_an_edit_changes_only_what_was_touched(api: Api) -> None:
    filed = await api.file(
        sections=[{"heading": "What happens", "body": "one\ntwo"}],
        locations=[{"path": "kasmina/slot.py", "start_line": 3}],
        checklist=[{"text": "shown"}],
        categories=["correctness"],
    )
    path = f"/tickets/{filed['key']}/edit"

    async with visiting(api) as visitor:
        form = fields_of(await visitor.see(path), path)
        same = await visitor.send(path, form)
        changed = await visitor.send(path, {**form, "title": "another title"})

    now = await api.get(f"/tickets/{filed['key']}")
    assert said_by(same) == "unchanged"
    assert said_by(changed) == "edited"
    assert now["title"] == "another title"
    kept = ("sections", "locations", "checklist", "categories", "summary", "domains")
    assert {name: now[name] for name in kept} == {name: filed[name] for name in kept}


async def conflicting(api: Api, visitor: Visitor) -> tuple[str, httpx.Response]:
    """An edit of title and severity on a ticket whose title and summary somebody else changed."""
    filed = await api.file(title="at first", summary="the summary", severity="P2")
    path = f"/tickets/{filed['key']}/edit"
    form = fields_of(await visitor.see(path), path)
    theirs = {"title": "theirs", "summary": "their summary"}
    headers = {"If-Match": '"1"'}
    await api.call("PATCH", f"/tickets/{filed['key']}", json=theirs, headers=headers, expect=200)
    return path, await visitor.send(path, {**form, "title": "mine", "severity": "P1"})


async def test_a_conflict_shows_both_versions_side_by_side(api: Api) -> None:
    async with visiting(api) as visitor:
        path, refused = await conflicting(api, visitor)

    html = refused.text
    assert refused.status_code == 412
    rows = r'<td class="their"><del>theirs</del></td><td class="my"><ins>mine</ins></td>'
    assert re.search(rows, html)
    # Only of what both have changed one has to choose.
    assert set(re.findall(r'name="take-(\w+)"', html)) == {"title"}
    assert "Only you changed, and it is kept: severity" in html
    assert "Only they changed, and it is kept: summary" in html
    again = fields_of(html, path)
    assert (again["title"], again["severity"], again["summary"]) == ("mine", "P1", "their summary")
    ticket = await api.get(path.removesuffix("/edit"))
    assert (ticket["title"], ticket["severity"]) == ("theirs", "P2")


@pytest.mark.parametrize(("taken", "title"), [("mine", "mine"), ("theirs", "theirs")])
async def test_either_version_can_be_taken(api: Api, taken: str, title: str) -> None:
    async with visiting(api) as visitor:
        path, refused = await conflicting(api, visitor)
        form = fields_of(refused.text, path) | {"take-title": taken}
        saved = await visitor.send(path, form)

    assert saved.status_code == 303
    now = await api.get(path.removesuffix("/edit"))
    assert (now["title"], now["severity"], now["summary"]) == (title, "P1", "their summary")


async def test_the_gate_names_what_is_missing_and_offers_what_mends_it(api: Api) -> None:
    key = (await api.file(key="B2-DRL-10"))["key"]

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{key}")
        refused = await visitor.send(f"/tickets/{key}/transitions", {"to": "closed:fixed"})

    gate = html[html.index('id="gate"') : html.index('id="facts-title"')]
    assert "Run a check" in gate
    assert refused.status_code == 409
    assert "cannot become closed yet" in refused.text


async def test_a_reader_sees_no_form_and_can_send_none(api: Api) -> None:
    key = (await api.file())["key"]
    await api.account("rita", "reader")

    async with visiting(api, "rita") as visitor:
        html = await visitor.see(f"/tickets/{key}")
        answers = [
            await visitor.send(f"/tickets/{key}/{path}", {"body": "x", "kind": "check"})
            for path in ("notes", "reviews", "runs", "transitions", "tests", "patches/fix", "edit")
        ]

    assert re.findall(r'<form[^>]*action="([^"]*)"', html) == ["/tickets", "/logout"]
    assert {answer.status_code for answer in answers} == {403}


async def test_filing_by_the_form_gives_a_ticket(api: Api) -> None:
    async with visiting(api) as visitor:
        form = fields_of(await visitor.see("/file"), "/file")
        form |= {"title": "a finding", "summary": "its claim", "sections-0-body": "details"}
        answer = await visitor.send("/file", form)

    path = answer.headers["location"].partition("?")[0]
    ticket = await api.get(path)
    assert ticket["title"] == "a finding"
    assert [(s["heading"], s["body"]) for s in ticket["sections"]] == [("What happens", "details")]


async def test_the_queue_is_worked_through_one_by_one(api: Api) -> None:
    keys = {(await api.file())["key"] for _ in range(2)}
    await api.account("ada", "reviewer", speaks_for=("pytorch",))

    async with visiting(api, "ada") as visitor:
        await visitor.see("/review")
        at = (await visitor.send("/review/claim", {"as": "pytorch"})).headers["location"]
        for _ in range(2):
            html = await visitor.see(at)
            action = re.search(r'action="(/review/B[^"]*)"', html)
            assert action is not None
            form = fields_of(html, action.group(1)) | {"verdict": "ENDORSE"}
            answer = await visitor.send(action.group(1), form)
            at = answer.headers["location"]

    assert (at, said_by(answer)) == ("/review", "reviewed")
    reviewed = {key for key in keys if (await api.get(f"/tickets/{key}"))["reviews"]}
    assert reviewed == keys


async def test_each_page_is_small(api: Api) -> None:
    body = "x" * 3000
    key = (await api.file(sections=[{"heading": f"h{n}", "body": body} for n in range(8)]))["key"]
    for _ in range(50):
        await api.file()

    async with visiting(api) as visitor:
        for path in ("/", "/tickets", f"/tickets/{key}", "/file", "/review", "/tests", "/runs",
                     "/workers", "/targets", "/accounts", "/me", "/keys"):  # fmt: skip
            assert len((await visitor.see(path)).encode()) < 100_000, path


async def test_a_secret_is_shown_once(api: Api) -> None:
    async with visiting(api) as visitor:
        made = await visitor.send("/me/tokens", {"label": "mine", "days": "5"})
        secret = re.search(r"fnd_[\w-]{40,}", made.text)
        assert secret is not None
        again = await visitor.see("/me")

    assert secret.group() not in again
    api.tokens["new"] = secret.group()
    assert (await api.get("/me", as_="new"))["name"] == "admin"


async def test_a_place_leads_to_its_code_with_its_lines_marked(api: Api) -> None:
    path = "kasmina/blend_ops.py"
    ticket = await api.file(
        locations=[
            {"path": f"/home/ci/{path}", "start_line": 59, "end_line": 61},
            {"path": "elsewhere.py", "start_line": 3},
        ]
    )

    async with visiting(api) as visitor:
        html = await visitor.see(f"/tickets/{ticket['key']}")
        (address,) = re.findall(r'href="(/source[^"]*)"', html)
        shown = await visitor.see(address.replace("&amp;", "&"))
        review = await visitor.see(f"/review?as=pytorch&keys={ticket['key']}")
        await visitor.see("/source?path=pyproject.toml", expect=404)

    assert address in review
    assert re.findall(r'id="L(\d+)" class="named"', shown) == ["59", "60", "61"]
    assert re.findall(r'id="L(\d+)"', shown)[0] == "19"


async def test_work_orders_are_listed_and_filtered(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"kind": "reproduce", "ticket": key, "note": HOSTILE}
    await api.call("POST", "/work-orders", json=body, expect=201)

    async with visiting(api) as visitor:
        shown = await visitor.see("/work-orders")
        none = await visitor.see("/work-orders?status=accepted")

    assert f'href="/tickets/{key}"' in shown
    assert "<script>" not in shown
    assert key not in none


async def test_an_address_that_takes_a_form_can_be_opened(api: Api) -> None:
    key = (await api.file())["key"]
    headers = {"Accept": "text/html"}

    async with visiting(api) as visitor:
        review = await visitor.client.get(f"/review/{key}", headers=headers)
        lead = await visitor.client.get(review.headers["location"], headers=headers)
        form = await visitor.see(lead.headers["location"])
        other = await visitor.client.get(f"/tickets/{key}/notes", headers=headers)
        program = await visitor.client.get(f"/tickets/{key}/notes")

    assert (review.status_code, lead.status_code) == (303, 303)
    assert lead.headers["location"] == f"/tickets/{key}#rationale"
    assert f'action="/tickets/{key}/reviews"' in form
    assert (other.status_code, other.headers["allow"]) == (405, "POST")
    assert "<h1>Method not allowed</h1>" in other.text
    assert program.json()["type"] == "/problems/method-not-allowed"


async def test_a_review_by_its_address_is_in_the_voice_of_an_account_that_has_one(api: Api) -> None:
    key = (await api.file())["key"]
    await api.account("ada", "reviewer", speaks_for=("pytorch",))
    await api.account("eve", "reviewer", speaks_for=("drl", "pytorch"))

    async with visiting(api, "ada") as ada:
        shown = await ada.see(f"/review?keys={key}")
    async with visiting(api, "eve") as eve:
        led = await eve.client.get(f"/review?keys={key}", headers={"Accept": "text/html"})
        said = await eve.see(f"/review?keys={key}&as=drl")

    assert "as pytorch</span>" in shown
    assert led.headers["location"] == f"/tickets/{key}#rationale"
    assert "as drl</span>" in said
