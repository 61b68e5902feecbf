"""How long proofs and checks take over HTTP beside another version of the service.

``python benchmarks/proofs.py --beside DIR [--rounds N] [--parameters N]``

`DIR` is another work tree, such as ``git worktree add DIR COMMIT``. Both versions serve at once and
take turns at each measurement, so what else the machine does falls on both alike. Results are never
reused (``force``). Between two "first" runs others run, so that no arm is parked; "again" follows
at once on the same. Medians of the ratios of neighbours; absolute times drift, ratios hold.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from tests.support.service import Service, start, stop  # noqa: E402  # see above

ONE_TEST = ("B2-CR-01", "B2-CR-04", "B2-DRL-02", "B2-DRL-03", "B2-DRL-07")
THREE_TESTS = ("B2-DRL-10", "B2-PT-01")
MANY = "B9-CR-01"
PARAMETERS = '''"""Many parameters."""
import pytest
import torch
from kasmina import blend_ops


@pytest.mark.parametrize("number", range({count}))
def test_many(number):
    host, seed = torch.full((2,), 1.0 + number), torch.full((2,), 2.0)
    assert torch.equal(blend_ops.{call}, {right})
'''


class Version:
    """One version of the service, from outside."""

    def __init__(self, client: httpx.Client, code: Path) -> None:
        """Ask it by `client`; the defects are those of the package in the work tree `code`."""
        self.client = client
        self._defects = code / "tests" / "verification" / "defects"

    def file(self, key: str) -> None:
        """File a ticket whose tests the suite ships, with its defects."""
        body = {
            "key": key,
            "title": f"What {key} says",
            "severity": "P3",
            "batch": 2,
            "agent": "cr",
            "summary": "As the suite's tests show.",
            "domains": ["kasmina"],
        }
        self.client.post("/tickets", json=body).raise_for_status()
        for path in sorted(self._defects.glob(f"{key}*.patch")):
            number = path.stem.removeprefix(key)
            answer = self.client.put(
                f"/tickets/{key}/patches/defect{number}",
                content=path.read_bytes(),
                headers={"Content-Type": "text/x-diff"},
            )
            answer.raise_for_status()

    def submit(self, key: str, source: str) -> None:
        """Hand in a test file."""
        body = {"source": source, "filename": "test_many.py"}
        answer = self.client.post(f"/tickets/{key}/tests", json=body)
        assert answer.is_success, answer.text[:500]

    def run(self, key: str, kind: str) -> float:
        """Return the seconds from trigger to finished of a run."""
        started = time.perf_counter()
        body = {"kind": kind, "force": True}
        answer = self.client.post(f"/tickets/{key}/runs", json=body)
        assert answer.is_success, answer.text[:500]
        run = answer.json()["id"]
        while True:
            found = self.client.get(f"/runs/{run}", params={"wait": 60}).raise_for_status().json()
            if found["status"] == "finished":
                assert found["outcome"] in ("passed", "proven", "cannot-fail"), found["reason"][
                    :300
                ]
                return time.perf_counter() - started


Measure = Callable[[Version, int], float]


def first(kind: str, keys: Sequence[str]) -> Measure:
    """A run of arms that are not parked: others ran in between."""

    def measure(version: Version, number: int) -> float:
        for key in ONE_TEST:
            if key not in keys:
                version.run(key, "check")
        return version.run(keys[number % len(keys)], kind)

    return measure


def again(kind: str, key: str) -> Measure:
    """A run of arms that ran a moment ago."""

    def measure(version: Version, _number: int) -> float:
        version.run(key, kind)
        return version.run(key, kind)

    return measure


def compare(versions: Sequence[Version], measure: Measure, rounds: int) -> tuple[float, float]:
    """Return the median seconds of this version, and how many times faster than the other."""
    here, ratios = [], []
    for number in range(rounds + 1):
        # Whoever begins changes, for what it leaves in caches falls on the other.
        order = versions if number % 2 else versions[::-1]
        took = {id(version): measure(version, number) for version in order}
        if number:
            here.append(took[id(versions[0])])
            ratios.append(took[id(versions[1])] / took[id(versions[0])])
    return statistics.median(here), statistics.median(ratios)


def slowest_answer(version: Version, during: Callable[[], object]) -> float:
    """Return the longest that ``/healthz`` took while `during` went on, in seconds."""
    slowest = 0.0
    over = threading.Event()
    url = str(version.client.base_url).partition("/api/")[0]

    def ask() -> None:
        nonlocal slowest
        with httpx.Client() as client:
            while not over.is_set():
                started = time.perf_counter()
                client.get(f"{url}/healthz", timeout=60)
                slowest = max(slowest, time.perf_counter() - started)
                over.wait(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        during()
    finally:
        over.set()
        thread.join()
    return slowest


@contextmanager
def served(code: Path) -> Iterator[Version]:
    """A version of the service for the length of the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp"))
        python = code / ".venv" / "bin" / "python"
        service: Service = start(
            Path(folder),
            {"FINDINGS_LOG_LEVEL": "warning"},
            python=python if python.exists() else sys.executable,
            code=code,
        )
        stack.callback(stop, service)
        yield Version(stack.enter_context(service.client()), code)


def main(beside: Path, rounds: int, parameters: int) -> None:
    """Measure everything and print the table."""
    with served(PROJECT) as here, served(beside) as there:
        versions = (here, there)
        for version in versions:
            for key in (*ONE_TEST, *THREE_TESTS):
                version.file(key)
        print("| what | here | times faster | aim |\n|---|---|---|---|")
        for what, aim, measure in (
            ("proof, one test and two arms, first", "≥ 2", first("proof", ONE_TEST)),
            ("proof, three tests and four arms, first", "≥ 1.5", first("proof", THREE_TESTS)),
            ("proof, one test and two arms, again", "≥ 3", again("proof", ONE_TEST[0])),
            ("check, first", "≥ 1", first("check", THREE_TESTS)),
            ("check, again", "≥ 1.5", again("check", THREE_TESTS[0])),
        ):
            seconds, ratio = compare(versions, measure, rounds)
            print(f"| {what} | {seconds * 1000:.0f} ms | {ratio:.2f} | {aim} |", flush=True)
        if parameters:
            many(versions, parameters)


def many(versions: Sequence[Version], parameters: int) -> None:
    """Measure a proof of one test with many parameters, and who waits for it."""
    source = PARAMETERS.format(
        count=parameters,
        call="blend_add(host, seed, torch.tensor(0.5))",
        right="torch.lerp(host, seed, 0.5)",
    )
    for version in versions:
        version.file("B2-CR-10")
        version.submit("B2-CR-10", source)
    slow = 0.0

    def measure(version: Version, _number: int) -> float:
        nonlocal slow
        took: list[float] = []
        waited = slowest_answer(version, lambda: took.append(version.run("B2-CR-10", "proof")))
        if version is versions[0]:
            slow = max(slow, waited)
        return took[0]

    seconds, ratio = compare(versions, measure, 2)
    what = f"proof of {parameters} parameters"
    print(f"| {what} | {seconds * 1000:.0f} ms | {ratio:.2f} | ≥ 5 |", flush=True)
    print(f"| … longest wait of another request | {slow * 1000:.0f} ms | | ≤ 200 ms |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parameters", type=int, default=500)
    chosen = parser.parse_args()
    main(chosen.beside, chosen.rounds, chosen.parameters)
