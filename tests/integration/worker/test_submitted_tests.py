"""Tests that clients hand in: from a finding filed today to a proof, without touching the suite."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

DEFECTIVE = '''\
"""Scaling."""


def scale(value: float, factor: float) -> float:
    """Scale a value."""
    return value
'''
SOUND = DEFECTIVE.replace("return value\n", "return value * factor\n")
TEST = '''\
"""Scaling uses its factor."""

from kasmina.scaling import scale


def test_scale_uses_its_factor():
    assert scale(2.0, 3.0) == 6.0
'''


MANY = """\
import pytest


@pytest.mark.parametrize("n", range(5001))
def test_x(n):
    assert n
"""


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A copy of the package with a defect of its own, beside a suite that knows nothing of it."""
    with short_directory() as folder:
        shutil.copytree(PROJECT_ROOT / "kasmina", folder / "kasmina")
        (folder / "kasmina" / "scaling.py").write_text(DEFECTIVE)
        suite = folder / "tests" / "verification"
        suite.mkdir(parents=True)
        for name in ("conftest.py", "test_b2_cr_10.py"):
            shutil.copy(PROJECT_ROOT / "tests" / "verification" / name, suite)
        yield folder


@pytest.fixture(scope="module")
async def api(module_database: str, project: Path, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared, workers=1, target_root=project) as found:
        yield found


async def _run(api: Api, key: str, kind: str) -> dict[str, object]:
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": kind}, expect=202)
    found: dict[str, object] = await api.get(f"/runs/{answer.json()['id']}?wait=60")
    return found


async def _state(api: Api, key: str) -> str:
    return str((await api.get(f"/tickets/{key}"))["evidence"]["state"])


def _fix() -> str:
    return "".join(
        difflib.unified_diff(
            DEFECTIVE.splitlines(keepends=True),
            SOUND.splitlines(keepends=True),
            "a/kasmina/scaling.py",
            "b/kasmina/scaling.py",
        )
    )


async def test_a_finding_of_today_is_reproduced_then_fix_ready_then_proven(
    api: Api, project: Path
) -> None:
    key = (await api.file(title="scale ignores its factor"))["key"]
    submitted = await api.call(
        "POST",
        f"/tickets/{key}/tests",
        json={"filename": "test_scale.py", "source": TEST},
        expect=201,
    )
    assert submitted.json()["origin"] == "submitted"

    check = await _run(api, key, "check")
    assert (check["outcome"], await _state(api, key)) == ("failed", "reproduced")

    await api.call(
        "PUT",
        f"/tickets/{key}/patches/fix",
        content=_fix(),
        headers={"Content-Type": "text/x-diff"},
        expect=201,
    )
    ready = await _run(api, key, "proof")
    assert (ready["outcome"], await _state(api, key)) == ("proven", "fix-ready")

    (project / "kasmina" / "scaling.py").write_text(SOUND)
    landed = await _run(api, key, "proof")
    arms = [arm["name"] + ("-fix" if arm["patch"] else "") for arm in landed["arms"]]  # type: ignore[attr-defined]

    assert (landed["outcome"], await _state(api, key)) == ("proven", "proven")
    assert arms == ["before-fix", "after"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def test_x(:\n    pass\n", "line 1"),
        ("x = 1\n", "no test"),
        ("import no_such_module\n\n\ndef test_x():\n    assert True\n", "no_such_module"),
        (f"x = {'-' * 8000}1\n", "nested too deeply"),
        (f"x = 1{'+x' * 30_000}\n", "recursion"),
        (f"def test_x(:\n    pass\n#{'x' * 9000}\n", "line 1"),
        (MANY, "5,001 tests"),
    ],
    ids=("syntax", "none", "import", "deep", "long and deep", "long", "many"),
)
async def test_a_file_that_holds_no_usable_test_is_refused(
    api: Api, source: str, reason: str
) -> None:
    key = (await api.file())["key"]

    answer = await api.call(
        "POST",
        f"/tickets/{key}/tests",
        json={"filename": "test_x.py", "source": source},
        expect=422,
    )

    assert reason in answer.json()["detail"]
    assert (await api.get(f"/tickets/{key}/tests"))["items"] == []


@pytest.mark.parametrize(
    "filename", ["../test_x.py", "x.py", "test_X.py", "test_x.py\u0000", "conftest.py"]
)
async def test_a_file_name_that_leaves_its_place_is_refused(api: Api, filename: str) -> None:
    key = (await api.file())["key"]

    await api.call(
        "POST",
        f"/tickets/{key}/tests",
        json={"filename": filename, "source": TEST},
        expect=422,
    )


async def test_a_submitted_file_can_be_replaced_and_taken_away(api: Api) -> None:
    key = (await api.file())["key"]
    body = {"filename": "test_x.py", "source": "def test_one():\n    assert True\n"}
    first = (await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)).json()
    body["source"] = "def test_two():\n    assert True\n"
    await api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)

    (link,) = (await api.get(f"/tickets/{key}/tests"))["items"]
    assert link["node_id"].endswith("::test_two")
    assert link["id"] == first["id"]

    await api.call("DELETE", f"/tickets/{key}/tests/{link['id']}", expect=204)
    assert (await api.get(f"/tickets/{key}/tests"))["items"] == []
