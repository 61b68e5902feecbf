"""How many clicks the main job takes, from an empty service to a ticket that is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Watched
from tests.support.cluster import short_directory
from tests.support.service import Service, running_service

pytestmark = pytest.mark.browser

MOST_CLICKS = 12
KEY = "B2-PT-05"
PROOF_S = 60_000
COUNT = """addEventListener("click", (event) => {
  // Of a label's click a browser makes a second one, at the field it belongs to.
  if (!event.isTrusted || !event.detail) return;
  localStorage.clicks = Number(localStorage.clicks ?? 0) + 1;
}, true)"""


@pytest.fixture(scope="module")
def empty() -> Iterator[Service]:
    """A service that holds nothing yet."""
    with short_directory() as data_dir, running_service(data_dir) as found:
        yield found


def clicks(watched: Watched) -> int:
    return int(watched.page.evaluate("Number(localStorage.clicks ?? 0)"))


def test_the_main_job_takes_few_clicks(window: Callable[..., Watched], empty: Service) -> None:
    with empty.client() as calls:
        body = {"name": "ada", "role": "reviewer", "speaks_for": ["drl"]}
        calls.post("/accounts", json=body).raise_for_status()
        token = calls.post("/accounts/ada/tokens", json={}).raise_for_status().json()["token"]
    looks: dict[str, Any] = {"bypass_csp": True, "base_url": empty.url, "reduced_motion": "reduce"}
    mine = window(**looks, viewport={"width": 1280, "height": 800})
    ada = window(**looks, viewport={"width": 360, "height": 700}, color_scheme="dark")
    mine.log_in(empty.admin_token)
    ada.log_in(token)
    for watched in (mine, ada):
        watched.page.add_init_script(COUNT)
    page = mine.page

    page.goto("/")
    page.get_by_role("link", name="File the first finding").click()
    page.locator("#title").fill("Leaving seed_input out ties two gradients")
    page.locator("#summary").fill("The host becomes its own seed input.")
    page.locator("details:has([name=key]) > summary").click()
    page.locator("[name=key]").fill(KEY)
    assert mine.violations() == []
    page.get_by_role("button", name="File it").click()
    page.get_by_text("The finding is filed.").wait_for()
    assert mine.violations() == []

    ada.page.goto(f"/tickets/{KEY}")
    ada.page.get_by_role("link", name="Review it").first.click()
    ada.page.get_by_role("radio", name="ENDORSE").check()
    ada.page.get_by_label("Why", exact=False).fill("So it is.")
    ada.page.get_by_role("button", name="Record the review").click()
    ada.page.get_by_text("Your review is recorded.").wait_for()
    assert ada.violations() == []

    page.goto(f"/tickets/{KEY}")
    page.locator(".next").get_by_role("button", name="Run a check").click()
    page.get_by_role("button", name="Plant the suite's own defect").click(timeout=PROOF_S)
    page.locator(".next").get_by_role("button", name="Run a proof").click()
    page.get_by_role("button", name="Close as fixed").click(timeout=PROOF_S)
    page.get_by_text("The ticket has its new status.").wait_for()
    assert mine.violations() == []

    with empty.client() as calls:
        closed = calls.get(f"/tickets/{KEY}").json()
    assert (closed["status"], closed["resolution"]) == ("closed", "fixed")
    assert 8 <= clicks(mine) + clicks(ada) <= MOST_CLICKS
