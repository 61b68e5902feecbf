"""Where a layer of isolation is missing: the suite's own patches run, those of clients do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.sandbox.engine import Engine
from app.sandbox.interface import LayerStatus
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.target import defect

pytestmark = pytest.mark.anyio

KEY = "B2-DRL-10"
MISSING = LayerStatus("mounts", False, "no right to make namespaces")


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    """A service on a machine without a file system of its own for arms."""
    async with running_api(module_database, shared=shared) as found:
        sandbox = found.factory.sandbox
        assert isinstance(sandbox, Engine)
        sandbox._layers = (LayerStatus("session", True, "own session"), MISSING)
        await found.file(key=KEY)
        yield found


async def put(api: Api, text: str) -> None:
    headers = {"Content-Type": "text/x-diff"}
    path = f"/tickets/{KEY}/patches/defect"
    answer = await api.call("PUT", path, content=text, headers=headers)
    assert answer.status_code in (200, 201), answer.text


async def trigger(api: Api, kind: str, expect: int) -> dict[str, Any]:
    path = f"/tickets/{KEY}/runs"
    answer = await api.call("POST", path, json={"kind": kind}, expect=expect)
    found: dict[str, Any] = answer.json()
    return found


def assert_names_the_layer(problem: dict[str, Any]) -> None:
    assert problem["layers"] == ["mounts"]
    assert "mounts (no right to make namespaces)" in problem["detail"]
    assert "findings doctor" in problem["detail"]


async def test_the_package_as_it_ships_is_checked(api: Api) -> None:
    assert (await trigger(api, "check", 202))["status"] == "queued"


async def test_a_defect_byte_for_byte_as_the_suite_ships_it_is_proven(api: Api) -> None:
    await put(api, defect(KEY))

    assert (await trigger(api, "proof", 202))["status"] == "queued"


async def test_the_same_defect_in_other_bytes_is_refused(api: Api) -> None:
    await put(api, f"diff --git a/kasmina/blend_ops.py b/kasmina/blend_ops.py\n{defect(KEY)}")

    assert_names_the_layer(await trigger(api, "proof", 409))


async def test_a_submitted_test_is_refused(api: Api) -> None:
    body = {"filename": "test_mine.py", "source": "def test_mine():\n    pass\n"}

    answer = await api.call("POST", f"/tickets/{KEY}/tests", json=body, expect=409)

    assert_names_the_layer(answer.json())
