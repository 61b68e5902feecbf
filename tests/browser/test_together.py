"""Several at once: edits that collide, and a run that goes on while the line is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Watched
from tests.support.api import ticket_body
from tests.support.line import line_to
from tests.support.service import Service

pytestmark = pytest.mark.browser


def file(calls: httpx.Client, **fields: Any) -> str:
    return str(calls.post("/tickets", json=ticket_body(**fields)).raise_for_status().json()["key"])


def change(calls: httpx.Client, key: str, **fields: Any) -> None:
    etag = calls.get(f"/tickets/{key}").headers["ETag"]
    calls.patch(f"/tickets/{key}", json=fields, headers={"If-Match": etag}).raise_for_status()


def test_an_edit_conflict_lets_one_choose(
    window: Callable[..., Watched], service: Service, calls: httpx.Client
) -> None:
    key = file(calls, title="at first", summary="one\ntwo\nthree")
    # The answer to a lost update is a 412, which browsers call an error.
    watched = window(bypass_csp=True, forgiven=("412",), viewport={"width": 320, "height": 700})
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto(f"/tickets/{key}/edit")
    page.locator("#title").fill("mine")
    page.locator("#summary").fill("one\nmine\nthree")
    page.locator("#severity").select_option("P1")
    change(calls, key, title="theirs", summary="one\ntheirs\nthree", assignee="bob")
    page.get_by_role("button", name="Save").click()

    alert = page.get_by_role("alert")
    alert.get_by_text("Somebody changed").wait_for()
    assert page.evaluate("document.activeElement.matches('[role=alert]')")
    sides = page.get_by_role("region", name="Both versions of summary")
    assert sides.locator("tbody tr").nth(1).inner_text().split() == ["theirs", "mine"]
    assert watched.violations() == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    page.get_by_role("group", name="Title: whose version?").get_by_label("Take what").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The change is saved.").wait_for()
    now = calls.get(f"/tickets/{key}").json()
    shown = (now["title"], now["summary"], now["severity"], now["assignee"])
    assert shown == ("theirs", "one\nmine\nthree", "P1", "bob")


def test_a_run_is_followed_again_after_the_line_was_broken(
    window: Callable[..., Watched], service: Service, calls: httpx.Client
) -> None:
    slow, key = "B2-DRL-14", "B2-CR-10"
    for name in (slow, key):
        file(calls, key=name)
    # The one worker is busy until it is told to stop, so that the run waits until it may go on.
    source = "import time\n\n\ndef test_slow():\n    time.sleep(600)\n"
    handed_in = {"source": source, "filename": "test_slow.py"}
    calls.post(f"/tickets/{slow}/tests", json=handed_in).raise_for_status()
    first = calls.post(f"/tickets/{slow}/runs", json={"kind": "check"}).json()["id"]
    with line_to(service.url) as line:
        watched = window(base_url=line.url, forgiven=("net::ERR_",))
        page = watched.page
        watched.log_in(service.admin_token)
        page.goto(f"/tickets/{key}")
        with page.expect_response("**/events"):
            page.locator(".next > form:has([value=check]) button").click()
        run = calls.get(f"/runs?ticket={key}&limit=1").json()["items"][0]["id"]
        panel = page.locator(f"[data-run='{run}']")

        line.cut()
        panel.get_by_text("The line to the service is broken").wait_for()
        calls.post(f"/runs/{first}/cancel")
        ended = calls.get(f"/runs/{run}?wait=60").json()
        assert ended["status"] == "finished"
        assert panel.locator("progress").is_visible()  # nothing came through
        line.mend()

        panel.locator("[data-run-status]", has_text=ended["outcome"]).wait_for(timeout=30_000)
        assert panel.locator("table.arms tbody").count() > 0


def test_a_page_says_what_somebody_else_did_and_a_removal_is_undone(
    window: Callable[..., Watched], service: Service, calls: httpx.Client, reviewer_token: str
) -> None:
    key = file(calls, title="watched by two")
    mine, theirs = window(), window()
    mine.log_in(service.admin_token)
    theirs.log_in(reviewer_token)
    with mine.page.expect_response("**/changes?after=*"):
        mine.page.goto(f"/tickets/{key}")
    theirs.page.goto(f"/tickets/{key}")
    theirs.page.locator("#notes summary").click()
    theirs.page.get_by_label("Note Markdown").fill("mine")
    theirs.page.get_by_role("button", name="Add", exact=True).last.click()
    theirs.page.get_by_text("Your note is added.").wait_for()

    mine.page.get_by_text("ada added a note.").wait_for()
    assert theirs.page.locator(".changed").is_hidden()  # one's own doing is no news
    mine.page.get_by_role("link", name="What changed").click()
    assert mine.page.locator("li:target").get_by_text("added a note").is_visible()

    theirs.page.get_by_role("button", name="Delete the note of ada").click()
    theirs.page.get_by_role("button", name="Undo").click()
    theirs.page.get_by_text("It is back as it was.").wait_for()
    assert theirs.page.locator("#notes").get_by_text("mine").is_visible()
