"""Each page in a real browser: accessible, quiet, no wider than its window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from app.web.pages import ROUTERS, router
from tests.support.service import Service

pytestmark = pytest.mark.browser

PAGES = [
    "/", "/tickets", "/tickets?severity=P2&q=factor", "/file", "/review", "/runs", "/tests",
    "/workers", "/targets", "/sweeps", "/reviewers", "/work-orders", "/drift",
    "/accounts", "/accounts/ada", "/me", "/keys", "/help", "/help/proof", "/views", "/examples",
    "/source/kasmina/kasmina/slot.py?lines=10-12", "/problems", "/problems/gate-unmet",
]  # fmt: skip
ELSEWHERE = {
    "/login": "looked at before the log-in",
    "/docs": "another project's viewer",
    "/bisections/{id}": "wants a git repository",
    "/source": "leads to the page of a target's file",
    "/review/{key}": "leads to the review of the ticket",
    "/t/{key}": "leads to the ticket",
    "/file/similar": "a part of the filing form",
    "/tickets/{key}/tests/search": "a part of the ticket",
    "/tickets/{key}/patches/{name}": "plain text",
    "/runs/{id}/log": "plain text",
    "/report": "a file, looked at below",
    "/tickets.{ending}": "a file",
    "/static/code.css": "a style",
}
"""Routes that are no page of their own."""

LOOKS = {
    # name: width, colours, rules of the checker that the look can break; without a word all
    "wide-light": (1280, "light", ()),
    "wide-dark": (1280, "dark", ("color-contrast", "link-in-text-block")),
    "narrow-light": (360, "light", ("target-size", "scrollable-region-focusable")),
    "narrow-dark": (360, "dark", ("color-contrast", "link-in-text-block")),
}
IN_SIGHT = """() => [...document.querySelectorAll("[data-arm]")].map(
  (cell) => cell.getBoundingClientRect().right <= innerWidth)"""
UNFOLD = "document.querySelectorAll('details:not(.menu)').forEach(d => d.open = true)"


@pytest.fixture(scope="module")
def run(calls: httpx.Client, ticket: str) -> str:
    """The ticket's proof."""
    return str(calls.get(f"/runs?ticket={ticket}&limit=1").json()["items"][0]["id"])


@pytest.fixture(scope="module")
def pages(calls: httpx.Client, ticket: str, run: str) -> list[str]:
    """An address of each page."""
    sweep = calls.post("/sweeps", json={"target": "kasmina"}).raise_for_status().json()["id"]
    found = [f"/tickets/{ticket}{part}" for part in ("", "/edit", "/history")]
    return [*PAGES, *found, f"/runs/{run}", f"/sweeps/{sweep}"]


def test_each_page_is_looked_at(pages: list[str]) -> None:
    paths = [page.partition("?")[0] for page in pages]
    routes = [route for added in (*ROUTERS, router) for route in added.routes]
    shown = {
        route.path: route.path_regex
        for route in routes
        if isinstance(route, Route | APIRoute)
        and "GET" in (route.methods or ())
        and not route.path.endswith(("/events", "/changes"))
    }

    assert ELSEWHERE.keys() <= shown.keys()
    missed = [path for path, regex in shown.items() if not any(map(regex.match, paths))]
    assert set(missed) <= ELSEWHERE.keys()


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_each_page_is_accessible_and_quiet(
    window: Callable[..., Any], service: Service, pages: list[str], look: str
) -> None:
    width, colours, rules = LOOKS[look]
    # The checker puts a script into the page, which the policy would refuse.
    watched = window(
        bypass_csp=True,
        reduced_motion="reduce",
        color_scheme=colours,
        viewport={"width": width, "height": 800},
    )
    watched.page.goto("/login")
    wrong = {"/login": watched.violations(*rules)}
    watched.log_in(service.admin_token)
    for path in pages:
        watched.page.goto(path)
        watched.page.evaluate(UNFOLD)
        wrong[path] = watched.violations(*rules)
        if watched.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong[path].append("wider than its window")

    assert {path: found for path, found in wrong.items() if found} == {}


def test_every_arm_of_a_proof_is_in_sight_in_a_narrow_window(
    window: Callable[..., Any], service: Service, ticket: str, run: str
) -> None:
    watched = window(viewport={"width": 360, "height": 700})
    watched.log_in(service.admin_token)
    for path in (f"/tickets/{ticket}", f"/runs/{run}"):
        watched.page.goto(path)
        seen = watched.page.evaluate(IN_SIGHT)
        assert len(seen) >= 2 and all(seen), path


def test_what_a_page_said_once_it_does_not_say_again(
    window: Callable[..., Any], service: Service, ticket: str
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto(f"/tickets/{ticket}")
    page.locator("#notes summary").click()
    page.get_by_label("Note Markdown").fill("said once")
    page.get_by_role("button", name="Add", exact=True).last.click()
    said = page.get_by_text("Your note is added.")
    said.wait_for()
    page.goto("/keys")
    page.go_back()
    assert page.locator("#notes").get_by_text("said once").is_visible()
    assert said.count() == 0
    page.evaluate("""() => {
      const said = Object.assign(document.createElement("p"), { id: "again" });
      said.dataset.flash = "";
      document.body.append(said);
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    }""")  # as when a browser takes the page from its memory
    assert page.locator("#again").count() == 0


@pytest.fixture(scope="module")
def unbroken(calls: httpx.Client) -> str:
    """A ticket whose texts hold no place to break a line at."""
    word = "x" * 280
    body = {
        "key": "B9-DRL-01", "title": word, "severity": "P2", "batch": 9, "agent": "drl",
        "summary": word, "assignee": word[:100], "checklist": [{"text": word}],
        "locations": [{"path": word, "symbol": word, "note": word}],
        "sections": [{"heading": word, "body": f"{word}\n\n`{word}`\n\n    {word}\n\n> {word}"}],
        "reports": [{"file": word, "section": word}],
    }  # fmt: skip
    review = {
        "specialist": "pytorch", "verdict": "OBJECT", "rationale": word,
        "amendment": {"title": "y" * 280, "summary": f"{word}\n{word}"},
        "evidence": [{"kind": "code", "path": word, "snippet": word},
                     {"kind": "output", "command": word, "text": word}],
    }  # fmt: skip
    key = str(calls.post("/tickets", json=body).raise_for_status().json()["key"])
    calls.post(f"/tickets/{key}/reviews", json=review).raise_for_status()
    calls.post(f"/tickets/{key}/notes", json={"body": word}).raise_for_status()
    reason = {"state": "not-testable", "reason": word}
    calls.put(f"/tickets/{key}/testability", json=reason).raise_for_status()
    return key


@pytest.mark.parametrize("width", [320, 2560])
def test_no_page_is_wider_than_its_window(
    window: Callable[..., Any],
    service: Service,
    ticket: str,
    unbroken: str,
    run: str,
    width: int,
) -> None:
    watched = window(viewport={"width": width, "height": 700})
    watched.log_in(service.admin_token)
    wide = []
    tickets = [f"/tickets/{key}{part}" for key in (ticket, unbroken)
               for part in ("", "/edit", "/history")]  # fmt: skip
    for path in [*PAGES, f"/runs/{run}", *tickets]:
        watched.page.goto(path)
        watched.page.evaluate(UNFOLD)
        if watched.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)

    assert wide == []


def test_the_report_is_one_file_that_asks_for_nothing(
    window: Callable[..., Any], calls: httpx.Client, ticket: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(calls.get("/report").raise_for_status().content)
    # Offline: what it needed from elsewhere would be missed, and complained of.
    watched = window(viewport={"width": 320, "height": 700}, offline=True)
    page = watched.page
    page.goto(file.as_uri())

    assert page.get_by_role("link", name=ticket).first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).marginTop") == "0px"  # its style counts
    assert page.locator("figure svg").count() > 0
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert {url.partition(":")[0] for url in watched.requested} <= {"file", "data"}


def test_the_report_is_accessible(
    window: Callable[..., Any], calls: httpx.Client, ticket: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(calls.get("/report").raise_for_status().content)
    watched = window(bypass_csp=True, color_scheme="dark")
    watched.page.goto(file.as_uri())

    assert watched.violations() == []


def test_a_draft_survives_a_reload(
    window: Callable[..., Any], service: Service, ticket: str
) -> None:
    watched = window()
    watched.log_in(service.admin_token)
    watched.page.goto(f"/tickets/{ticket}")
    watched.page.locator("#notes summary").click()
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
    page.locator("#notes summary").click()
    page.get_by_label("Note Markdown").fill("without a script")
    page.get_by_role("button", name="Add", exact=True).last.click()
    page.get_by_text("Your note is added.").wait_for()
    page.get_by_role("region", name="What is next").get_by_text("More", exact=True).click()
    page.locator(".more").get_by_role("button", name="Run a check").click()
    page.get_by_text("The run is queued.").wait_for()

    notes = calls.get(f"/tickets/{ticket}/notes").json()["items"]
    assert "without a script" in {note["body"] for note in notes}
