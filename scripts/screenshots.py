"""Makes the pictures of the documentation: a service with examples, looked at by a browser.

Usage: ``python scripts/screenshots.py [--out docs/images] [--url URL --token TOKEN] [--all]``.
Without ``--url`` it starts a service of its own and stops it afterwards. ``--all`` takes every
page in light, dark and narrow, for those who work on the pages.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

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
KEY = "B2-DRL-10"
KEPT = {"home": "/", "tickets": "/tickets", "ticket": f"/tickets/{KEY}", "review": "/review"}
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
    "keys": "/keys",
    "missing": "/tickets/B9-XX-99",
}


class Examples:
    """Fills a service with findings of the verification suite, reviewed and partly proven."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._admin = self._client(token)

    def _client(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=120)

    def load(self) -> None:
        """File everything, unless it is there already."""
        if self._admin.get(f"/tickets/{KEY}").status_code == 200:
            return
        reviewers = {name: self._account(name) for name in ("drl", "pytorch", "codereview")}
        example = tomllib.loads((ROOT / f"examples/tickets/{KEY}.toml").read_text("utf-8"))
        self._post("/tickets", _plain(example["ticket"]))
        for review in example["reviews"]:
            reviewers[review["specialist"]].post(f"/tickets/{KEY}/reviews", json=_plain(review))
        found = self._suite()
        for n, (key, doc) in enumerate(sorted(found.items())):
            if key != KEY:
                self._finding(n, key, doc, reviewers)
        for n, key in enumerate([KEY, *sorted(found)[:14]]):
            self._prove(key, proof=n % 3 != 2)

    def _suite(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for test in self._admin.get("/tests?limit=200").json()["items"]:
            for key in test["findings"]:
                found.setdefault(key, (test["doc"] or test["node_id"]).split("\n")[0])
        return found

    def _account(self, name: str) -> httpx.Client:
        self._post("/accounts", {"name": name, "role": "reviewer", "speaks_for": [name]})
        made = self._post(f"/accounts/{name}/tokens", {})
        return self._client(made["token"])

    def _finding(self, n: int, key: str, doc: str, reviewers: dict[str, httpx.Client]) -> None:
        agent = ("drl", "pytorch", "codereview", "human")[n % 4]
        body = {
            "key": key,
            "title": doc.rstrip(".")[:200],
            "severity": f"P{(n * 7) % 5}",
            "batch": 1 + n % 3,
            "agent": agent,
            "summary": doc,
            "domains": ["kasmina"],
            "categories": [("correctness", "api-contract", "numerical-stability")[n % 3]],
            "locations": [{"path": "kasmina/blend_ops.py", "start_line": 10 + n}],
        }
        self._post("/tickets", body)
        for m, (name, client) in enumerate(reviewers.items()):
            if name != agent and (n + m) % 3:
                verdict = ("ENDORSE", "REFINE", "NEUTRAL", "ENDORSE", "OBJECT")[(n + 2 * m) % 5]
                review = {"verdict": verdict, "rationale": "Read against the code and its tests."}
                client.post(f"/tickets/{key}/reviews", json=review)

    def _prove(self, key: str, *, proof: bool) -> None:
        for patch in sorted((ROOT / "tests/verification/defects").glob(f"{key}*.patch")):
            name = patch.stem.removeprefix(key).lstrip("-")
            path = f"/tickets/{key}/patches/{'defect-' + name if name else 'defect'}"
            headers = {"Content-Type": "text/x-diff"}
            self._admin.put(path, content=patch.read_bytes(), headers=headers)
        kind = "proof" if proof else "check"
        run = self._admin.post(f"/tickets/{key}/runs", json={"kind": kind})
        if run.status_code == 202:
            self._admin.get(f"/runs/{run.json()['id']}?wait=60")

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._admin.post(path, json=body)
        if answer.status_code >= 400:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:400]}")
        return answer.json()


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in table.items()}


@contextlib.contextmanager
def _service(url: str | None, token: str | None) -> Iterator[tuple[str, str]]:
    if url is not None:
        yield url, token or ""
        return
    from tests.support.service import running_service  # only where one is started

    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as found:
        yield found.url, found.admin_token


def _shoot(
    browser: Browser, url: str, token: str, out: Path, pages: dict[str, str], *, every: bool
) -> None:
    looks = [("", "light", 1180)]
    if every:
        looks += [("-dark", "dark", 1180), ("-narrow", "light", 320)]
    for suffix, scheme, width in looks:
        context = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]  # one of its words
            viewport={"width": width, "height": 800},
            base_url=url,
        )
        page = context.new_page()
        page.goto("/login")
        if every:
            page.screenshot(path=out / f"login{suffix}.png", full_page=True)
        page.fill("#token", token)
        page.click("main button")
        for name, path in pages.items():
            if name != "login":
                page.goto(path)
                page.screenshot(path=out / f"{name}{suffix}.png", full_page=every)
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
        Examples(url, token).load()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        pages = {**KEPT, **MORE} if options.all else KEPT
        _shoot(browser, url, token, options.out, pages, every=options.all)
        browser.close()


if __name__ == "__main__":
    main()
