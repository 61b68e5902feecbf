"""A small package with a suite, a service that runs its tests, and short ways to ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.api import Api
from tests.support.target import SUITE, diff_of, package_files, write_target

SOUND = "def scale(value, factor):\n    return value * factor\n"
DEFECTIVE = SOUND.replace("value * factor", "value")
PACKAGE = {"__init__.py": "", "scaling.py": SOUND}
STEADY = """\
from kasmina.scaling import scale


def test_scale_uses_its_factor():
    assert scale(2, 3) == 6
"""
PLAIN = """\
def test_first():
    assert True


def test_second():
    assert True
"""
FILES = {"test_plain.py": PLAIN, "test_scale.py": STEADY}


@dataclass(frozen=True)
class Bench:
    """Files tickets about the package and runs their tests."""

    api: Api
    folder: Path

    async def reset(self) -> None:
        """Package and suite as they were first, and the catalogue in step."""
        for path in (self.folder / SUITE).glob("*.py"):
            path.unlink()
        write_target(self.folder, PACKAGE, FILES)
        await self.sync()

    async def lay(self, files: Mapping[str, str]) -> list[str]:
        """Write test files into the suite; returns what a sync warns of."""
        write_target(self.folder, {}, files)
        return await self.sync()

    async def sync(self) -> list[str]:
        """Bring the catalogue in step; returns the warnings."""
        answer = await self.api.call("POST", "/tests/sync", expect=200)
        return [str(warning) for warning in answer.json()["warnings"]]

    async def submit(
        self, source: str, filename: str = "test_case.py", *, status: int = 201
    ) -> tuple[str, dict[str, Any]]:
        """File a ticket and hand in a test file for it; returns its key and the answer."""
        key = str((await self.api.file())["key"])
        return key, await self.add(key, source, filename, status=status)

    async def add(
        self, key: str, source: str, filename: str, *, status: int = 201
    ) -> dict[str, Any]:
        """Hand in a test file for a ticket that is there; returns the answer."""
        body = {"filename": filename, "source": source}
        answer = await self.api.call("POST", f"/tickets/{key}/tests", json=body, expect=status)
        found: dict[str, Any] = answer.json()
        return found

    async def link(self, *node_ids: str) -> str:
        """File a ticket linked with tests of the suite; returns its key."""
        key = str((await self.api.file())["key"])
        for node_id in node_ids:
            body = {"node_id": f"{SUITE}/{node_id}"}
            await self.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
        return key

    async def plant(self, key: str, defective: str = DEFECTIVE) -> None:
        """Put a patch that plants a defect on a ticket."""
        sound = package_files(self.folder)
        await self.api.call(
            "PUT",
            f"/tickets/{key}/patches/defect",
            content=diff_of(sound, {**sound, "kasmina/scaling.py": defective}),
            headers={"Content-Type": "text/x-diff"},
            expect=201,
        )

    async def run(self, key: str, kind: str, **body: Any) -> dict[str, Any]:
        """Trigger a run and wait for its end."""
        asked = {"kind": kind, **body}
        answer = await self.api.call("POST", f"/tickets/{key}/runs", json=asked, expect=202)
        found: dict[str, Any] = await self.api.get(f"/runs/{answer.json()['id']}?wait=60")
        assert found["status"] == "finished", found
        return found

    async def check(self, source: str) -> dict[str, Any]:
        """Hand in a test file and check it on the sound package."""
        key, _ = await self.submit(source)
        return await self.run(key, "check")

    async def prove(self, source: str, defective: str = DEFECTIVE) -> dict[str, Any]:
        """Hand in a test file, prove it against a planted defect, and take it away.

        Left there it would count among the others of each later proof.
        """
        key, answer = await self.submit(source)
        await self.plant(key, defective)
        run = await self.run(key, "proof")
        await self.api.call("DELETE", f"/tickets/{key}/tests/{answer['id']}", expect=204)
        return run

    async def state(self, key: str) -> str:
        """The state of a ticket's evidence."""
        return str((await self.api.get(f"/tickets/{key}"))["evidence"]["state"])


def results(
    run: Mapping[str, Any], arm: str = "bundled", test: str = ""
) -> Sequence[dict[str, Any]]:
    """The results of one arm of a run, of the tests whose name ends so."""
    (found,) = [one for one in run["arms"] if one["name"] == arm]
    return [result for result in found["results"] if result["node_id"].endswith(test)]
