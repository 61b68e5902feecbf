"""Queue, review, account and stats commands against a whole service."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.cli.main import main

Command = Callable[..., Any]
FILE = ("ticket", "file", "--severity", "P0", "--agent", "drl", "--title", "t", "--summary", "s")


@pytest.fixture
def findings(
    service: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command; returns what it printed, parsed when it is JSON."""

    def run(*words: str, token: str | None = None, code: int = 0) -> Any:
        monkeypatch.setenv("FINDINGS_URL", service.url)
        monkeypatch.setenv("FINDINGS_TOKEN", token or service.admin_token)
        ended = main(words)
        printed = capsys.readouterr()
        assert ended == code, printed.err
        return json.loads(printed.out) if "--json" in words else printed.out

    return run


def _reviewer(findings: Command, name: str, specialist: str) -> str:
    findings("account", "create", name, "--role", "reviewer", "--speaks-for", specialist)
    token: str = findings("token", "create", name, "--json")["token"]
    return token


def test_a_reviewer_works_through_its_queue(findings: Command) -> None:
    token = _reviewer(findings, "queue-pia", "pytorch")
    key = findings(*FILE, "--batch", "801", "--json")["key"]
    queued = findings("queue", "list", "--all", token=token)
    assert [line.split("\t")[0] for line in queued.splitlines()].count(key) == 1

    claimed = findings("queue", "claim", key, "--minutes", "5", "--json", token=token)
    assert [item["ticket"]["key"] for item in claimed["items"]] == [key]
    assert findings("queue", "release", key, token=token) == f"{key}\n"
    leased = findings("queue", "next", "--json", token=token)
    taken = leased["items"][0]["ticket"]["key"]
    findings("queue", "release", token=token)

    findings("review", "add", taken, "--verdict", "ENDORSE", token=token)
    left = findings("queue", "list", "--all", token=token)
    assert taken not in [line.split("\t")[0] for line in left.splitlines()]


def test_an_empty_claim_says_no(findings: Command) -> None:
    token = _reviewer(findings, "queue-paul", "pytorch")
    key = findings(*FILE, "--batch", "804", "--json")["key"]
    findings("review", "add", key, "--verdict", "NEUTRAL", "--specialist", "pytorch")

    assert findings("queue", "claim", key, token=token, code=1) == ""


def test_an_objection_is_answered_confirmed_and_its_amendment_applied(
    findings: Command, tmp_path: Any
) -> None:
    token = _reviewer(findings, "queue-cora", "codereview")
    key = findings(*FILE, "--batch", "802", "--json")["key"]
    amendment = tmp_path / "amendment.json"
    amendment.write_text('{"severity": "P3"}')
    findings(
        "review",
        "add",
        key,
        "--verdict",
        "OBJECT",
        "--rationale",
        "x",
        "--amendment",
        str(amendment),
        token=token,
    )

    confirmed = findings("review", "confirm", key, "codereview", "--json", token=token)
    answered = findings(
        "review",
        "answer",
        key,
        confirmed["id"],
        "withdrawn",
        "--reason",
        "seen",
        "--json",
        token=token,
    )
    applied = findings("review", "apply", key, "codereview", "--json")

    assert answered["answer"]["resolution"] == "withdrawn"
    assert applied["severity"] == "P3"
    findings("review", "apply", key, "codereview", code=1)
    findings("review", "apply", key, "human", code=2)


def test_accounts_are_changed_disabled_and_let_in(findings: Command) -> None:
    findings("account", "create", "queue-eve", "--role", "reader")

    edited = findings(
        "account", "edit", "queue-eve", "--role", "reviewer", "--speaks-for", "drl", "--json"
    )
    disabled = findings("account", "disable", "queue-eve", "--json")
    enabled = findings("account", "enable", "queue-eve", "--json")
    link = findings("account", "login-link", "queue-eve")

    assert (edited["role"], edited["speaks_for"]) == ("reviewer", ["drl"])
    assert (disabled["disabled"], enabled["disabled"]) == (True, False)
    assert "/login?code=" in link
    assert "role\treviewer" in findings("account", "show", "queue-eve")
    assert "queue-eve\treviewer\tdrl" in findings("account", "list", "--all")
    findings("account", "edit", "queue-eve", code=2)


def test_specialists_are_added_and_set_to_review_blind(findings: Command) -> None:
    added = findings("specialist", "add", "queue-sec", "--code", "QSEC", "--json")
    blind = findings("specialist", "edit", "queue-sec", "--blind", "--json")
    named = findings("specialist", "edit", "queue-sec", "--label", "Security", "--json")

    assert added == {"name": "queue-sec", "code": "QSEC", "label": "queue-sec", "blind": False}
    assert blind["blind"]
    assert named == added | {"label": "Security", "blind": True}
    assert "queue-sec\tQSEC\tSecurity\tyes" in findings("specialist", "list")
    assert "reviews_blind\tno" in findings("specialist", "edit", "queue-sec", "--not-blind")
    findings("specialist", "edit", "queue-sec", code=2)
    findings("specialist", "edit", "queue-sec", "--blind", "--not-blind", code=2)
    findings("specialist", "add", "queue-sec", code=2)


def test_a_ticket_is_edited_related_and_moved(findings: Command, tmp_path: Any) -> None:
    first, second = (findings(*FILE, "--batch", "805", "--json")["key"] for _ in range(2))
    patch = tmp_path / "patch.json"
    patch.write_text('{"severity": "P3", "assignee": "ada"}')

    edited = findings("ticket", "edit", first, str(patch), "--title", "u", "--json")
    unassigned = findings("ticket", "edit", first, "--assignee", "", "--json")
    related = findings("ticket", "relate", first, f"blocks:{second}", "--note", "n", "--json")
    apart = findings("ticket", "relate", first, f"blocks:{second}", "--remove", "--json")
    moved = findings("ticket", "move", first, "investigating", "--json")
    closed = findings(
        "ticket", "move", first, "closed", "--resolution", "duplicate", "--duplicate-of", second
    )

    assert (edited["title"], edited["severity"], edited["assignee"]) == ("u", "P3", "ada")
    assert (unassigned["title"], unassigned["assignee"]) == ("u", None)
    assert [(r["key"], r["kind"]) for r in related["relations"]] == [(second, "blocks")]
    assert apart["relations"] == []
    assert moved["status"] == "investigating"
    assert "closed" in closed
    history = findings("ticket", "history", first)
    assert "severity: P0 → P3" in history
    findings("ticket", "edit", first, code=2)
    findings("ticket", "edit", first, "--title", "v", "--version", "1", code=1)
    findings("ticket", "move", second, "closed", "--resolution", "fixed", code=1)


def test_stats_are_shown(findings: Command) -> None:
    findings(*FILE, "--batch", "803")

    lines = [line.split("\t") for line in findings("stats", "--weeks", "2").splitlines()]

    counted = {(line[0], line[1]): int(line[-1]) for line in lines if line[0] == "severity"}
    assert counted["severity", "P0"] >= 1
    assert len([line for line in lines if line[0] == "week"]) == 2
