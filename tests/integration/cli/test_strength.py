"""``findings strength`` and ``findings mutant`` as they are typed, against a whole service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.diff_writer import turned_round
from tests.support.service import Service

DEFECTS = Path(__file__).parents[2] / "verification" / "defects"
TEST = "tests/verification/test_kas_27.py::test_straight_through_returns_the_host_bit_for_bit"


def findings(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env={**service.environment(), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def key(service: Service) -> str:
    """A ticket about a function, with a linked test that was checked."""
    with service.client() as client:
        body = {
            "title": "the bracket order loses bits",
            "severity": "P3",
            "batch": 92,
            "agent": "human",
            "summary": "It does.",
            "domains": ["kasmina"],
            "locations": [{"path": "kasmina/isolation.py", "symbol": "ste_forward"}],
        }
        found = str(client.post("/tickets", json=body).raise_for_status().json()["key"])
        client.post(f"/tickets/{found}/tests", json={"node_id": TEST}).raise_for_status()
    return found


def test_a_refusal_names_the_command_that_mends_it(service: Service, key: str) -> None:
    refused = findings(service, "strength", key)

    assert refused.returncode != 0
    assert f"findings verify {key}" in refused.stderr


def test_survivors_are_printed_and_judged(service: Service, key: str) -> None:
    assert findings(service, "verify", key).returncode == 0

    measured = findings(service, "strength", key, "--budget", "30")
    lines = measured.stdout.splitlines()
    digest = next(line for line in lines if "  survived  " in line).split()[0]
    judged = findings(service, "mutant", key, digest, "accepted", "--because", "Tried it.")
    short = findings(service, "mutant", key, digest[:3], "accepted", "--because", "Tried it.")
    mute = findings(service, "mutant", key, digest, "accepted")
    shown = json.loads(findings(service, "ticket", "show", key, "--json").stdout)

    assert measured.returncode == 0, measured.stderr
    assert any(line.startswith("-    ") for line in lines)
    assert "accepted by admin: Tried it." in judged.stdout
    assert short.returncode == mute.returncode == 2
    assert "too short" in short.stderr and "Say why" in mute.stderr
    assert shown["strength"]["survived"] >= 1


def test_a_fix_is_reduced_and_nothing_is_stored(service: Service, key: str, tmp_path: Path) -> None:
    """The defect taken back is a fix that has landed."""
    fix = turned_round((DEFECTS / "KAS-27.patch").read_text())
    with service.client() as client:
        headers = {"Content-Type": "text/x-diff"}
        client.put(f"/tickets/{key}/patches/fix", content=fix, headers=headers).raise_for_status()
    smaller = tmp_path / "smaller.patch"

    reduced = findings(service, "minimise", key, "fix", "--out", str(smaller))
    other = findings(service, "minimise", key, "defect")

    assert reduced.returncode == 0, reduced.stderr
    assert "minimised" in reduced.stdout and "+    # The bracket" in reduced.stdout
    assert "bracket" not in smaller.read_text()
    with service.client() as client:
        assert client.get(f"/tickets/{key}/patches/fix").text == fix
        client.delete(f"/tickets/{key}/patches/fix").raise_for_status()
    assert other.returncode != 0 and "fix" in other.stderr


def test_all_are_measured_or_one(service: Service, key: str) -> None:
    with service.client() as client:
        patch = (DEFECTS / "KAS-27.patch").read_bytes()
        headers = {"Content-Type": "text/x-diff"}
        stored = client.put(f"/tickets/{key}/patches/defect", content=patch, headers=headers)
        stored.raise_for_status()
    assert findings(service, "verify", key, "--proof").returncode == 0
    # Tickets that other tests have proven on the same service are among them.
    proven = findings(service, "ticket", "list", "--evidence", "proven", "--all", "--json")

    every = findings(service, "strength", "--all", "--json", "--budget", "1")

    rows = {one["key"]: one for one in json.loads(every.stdout)["items"]}
    assert findings(service, "strength").returncode == 2
    assert rows.keys() == {one["key"] for one in json.loads(proven.stdout)["items"]}
    assert rows[key]["outcome"] == "measured"
    all_measured = all(one["outcome"] == "measured" for one in rows.values())
    assert every.returncode == (0 if all_measured else 1)
