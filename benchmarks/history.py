"""What history costs: arms of many revisions, a proof from two commits, and sweeps.

``python benchmarks/history.py [--rounds N]``

Measures, each beside what it is compared with in the same run: a store of arms for a thousand
revisions of 300 files, ten of which change each time; a proof from history of two new revisions of
a package that imports torch, against two cold pytests in two work trees; a sweep of all shipped
findings against one caged arm of the whole suite; and the seconds from a change of the package to
the reopened ticket. Medians; absolute times drift, ratios hold.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from app.domain.targets import Target, TargetFiles  # noqa: E402  # see above
from app.sandbox.arms import ArmStore  # noqa: E402  # see above
from app.sandbox.interface import ArmRequest, SandboxMode  # noqa: E402  # see above
from app.sandbox.zygote import ZygoteSandbox  # noqa: E402  # see above
from tests.support.repositories import MadeRepository  # noqa: E402  # see above
from tests.support.service import start, stop  # noqa: E402  # see above
from tests.support.target import apply_patch, copy_target, defect, write_files  # noqa: E402

REVISIONS, FILES, CHANGED = 1000, 300, 10
TEST = "import pytest\nfrom deep.ops import scale\n\n\n@pytest.mark.finding('B1-DRL-01')\n" + (
    "def test_scale():\n    assert scale(2, 3) == 6\n"
)
ENTRY = """\
[[target]]
name = "deep"
root = "deep.git"
revision = "main"
packages = ["deep"]
suite = "tests"
"""


def told(what: str, figure: str, aim: str) -> None:
    """Print a row."""
    print(f"{what:<62}{figure:>10}   {aim}", flush=True)


def store_of_arms(folder: Path) -> None:
    """Prepare an arm of each of many revisions."""
    target = Target("many", folder, packages=("pack",), suites=("tests",))
    store = ArmStore(folder / "arms")
    files = {f"pack/m{n}.py": _text(n, 0) for n in range(FILES)}
    changed = sum(map(len, files.values()))
    most, began = 0, time.perf_counter()
    for revision in range(REVISIONS):
        for n in range(CHANGED):
            path = f"pack/m{(revision * CHANGED + n) % FILES}.py"
            files[path] = _text(n, revision + 1)
            changed += len(files[path])
        read = TargetFiles(dict(files), {"tests/test_a.py": b""}, {})
        store.prepare(target, read=read)
        most = max(most, sum(1 for one in (folder / "arms").iterdir()))
    seconds = time.perf_counter() - began
    seen: dict[int, int] = {}
    for top in ("arms", "arms.contents"):
        for path in (folder / top).rglob("*"):
            stat = path.lstat()
            seen[stat.st_ino] = stat.st_size
    told(f"{REVISIONS} revisions of {FILES} files, prepared", f"{seconds:.1f} s", "")
    told("on disk, of what changed", f"{sum(seen.values()) / changed:.2f} x", "at most 1.5")
    told("arms at a time", str(most), "at most 64")


def _text(number: int, revision: int) -> bytes:
    return f"# {number} {revision}\n".encode() + b"VALUE = 1  # of a module\n" * 120


def package(sound: bool, number: int) -> dict[str, str]:
    """A package that imports torch, another one each time."""
    body = "value * factor" if sound else "value"
    text = f"import torch\n\nN = {number}\n\n\ndef scale(value, factor):\n    return {body}\n"
    return {"deep/__init__.py": "", "deep/ops.py": text}


def cold(folder: Path, files: Mapping[str, str]) -> float:
    """Return the seconds of a pytest that is started for the test, in a work tree."""
    write_files(folder, {**files, "tests/test_ops.py": TEST})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    began = time.perf_counter()
    subprocess.run(
        [*command, "-o", "pythonpath=.", "tests"], cwd=folder, check=False, capture_output=True
    )
    return time.perf_counter() - began


def waited(client: httpx.Client, path: str) -> dict[str, Any]:
    """Return a run or sweep that has ended."""
    while True:
        found: dict[str, Any] = client.get(path, params={"wait": 30}).raise_for_status().json()
        if found["status"] in ("finished", "cancelled"):
            return found


def proof(client: httpx.Client, made: MadeRepository, folder: Path, rounds: int) -> None:
    """Measure proofs of two revisions that nobody has run before."""
    client.post("/tickets", json=_ticket("B1-DRL-01", "deep")).raise_for_status()
    ours, theirs = [], []
    for number in range(rounds + 1):
        before = made.commit(package(False, number))
        after = made.commit(package(True, number))
        client.post("/targets/deep/sync").raise_for_status()
        began = time.perf_counter()
        body = {"kind": "proof", "before": before, "after": after, "force": True}
        asked = client.post("/tickets/B1-DRL-01/runs", json=body).raise_for_status().json()
        found = waited(client, f"/runs/{asked['id']}")
        ours.append(time.perf_counter() - began)
        assert found["outcome"] == "proven", found["reason"]
        trees = (package(False, number), package(True, number))
        theirs.append(sum(cold(folder / f"{number}-{n}", tree) for n, tree in enumerate(trees)))
    quick, slow = statistics.median(ours[1:]), statistics.median(theirs[1:])
    told("proof from history, package with torch", f"{quick * 1000:.0f} ms", "")
    told("times as fast as two cold pytests", f"{slow / quick:.1f}", "at least 8")


def _ticket(key: str, domain: str) -> dict[str, Any]:
    text = {"title": f"What {key} says", "summary": "It is wrong.", "severity": "P2"}
    return {**text, "batch": 1, "agent": "drl", "domains": [domain], "key": key}


def sweeps(client: httpx.Client, root: Path, rounds: int) -> None:
    """Measure a sweep of all shipped findings, and how soon a ticket is opened again."""
    tests = client.get("/tests", params={"limit": 200}).raise_for_status().json()["items"]
    for key in sorted({key for test in tests for key in test["findings"]}):
        client.post("/tickets", json=_ticket(key, "kasmina")).raise_for_status()
        body = {"to": "closed", "resolution": "fixed", "override": True, "reason": "Measured."}
        client.post(f"/tickets/{key}/transitions", json=body).raise_for_status()
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        asked = client.post("/sweeps", json={"target": "kasmina"}).raise_for_status().json()
        found = waited(client, f"/sweeps/{asked['id']}")
        took.append(time.perf_counter() - began)
        assert not found["counts"]["regressed"], found
    arm = asyncio.run(one_arm(root, rounds))
    sweep = statistics.median(took[1:])
    told(f"sweep of {found['tickets']} tickets, {found['tests']} tests", f"{sweep:.2f} s", "")
    told("times one caged arm of the whole suite", f"{sweep / arm:.2f}", "at most 1.5")
    apply_patch(root, defect("B2-DRL-10"))
    began = time.perf_counter()
    while client.get("/tickets/B2-DRL-10").json()["status"] == "closed":
        time.sleep(0.05)
    told("change of the package to reopened", f"{time.perf_counter() - began:.1f} s", "at most 10")


async def one_arm(root: Path, rounds: int) -> float:
    """Return the seconds of the whole suite in one arm."""
    with tempfile.TemporaryDirectory(prefix="fnd-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240  # nothing else goes on
        (folder / "scratch").mkdir(mode=0o711)
        sandbox = ZygoteSandbox(folder / "scratch", SandboxMode.RELAXED)
        try:
            await sandbox.warm()
            arm = ArmStore(folder / "arms").prepare(Target("kasmina", root))
            times = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                await sandbox.run(ArmRequest(arm, ()))
                times.append(time.perf_counter() - began)
        finally:
            await sandbox.close()
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="fnd-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "store").mkdir()
        store_of_arms(folder / "store")
        made = MadeRepository(folder / "deep.git")
        made.commit({**package(True, -1), "tests/test_ops.py": TEST})
        root = folder / "kasmina"
        root.mkdir()
        copy_target(root)
        write_files(folder, {"targets.toml": ENTRY})
        data = folder / "data"
        data.mkdir()
        settings = {
            "FINDINGS_LOG_LEVEL": "error",
            "FINDINGS_TARGETS": str(folder / "targets.toml"),
            "FINDINGS_TARGET_ROOT": str(root),
        }
        service = start(data, settings)
        try:
            with service.client() as client:
                proof(client, made, folder / "trees", rounds)
                sweeps(client, root, rounds)
        finally:
            stop(service)


if __name__ == "__main__":
    main()
