"""The main job in a real browser, by mouse and by keyboard: file, review, prove, close."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.browser.conftest import DEFECTS, Watched
from tests.support.service import Service

pytestmark = pytest.mark.browser

BY_MOUSE, BY_KEYBOARD = "B2-PT-05", "B3-DRL-13"
PROOF_S = 60_000


def test_the_main_job_by_mouse(
    window: Callable[..., Watched], service: Service, calls: httpx.Client, reviewer_token: str
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)

    page.get_by_role("link", name="File", exact=True).click()
    page.locator("#title").fill("Leaving seed_input out ties two gradients")
    page.locator("#summary").fill("The host becomes its own seed input.")
    page.locator("details:has([name=key]) > summary").click()
    page.locator("[name=key]").fill(BY_MOUSE)
    page.get_by_role("button", name="File it").click()
    page.get_by_text("The finding is filed.").wait_for()

    ada = window()
    ada.log_in(reviewer_token)
    ada.page.goto(f"/tickets/{BY_MOUSE}")
    ada.page.get_by_role("link", name="Review it").first.click()
    ada.page.get_by_role("radio", name="ENDORSE").check()
    ada.page.get_by_label("Why", exact=False).fill("So it is.")
    ada.page.get_by_role("button", name="Record the review").click()
    ada.page.get_by_text("Your review is recorded.").wait_for()

    page.goto(f"/tickets/{BY_MOUSE}")
    page.locator(".next").get_by_role("button", name="Run a check").click()
    # The page follows the run, and offers what is next when it has ended.
    page.get_by_role("button", name="Plant the suite's own defect").click(timeout=PROOF_S)
    page.get_by_text("The suite's own defect is stored.").wait_for()

    page.locator(".next").get_by_role("button", name="Run a proof").click()
    # No reload by hand: the page follows the run by itself, or finds it ended when it comes.
    status = page.locator("#verification [data-run-status]", has_text="proven")
    status.wait_for(timeout=PROOF_S)
    page.locator(".ticket-head").get_by_text("shown by a planted defect").wait_for()

    page.get_by_role("button", name="Close as fixed").click()
    page.get_by_text("The ticket has its new status.").wait_for()
    assert calls.get(f"/tickets/{BY_MOUSE}").json()["resolution"] == "fixed"


def log_in_by_keyboard(watched: Watched, token: str) -> None:
    watched.page.goto("/login")
    if not watched.page.evaluate("document.activeElement.matches('#token')"):
        watched.tab_to("#token")
    watched.page.keyboard.insert_text(token)
    watched.page.keyboard.press("Enter")
    watched.page.get_by_role("button", name="Log out").wait_for()


def test_the_main_job_by_keyboard(
    window: Callable[..., Watched], service: Service, calls: httpx.Client, reviewer_token: str
) -> None:
    watched = window()
    page, keyboard = watched.page, watched.page.keyboard
    log_in_by_keyboard(watched, service.admin_token)

    watched.tab_to("nav a[href='/file']")
    keyboard.press("Enter")
    page.wait_for_url("**/file")
    watched.tab_to("#title")
    keyboard.insert_text("Gradients are counted by a private function")
    watched.tab_to("#summary")
    keyboard.insert_text("It may be gone in the next release.")
    watched.tab_to("details:has([name=key]) > summary")
    keyboard.press("Enter")
    watched.tab_to("[name=key]")
    keyboard.insert_text(BY_KEYBOARD)
    keyboard.press("Enter")
    page.get_by_text("The finding is filed.").wait_for()

    ada = window()
    log_in_by_keyboard(ada, reviewer_token)
    ada.page.keyboard.press("/")
    ada.page.keyboard.insert_text(BY_KEYBOARD.lower())  # a key leads to its ticket
    ada.page.keyboard.press("Enter")
    ada.page.wait_for_url(f"**/tickets/{BY_KEYBOARD}")
    ada.page.keyboard.press("1")
    ada.page.keyboard.press("r")
    ada.page.keyboard.insert_text("Read by keyboard.")
    ada.page.keyboard.press("Control+Enter")
    ada.page.get_by_text("Your review is recorded.").wait_for()

    watched.tab_to("details:has(#defect-patch) > summary")
    keyboard.press("Enter")
    watched.tab_to("#defect-patch")
    keyboard.insert_text((DEFECTS / f"{BY_KEYBOARD}.patch").read_text("utf-8"))
    keyboard.press("Control+Enter")
    page.get_by_text("The patch is stored.").wait_for()

    watched.tab_to("#steps form:has([value=proof]) button")
    keyboard.press("Enter")
    page.get_by_text("The run is queued.").wait_for()
    status = page.locator("#verification [data-run-status]", has_text="proven")
    status.wait_for(timeout=PROOF_S)

    watched.tab_to("#steps form[action$=transitions] button")
    keyboard.press("Enter")
    page.get_by_text("The ticket has its new status.").wait_for()
    found = calls.get(f"/tickets/{BY_KEYBOARD}").json()
    assert (found["resolution"], found["evidence"]["state"]) == ("fixed", "proven")
