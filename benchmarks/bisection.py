"""How long a bisection takes beside ``git bisect run``, on the same history, in one run.

``python benchmarks/bisection.py [--commits 1000] [--rounds 2]``

The history is made on the spot: each commit changes the package, one brings a defect in. Two
packages: one imports torch, one does not. ``git bisect run python -m pytest FILE -q -x`` uses the
same interpreter in a work tree of its own. The service is asked over HTTP, with both ends named;
"again" is a second ticket with the same test over the same range. Ratios hold, times drift.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from tests.support.repositories import MadeRepository  # noqa: E402  # see above
from tests.support.service import start, stop  # noqa: E402

PLAIN = "def scale(value, factor):\n    return {body}\n"
TORCH = "import torch\n\n\ndef scale(value, factor):\n    return torch.as_tensor({body}).item()\n"
TESTS = """\
import pytest
from {name}.scaling import scale


@pytest.mark.finding({keys})
def test_scale_uses_its_factor():
    assert scale(2.0, 3.0) == 6.0
"""
DECLARED = """\
[[target]]
name = "{name}"
root = "{name}.git"
revision = "main"
packages = ["{name}"]
suite = "tests/findings"
domains = ["{name}"]

"""


_GIT = shutil.which("git") or "git"


class Yard:
    """One history, and the commit that brings the defect in."""

    def __init__(self, folder: Path, name: str, batch: int, source: str, commits: int) -> None:
        self.name = name
        self.folder = folder
        self.culprit = commits * 5 // 8
        self.keys = [f"B{batch}-DRL-0{number}" for number in (1, 2)]
        made = MadeRepository(folder / f"{name}.git")
        tests = {"tests/findings/test_scale.py": TESTS.format(name=name, keys=str(self.keys)[1:-1])}
        ids = []
        for number in range(commits):
            body = "value" if number >= self.culprit else "value * factor"
            files = {
                f"{name}/__init__.py": "",
                f"{name}/scaling.py": f"NUMBER = {number}\n" + source.format(body=body),
            }
            files = files if number else {**files, **tests}
            ids.append(made.commit(files, message=f"Step {number}"))
        self.first, self.last, self.right = ids[0], ids[-1], ids[self.culprit]

    def by_git(self) -> float:
        """Return the seconds that ``git bisect run`` takes; it must find the commit."""
        tree = self.folder / f"{self.name}-tree"
        if not tree.exists():
            _git(self.folder, "clone", "-q", str(self.folder / f"{self.name}.git"), str(tree))
        _git(tree, "bisect", "start", self.last, self.first)
        file = "tests/findings/test_scale.py"
        command = [sys.executable, "-m", "pytest", file, "-q", "-x", "-p", "no:cacheprovider"]
        started = time.perf_counter()
        said = _git(tree, "bisect", "run", *command)
        took = time.perf_counter() - started
        _git(tree, "bisect", "reset")
        assert f"{self.right} is the first bad commit" in said, said[-500:]
        return took

    def by_service(self, client: httpx.Client, key: str) -> tuple[float, int]:
        """Return the seconds and the runs that the service takes."""
        body = {"direction": "introduced", "from": self.first, "to": self.last}
        started = time.perf_counter()
        answer = client.post(f"/tickets/{key}/bisections", json=body)
        assert answer.is_success, answer.text[:500]
        path = f"/bisections/{answer.json()['id']}"
        while True:
            found = client.get(path, params={"wait": 60}).raise_for_status().json()
            if found["status"] == "finished":
                break
        took = time.perf_counter() - started
        assert (found["outcome"], found["first"]) == ("exact", self.right), found["reason"]
        return took, found["runs"]


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        [_GIT, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"git {arguments[0]} {arguments[1]}: {done.stderr[-500:]}")
    return done.stdout


@contextmanager
def served(folder: Path, yards: list[Yard]) -> Iterator[httpx.Client]:
    """The service with one target for each history, and two tickets for each."""
    (folder / "targets.toml").write_text("".join(DECLARED.format(name=y.name) for y in yards))
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        settings = {
            "FINDINGS_TARGETS": str(folder / "targets.toml"),
            "FINDINGS_LOG_LEVEL": "warning",
        }
        service = start(data, settings)
        stack.callback(stop, service)
        yield stack.enter_context(service.client())


def main(commits: int, rounds: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        yards = [
            Yard(folder, "heavy", 7, TORCH, commits),
            Yard(folder, "light", 8, PLAIN, commits),
        ]
        print(f"{commits} commits\n")
        print("| package | git | service | times faster | again | times faster | runs (most) |")
        print("|---|---|---|---|---|---|---|")
        for number in range(rounds):
            with served(folder, yards) as client:
                for yard in yards:
                    client.post(f"/targets/{yard.name}/sync").raise_for_status()
                    for key in yard.keys:
                        _file(client, key, yard.name)
                    git = yard.by_git()
                    first, runs = yard.by_service(client, yard.keys[0])
                    again, _ = yard.by_service(client, yard.keys[1])
                    most = math.floor(math.log2(commits)) + 6
                    cells = (
                        f"{yard.name}, {number + 1}",
                        f"{git:.1f} s",
                        f"{first:.2f} s",
                        f"{git / first:.1f}",
                        f"{again:.3f} s",
                        f"{git / again:.0f}",
                        f"{runs} ({most})",
                    )
                    print(f"| {' | '.join(cells)} |", flush=True)


def _file(client: httpx.Client, key: str, domain: str) -> None:
    body = {
        "key": key,
        "title": f"Scaling {key} forgets its factor",
        "severity": "P3",
        "batch": int(key[1]),
        "agent": "drl",
        "summary": "The factor is left out.",
        "domains": [domain],
    }
    client.post("/tickets", json=body).raise_for_status()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    main(chosen.commits, chosen.rounds)
