"""The examples in a whole service: filed, argued about, proven, and left alone the next time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.examples import EXAMPLES
from app.domain.targets import EXAMPLE

REPOSITORY = EXAMPLES.parent / f"{EXAMPLE}.git"
PROVEN = ("B2-CR-10", "B2-DRL-09", "KAS-13")
"""A plain one, a refuted one with three defects, and one whose key the suite made up."""


@pytest.fixture(scope="module")
def load(service: Any) -> Any:
    """The command with ``--json``; it returns exit code and answer."""

    def run(*words: str, token: str | None = None, remote: bool = False) -> tuple[int, Any]:
        environment = service.environment()
        if token:
            environment["FINDINGS_TOKEN"] = token
        elif not remote:
            environment["FINDINGS_DATA_DIR"] = str(service.data_dir)
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "--json", "load-examples", *words],
            env=environment,
            check=False,
            capture_output=True,
            encoding="utf-8",
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run


@pytest.fixture(scope="module")
def filed(load: Any) -> Any:
    """Every example, filed without a proof."""
    return load("--no-run")


def test_another_machine_says_how_to_declare_the_target_of_an_example(
    load: Any, service: Any, tmp_path: Path
) -> None:
    (folder := tmp_path / "tickets").mkdir()
    shutil.copy(EXAMPLES / "SHOW-08.toml", folder)
    code, answer = load("--from", str(folder), remote=True)

    assert (code, answer["items"]) == (0, [])
    assert not (service.data_dir / "targets.toml").exists()


def test_every_example_is_filed_with_reviews_and_patches(filed: Any, service: Any) -> None:
    code, answer = filed
    assert (code, answer["as_expected"]) == (0, None)
    items = answer["items"]
    assert len(items) == len(list(EXAMPLES.glob("*.toml")))
    assert {item["result"] for item in items} == {"filed"}
    suite = [item for item in items if not item["key"].startswith("SHOW-")]
    assert all(len(item["reviews"]) >= 2 and "defect" in item["patches"] for item in suite)
    with service.client() as client:
        ticket = client.get("/tickets/B2-DRL-09").json()
    assert {(link["key"], link["kind"]) for link in ticket["relations"]} == {
        ("B2-PT-01", "duplicate-of"),
        ("B2-CR-01", "related"),
    }
    assert {review["on_behalf"] for review in ticket["reviews"]} == {True}
    assert ticket["consensus"]["open_objections"] == 1
    assert list(ticket["patches"]) == ["defect", "defect-2", "defect-3"]


def test_a_second_time_nothing_changes(filed: Any, load: Any, service: Any) -> None:
    assert filed[0] == 0
    with service.client() as client:
        before = client.get("/tickets/B2-DRL-09").json()
        code, answer = load("--no-run")
        assert code == 0
        assert {item["result"] for item in answer["items"]} == {"unchanged"}
        assert not [i for i in answer["items"] if i["reviews"] or i["patches"] or i["tests"]]
        assert client.get("/tickets/B2-DRL-09").json() == before


def test_proofs_hold_and_are_not_run_again(
    filed: Any, load: Any, service: Any, tmp_path: Path
) -> None:
    assert filed[0] == 0
    for key in PROVEN:
        shutil.copy(EXAMPLES / f"{key}.toml", tmp_path)
    code, answer = load("--from", str(tmp_path))
    assert (code, answer["proven"], answer["as_expected"]) == (0, len(PROVEN), True)
    with service.client() as client:
        evidence = {key: client.get(f"/tickets/{key}").json()["evidence"] for key in PROVEN}
        runs = client.get("/runs", params={"kind": "proof"}).json()["items"]
        assert {found["state"] for found in evidence.values()} == {"proven"}
        again = load("--from", str(tmp_path))
        assert again[0] == 0
        assert {item["key"]: item["run"] for item in again[1]["items"]} == {
            key: found["run"] for key, found in evidence.items()
        }
        assert client.get("/runs", params={"kind": "proof"}).json()["items"] == runs


STATES = {
    "SHOW-01": ("open", "reproduced"),
    "SHOW-02": ("open", "fix-ready"),
    "SHOW-03": ("open", "cannot-fail"),
    "SHOW-04": ("closed", "proven"),
    "SHOW-05": ("open", "reproduced"),
    "SHOW-06": ("closed", "none"),
    "SHOW-07": ("closed", "proven"),
    "SHOW-08": ("open", "regressed"),
}


def test_tickets_in_each_state_are_brought_there_and_left_there(
    filed: Any, load: Any, service: Any, tmp_path: Path
) -> None:
    assert filed[0] == 0
    (folder := tmp_path / "tickets").mkdir()
    for key in STATES:
        shutil.copy(EXAMPLES / f"{key}.toml", folder)
    shutil.copytree(REPOSITORY, tmp_path / REPOSITORY.name)
    first, second = (load("--from", str(folder)) for _ in range(2))

    assert (first[0], first[1]["as_expected"]) == (0, True)
    assert (second[0], {item["result"] for item in second[1]["items"]}) == (0, {"unchanged"})
    with service.client() as client:
        found = {key: client.get(f"/tickets/{key}").json() for key in STATES}
    stands = {key: (one["status"], one["evidence"]["state"]) for key, one in found.items()}
    assert stands == STATES
    assert found["SHOW-06"]["evidence"]["closed_without"]
    assert [found[key]["resolution"] for key in ("SHOW-04", "SHOW-06", "SHOW-07")] == [
        "not-a-bug", "fixed", "already-fixed",
    ]  # fmt: skip


def test_a_proof_that_holds_nothing_is_no_success(load: Any, tmp_path: Path) -> None:
    """A ticket without tests and patches cannot be proven; the answer says why."""
    (tmp_path / "X-01.toml").write_text(
        '[ticket]\nkey = "LOADED-01"\ntitle = "t"\nseverity = "P4"\nbatch = 1\nagent = "human"\n'
        'summary = "s"\ndomains = ["kasmina"]\n'
    )
    code, answer = load("--from", str(tmp_path))
    assert (code, answer["as_expected"], answer["items"][0]["outcome"]) == (1, False, None)
    assert "test" in answer["items"][0]["reason"]


def test_a_reviewer_may_not(load: Any, service: Any) -> None:
    with service.client() as client:
        account = {"name": "loader", "role": "reviewer", "speaks_for": ["drl"]}
        client.post("/accounts", json=account).raise_for_status()
        token = client.post("/accounts/loader/tokens", json={}).json()["token"]
    code, said = load(token=token)
    assert code == 3
    assert "maintainer" in said and "loader, reviewer" in said
