"""Completion in real shells: fixed words, what the service holds, and what it held last time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from app.cli.words import WORDS
from app.domain import reviews, runs, tickets
from app.domain.accounts import Role
from app.domain.evidence import EvidenceState
from tests.support.terminal import Screen

NODE = "tests/verification/test_ops.py::test_scale"
HOSTILE = "$(touch owned);`x`"


@pytest.fixture
def service(stub: Any, reply: Any) -> Any:
    items = [{"key": key, "title": f"title of {key}"} for key in ("B2-DRL-10", "B2-PT-03")]
    stub.on("GET", "tickets", reply({"items": items, "next_cursor": None}))
    nodes = [{"node_id": node} for node in (NODE, f"{NODE}[cpu]", HOSTILE)]
    stub.on("GET", "tests", reply({"items": nodes, "next_cursor": None}))
    names = [{"name": "drl", "label": "DRL"}, {"name": "pytorch", "label": "PyTorch"}]
    stub.on("GET", "specialists", reply({"items": names, "next_cursor": None}))
    stub.on("GET", "targets", reply({"items": [{"name": "kasmina", "label": None}]}))
    views = [("grave", "severity=P0"), ("my open ones", ""), ("größte zuerst", ""), ("a $(b)", "")]
    items = [{"name": name, "query": query} for name, query in views]
    stub.on("GET", "views", reply({"items": items, "next_cursor": None}))
    stub.on("GET", "source/files", reply({"items": ["kasmina/a.py", "tests/test_b.py"]}))
    return stub


def offered(line: str) -> list[str]:
    """What bash gets for a line up to the cursor."""
    asked = {"COMP_WORDS": line, "COMP_CWORD": line.rpartition(" ")[2]}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli"],
        env=os.environ | asked | {"_FINDINGS_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return [text.partition(",")[2] for text in done.stdout.splitlines() if text]


def patiently(line: str) -> list[str]:
    """The same, asked again while the service has not answered yet."""
    for _ in range(50):
        if found := offered(line):
            return found
    return []


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("findings ticket list --severity ", ["P0", "P1", "P2", "P3", "P4"]),
        ("findings ticket move A-1 in", ["investigating", "in-review"]),
        ("findings review add A-1 --verdict en", ["ENDORSE"]),
        ("findings run list --status q", ["queued"]),
        ("findings ticket list --evidence pr", ["proven"]),
        ("findings ticket list --json key,sta", ["key,status"]),
        ("findings review ans", ["answer"]),
        ("findings export --format j", ["jsonl"]),
        ("findings verify A-1 --pr", ["--proof"]),
        ("findings help cann", ["cannot-fail"]),
        ("findings ticket relate A-1 blo", ["blocks:", "blocked-by:"]),
        ("findings completion z", ["zsh"]),
        ("findings export --suppressed ", ["omit"]),
    ],
)
def test_words_with_a_meaning_are_offered(line: str, values: list[str]) -> None:
    assert offered(line) == values


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("findings ticket show b2-d", ["B2-DRL-10"]),
        ("findings ticket relate B2-PT-03 blocks:B2-D", ["blocks:B2-DRL-10"]),
        ("findings review add B2-PT-03 --specialist ", ["drl", "pytorch"]),
        ("findings target show ", ["kasmina"]),
        ("findings ticket list --view ", ["grave", "my\\ open\\ ones", "größte\\ zuerst"]),
        ("findings ticket list --view my\\ o", ["my\\ open\\ ones"]),
        ("findings ticket list --view my\\ ", ["my\\ open\\ ones"]),
        ("findings ticket list --view 'my ", ["my open ones"]),
        ('findings ticket list --view "my open', ["my open ones"]),
        ("findings view delete gra", ["grave"]),
        ("findings test sync ", ["kasmina"]),
        ("findings source kas", ["kasmina/a.py"]),
        ("findings test link B2-PT-03 tests/verification/test_ops.py::", [NODE, f"{NODE}[cpu]"]),
    ],
)
def test_values_of_the_service_are_offered(line: str, values: list[str]) -> None:
    assert patiently(line) == values


def test_they_are_kept_a_minute_for_their_owner_and_do_as_well_without_the_service(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    line = "findings ticket show "
    assert patiently(line) == ["B2-DRL-10", "B2-PT-03"]
    asked = len(service.requests)
    assert offered(line) == ["B2-DRL-10", "B2-PT-03"]
    assert len(service.requests) == asked

    (kept,) = tmp_path.rglob("key.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    content = json.loads(kept.read_text())
    kept.write_text(json.dumps(content | {"at": content["at"] - 3600}))
    service.close()
    assert offered(line) == ["B2-DRL-10", "B2-PT-03"]


@pytest.mark.usefixtures("service")
def test_a_value_that_a_shell_would_run_is_not_offered(tmp_path: Path) -> None:
    assert NODE in patiently("findings test link B2-PT-03 ")
    assert HOSTILE not in offered("findings test link B2-PT-03 ")


def test_what_another_token_saw_is_not_offered(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert patiently("findings ticket show B2-D") == ["B2-DRL-10"]
    monkeypatch.setenv("FINDINGS_TOKEN", "fnd_other")
    service.close()
    assert offered("findings ticket show B2-D") == []


def test_without_a_token_or_with_a_broken_cache_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FINDINGS_URL", "https://findings.example")
    monkeypatch.delenv("FINDINGS_TOKEN", raising=False)
    assert offered("findings ticket show ") == []


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("severity", tickets.Severity),
        ("status", tickets.Status),
        ("resolution", tickets.Resolution),
        ("category", tickets.Category),
        ("evidence", EvidenceState),
        ("role", Role),
        ("claim", reviews.ClaimOpinion),
        ("fix", reviews.FixOpinion),
        ("answer", reviews.Answer),
        ("purpose", runs.TestPurpose),
        ("run-kind", runs.RunKind),
        ("run-status", runs.RunStatus),
        ("run-outcome", runs.RunOutcome),
        ("test-outcome", runs.TestOutcome),
    ],
)
def test_fixed_words_are_those_of_the_service(kind: str, known: type[StrEnum]) -> None:
    assert set(WORDS[kind]) == {member.value for member in known}


def test_fixed_words_that_the_service_takes_in_part() -> None:
    assert set(WORDS["verdict"]) == {v.value for v in reviews.ReviewVerdict} - {"OTHER"}
    kinds = {f"{kind.value}:" for kind in tickets.RelationKind}
    assert set(WORDS["relation"]) == kinds


# Shells


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Callable[[str], Screen]]:
    """A shell with the completion of ``findings``, at its prompt."""
    opened: list[Screen] = []
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "findings"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m app.cli "$@"\n')
    command.chmod(0o755)

    def start(name: str) -> Screen:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"there is no {name} on this machine; .ci/run installs it")
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
        }
        script = subprocess.run(
            [command, "completion", name], capture_output=True, text=True, check=True
        ).stdout
        before = "autoload -U compinit; compinit -u\n" if name == "zsh" else ""
        setting = tmp_path / "setting"
        setting.write_text(f"{before}{script}\n")
        words = {
            "bash": ["--noprofile", "--norc", "-i"],
            "zsh": ["-f", "-i"],
            "fish": ["--no-config", "-i"],
        }[name]
        # Wide: a prompt may show the folder, and what wraps is not found again.
        screen = Screen([program, *words], columns=250, environment=environment)
        opened.append(screen)
        screen.types(f"source {setting}; clear; echo so''urced\r")
        screen.shows("sourced")
        return screen

    yield start
    for screen in opened:
        screen.close()


COMPLETED = {
    "findings ticket mo": "findings ticket move",
    "findings review add A-1 --verdict OB": "findings review add A-1 --verdict OBJECT",
    "findings ticket show B2-P": "findings ticket show B2-PT-03",
    "findings test link A-1 tests/verification/test_ops.py::test_s": NODE,
    "findings view delete my": "findings view delete my\\ open\\ ones",
    "findings view delete 'my o": "findings view delete 'my open ones'",
}
CLEAR_LINE = "\x15"


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_tab_completes(shell: Callable[[str], Screen], name: str) -> None:
    patiently("findings ticket show ")
    patiently("findings test link A-1 ")
    patiently("findings view delete ")
    screen = shell(name)
    for typed, completed in COMPLETED.items():
        screen.types(f"{typed}\t")
        screen.shows(completed)
        screen.types(CLEAR_LINE)
