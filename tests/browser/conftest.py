"""A real browser on a real service, or a skip that says why."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import common
from tests.support.api import ticket_body
from tests.support.cluster import short_directory
from tests.support.service import Service, running_service

anyio_backend = common.anyio_backend

CHROMIUM = Path("/usr/bin/chromium")
DEFECTS = Path(__file__).parents[1] / "verification/defects"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing() -> str | None:
    if not CHROMIUM.exists():
        return f"no browser at {CHROMIUM} (Debian: apt-get install chromium)"
    for name in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(name) is None:
            return f"the package {name} is not installed (pip install -e '.[dev]')"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _missing()
    for item in items:
        if item.get_closest_marker("browser"):
            # One service and one browser serve all of them.
            item.add_marker(pytest.mark.xdist_group("browser"))
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A whole service in processes of its own."""
    with short_directory() as data_dir, running_service(data_dir) as found:
        yield found


@pytest.fixture(scope="session")
def calls(service: Service) -> Iterator[httpx.Client]:
    """The API as the admin."""
    with service.client() as client:
        yield client


@pytest.fixture(scope="session")
def reviewer_token(calls: httpx.Client) -> str:
    """A token of ada, who reviews as the PyTorch specialist."""
    body = {"name": "ada", "role": "reviewer", "speaks_for": ["pytorch"]}
    calls.post("/accounts", json=body).raise_for_status()
    made = calls.post("/accounts/ada/tokens", json={}).raise_for_status()
    return str(made.json()["token"])


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
    review = {
        "verdict": "REFINE",
        "rationale": "In part.",
        "proposed_severity": "P1",
        "amendment": {"title": "blend_multiply ties two gradients"},
        "evidence": [
            {"kind": "code", "path": "kasmina/slot.py", "start_line": 7, "snippet": "a = b\n"},
            {"kind": "output", "command": "pytest", "text": "1 failed " + "x" * 400},
        ],
    }
    calls.post(f"/tickets/{key}/reviews", json=review, headers=reviewer).raise_for_status()
    other = {"verdict": "OBJECT", "rationale": "Not so.", "specialist": "codereview"}
    calls.post(f"/tickets/{key}/reviews", json=other).raise_for_status()
    calls.post(f"/tickets/{key}/notes", json={"body": "a *note*"}).raise_for_status()
    calls.put(
        f"/tickets/{key}/patches/defect",
        content=(DEFECTS / f"{key}.patch").read_bytes(),
        headers={"Content-Type": "text/x-diff"},
    ).raise_for_status()
    run = calls.post(f"/tickets/{key}/runs", json={"kind": "proof"}).raise_for_status().json()
    calls.get(f"/runs/{run['id']}?wait=60").raise_for_status()
    return key


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # only where it is installed

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page whose complaints and requests are kept."""

    page: Any
    home: str
    complaints: list[str] = field(default_factory=list)
    requested: set[str] = field(default_factory=set)
    forgiven: tuple[str, ...] = ()
    """Words of complaints that belong to what a test does."""

    def follow(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requested.add(request.url))

    def _console(self, message: Any) -> None:
        wanted = any(word in message.text for word in self.forgiven)
        if message.type in ("error", "warning") and not wanted:
            self.complaints.append(message.text)

    def log_in(self, token: str) -> None:
        self.page.goto("/login")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("button", name="Log out").wait_for()

    def tab_to(self, selector: str, *, most: int = 150) -> None:
        """Go on with the Tab key until an element that `selector` means has the focus."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"no way to {selector} by Tab on {self.page.url}")

    def violations(self, *rules: str) -> list[str]:
        """What the accessibility checker finds on the page as it is, by all rules or some."""
        from axe_playwright_python.sync_playwright import Axe

        options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
        if rules:
            options["runOnly"] = list(rules)
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{v['id']}: {[node['target'] for node in v['nodes']][:4]}" for v in found]


@pytest.fixture
def window(chromium: Any, service: Service) -> Iterator[Any]:
    """Opens windows; in the end none may have complained or asked another host."""
    opened: list[tuple[Watched, Any]] = []

    def open_window(*, forgiven: tuple[str, ...] = (), **options: Any) -> Watched:
        options = {"base_url": service.url, **options}
        context = chromium.new_context(**options)
        context.set_default_timeout(15_000)
        home = urlsplit(options["base_url"]).netloc
        watched = Watched(context.new_page(), home, forgiven=forgiven)
        watched.follow()
        opened.append((watched, context))
        return watched

    yield open_window
    for watched, context in opened:
        context.close()
        assert watched.complaints == []
        hosts = {urlsplit(url).netloc for url in watched.requested}
        assert hosts <= {watched.home, ""}  # a file has no host
