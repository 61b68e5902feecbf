"""A visitor of the pages, without a browser: keeps the cookie and fills the forms in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from tests.support.api import Api

ORIGIN = "http://test"


@dataclass
class Visitor:
    """Somebody with a session."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def log_in(self, token: str) -> None:
        """Log in by a token."""
        answer = await self.client.post("/login", data={"token": token}, headers=origin())
        assert answer.status_code == 303, answer.text
        await self.see("/tickets")

    async def see(self, path: str, *, expect: int = 200) -> str:
        """Return a page's HTML."""
        answer = await self.client.get(path)
        assert answer.status_code == expect, (answer.status_code, answer.text[:500])
        found = re.search(r'data-csrf="([0-9a-f]+)"', answer.text)
        self.csrf = found.group(1) if found else ""
        return answer.text

    async def send(
        self, path: str, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form of this session."""
        data = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data, headers=headers or origin())


def said_by(answer: httpx.Response) -> str:
    """Return the word that the next page is to say, once."""
    found = re.search(r"findings-said=([\w-]+):", answer.headers.get("set-cookie", ""))
    return found.group(1) if found else ""


def origin() -> dict[str, str]:
    """What a browser sends along with a form of the service's own pages."""
    return {"Origin": ORIGIN}


def fields_of(html: str, action: str) -> dict[str, str]:
    """Return the fields of the form with `action`, as a browser would send them unchanged."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', html, re.S)
    assert form is not None, action
    body, fields = form.group(1), {}
    for tag in re.findall(r"<input[^>]*>", body):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        ticked = ("checkbox" not in tag and "radio" not in tag) or "checked" in tag
        if name and ticked:
            fields[name.group(1)] = unescape(value.group(1)) if value else ""
    for name, value in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', body, re.S
    ):
        fields[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', body, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(
            r'value="([^"]*)"', options
        )
        fields[name] = unescape(chosen.group(1)) if chosen else ""
    return fields


@asynccontextmanager
async def visiting(api: Api, account: str = "admin") -> AsyncIterator[Visitor]:
    """A logged-in visitor of the application under test."""
    async with stranger(api) as found:
        await found.log_in(api.tokens[account])
        yield found


@asynccontextmanager
async def stranger(api: Api) -> AsyncIterator[Visitor]:
    """A visitor who is not logged in."""
    transport = api.client._transport
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield Visitor(client)
