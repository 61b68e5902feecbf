"""How long declared packages take, beside pytest started cold by their interpreter, in one run.

``python benchmarks/targets.py [--rounds N]``

Makes two projects, one whose environment has pytest and nothing else, one that imports torch (by
this interpreter), and starts services of its own. Measures: from ``findings target add`` to the
first proof; later checks from trigger to finished over HTTP, of the same package and of one just
edited, against ``python -m pytest -q FILE``; and the start of the service with twenty targets
against the start with none. Results are never reused. Medians; absolute times drift, ratios hold.
What is aimed at stands beside each figure.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from tests.support.environments import base_interpreters, make_environment  # noqa: E402  # see above
from tests.support.service import Service, start  # noqa: E402  # see above
from tests.support.target import write_files  # noqa: E402  # see above

FILE = "tests/test_scale.py"
NODE = f"{FILE}::test_scale_uses_its_factor"
SOUND = "def scale(value, factor):\n    return value * factor\n"
TEST = """\
from {name}.scaling import scale


def test_scale_uses_its_factor():
    assert scale(2, 3) == 6


def test_scale_by_one():
    assert scale(2, 1) == 2
"""
DEFECT = """\
--- a/{name}/scaling.py
+++ b/{name}/scaling.py
@@ -{line},2 +{line},2 @@
 def scale(value, factor):
-    return value * factor
+    return value
"""
MANY = 20


@dataclass(frozen=True)
class Made:
    """A project that was made to be measured."""

    name: str
    root: Path
    python: Path
    head: str = ""

    def write(self, more: str = "") -> None:
        """Write its package and suite; `more` stands at the package's end."""
        files = {
            f"{self.name}/__init__.py": "",
            f"{self.name}/scaling.py": self.head + SOUND + more,
            FILE: TEST.format(name=self.name),
        }
        write_files(self.root, files)

    @property
    def defect(self) -> str:
        """A patch that plants a defect."""
        return DEFECT.format(name=self.name, line=1 + self.head.count("\n"))

    def cold(self) -> float:
        """Return the seconds that pytest takes when it is started for these tests."""
        command = [str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", FILE]
        started = time.perf_counter()
        subprocess.run(command, cwd=self.root, check=True, capture_output=True)
        return time.perf_counter() - started


def finished(client: httpx.Client, key: str, kind: str) -> None:
    """Have a run of a ticket and wait for its end."""
    body = {"kind": kind, "force": True}
    run = client.post(f"/tickets/{key}/runs", json=body).raise_for_status().json()["id"]
    found = client.get(f"/runs/{run}", params={"wait": 60}).raise_for_status().json()
    assert found["outcome"] in ("passed", "proven"), found


def file(client: httpx.Client, made: Made) -> str:
    """File a ticket of a target, with test and defect, and return its key."""
    body = {
        "title": f"{made.name} ignores its factor",
        "severity": "P2",
        "batch": 1,
        "agent": "drl",
        "summary": "It returns its input.",
        "domains": [made.name],
    }
    key = str(client.post("/tickets", json=body).raise_for_status().json()["key"])
    client.post(f"/tickets/{key}/tests", json={"node_id": NODE}).raise_for_status()
    patch = {"content": made.defect, "headers": {"Content-Type": "text/x-diff"}}
    client.put(f"/tickets/{key}/patches/defect", **patch).raise_for_status()
    return key


def first_proof(service: Service, client: httpx.Client, made: Made) -> tuple[float, str]:
    """Return the seconds from ``target add`` to the first proof, and the ticket's key."""
    command = [sys.executable, "-m", "app.cli", "target", "add", str(made.root)]
    options = ["--python", str(made.python)]
    started = time.perf_counter()
    environment = {**service.environment(), "FINDINGS_DATA_DIR": str(service.data_dir)}
    subprocess.run([*command, *options], env=environment, check=True, capture_output=True)
    while client.get(f"/targets/{made.name}").status_code != 200:
        time.sleep(0.05)
    key = file(client, made)
    finished(client, key, "proof")
    return time.perf_counter() - started, key


def median(rounds: int, measure: Callable[[int], float]) -> float:
    """Return the median of so many measurements, after one that does not count."""
    return statistics.median([measure(number) for number in range(rounds + 1)][1:])


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def started_with(folder: Path, targets: str) -> float:
    """Return the seconds until a service with these targets is ready, its database being there."""
    times = []
    for number in range(3):
        write_files(folder, {"targets.toml": targets if number else ""})
        began = time.perf_counter()
        service = start(folder, {"FINDINGS_LOG_LEVEL": "error"}, name=f"start{number}")
        times.append(time.perf_counter() - began)
        service.process.terminate()
        service.process.wait()
    return times[1]  # then they are seen for the first time, and no suite is collected yet


def told(what: str, figure: str, aim: str) -> None:
    """Print a row."""
    print(f"{what:<58}{figure:>12}   {aim}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="fnd-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        plain = make_environment(folder / "env", base_interpreters()[0])
        projects = [
            (Made("plainly", folder / "plainly", plain), 6),
            (Made("tensors", folder / "tensors", Path(sys.executable), "import torch\n\n\n"), 20),
        ]
        data = folder / "data"
        data.mkdir()
        service = start(data, {"FINDINGS_LOG_LEVEL": "error"})
        with service.client() as client:
            for made, aim in projects:
                measured(service, client, made, aim, rounds)
        service.process.terminate()
        service.process.wait()
        starts(folder, plain)


def measured(service: Service, client: httpx.Client, made: Made, aim: int, rounds: int) -> None:
    """Measure one project."""
    made.write()
    seconds, key = first_proof(service, client, made)
    told(f"{made.name}: target add to the first proof", f"{seconds:.2f} s", "at most 10 s")
    cold = median(rounds, lambda _: made.cold())
    told(f"{made.name}: pytest, started cold", f"{cold * 1000:.0f} ms", "")
    again = median(rounds, lambda _: timed(lambda: finished(client, key, "check")))
    told(
        f"{made.name}: a later check, times as fast",
        f"{cold / again:.1f}",
        f"at least {aim} ({again * 1000:.0f} ms)",
    )

    def edited(number: int) -> float:
        made.write(f"\n\n# Edit {number}.\n")
        return timed(lambda: finished(client, key, "check"))

    after = median(rounds, edited)
    told(
        f"{made.name}: of a package just edited, times as fast",
        f"{cold / after:.1f}",
        f"({after * 1000:.0f} ms)",
    )


def starts(folder: Path, python: Path) -> None:
    """Measure the start of the service with twenty targets, and with none."""
    entries = []
    for number in range(MANY):
        made = Made(f"many{number}", folder / f"many{number}", python)
        made.write()
        entries.append(
            f'[[target]]\nname = "{made.name}"\nroot = "{made.root}"\npackages = ["{made.name}"]\n'
            f'suite = "tests"\npython = "{python}"\n'
        )
    times = []
    for label, targets in (("none", ""), ("many", "\n".join(entries))):
        data = folder / label
        data.mkdir()
        times.append(started_with(data, targets))
    none, many = times
    told(f"start with {MANY} targets, later than with none", f"{many - none:.2f} s", "at most 1 s")
    told("start with none", f"{none:.2f} s", "")


if __name__ == "__main__":
    main()
