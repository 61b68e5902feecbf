"""``findings load-examples`` against a stub: order, what is left alone, what counts as success."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli.errors import UsageProblem
from app.cli.examples import read_examples

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an example and its defect patches; returns their folder."""

    def make(key: str, *relations: str, before: str = "", patches: tuple[str, ...] = ()) -> Path:
        links = "".join(f'\n[[ticket.relations]]\nkey = "{other}"\n' for other in relations)
        (tmp_path / f"{key}.toml").write_text(
            f'{before}[ticket]\nkey = "{key}"\ntitle = "t"\n{links}\n'
            '[[reviews]]\nspecialist = "drl"\nverdict = "ENDORSE"\n'
            '[[reviews]]\nspecialist = "human"\nverdict = "NEUTRAL"\n'
        )
        for name in patches:
            (tmp_path / f"{name}.patch").write_text(name)
        return tmp_path

    return make


@pytest.fixture
def load(findings: Any, stub: Any, reply: Any, tmp_path: Path) -> Callable[..., Any]:
    """The command on that folder, as a maintainer, with no proof under way."""
    stub.on("GET", "me", reply({"name": "ada", "role": "maintainer"}))
    stub.on("GET", "runs", reply({"items": [], "next_cursor": None}))
    folder = str(tmp_path)
    return lambda *words: findings("load-examples", "--from", folder, "--defects", folder, *words)


def calls(stub: Any) -> list[str]:
    """What was changed, in order."""
    prefix = "/api/v1/"
    return [
        f"{request.method} {request.path.removeprefix(prefix)}"
        for request in stub.requests
        if request.method != "GET"
    ]


def test_related_examples_come_after_those_they_name(write: Write) -> None:
    write("A-01", "B-01", "ELSEWHERE-1")
    write("B-01", "C-01")
    folder = write("C-01")
    assert [example.key for example in read_examples(folder)] == ["C-01", "B-01", "A-01"]


def test_a_circle_is_named(write: Write) -> None:
    write("A-01", "B-01")
    folder = write("B-01", "A-01")
    with pytest.raises(UsageProblem, match=r"circle: (A-01 -> B-01|B-01 -> A-01)"):
        read_examples(folder)


def test_an_empty_folder(load: Any, stub: Any) -> None:
    done = load()
    assert (done.code, stub.requests) == (2, [])
    assert "--from" in done.err


def test_an_unknown_expectation(write: Write, load: Any) -> None:
    write("A-01", before='expect = "fine"\n')
    done = load()
    assert (done.code, "proven, cannot-fail" in done.err) == (2, True)


def test_a_ticket_is_filed_completed_and_proven(
    write: Write, load: Any, stub: Any, reply: Any
) -> None:
    write("A-01", patches=("A-01", "A-01-2", "A-011"))
    stub.on("POST", "tickets", reply({"key": "A-01", "evidence": {"state": "unverified"}}, 201))
    stub.on("POST", "tickets/A-01/reviews", reply({}, 201))
    stub.on("PUT", "tickets/A-01/patches/defect", reply({}, 201))
    stub.on("PUT", "tickets/A-01/patches/defect-2", reply({}, 201))
    stub.on("POST", "tickets/A-01/runs", reply({"id": "r1"}, 202))
    stub.on("GET", "runs/r1", reply({"id": "r1", "status": "finished", "outcome": "proven"}))
    done = load()
    assert (done.code, done.out) == (0, "A-01\tfiled\tproven\t\n")
    assert done.err == "1 tickets: 1 filed; 2 reviews and 2 patches added. 1 of 1 proven.\n"
    assert calls(stub) == [
        "POST tickets",
        "POST tickets/A-01/reviews",
        "POST tickets/A-01/reviews",
        "PUT tickets/A-01/patches/defect",
        "PUT tickets/A-01/patches/defect-2",
        "POST tickets/A-01/runs",
    ]


PRESENT = {
    "title": "t",
    "reviews": [{"specialist": "drl"}],
    "patches": {"defect": {}},
    "evidence": {"state": "proven", "stale": False, "run": "r0"},
}


def test_only_what_is_missing_is_added(write: Write, load: Any, stub: Any, reply: Any) -> None:
    write("A-01", patches=("A-01",))
    stub.on("GET", "tickets/A-01", reply(PRESENT))
    stub.on("POST", "tickets/A-01/reviews", reply({}, 201))
    done = load()
    assert (done.code, done.out) == (0, "A-01\tcompleted\tproven\t\n")
    assert calls(stub) == ["POST tickets/A-01/reviews"]
    assert stub.requests[-1].json["specialist"] == "human"


def test_a_ticket_of_somebody_else_is_left_alone(
    write: Write, load: Any, stub: Any, reply: Any
) -> None:
    write("A-01", patches=("A-01",))
    stub.on("GET", "tickets/A-01", reply({**PRESENT, "title": "mine", "reviews": []}))
    done = load()
    assert (done.code, calls(stub)) == (0, [])
    assert done.out == "A-01\tleft-alone\t\tthe service has another ticket of this key\n"


@pytest.mark.parametrize(
    ("expect", "outcome", "code"),
    [
        ("", "proven", 0),
        ("", "cannot-fail", 1),
        ("", None, 1),
        ('expect = "cannot-fail"\n', "cannot-fail", 0),
        ('expect = "cannot-fail"\n', "proven", 1),
    ],
)
def test_success_is_what_the_example_expects(
    write: Write, load: Any, stub: Any, reply: Any, expect: str, outcome: str | None, code: int
) -> None:
    write("A-01", before=expect)
    stub.on("GET", "tickets/A-01", reply({**PRESENT, "evidence": {"state": "unverified"}}))
    stub.on("POST", "tickets/A-01/reviews", reply({}, 201))
    stub.on("POST", "tickets/A-01/runs", reply({"id": "r1"}, 202))
    status = "finished" if outcome else "cancelled"
    stub.on("GET", "runs/r1", reply({"status": status, "outcome": outcome, "reason": "So."}))
    done = load("--json")
    assert done.code == code
    assert json.loads(done.out)["items"][0]["outcome"] == (outcome or "cancelled")


def test_stale_evidence_is_proven_anew_by_the_run_under_way(
    write: Write, load: Any, stub: Any, reply: Any
) -> None:
    write("A-01")
    present = {**PRESENT, "evidence": {"state": "proven", "stale": True}}
    stub.on("GET", "tickets/A-01", reply(present))
    stub.on("POST", "tickets/A-01/reviews", reply({}, 201))
    stub.on("GET", "runs", reply({"items": [{"ticket": "A-01", "id": "r7"}], "next_cursor": None}))
    stub.on("GET", "runs/r7", reply({"status": "finished", "outcome": "proven"}))
    done = load("--json")
    assert (done.code, json.loads(done.out)["items"][0]["run"]) == (0, "r7")
    assert "POST tickets/A-01/runs" not in calls(stub)
    assert stub.requests[-1].path.endswith("/runs/r7")


def test_a_refused_proof_is_told_and_the_others_go_on(
    write: Write, load: Any, stub: Any, reply: Any
) -> None:
    write("A-01")
    write("B-01")
    for key in ("A-01", "B-01"):
        stub.on("GET", f"tickets/{key}", reply({**PRESENT, "evidence": {}}))
        stub.on("POST", f"tickets/{key}/reviews", reply({}, 201))
    stub.on("POST", "tickets/A-01/runs", reply({"detail": "No test is linked"}, 409))
    stub.on("POST", "tickets/B-01/runs", reply({"id": "r1"}, 202))
    stub.on("GET", "runs/r1", reply({"status": "finished", "outcome": "proven"}))
    done = load()
    assert done.code == 1
    assert done.out.splitlines() == [
        "A-01\tcompleted\t\tNo test is linked.",
        "B-01\tcompleted\tproven\t",
    ]
    assert "1 of 2 proven; not proven: A-01 not run (No test is linked.)" in done.err


@pytest.mark.parametrize("role", ["reader", "reporter", "reviewer"])
def test_others_are_told_before_anything_is_done(
    write: Write, load: Any, stub: Any, reply: Any, role: str
) -> None:
    write("A-01")
    stub.on("GET", "me", reply({"name": "bob", "role": role}))
    done = load()
    assert (done.code, len(stub.requests)) == (3, 1)
    assert f"you are bob, {role}" in done.err
