"""Makes the pictures of the documentation: a service with the examples, looked at by a browser.

Usage: ``python scripts/screenshots.py [--out docs/images] [--url URL --token TOKEN] [--all]``.
Without ``--url`` it starts a service of its own and stops it afterwards. ``--all`` takes every
page whole in light, dark, narrow, wide and print, for those who work on the pages.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MOST_BYTES = 200_000
KEY = "B2-DRL-10"
KEPT = {
    "home": "/",
    "tickets": "/tickets",
    "ticket": f"/tickets/{KEY}",
    "review": f"/review?as=pytorch&keys={KEY}%20KAS-19",
}
MORE = {
    "login": "/login",
    "file": "/file",
    "edit": f"/tickets/{KEY}/edit",
    "history": f"/tickets/{KEY}/history",
    "runs": "/runs",
    "tests": "/tests",
    "workers": "/workers",
    "accounts": "/accounts",
    "me": "/me",
    "problems": "/problems",
    "regressed": "/tickets/SHOW-08",
    "source": "/source/kasmina/kasmina/blend_ops.py",
    "targets": "/targets",
    "sweeps": "/sweeps",
    "work-orders": "/work-orders",
    "reviewers": "/reviewers",
    "views": "/views",
    "examples": "/examples",
    "help": "/help",
    "keys": "/keys",
    "missing": "/tickets/B9-XX-99",
}
LOOKS: dict[str, dict[str, Any]] = {
    "": {"viewport": {"width": 1180, "height": 800}},
    "-dark": {"viewport": {"width": 1180, "height": 800}, "color_scheme": "dark"},
    "-narrow": {"viewport": {"width": 320, "height": 700}},
    "-wide": {"viewport": {"width": 2560, "height": 1200}},
    "-print": {"viewport": {"width": 760, "height": 1000}},
}
CLOSED = ("B2-PT-05", "KAS-08", "B3-DRL-13")


def load_examples(url: str, token: str) -> None:
    """File and prove the examples as a user would, and close a few; safe to repeat."""
    environment = {**os.environ, "FINDINGS_URL": url, "FINDINGS_TOKEN": token}
    command = [sys.executable, "-m", "app.cli", "load-examples"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as client:
        for key in CLOSED:
            step = {
                "to": "closed",
                "resolution": "fixed",
                "override": True,
                "reason": "The tests catch the defect, and it is absent.",
            }
            # Where it is closed already the step is refused, which is as well.
            client.post(f"/tickets/{key}/transitions", json=step)


@contextlib.contextmanager
def _service(url: str | None, token: str | None) -> Iterator[tuple[str, str]]:
    if url is not None:
        yield url, token or ""
        return
    sys.path.insert(0, str(ROOT))
    from tests.support.service import running_service  # only where one is started

    with tempfile.TemporaryDirectory(dir="/tmp") as folder, running_service(Path(folder)) as found:
        os.environ["FINDINGS_DATA_DIR"] = folder  # where the target of an example is declared
        yield found.url, found.admin_token


def _log_in(page: Page, token: str) -> None:
    page.goto("/login")
    page.fill("#token", token)
    page.click("main button")
    page.get_by_role("button", name="Log out").wait_for()


def _keep(browser: Browser, url: str, token: str, out: Path) -> None:
    """Take the pictures of the documentation."""
    context = browser.new_context(base_url=url, **LOOKS[""])
    page = context.new_page()
    _log_in(page, token)
    for name, path in KEPT.items():
        page.goto(path)
        page.screenshot(path=out / f"{name}.png")
    page.goto(KEPT["ticket"])
    page.locator("#verification [data-run]").screenshot(path=out / "verification.png")
    context.close()
    for name in (*KEPT, "verification"):
        size = (out / f"{name}.png").stat().st_size
        if size > MOST_BYTES:
            raise SystemExit(f"{name}.png has {size} bytes, more than {MOST_BYTES}")


def _look_at_all(browser: Browser, url: str, token: str, out: Path) -> None:
    """Take every page, whole, in every look."""
    for suffix, options in LOOKS.items():
        context = browser.new_context(base_url=url, **options)
        page = context.new_page()
        page.goto(MORE["login"])
        page.screenshot(path=out / f"login{suffix}.png", full_page=True)
        _log_in(page, token)
        if suffix == "-print":
            page.emulate_media(media="print")
        for name, path in {**KEPT, **MORE}.items():
            if name != "login":
                page.goto(path)
                page.screenshot(path=out / f"{name}{suffix}.png", full_page=True)
        context.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    parser.add_argument("--url")
    parser.add_argument("--token")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with _service(options.url, options.token) as (url, token), sync_playwright() as playwright:
        load_examples(url, token)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take = _look_at_all if options.all else _keep
        take(browser, url, token, options.out)
        browser.close()


if __name__ == "__main__":
    main()
