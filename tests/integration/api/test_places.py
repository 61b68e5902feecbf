"""What became of the code that tickets speak of, when the target changes and in a checkout."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

PUMP = """\
class Pump:
    def start(self, valve):
        valve.open()
        self.flow = valve.measure()
        return self.flow

    def stop(self, valve):
        valve.close()
        return None
"""
FLOW = {"path": "kasmina/pump.py", "start_line": 4, "note": "reads once"}


async def states(api: Api, key: str) -> list[tuple[str, str | None]]:
    ticket = await api.get(f"/tickets/{key}")
    assert [one["location"] for one in ticket["relocated"]] == [
        p["id"] for p in ticket["locations"]
    ]
    return [
        (one["state"], one["path"] and f"{one['path']}:{one['start_line']}")
        for one in ticket["relocated"]
    ]


async def listed(api: Api, query: str) -> list[str]:
    return [item["key"] for item in (await api.get(f"/tickets?{query}"))["items"]]


async def test_places_of_the_bundled_target_are_told_at_once(api: Api) -> None:
    await api.factory.catalogues.in_step()
    path = "kasmina/__init__.py"
    places = [
        {"path": path, "start_line": 1},
        {"path": f"/home/ci/project/{path}", "start_line": 1},
        {"path": "kasmina/nothing_here.py", "start_line": 3},
        {"path": "elsewhere/pump.py", "start_line": 3},
        {"note": "the docs"},
    ]

    key = (await api.file(locations=places))["key"]

    assert [state for state, _ in await states(api, key)] == [
        "exact",
        "exact",
        "gone",
        "unknown",
        "unknown",
    ]
    assert await listed(api, "location=gone") == [key]
    assert await listed(api, "location=moved&location=changed") == []
    await api.call("GET", "/tickets?location=lost", expect=422)
    table = (await api.call("GET", "/exports?format=csv&location=gone", expect=200)).text
    assert key in table


@pytest.fixture
async def own(database: str, tmp_path: Path, shared: Shared) -> AsyncIterator[tuple[Api, Path]]:
    """The application with a target that the test may change."""
    root = tmp_path / "project"
    (root / "kasmina").mkdir(parents=True)
    (root / "kasmina" / "__init__.py").write_text("")
    (root / "kasmina" / "pump.py").write_text(PUMP)
    (root / "tests" / "verification").mkdir(parents=True)
    (root / "tests" / "verification" / "test_pump.py").write_text("def test_a(): pass\n")
    async with running_api(database, shared=shared, target_root=root) as api:
        await api.factory.catalogues.in_step()
        yield api, root


async def test_places_follow_their_code_when_the_target_changes(own: tuple[Api, Path]) -> None:
    api, root = own
    file = root / "kasmina" / "pump.py"
    key = (await api.file(locations=[FLOW, {"path": "kasmina/pump.py", "start_line": 8}]))["key"]
    etag = (await api.call("GET", f"/tickets/{key}")).headers["ETag"]
    assert await states(api, key) == [
        ("exact", "kasmina/pump.py:4"),
        ("exact", "kasmina/pump.py:8"),
    ]

    file.write_text("# one\n# two\n" + PUMP.replace("valve.close()", "valve.shut()"))
    await api.factory.catalogues.in_step()

    assert await states(api, key) == [
        ("moved", "kasmina/pump.py:6"),
        ("changed", "kasmina/pump.py:10"),
    ]
    assert await listed(api, "location=moved") == [key]
    answer = await api.call("GET", f"/tickets/{key}?include=source")
    assert answer.headers["ETag"] == etag
    first, second = answer.json()["source"]
    assert first["filed"] == ["        self.flow = valve.measure()"]
    assert second["filed"] == ["        valve.close()"]

    shutil.move(file, root / "kasmina" / "motor.py")
    await api.factory.catalogues.in_step()
    assert await states(api, key) == [
        ("moved", "kasmina/motor.py:6"),
        ("changed", "kasmina/motor.py:10"),
    ]

    (root / "kasmina" / "motor.py").write_text("x = 1\n")
    await api.factory.catalogues.in_step()
    assert [state for state, _ in await states(api, key)] == ["gone", "gone"]


async def test_what_a_place_held_stays_when_others_are_edited(own: tuple[Api, Path]) -> None:
    api, root = own
    ticket = await api.file(locations=[FLOW])
    path = f"/tickets/{ticket['key']}"
    (root / "kasmina" / "pump.py").write_text("\n" + PUMP)
    await api.factory.catalogues.in_step()
    etag = (await api.call("GET", path)).headers["ETag"]
    place = ticket["locations"][0]["id"]
    change: dict[str, Any] = {
        "locations": [{"id": place, "note": "twice"}, {"path": "kasmina/pump.py", "start_line": 4}]
    }

    await api.call("PATCH", path, json=change, headers={"If-Match": etag}, expect=200)

    assert await states(api, ticket["key"]) == [
        ("moved", "kasmina/pump.py:5"),
        ("exact", "kasmina/pump.py:4"),
    ]


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


async def test_a_checkout_that_is_no_target_is_looked_through(own: tuple[Api, Path]) -> None:
    api, _ = own
    key = (await api.file(locations=[FLOW]))["key"]
    other = (await api.file(severity="P0", locations=[{"path": "lib/x.c", "start_line": 2}]))["key"]
    files = {"kasmina/go.py": "\n\n\n" + PUMP, "lib/x.c": "int a;\nint b;\n", "../no.py": "x"}
    zip_ = {"Content-Type": "application/zip"}

    answer = await api.call("POST", "/relocations", content=zipped(files), headers=zip_, expect=200)

    told = {
        i["key"]: (i["state"], i["filed"], i["path"], i["start_line"])
        for i in answer.json()["items"]
    }
    assert told == {
        key: ("moved", "kasmina/pump.py:4", "kasmina/go.py", 7),
        other: ("exact", "lib/x.c:2", "lib/x.c", 2),
    }
    only = await api.call(
        "POST", "/relocations?severity=P0", content=zipped(files), headers=zip_, expect=200
    )
    assert [item["key"] for item in only.json()["items"]] == [other]
    assert await states(api, key) == [("exact", "kasmina/pump.py:4")]
    await api.call("POST", "/relocations", content=b"no zip", headers=zip_, expect=422)
    await api.call("POST", "/relocations", json={}, expect=415)
