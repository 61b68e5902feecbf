"""The command against a whole service: what a user types, what comes back, how it ends."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import app
from app.cli.main import main

ROOT = Path(app.__file__).parents[1]
SUITE_FILE = "tests/verification/test_b2_drl_10.py"
FILE = ("ticket", "file", "--severity", "P4", "--agent", "drl", "--title", "t", "--summary", "s")
DEFECTS = ROOT / "tests" / "verification" / "defects"


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed."""
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def findings(service: Any) -> Command:
    """The command, the admin's unless a token is given; in this process, for it is faster so."""

    def run(*words: str, token: str | None = None, stdin: str = "", **extra: str) -> Ended:
        chosen = {"FINDINGS_URL": service.url, "FINDINGS_TOKEN": token or service.admin_token}
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n")
        err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n")
        with pytest.MonkeyPatch.context() as patch:
            for name in list(os.environ):
                if name.startswith("FINDINGS_"):
                    patch.delenv(name)
            for name, value in (chosen | extra).items():
                patch.setenv(name, value)
            for name, stream in (("stdin", given), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, stream)
            code = main(words)
        return Ended(code, _text(out), _text(err))

    return run


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@pytest.fixture(scope="module")
def key(findings: Command) -> str:
    """A ticket filed from options, under a key that the service minted."""
    done = findings(
        "ticket",
        "file",
        "--severity",
        "P3",
        "--batch",
        "71",
        "--agent",
        "drl",
        "--domain",
        "kasmina",
        "--category",
        "api-contract",
        "--checklist",
        "first",
        "--checklist",
        "second",
        *("--title", "Gradients are coupled", "--summary", "By a default."),
        *("--location", "kasmina/blend_ops.py:59-94#blend_multiply()"),
        *("--section", "Fix=Give it no default."),
        *("--report", "report.md#Part 1"),
    )
    assert done.code == 0, done.err
    assert done.err == ""
    return done.out.strip()


@pytest.fixture(scope="module")
def reviewer(findings: Command) -> str:
    """The token of an account that speaks for one specialist."""
    made = findings("account", "create", "cli-ada", "--role", "reviewer", "--speaks-for", "pytorch")
    assert made.code == 0, made.err
    token = findings("token", "create", "cli-ada", "--label", "test", "--expires", "1")
    assert token.out.startswith("fnd_") and token.out.count("\n") == 1
    return token.out.strip()


@pytest.fixture(scope="module")
def linked(findings: Command, key: str) -> str:
    """The ticket, linked with a test file."""
    done = findings("test", "link", key, SUITE_FILE, "--checklist-item", "2")
    assert done.code == 0, done.err
    return key


def test_who_am_i(findings: Command, reviewer: str) -> None:
    assert findings("whoami").out.splitlines()[:2] == ["name\tadmin", "role\tadmin"]
    assert findings("whoami", "--json", token=reviewer).json["speaks_for"] == ["pytorch"]


def test_a_ticket_is_shown_with_all_that_was_given(findings: Command, key: str) -> None:
    ticket = findings("ticket", "show", key, "--json").json
    assert ticket["locations"][0]["symbol"] == "blend_multiply()"
    assert [item["text"] for item in ticket["checklist"]] == ["first", "second"]
    lines = findings("ticket", "show", key).out.splitlines()
    assert f"key\t{key}" in lines
    assert "section\tFix\tGive it no default." in lines
    assert "location\tkasmina/blend_ops.py:59-94 blend_multiply()" in lines


def test_tickets_are_found_by_filters(findings: Command, key: str) -> None:
    found = findings(
        "ticket", "list", "--batch", "71", "--severity", "P3", "--sort", "key", "--all", "--json"
    ).json
    assert key in [ticket["key"] for ticket in found["items"]]
    assert findings("ticket", "list", "--batch", "71", "--severity", "P0").out == ""


def test_a_ticket_comes_through_standard_input(findings: Command) -> None:
    ticket = {"title": "t", "severity": "P4", "batch": 72, "agent": "drl", "summary": "s"}
    tried = findings("ticket", "file", "-", "--dry-run", stdin=json.dumps(ticket))
    assert (tried.code, tried.out) == (0, "B72-DRL-01\n")
    toml = "".join(f"{name} = {json.dumps(value)}\n" for name, value in ticket.items())
    assert findings("ticket", "file", "-", stdin=toml).out == "B72-DRL-01\n"


def test_hostile_text_is_shown_and_not_obeyed(findings: Command) -> None:
    filed = findings(*FILE, "--batch", "73", "--summary", "a\u202eb [red]c[/red] \x9b31m")
    assert filed.code == 0, filed.err
    shown = findings("ticket", "show", filed.out.strip()).out
    assert "summary\ta\\u202eb [red]c[/red] \\x9b31m\n" in shown


def test_reviews_are_recorded_and_superseded(findings: Command, key: str, reviewer: str) -> None:
    words = ("review", "add", key, "--verdict")
    first = findings(*words, "endorse", "--rationale-file", "-", token=reviewer, stdin="True.\n")
    assert first.code == 0, first.err
    second = findings(
        *words, "REFINE", "--rationale", "Partly.", "--claim", "partly", token=reviewer
    )
    assert second.out.startswith("pytorch\tREFINE\tpartly")
    current = findings("review", "list", key, "--json").json["items"]
    assert [review["verdict"] for review in current] == ["REFINE"]
    everything = findings("review", "list", key, "--all").out.splitlines()
    assert [line.split("\t")[1] for line in everything] == ["ENDORSE", "REFINE"]


def test_notes_and_history(findings: Command, key: str) -> None:
    assert findings("note", "add", key, "Seen on main.").code == 0
    assert findings("note", "list", key).out.endswith("admin\tSeen on main.\n")
    actions = [line.split("\t")[2] for line in findings("history", key).out.splitlines()]
    assert actions[0] == "ticket.filed"
    assert "note.added" in actions


def test_linking_and_unlinking(findings: Command, linked: str) -> None:
    node = f"{SUITE_FILE}::test_seed_input_cannot_be_left_out"
    assert findings("test", "link", linked, node, "--purpose", "guards").code == 0
    assert findings("test", "unlink", linked, node).code == 0
    assert node not in findings("test", "list", linked).out
    wrong = findings("test", "link", linked, f"{SUITE_FILE}x")
    assert wrong.code == 2
    assert f"did you mean {SUITE_FILE}?" in wrong.err


def test_the_catalogue(findings: Command) -> None:
    assert findings("test", "sync", "--json").json["tests"] > 0
    assert f"{SUITE_FILE}::" in findings("test", "list", "--all").out


def test_a_proof_needs_a_patch_and_says_so(findings: Command) -> None:
    bare = findings(*FILE, "--batch", "74").out.strip()
    no_test = findings("verify", bare)
    assert no_test.code == 1
    assert f"`findings test link {bare} NODE_ID`" in no_test.err
    assert findings("test", "link", bare, SUITE_FILE).code == 0
    no_patch = findings("verify", bare, "--proof")
    assert no_patch.code == 1
    assert f"`findings patch put {bare} defect FILE`" in no_patch.err


def test_check_then_proof(findings: Command, linked: str, tmp_path: Path) -> None:
    check = findings("verify", linked)
    assert check.code == 0, check.out + check.err
    assert "outcome\tpassed" in check.out.splitlines()

    shutil.copy(DEFECTS / "B2-DRL-10.patch", tmp_path / f"{linked}.patch")
    shutil.copy(DEFECTS / "B2-DRL-10-2.patch", tmp_path / f"{linked}-2.patch")
    shutil.copy(DEFECTS / "B2-DRL-10-3.patch", tmp_path / f"{linked}-3.patch")
    loaded = findings("load-patches", linked, "--from", str(tmp_path))
    assert loaded.code == 0, loaded.err
    assert [line.split("\t")[0] for line in loaded.out.splitlines()] == [
        "defect",
        "defect-2",
        "defect-3",
    ]

    proof = findings("verify", linked, "--proof", "--json")
    assert (proof.code, proof.json["outcome"]) == (0, "proven"), proof.out
    shown = findings("run", "show", proof.json["id"]).out
    assert "outcome\tproven" in shown.splitlines()
    assert "before=failed" in shown
    listed = findings("run", "list", "--ticket", linked, "--kind", "proof", "--outcome", "proven")
    assert proof.json["id"] in listed.out
    assert findings("run", "cancel", proof.json["id"]).code == 1

    stored = findings("patch", "show", linked, "defect").out
    assert stored == (DEFECTS / "B2-DRL-10.patch").read_text()
    assert findings("patch", "remove", linked, "defect-3").code == 0
    assert findings("patch", "show", linked, "defect-3").code == 2


def test_a_proof_that_shows_nothing_answers_no(findings: Command, tmp_path: Path) -> None:
    idle = findings(*FILE, "--batch", "75").out.strip()
    assert findings("test", "link", idle, SUITE_FILE).code == 0
    without_effect = tmp_path / "idle.patch"
    source = (ROOT / "kasmina" / "blend_ops.py").read_text().splitlines()
    last = len(source)
    without_effect.write_text(
        f"--- a/kasmina/blend_ops.py\n+++ b/kasmina/blend_ops.py\n@@ -{last} +{last},2 @@\n"
        f" {source[-1]}\n+# nothing changes\n"
    )
    put = findings("patch", "put", idle, "defect", str(without_effect))
    assert put.code == 0, put.err
    proof = findings("verify", idle, "--proof")
    assert proof.code == 1, proof.out
    assert "outcome\tcannot-fail" in proof.out.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ticket show NO-SUCH-1", "NO-SUCH-1"),
        ("ticket show ../../etc/passwd", "passwd"),
        ("ticket list --severity P9", "P0, P1, P2, P3, P4"),
        ("run show 0", "no run"),
        ("account create UPPER --role reader", "lower-case"),
        ("token create nobody-here", "nobody-here"),
        ("patch put NO-SUCH-1 nonsense -", "no patch name"),
    ],
)
def test_refusals_are_one_line_with_the_request(findings: Command, words: str, said: str) -> None:
    done = findings(*words.split())
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.startswith("findings: ") and done.err.count("\n") == 1
    assert "[request " not in done.err


def test_a_smaller_role_is_told_what_it_needs(findings: Command, reviewer: str) -> None:
    done = findings("test", "sync", token=reviewer)
    assert done.code == 3
    assert "maintainer" in done.err and "cli-ada" in done.err


def test_a_revoked_token_is_not_allowed(findings: Command) -> None:
    assert findings("account", "create", "cli-bob", "--role", "reader").code == 0
    new = findings("token", "create", "cli-bob", "--json").json
    assert findings("whoami", token=new["token"]).code == 0
    assert findings("token", "revoke", new["id"], "--account", "cli-bob").code == 0
    refused = findings("whoami", token=new["token"])
    assert refused.code == 3
    assert "revoked" in refused.err
    assert "revoked" in findings("token", "list", "cli-bob").out


def test_the_local_token_serves_only_without_a_url(findings: Command, service: Any) -> None:
    port = service.url.rpartition(":")[2]
    local = {"FINDINGS_DATA_DIR": str(service.data_dir), "FINDINGS_PORT": port}
    unset = {"FINDINGS_URL": "", "FINDINGS_TOKEN": ""}
    assert findings("whoami", **local, **unset).out.startswith("name\tadmin")
    refused = findings("whoami", **local, FINDINGS_TOKEN="")
    assert refused.code == 2
    assert "FINDINGS_TOKEN" in refused.err


def test_no_service(findings: Command) -> None:
    done = findings("whoami", FINDINGS_URL="http://127.0.0.1:9")
    assert done.code == 4
    assert "`findings serve`" in done.err
