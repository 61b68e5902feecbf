"""Commands from the words typed to what is sent, printed and returned."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import app
from app.cli.commands import runs as runs_module

EXAMPLE = str(Path(app.__file__).parents[1] / "examples" / "tickets" / "B2-DRL-10.toml")
TICKET = {
    "key": "A-1",
    "title": "a\tb\x1b[31m[bold]x[/bold]",
    "severity": "P1",
    "status": "closed",
    "resolution": "fixed",
    "evidence": {"state": "proven", "stale": True, "sentence": "It holds."},
    "consensus": {"ENDORSE": 1, "OBJECT": 2, "outdated": 1},
    "tests": [{"id": "l1", "node_id": "t.py::a", "origin": "marker", "purpose": "demonstrates"}],
    "patches": {"fix": {"digest": "d" * 64, "author": "ada", "applies": "forward", "at": "x"}},
}


def run_of(outcome: str | None, status: str = "finished") -> dict[str, Any]:
    """Return a run as the service shows it."""
    results = [
        {"node_id": "t.py::a", "outcome": "failed", "traceback": "boom"},
        {"node_id": "t.py::other", "outcome": "passed"},
    ]
    after = [{**result, "outcome": "passed"} for result in results]
    return {
        "id": "r1",
        "ticket": "A-1",
        "kind": "proof",
        "status": status,
        "outcome": outcome,
        "reason": "Because.",
        "arms": [
            {"name": "before", "patch": {"name": "defect"}, "results": results},
            {"name": "after", "patch": None, "results": after},
        ],
    }


def test_lines_in_a_pipe_have_no_heading_and_no_control_characters(
    findings: Any, stub: Any, reply: Any
) -> None:
    stub.on("GET", "tickets", reply({"items": [TICKET], "next_cursor": None}))
    done = findings("ticket", "list")
    assert done.code == 0
    assert done.out == (
        "A-1\tP1\tclosed (fixed)\tproven (stale)\t+1 -2 ?1\ta\\tb\\x1b[31m[bold]x[/bold]\n"
    )


@pytest.mark.parametrize(
    "words", ["--json ticket list --limit 1", "ticket list --json --limit 1"], ids=["global", "own"]
)
def test_json_is_what_the_service_sent_on_one_line(
    findings: Any, stub: Any, reply: Any, words: str
) -> None:
    page = {"items": [TICKET], "next_cursor": "more", "total": 7}
    stub.on("GET", "tickets", reply(page))
    done = findings(*words.split())
    assert json.loads(done.out) == page
    assert (done.out.count("\n"), "\x1b" in done.out) == (1, False)


def test_every_filter_is_sent(findings: Any, stub: Any, reply: Any) -> None:
    stub.on("GET", "tickets", reply({"items": [], "next_cursor": None}))
    words = "--q leak --severity P0 --severity P1 --status open --resolution fixed --batch 2 "
    words += "--agent drl --domain kasmina --category correctness --verdict OBJECT "
    words += "--evidence proven --assignee ada --created-by bob --stale --closable --no-drift "
    words += "--reviewer pytorch --target acme --not-objected --waived --sort key --limit 7"
    assert findings("ticket", "list", *words.split()).code == 0
    assert stub.requests[0].query == {
        "q": ["leak"],
        "severity": ["P0", "P1"],
        "status": ["open"],
        "resolution": ["fixed"],
        "batch": ["2"],
        "agent": ["drl"],
        "domain": ["kasmina"],
        "category": ["correctness"],
        "verdict": ["OBJECT"],
        "evidence": ["proven"],
        "assignee": ["ada"],
        "created_by": ["bob"],
        "stale": ["true"],
        "closable": ["true"],
        "drift": ["false"],
        "reviewer": ["pytorch"],
        "target": ["acme"],
        "objected": ["false"],
        "waived": ["true"],
        "sort": ["key"],
        "limit": ["7"],
    }


def test_a_run_shows_why_its_tests_failed_and_how_to_repeat_it(
    findings: Any, stub: Any, reply: Any
) -> None:
    failed = {
        "node_id": "t.py::a",
        "outcome": "failed",
        "phase": "call",
        "mode": "together",
        "cause": "assertion",
        "file": "t.py",
        "line": 7,
        "message": "assert 1 == 2",
        "log": "WARNING hot",
        "warnings": ["UserWarning: old"],
        "skipped_subtests": ["[n=2]"],
        "properties": [["speed", "3"]],
    }
    run = {
        **run_of("inconclusive"),
        "arms": [{"name": "bundled", "patch": None, "results": [failed, {**failed, "repeat": 2}]}],
        "hints": ["It depends on t.py::b."],
        "compared": 41,
        "not_comparable": ["t.py::neither"],
        "authors": {"patch": ["ada"], "tests": ["ada"], "same": True},
        "by_hand": [{"why": "The tests.", "command": "tests=(t.py::a)\necho \x1b"}],
    }
    stub.on("GET", "runs/r1", reply(run))
    stub.on("GET", "tickets/A-1", reply(TICKET))

    lines = findings("run", "show", "r1").out.splitlines()

    for line in (
        "hint\tIt depends on t.py::b.",
        "others_compared\t41",
        "not_comparable\tt.py::neither",
        "patch_by\tada",
        "one_author\twrote both patch and tests",
        "cause\tt.py::a\tbundled\ttogether\tassertion\tcall\tt.py:7",
        "message\tt.py::a failed on bundled\tassert 1 == 2",
        "log\tt.py::a failed on bundled, log\tWARNING hot",
        "noted\tt.py::a\tbundled\twarning\tUserWarning: old",
        "noted\tt.py::a\tbundled\tskipped subtest\t[n=2]",
        "noted\tt.py::a\tbundled\tproperty speed\t3",
        "by-hand\tThe tests.\ttests=(t.py::a)\\necho \\x1b",
    ):
        assert lines.count(line) == 1, (line, lines)


def test_a_waiver_goes_with_the_step_and_is_told_afterwards(
    findings: Any, stub: Any, reply: Any
) -> None:
    closed = {"by": "max", "reason": "It is about wording."}
    evidence = {"state": "not-covered", "closed_without": closed}
    stub.on("POST", "tickets/A-1/transitions", reply({**TICKET, "evidence": evidence}))

    done = findings("ticket", "move", "A-1", "closed", "--waiver", "It is about wording.")

    assert stub.requests[0].json == {"to": "closed", "waiver": {"reason": "It is about wording."}}
    assert "not-covered (closed without evidence)" in done.out
    assert "by max: It is about wording." in done.out


def test_a_file_is_filed_with_options_on_top(findings: Any, stub: Any, reply: Any) -> None:
    stub.on("POST", "tickets", reply({"key": "B2-DRL-10"}, 201))
    done = findings("ticket", "file", EXAMPLE, "--severity", "P1", "--location", "a.py:3#f")
    assert (done.code, done.out) == (0, "B2-DRL-10\n")
    assert "holds 3 reviews, which are not recorded" in done.err
    sent = stub.requests[0].json
    assert (sent["severity"], sent["reported_on"]) == ("P1", "2024-12-27")
    assert sent["locations"] == [{"path": "a.py", "start_line": 3, "end_line": 3, "symbol": "f"}]
    assert "idempotency-key" in stub.requests[0].headers


def test_a_dry_run_carries_no_key(findings: Any, stub: Any, reply: Any) -> None:
    stub.on("POST", "tickets", reply({"key": "B2-DRL-11"}))
    assert findings("ticket", "file", EXAMPLE, "--dry-run").code == 0
    request = stub.requests[0]
    assert (request.query, "idempotency-key" in request.headers) == ({"dry_run": ["true"]}, False)


def test_nobody_is_asked_in_a_pipe(findings: Any, stub: Any) -> None:
    done = findings("ticket", "file", "--title", "x")
    assert (done.code, stub.requests) == (2, [])
    assert done.err == (
        "findings: the ticket has no severity, batch, agent, summary. "
        "Give --severity, --batch, --agent, --summary, or a file that holds it.\n"
    )


def test_a_review_from_options(findings: Any, stub: Any, reply: Any, tmp_path: Path) -> None:
    (tmp_path / "why.md").write_text("Because.\n")
    (tmp_path / "change.json").write_text('{"severity": "P2"}')
    stub.on("POST", "tickets/A-1/reviews", reply({"specialist": "drl", "verdict": "REFINE"}, 201))
    done = findings(
        "review",
        "add",
        "A-1",
        "--verdict",
        "refine",
        "--specialist",
        "drl",
        "--claim",
        "partly",
        "--fix",
        "other",
        "--severity",
        "P2",
        "--ticket-version",
        "3",
        "--idempotency-key",
        "abcdefgh",
        *("--rationale-file", str(tmp_path / "why.md")),
        *("--amendment", str(tmp_path / "change.json")),
    )
    assert done.code == 0
    assert stub.requests[0].headers["idempotency-key"] == "abcdefgh"
    assert stub.requests[0].json == {
        "verdict": "REFINE",
        "specialist": "drl",
        "rationale": "Because.\n",
        "claim": "partly",
        "fix": "other",
        "proposed_severity": "P2",
        "amendment": {"severity": "P2"},
        "ticket_version": 3,
    }


def test_a_review_from_the_ticket_file(findings: Any, stub: Any, reply: Any) -> None:
    stub.on("POST", "tickets/A-1/reviews", reply({}, 201))
    words = ("review", "add", "A-1", "--from", EXAMPLE)
    assert findings(*words, "--specialist", "drl").code == 0
    assert (stub.requests[0].json["verdict"], stub.requests[0].json["specialist"]) == (
        "NEUTRAL",
        "drl",
    )
    assert "holds 3 reviews, not one" in findings(*words).err
    assert "no verdict" in findings("review", "add", "A-1").err


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("passed", 0),
        ("proven", 0),
        ("failed", 1),
        ("cannot-fail", 1),
        ("not-fixed", 1),
        ("breaks-others", 1),
        ("inconclusive", 1),
        ("error", 1),
        ("timed-out", 1),
        (None, 1),
    ],
)
def test_verify_says_yes_only_when_it_is(
    findings: Any, stub: Any, reply: Any, outcome: str | None, code: int
) -> None:
    stub.on("POST", "tickets/A-1/runs", reply(run_of(None, "queued"), 202))
    stub.on("GET", "runs/r1", reply(run_of(None, "running")), reply(run_of(outcome)))
    stub.on("GET", "tickets/A-1", reply(TICKET))
    done = findings("verify", "A-1", "--proof", "--repeat", "3")
    assert done.code == code
    assert stub.requests[0].json == {"kind": "proof", "repeat": 3}
    assert stub.requests[1].query == {"wait": [str(runs_module.WAIT_S)]}
    lines = done.out.splitlines()
    assert "test\tt.py::a\tbefore=failed\tafter=passed" in lines
    assert "evidence_says\tIt holds." in lines
    assert not any("t.py::other" in line for line in lines)


def test_verify_that_loses_the_service_says_how_to_look_again(
    findings: Any, stub: Any, reply: Any
) -> None:
    stub.on("POST", "tickets/A-1/runs", reply(run_of(None, "queued"), 202))
    stub.on("GET", "runs/r1", reply(hang_up=True))
    done = findings("verify", "A-1")
    assert done.code == 4
    assert "Look again with `findings run show r1`." in done.err


def test_ctrl_c_stops_waiting_only(stub: Any, reply: Any) -> None:
    stub.on("POST", "tickets/A-1/runs", reply(run_of(None, "queued"), 202))
    stub.on("GET", "runs/r1", reply(run_of(None, "running")))
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "verify", "A-1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    deadline = time.monotonic() + 20
    while len(stub.requests) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err == (
        "findings: stopped waiting; the run goes on. Look again with `findings run show r1`, "
        "or end it with `findings run cancel r1`.\n"
    )
    assert {request.method for request in stub.requests[1:]} == {"GET"}


def test_defect_patches_are_put_in_order(
    findings: Any, stub: Any, reply: Any, tmp_path: Path
) -> None:
    for name in ("A-1", "A-1-10", "A-1-2", "A-10", "A-1-1", "A-1-x", "BA-1"):
        (tmp_path / f"{name}.patch").write_bytes(name.encode())
    for name in ("defect", "defect-2", "defect-10"):
        stub.on("PUT", f"tickets/A-1/patches/{name}", reply({"applies": "forward"}, 201))
    done = findings("load-patches", "A-1", "--from", str(tmp_path))
    assert done.out.splitlines() == [
        "defect\tforward\tA-1.patch",
        "defect-2\tforward\tA-1-2.patch",
        "defect-10\tforward\tA-1-10.patch",
    ]
    assert [request.body for request in stub.requests] == [b"A-1", b"A-1-2", b"A-1-10"]
    assert {request.headers["content-type"] for request in stub.requests} == {"text/x-diff"}


def test_a_ticket_without_defect_patches(findings: Any, stub: Any, tmp_path: Path) -> None:
    done = findings("load-patches", "../A-1", "--from", str(tmp_path))
    assert (done.code, stub.requests) == (2, [])
    assert "--from" in done.err


def test_a_patch_too_large_is_not_sent(findings: Any, stub: Any, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (256 * 1024 + 1))
    done = findings("patch", "put", "A-1", "fix", str(tmp_path / "big"))
    assert (done.code, stub.requests) == (2, [])


def test_a_patch_comes_back_byte_for_byte(stub: Any, reply: Any) -> None:
    raw = b"--- a/x\r\n\x1b[31m\xff no newline"
    stub.on("GET", "tickets/A-1/patches/fix", reply(raw=raw))
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "patch", "show", "A-1", "fix"],
        check=True,
        stdout=subprocess.PIPE,
    )
    assert done.stdout == raw


def test_a_checklist_item_by_number(findings: Any, stub: Any, reply: Any) -> None:
    stub.on("GET", "tickets/A-1", reply({"checklist": [{"id": "i1"}, {"id": "i2"}]}))
    stub.on("POST", "tickets/A-1/tests", reply({"node_id": "t.py"}, 201))
    assert findings("test", "link", "A-1", "t.py", "--checklist-item", "2").code == 0
    assert stub.requests[-1].json == {"node_id": "t.py", "checklist_item": "i2"}
    assert findings("test", "link", "A-1", "t.py", "--checklist-item", "3").code == 2


def test_unlinking_takes_the_link_made_by_hand(findings: Any, stub: Any, reply: Any) -> None:
    links = [
        {"id": "l1", "node_id": "t.py::a", "origin": "marker"},
        {"id": "l2", "node_id": "t.py::a", "origin": "manual"},
    ]
    stub.on("GET", "tickets/A-1/tests", reply({"items": links}))
    stub.on("DELETE", "tickets/A-1/tests/l2", reply(status=204, raw=b""))
    assert findings("test", "unlink", "A-1", "t.py::a").code == 0
    assert stub.requests[-1].path.endswith("/l2")
    assert findings("test", "unlink", "A-1", "t.py::b").code == 2


@pytest.mark.parametrize(
    ("role", "path"), [("admin", "accounts/ada/tokens"), ("reviewer", "me/tokens")]
)
def test_the_secret_stands_alone(
    findings: Any, stub: Any, reply: Any, role: str, path: str
) -> None:
    stub.on("GET", "me", reply({"name": "ada", "role": role}))
    stub.on("POST", path, reply({"account": "ada", "token": "fnd_new"}, 201))
    done = findings("token", "create", "--label", "ci", "--expires", "30")
    assert (done.code, done.out, done.err) == (0, "fnd_new\n", "")
    sent = stub.requests[-1]
    assert (sent.json["label"], sent.json["expires_at"][-6:]) == ("ci", "+00:00")
    assert "idempotency-key" not in sent.headers


def test_a_refusal_in_json_is_the_problem_itself(findings: Any, stub: Any, reply: Any) -> None:
    problem = {"detail": "There is no ticket 'A-1'", "status": 404}
    stub.on("GET", "tickets/A-1", reply(problem, 404))
    done = findings("ticket", "show", "A-1", "--json")
    assert (done.code, json.loads(done.out)) == (2, problem)
    assert done.err == "findings: There is no ticket 'A-1'.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tikcet",), "Did you mean one of: 'test', 'ticket'? See `findings --help`."),
        (("ticket", "show"), "Missing argument 'KEY'. See `findings ticket show --help`."),
        (("ticket", "list", "--nope"), "No such option '--nope'."),
        (("ticket", "list", "--limit", "0"), "--limit"),
        (("token", "create", "--expires", "x"), "--expires"),
    ],
)
def test_usage_errors_are_one_line(findings: Any, words: tuple[str, ...], said: str) -> None:
    done = findings(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.startswith("findings: ")
    assert done.err.count("\n") == 1


def test_help_says_what_the_exit_codes_mean(findings: Any) -> None:
    told = " ".join(findings("--help").out.split())
    assert "0 for yes, 1 when the answer is no, 2 for wrong input or what is not found" in told
    assert "3 when you may not, 4 when the service is away" in told


def test_without_words_there_is_help(findings: Any) -> None:
    done = findings()
    assert done.code == 2
    assert "load-patches" in done.err


def test_a_closed_pipe_ends_quietly(stub: Any, reply: Any) -> None:
    many = [{"key": f"A-{n}", "title": "x" * 1000} for n in range(200)]
    stub.on("GET", "tickets", reply({"items": many, "next_cursor": None}))
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "ticket", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_client_command_loads_no_server_code(stub: Any, reply: Any) -> None:
    stub.on("GET", "me", reply({"name": "ada"}))
    script = """
import sys
from app.cli.main import main
assert main(["whoami"]) == 0
own = [name for name in sys.modules if name.startswith("app.")]
ours = ("app.cli", "app.datadir", "app.domain.document")  # the last one is a table of words
print([name for name in own if not name.startswith(ours) and name != "app.domain"])
print([name for name in ("fastapi", "sqlalchemy", "uvicorn", "torch") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert done.stdout.splitlines()[1:] == ["[]", "[]"]


def test_verify_stale_queues_the_runs_that_decided_and_lists_closed_tickets_too(
    findings: Any, stub: Any, reply: Any
) -> None:
    tickets = [
        {"key": "A-1", "status": "closed", "evidence": {"state": "proven", "stale": True}},
        {"key": "A-2", "status": "open", "evidence": {"state": "passing", "stale": True}},
        {"key": "A-3", "status": "open", "evidence": {"state": "proven", "stale": True}},
    ]
    stub.on("GET", "tickets", reply({"items": tickets, "next_cursor": None}))
    stub.on("POST", "tickets/A-1/runs", reply({"id": "r1"}, 202))
    stub.on("POST", "tickets/A-2/runs", reply({"id": "r2"}, 202))
    stub.on("POST", "tickets/A-3/runs", reply({"title": "Conflict", "detail": "No patch."}, 409))

    done = findings("verify", "--stale")

    assert done.code == 1
    assert stub.requests[0].query["stale"] == ["true"]
    assert [one.json for one in stub.requests[1:]] == [
        {"kind": "proof"},
        {"kind": "check"},
        {"kind": "proof"},
    ]
    for said in ("A-1\tclosed\tproven\tr1\tproof queued", "A-2\topen\tpassing\tr2", "No patch"):
        assert said in done.out


def test_verify_wants_either_a_ticket_or_what_is_stale(findings: Any, stub: Any) -> None:
    assert findings("verify").code == 2
    assert findings("verify", "A-1", "--stale").code == 2
    assert stub.requests == []
