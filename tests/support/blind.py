"""A reviewer who reviews blind, and others who speak before it."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import httpx

from tests.support.api import Api


async def blind_and_seeing(api: Api) -> None:
    """Make `eve`, who reviews blind as codereview, and `ada`, who does not."""
    await api.account("ada", "reviewer", speaks_for=("drl", "pytorch"))
    by_name = {"name": "eve", "role": "reviewer", "speaks_for": ["codereview"], "blind": True}
    await api.call("POST", "/accounts", json=by_name, expect=201)
    made = await api.call("POST", "/accounts/eve/tokens", json={}, expect=201)
    api.tokens["eve"] = made.json()["token"]


async def review(
    api: Api, key: str, specialist: str, verdict: str, *, as_: str = "ada", **fields: Any
) -> str:
    """Give a verdict; returns the review's id."""
    body = {"specialist": specialist, "verdict": verdict, "rationale": "x", **fields}
    answer = await api.call("POST", f"/tickets/{key}/reviews", as_=as_, json=body, expect=201)
    return str(answer.json()["id"])


def steady(answer: httpx.Response) -> str:
    """An answer without what differs each time."""
    if answer.headers.get("content-type") == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return "\n".join(f"{n}\n{archive.read(n).decode()}" for n in archive.namelist())
    text = re.sub(r'"(request_id|last|cursor)":"[^"]*"', "", answer.text)
    text = re.sub(r'(nonce|content|data-csrf|value)="[0-9a-f]{16,}"', "", text)
    text = re.sub(r"openvex/[^\"]+", "", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?", "", text)
    text = re.sub(r"(<time[^>]*>)[^<]*", r"\1", text)  # pages say how long ago it was
    return f"{answer.status_code}\n{text}"
