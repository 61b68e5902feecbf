"""The application in the test's own process, with real database and real accounts."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.config import Settings, load_settings
from app.factory import Factory
from app.main import create_app
from tests.support.cluster import short_directory
from tests.support.shared import Shared

_refs = itertools.count(1)


@dataclass
class Api:
    """A client of the application; calls go out as the admin unless told otherwise."""

    client: httpx.AsyncClient
    factory: Factory
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        *,
        as_: str = "admin",
        expect: int | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Call the API; with `expect` the status must be that."""
        sent = {"Authorization": f"Bearer {self.tokens[as_]}", **(headers or {})}
        answer = await self.client.request(method, f"/api/v1{path}", headers=sent, **options)
        if expect is not None:
            assert answer.status_code == expect, (answer.status_code, answer.text)
        return answer

    async def get(self, path: str, *, as_: str = "admin", **options: Any) -> Any:
        """GET that must succeed; returns the parsed body."""
        return (await self.call("GET", path, as_=as_, expect=200, **options)).json()

    async def account(self, name: str, role: str, *, speaks_for: tuple[str, ...] = ()) -> str:
        """Make an account with a token and return its name, to be used as ``as_``."""
        body = {"name": name, "role": role, "speaks_for": list(speaks_for)}
        await self.call("POST", "/accounts", json=body, expect=201)
        answer = await self.call("POST", f"/accounts/{name}/tokens", json={}, expect=201)
        self.tokens[name] = answer.json()["token"]
        return name

    async def file(self, *, as_: str = "admin", **fields: Any) -> dict[str, Any]:
        """File a ticket, the given fields over plain ones, and return it."""
        body = {**ticket_body(), **fields}
        answer = await self.call("POST", "/tickets", as_=as_, json=body, expect=201)
        found: dict[str, Any] = answer.json()
        return found


def ticket_body(**fields: Any) -> dict[str, Any]:
    """The body of a plain ticket."""
    return {
        "title": f"scale ignores its factor ({next(_refs)})",
        "severity": "P2",
        "batch": 2,
        "agent": "drl",
        "summary": "The factor is read and then dropped.",
        "domains": ["kasmina"],
        **fields,
    }


@contextlib.asynccontextmanager
async def running_api(
    database_url: str, *, workers: int = 0, shared: Shared | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """The application for the length of the block; with `shared` it begins and ends sooner."""
    with short_directory() as data_dir:
        # A test that changes a package means that change, and not what a sweep makes of it.
        settings = {"allowed_hosts": "test", "sweeps": False, **settings}
        found: Settings = load_settings(
            data_dir=data_dir, database_url=database_url, log_level="error", **settings
        )
        factory = (shared.factory if shared else Factory)(found, database_url)
        app = create_app(factory, workers=workers)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                token = (data_dir / "admin-token").read_text().strip()
                yield Api(client=client, factory=factory, tokens={"admin": token})
