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

from tests.support.cluster import short_directory
from tests.support.service import Service, running_service

CHROMIUM = Path("/usr/bin/chromium")
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
    hosts: set[str] = field(default_factory=set)

    def follow(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def log_in(self, token: str) -> None:
        self.page.goto("/login")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("button", name="Log out").wait_for()


@pytest.fixture
def window(chromium: Any, service: Service) -> Iterator[Any]:
    """Opens windows; in the end none may have complained or asked another host."""
    opened: list[tuple[Watched, Any]] = []

    def open_window(**options: Any) -> Watched:
        context = chromium.new_context(base_url=service.url, **options)
        context.set_default_timeout(15_000)
        watched = Watched(context.new_page(), urlsplit(service.url).netloc)
        watched.follow()
        opened.append((watched, context))
        return watched

    yield open_window
    for watched, context in opened:
        context.close()
        assert watched.complaints == []
        assert watched.hosts <= {watched.home}
