"""The pages in a real browser: the main job, accessibility, and what is asked of whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api import ticket_body
from tests.support.service import Service

pytestmark = pytest.mark.browser

KEY = "B2-DRL-10"
DEFECTS = Path(__file__).parents[1] / "verification/defects"
PAGES = [
    "/", "/tickets", "/tickets?severity=P2&q=factor", "/file", "/review", "/runs", "/tests",
    "/workers", "/accounts", "/accounts/ada", "/me", "/keys", "/problems", "/problems/gate-unmet",
]  # fmt: skip


@pytest.fixture(scope="session")
def ticket(calls: httpx.Client, reviewer_token: str) -> str:
    """A ticket with everything on it, proven."""
    body = ticket_body(
        title="blend_multiply ties the gradients of host and seed",
        sections=[{"heading": "What happens", "body": "`x`\n\n```python\nif a:\n    b = 1\n```"}],
        locations=[{"path": "kasmina/blend_ops.py", "start_line": 59, "symbol": "f()"}],
        checklist=[{"text": "every caller names it", "done": True}, {"text": "a test shows it"}],
        key="B2-DRL-13",
    )
    key = str(calls.post("/tickets", json=body).raise_for_status().json()["key"])
    reviewer = {"Authorization": f"Bearer {reviewer_token}"}
    review = {"verdict": "REFINE", "rationale": "In part.", "proposed_severity": "P1"}
    calls.post(f"/tickets/{key}/reviews", json=review, headers=reviewer).raise_for_status()
    other = {"verdict": "OBJECT", "rationale": "Not so.", "specialist": "codereview"}
    calls.post(f"/tickets/{key}/reviews", json=other).raise_for_status()
    calls.post(f"/tickets/{key}/notes", json={"body": "a *note*"}).raise_for_status()
    for patch in sorted(DEFECTS.glob(f"{key}.patch")):
        calls.put(
            f"/tickets/{key}/patches/defect",
            content=patch.read_bytes(),
            headers={"Content-Type": "text/x-diff"},
        ).raise_for_status()
    run = calls.post(f"/tickets/{key}/runs", json={"kind": "proof"}).raise_for_status().json()
    calls.get(f"/runs/{run['id']}?wait=60").raise_for_status()
    return key


def _violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {[node['target'] for node in v['nodes']][:4]}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_is_accessible_and_quiet(
    window: Callable[..., Any], service: Service, calls: httpx.Client, ticket: str, scheme: str
) -> None:
    run = calls.get("/runs?limit=1").json()["items"][0]["id"]
    pages = [*PAGES, f"/tickets/{ticket}", f"/tickets/{ticket}/edit", f"/runs/{run}",
             f"/tickets/{ticket}/history"]  # fmt: skip
    if scheme == "dark":  # the same pages in other colours: those with all of them suffice
        pages = ["/", "/tickets", f"/tickets/{ticket}", f"/runs/{run}"]
    # The checker puts a script into the page, which the policy would refuse.
    watched = window(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    watched.page.goto("/login")
    wrong = {"/login": _violations(watched.page)}
    watched.log_in(service.admin_token)
    for path in pages:
        watched.page.goto(path)
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        wrong[path] = _violations(watched.page)

    assert {path: found for path, found in wrong.items() if found} == {}


@pytest.mark.parametrize("width", [320, 2560])
def test_no_page_is_wider_than_its_window(
    window: Callable[..., Any], service: Service, ticket: str, width: int
) -> None:
    watched = window(viewport={"width": width, "height": 700})
    watched.log_in(service.admin_token)
    wide = []
    for path in [*PAGES, f"/tickets/{ticket}", f"/tickets/{ticket}/edit"]:
        watched.page.goto(path)
        if watched.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)

    assert wide == []


def test_the_main_job_by_mouse(
    window: Callable[..., Any], service: Service, calls: httpx.Client, reviewer_token: str
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)

    page.get_by_role("link", name="File", exact=True).click()
    page.get_by_label("Title").fill("Leaving seed_input out ties two gradients")
    page.locator("#summary").fill("The host becomes its own seed input.")
    page.get_by_text("A key of your own").click()
    page.get_by_label("Key", exact=False).last.fill(KEY)
    page.get_by_role("button", name="File it").click()
    page.get_by_text("The finding is filed.").wait_for()

    ada = window()
    ada.log_in(reviewer_token)
    ada.page.goto(f"/tickets/{KEY}")
    ada.page.get_by_text("Write a review").click()
    ada.page.get_by_role("radio", name="ENDORSE").check()
    ada.page.get_by_label("Why", exact=False).fill("So it is.")
    ada.page.get_by_role("button", name="Record the review").click()
    ada.page.get_by_text("Your review is recorded.").wait_for()

    for patch in sorted(DEFECTS.glob(f"{KEY}*.patch")):
        page.goto(f"/tickets/{KEY}")
        page.get_by_text("Add a patch").click()
        page.locator("#patch-name").fill(patch.stem.replace(KEY, "defect"))
        page.get_by_label("Unified diff").fill(patch.read_text("utf-8"))
        page.get_by_role("button", name="Store").click()
        page.get_by_text("The patch is stored.").wait_for()

    page.get_by_role("button", name="Run a proof").first.click()
    # No reload by hand: the page follows the run by itself.
    status = page.locator("#verification [data-run-status]", has_text="proven")
    status.wait_for(timeout=60_000)
    page.locator(".ticket-head").get_by_text("proven").wait_for()

    page.get_by_text("Change the status").click()
    page.get_by_label("New status").select_option("closed:fixed")
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_text("The ticket has its new status.").wait_for()
    assert calls.get(f"/tickets/{KEY}").json()["resolution"] == "fixed"


def test_a_review_by_keyboard(
    window: Callable[..., Any], service: Service, calls: httpx.Client, ticket: str
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto("/tickets?q=blend_multiply")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tickets/{ticket}")
    page.keyboard.press("1")
    page.keyboard.press("r")
    page.keyboard.type("Read by keyboard.")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Your review is recorded.").wait_for()

    reviews = calls.get(f"/tickets/{ticket}").json()["reviews"]
    assert ("ENDORSE", "Read by keyboard.") in {(r["verdict"], r["rationale"]) for r in reviews}


def test_a_draft_survives_a_reload(
    window: Callable[..., Any], service: Service, ticket: str
) -> None:
    watched = window()
    watched.log_in(service.admin_token)
    watched.page.goto(f"/tickets/{ticket}")
    watched.page.get_by_text("Add a note").click()
    watched.page.get_by_label("Note Markdown").fill("half a tho")
    watched.page.reload()

    assert watched.page.get_by_label("Note Markdown").input_value() == "half a tho"


def test_without_javascript_the_same_can_be_done(
    window: Callable[..., Any], service: Service, calls: httpx.Client, ticket: str
) -> None:
    watched = window(java_script_enabled=False)
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto(f"/tickets/{ticket}")
    page.get_by_text("Add a note").click()
    page.get_by_label("Note Markdown").fill("without a script")
    page.get_by_role("button", name="Add", exact=True).last.click()
    page.get_by_text("Your note is added.").wait_for()
    page.get_by_role("button", name="Run a check").click()
    page.get_by_text("The run is queued.").wait_for()

    notes = calls.get(f"/tickets/{ticket}/notes").json()["items"]
    assert "without a script" in {note["body"] for note in notes}
