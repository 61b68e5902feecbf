"""What happens when a package or a suite changes, breaks, or prints what no database holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import PACKAGE, SUITE, diff_of, package_files, write_target

pytestmark = pytest.mark.anyio

SCALE = "def scale(value, factor):\n    return value\n"
SOUND = "def scale(value, factor):\n    return value * factor\n"
OTHER = "def other():\n    return 1\n"
TESTS = {
    "test_scale.py": """\
from kasmina.scaling import scale


def test_scale_uses_its_factor():
    assert scale(2, 3) == 6
""",
    "test_other.py": """\
from kasmina.others import other


def test_other():
    assert other() == 1
""",
    "test_noise.py": """\
import sys


def test_noise():
    print("printed \\0 and \\udc80 here")
    sys.stdout.buffer.write(b"bytes \\xff \\x00 end\\n")
    raise AssertionError("message \\0 and \\ud800 here")
""",
}


PACKAGE_FILES = {"__init__.py": "", "scaling.py": SCALE, "others.py": OTHER}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_directory() as found:
        yield write_target(found, PACKAGE_FILES, TESTS)


@pytest.fixture(scope="module")
async def service(module_database: str, folder: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared, workers=1, target_root=folder) as found:
        yield found


@pytest.fixture
def project(folder: Path) -> Path:
    """The package and its suite as they were written first."""
    for path in (folder / SUITE).glob("*.py"):
        path.unlink()
    return write_target(folder, PACKAGE_FILES, TESTS)


@pytest.fixture
async def api(service: Api, project: Path) -> Api:
    await service.call("POST", "/tests/sync", expect=200)
    return service


async def linked(api: Api, name: str) -> str:
    key = str((await api.file())["key"])
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": f"{SUITE}/{name}"}, expect=201)
    return key


async def run(api: Api, key: str, kind: str) -> dict[str, Any]:
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": kind}, expect=202)
    found: dict[str, Any] = await api.get(f"/runs/{answer.json()['id']}?wait=60")
    return found


async def evidence(api: Api, key: str) -> tuple[str, bool]:
    await api.call("POST", "/tests/sync", expect=200)
    shown = (await api.get(f"/tickets/{key}"))["evidence"]
    return shown["state"], shown["stale"]


async def test_evidence_is_stale_when_what_decided_it_changes(api: Api, project: Path) -> None:
    key = await linked(api, "test_other.py")
    assert (await run(api, key, "check"))["outcome"] == "passed"
    assert await evidence(api, key) == ("passing", False)

    write_target(project, {}, {"test_new.py": "def test_new():\n    pass\n"})
    assert await evidence(api, key) == ("passing", False)
    write_target(project, {}, {"test_scale.py": TESTS["test_scale.py"] + "\n\n# A remark.\n"})
    assert await evidence(api, key) == ("passing", False)

    for package, suite in (
        ({"scaling.py": SCALE + "# A remark.\n"}, {}),
        ({}, {"test_other.py": TESTS["test_other.py"] + "\n\n# A remark.\n"}),
        ({}, {"conftest.py": "# Shared by all tests.\n"}),
    ):
        write_target(project, package, suite)
        assert await evidence(api, key) == ("passing", True)
        sentence = (await api.get(f"/tickets/{key}"))["evidence"]["sentence"]
        assert sentence.endswith("run it again.")
        await run(api, key, "check")
        assert await evidence(api, key) == ("passing", False)


async def test_a_file_that_does_not_import_is_reported_and_the_rest_lives(
    api: Api, project: Path
) -> None:
    write_target(project, {}, {"test_torn.py": "import no_such_module\n"})

    report = (await api.call("POST", "/tests/sync", expect=200)).json()
    key = await linked(api, "test_other.py")
    found = await run(api, key, "check")

    (error,) = report["errors"]
    assert "test_torn.py" in error and "no_such_module" in error
    assert report["tests"] == len(TESTS)
    assert found["outcome"] == "passed"
    assert (await api.client.get("/readyz")).status_code == 200


async def test_a_suite_that_does_not_import_at_all_is_reported(api: Api, project: Path) -> None:
    key = await linked(api, "test_other.py")
    write_target(project, {}, {"conftest.py": "raise RuntimeError('torn')\n"})

    report = (await api.call("POST", "/tests/sync", expect=200)).json()

    assert report["errors"] and "torn" in report["errors"][0]
    assert (await api.get(f"/tickets/{key}"))["key"] == key
    write_target(project, {}, {"conftest.py": ""})
    assert (await api.call("POST", "/tests/sync", expect=200)).json()["errors"] == []
    assert (await run(api, key, "check"))["outcome"] == "passed"


async def test_a_package_that_does_not_import_shows_nothing(api: Api, project: Path) -> None:
    key = await linked(api, "test_other.py")
    write_target(project, {"others.py": "def other(:\n"}, {})

    found = await run(api, key, "check")

    assert found["outcome"] == "inconclusive", found
    assert await evidence(api, key) == ("unverified", False)


async def test_what_no_database_holds_is_stored_visibly(api: Api) -> None:
    found = await run(api, await linked(api, "test_noise.py"), "check")

    assert found["outcome"] == "failed", found
    (result,) = found["arms"][0]["results"]
    for name, before in (("stdout", "printed"), ("message", "message"), ("traceback", "message")):
        text = result[name]
        assert before in text and "here" in text, name
        assert "\0" not in text and text.encode(), name
    assert "end" in result["stdout"]
    again = await api.get(f"/runs/{found['id']}")
    assert again["arms"] == found["arms"]


async def test_a_fix_that_breaks_something_else_is_told(api: Api, project: Path) -> None:
    key = await linked(api, "test_scale.py")
    before = package_files(project)
    fix = {f"{PACKAGE}/scaling.py": SOUND, f"{PACKAGE}/others.py": OTHER.replace("1", "2")}
    await api.call(
        "PUT",
        f"/tickets/{key}/patches/fix",
        content=diff_of(before, {**before, **fix}),
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )

    found = await run(api, key, "proof")

    assert found["outcome"] == "breaks-others", found["reason"]
    assert found["also_broken"] == [f"{SUITE}/test_other.py::test_other"]
    shown = (await api.get(f"/tickets/{key}"))["evidence"]
    assert (shown["state"], shown["last_attempt"]["outcome"]) == ("unverified", "breaks-others")
