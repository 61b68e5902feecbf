"""Reading the code that tickets speak about, and nothing else of the machine."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.config import PROJECT_ROOT
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.support.target import write_target

pytestmark = pytest.mark.anyio

PATH = "kasmina/blend_ops.py"
FILE = PROJECT_ROOT / PATH


@pytest.fixture(scope="module")
async def api(module_database: str) -> AsyncIterator[Api]:
    async with running_api(module_database) as found:
        await found.account("ron", "reader")
        yield found


async def test_lines_come_with_their_numbers_and_the_digest_of_the_file(api: Api) -> None:
    found = await api.get(f"/source?path={PATH}&lines=3-5&target=kasmina", as_="ron")

    every = FILE.read_text().splitlines()
    assert found == {
        "target": "kasmina",
        "path": PATH,
        "revision": None,
        "digest": hashlib.sha256(FILE.read_bytes()).hexdigest(),
        "total_lines": len(every),
        "start": 3,
        "lines": every[2:5],
        "next_line": None,
    }


async def test_without_lines_the_whole_file_comes(api: Api) -> None:
    found = await api.get(f"/source?path={PATH}")

    assert found["lines"] == FILE.read_text().splitlines()
    assert (await api.get(f"/source?path={PATH}&lines=7"))["lines"] == found["lines"][6:7]
    beyond = await api.get(f"/source?path={PATH}&lines=7-999999")
    assert (beyond["lines"], beyond["next_line"]) == (found["lines"][6:], None)


async def test_the_files_that_can_be_read_are_listed(api: Api) -> None:
    found = await api.get("/source/files", as_="ron")

    assert found["target"] == "kasmina"
    assert PATH in found["items"]
    assert "tests/verification/conftest.py" in found["items"]
    assert not any("__pycache__" in path for path in found["items"])
    for path in found["items"][::10]:
        await api.get("/source", params={"path": path})


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        "app/main.py",
        "kasmina",
        "kasmina/../pyproject.toml",
        "kasmina/./blend_ops.py",
        "kasmina//blend_ops.py",
        "kasmina\\blend_ops.py",
        "/etc/passwd",
        str(FILE),
        "../kasmina/blend_ops.py",
        "kasmina/__pycache__/blend_ops.cpython-311.pyc",
        "tests/unit/kasmina/conftest.py",
        "kasmina/blend_opts.py",
        "kasmina/" + "a/" * 200 + "b.py",
    ],
)
async def test_nothing_else_is_read(api: Api, path: str) -> None:
    answer = await api.call("GET", "/source", params={"path": path}, expect=404)

    assert "/api/v1/source/files" in answer.json()["detail"]


async def test_a_misspelt_path_is_met_with_the_near_ones(api: Api) -> None:
    answer = await api.call("GET", "/source?path=kasmina/blend_opts.py", expect=404)

    assert "Did you mean kasmina/blend_ops.py" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("lines=5-3", "/lines"),
        ("lines=0", "/lines"),
        ("lines=3-", "/lines"),
        ("lines=a-b", "/lines"),
        ("lines=999999", "/lines"),
        ("revision=main", "/revision"),
        ("line=3", "/line"),
    ],
)
async def test_what_cannot_be_meant_is_refused(api: Api, query: str, pointer: str) -> None:
    answer = await api.call("GET", f"/source?path={PATH}&{query}", expect=422)

    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_another_target_is_not_there(api: Api) -> None:
    await api.call("GET", f"/source?path={PATH}&target=leyline", expect=404)
    await api.call("GET", "/source/files?target=leyline", expect=404)


async def test_odd_files_are_shown_or_refused_in_words(
    database: str, tmp_path: Path, shared: Shared
) -> None:
    root = write_target(tmp_path, {"__init__.py": "", "plain.py": "x = 1\r\ny = 2"}, {"a.py": ""})
    package = root / "kasmina"
    (package / "long.py").write_text("# line\n" * 2500)
    (package / "latin.py").write_bytes(b"name = 'M\xfcller'\n")
    (package / "weights.bin").write_bytes(b"\0\1\2")
    (package / "huge.py").write_bytes(b"#" * (3 << 20))
    (package / "away.py").symlink_to("/etc/passwd")
    (package / "outside").symlink_to(tmp_path.parent)

    async with running_api(database, shared=shared, target_root=root) as api:

        async def read(path: str, expect: int = 200) -> Any:
            params = {"path": f"kasmina/{path}"}
            return (await api.call("GET", "/source", params=params, expect=expect)).json()

        assert (await read("plain.py"))["lines"] == ["x = 1", "y = 2"]
        assert (await read("__init__.py"))["lines"] == []
        assert (await read("latin.py"))["lines"] == ["name = 'M\ufffdller'"]
        long = await read("long.py")
        assert (len(long["lines"]), long["total_lines"], long["next_line"]) == (1000, 2500, 1001)
        assert "no text" in (await read("weights.bin", 422))["detail"]
        assert "larger" in (await read("huge.py", 422))["detail"]
        assert "symbolic link" in (await read("away.py", 404))["detail"]
        assert "symbolic link" in (await read("outside/x.py", 404))["detail"]


async def test_a_ticket_brings_the_lines_that_it_names(api: Api) -> None:
    key = (
        await api.file(
            locations=[
                {"path": PATH, "start_line": 59, "end_line": 61},
                {"path": f"/home/ci/project/{PATH}", "start_line": 2},
                {"path": "src/leyline/elsewhere.py", "start_line": 2},
                {"path": PATH, "start_line": 90_000},
                {"path": PATH},
                {"symbol": "blend_add"},
            ]
        )
    )["key"]

    ticket = await api.get(f"/tickets/{key}?include=source", as_="ron")

    assert "source" not in await api.get(f"/tickets/{key}")
    first, moved, elsewhere, beyond = ticket["source"]
    assert [one["location"] for one in ticket["source"]] == [
        place["id"] for place in ticket["locations"][:4]
    ]
    every = FILE.read_text().splitlines()
    assert (first["excerpt"]["start"], first["excerpt"]["lines"]) == (54, every[53:66])
    assert (moved["excerpt"]["path"], moved["excerpt"]["start"]) == (PATH, 1)
    assert elsewhere["excerpt"] is None
    assert "outside" in elsewhere["reason"]
    assert str(len(every)) in beyond["reason"]


async def test_an_unknown_part_to_include_is_refused(api: Api) -> None:
    key = (await api.file())["key"]

    await api.call("GET", f"/tickets/{key}?include=sauce", expect=422)
