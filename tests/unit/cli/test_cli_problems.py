"""Errors of the service as one line with the remedy."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.api.problems import all_kinds
from app.cli.catalogue import SECTIONS, Group
from app.cli.errors import Refused
from app.cli.problems import refused
from app.cli.remedies import command_for
from app.errors import FindingsError
from app.web.problem_commands import command_meeting, exit_code


def test_detail_request_and_exit_code() -> None:
    error = refused(404, {"detail": "There is no ticket 'X-1'", "request_id": "r1"})
    assert str(error) == "There is no ticket 'X-1'."
    assert error.code == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 2),
        (401, 3),
        (403, 3),
        (404, 2),
        (405, 2),
        (408, 4),
        (409, 1),
        (412, 1),
        (413, 2),
        (415, 2),
        (421, 2),
        (422, 2),
        (428, 1),
        (429, 4),
        (500, 4),
        (503, 4),
    ],
)
def test_exit_codes(status: int, code: int) -> None:
    assert refused(status, {"detail": "x"}).code == code


@pytest.mark.parametrize(
    "words", ["ticket list", "ticket list --json", "--help", "--version", "export --format csv"]
)
def test_a_full_disk_is_said_in_a_line(stub: Any, reply: Any, words: str) -> None:
    stub.on("GET", "tickets", reply({"items": [{"key": "A-1"}], "next_cursor": None}))
    stub.on("GET", "exports", reply(raw=b"key\n"))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words.split()],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.stderr == "findings: the output cannot be written: No space left on device.\n"
    assert done.returncode == 2


def test_closed_streams_are_no_fault(stub: Any, reply: Any) -> None:
    stub.on("GET", "me", reply({"name": "ada"}))
    command = f"{sys.executable} -m app.cli whoami >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0


def test_a_field_that_an_option_sets_names_the_option(stub: Any, reply: Any, findings: Any) -> None:
    error = {"pointer": "/specialist", "detail": "say who speaks", "allowed": ["drl"]}
    stub.on("GET", "review-queue", reply({"errors": [error]}, 422))

    said = findings("queue", "list").err

    assert said == "findings: say who speaks (option --specialist; allowed: drl).\n"


def test_fields_say_where_what_is_allowed_and_what_was_meant() -> None:
    problem = {
        "detail": "left out in favour of the fields",
        "errors": [
            {
                "pointer": "/severity",
                "detail": "not a value here",
                "allowed": ["P0", "P1"],
                "did_you_mean": "P1",
            },
            {"pointer": "/title", "detail": "title should not be blank."},
        ],
    }
    assert str(refused(422, problem)) == (
        "not a value here (at /severity; allowed: P0, P1; did you mean P1?); "
        "title should not be blank."
    )


def test_what_the_detail_says_is_not_said_twice() -> None:
    error = {"pointer": "/severity", "detail": "severity is P0 or P1", "allowed": ["P0", "P1"]}
    assert str(refused(422, {"errors": [error]})) == "severity is P0 or P1."
    said = {"detail": "This needs maintainer; you are ada.", "needs": "maintainer", "you": "ada"}
    assert str(refused(403, said)) == "This needs maintainer; you are ada."


def test_needs_and_you() -> None:
    problem = {"detail": "Not allowed", "needs": "maintainer", "you": "ada (reader)"}
    assert str(refused(403, problem)) == "Not allowed. It needs maintainer. You are ada (reader)."


def test_a_long_list_of_values_is_cut() -> None:
    error = {"pointer": "/x", "detail": "no", "allowed": [f"v{n}" for n in range(30)]}
    assert "v19 and 10 more" in str(refused(422, {"errors": [error]}))


def test_remedies_are_commands() -> None:
    problem = {
        "detail": "No test is linked with B2-DRL-10.",
        "remedy": [
            {"operation": "linkTest", "method": "POST", "path": "/api/v1/tickets/B2-DRL-10/tests"},
            {
                "operation": "putPatch",
                "method": "PUT",
                "path": "/api/v1/tickets/B2-DRL-10/patches/fix",
            },
        ],
    }
    assert str(refused(409, problem)) == (
        "No test is linked with B2-DRL-10. Next: `findings test link B2-DRL-10 NODE_ID`; "
        "`findings patch put B2-DRL-10 fix FILE`."
    )


def test_remedies_say_what_does_as_well_what_follows_and_who_may() -> None:
    ticket = "/api/v1/tickets/A-1"
    run = {"method": "POST", "path": f"{ticket}/runs", "body": {"kind": "check"}}
    link = {"method": "POST", "path": f"{ticket}/tests", "body": {"node_id": "<node_id>"}}
    own = {"method": "POST", "path": f"{ticket}/tests", "body": {"source": "<source>"}}
    first = {**link, "then": [{**run, "needs": "reviewer"}]}
    problem = {"detail": "No.", "remedy": [{**first, "any_of": [first, own]}]}
    assert str(refused(409, problem)) == (
        "No. Next: `findings test link A-1 NODE_ID`, then `findings verify A-1` (reviewer) or "
        "`findings test submit A-1 FILE`."
    )


def test_etag_and_retry_after() -> None:
    text = str(refused(412, {"detail": "stale", "etag": '"3"'}, "7"))
    assert 'The current ETag is "3".' in text
    assert "Try again in 7 s." in text
    assert "Try" not in str(refused(429, {"detail": "x"}, "soon"))


def test_a_bad_token_says_how_to_get_one() -> None:
    assert "`findings token create NAME`" in str(refused(401, {"detail": "unknown"}))


@pytest.mark.parametrize(
    "problem",
    [{}, {"detail": None, "errors": "x", "remedy": {}}, {"errors": [1], "remedy": [None, "x"]}],
)
def test_a_problem_of_another_shape_is_still_one_line(problem: dict[str, Any]) -> None:
    assert str(refused(418, problem)) == "the service answered 418."


def test_hostile_text_is_written_out_on_one_line() -> None:
    error = {"pointer": "/\x1b[2J", "detail": "a\nb", "did_you_mean": "\u202ex"}
    text = str(refused(500, {"errors": [error], "request_id": "r\r\n"}))
    assert text == r"a b (at /\x1b[2J; did you mean \u202ex?). [request r]"


def test_a_request_is_named_where_the_service_is_at_fault() -> None:
    assert str(refused(500, {"detail": "broken", "request_id": "r1"})) == "broken. [request r1]"
    assert str(refused(409, {"detail": "no", "request_id": "r1"})) == "no."


@pytest.mark.parametrize(
    ("method", "path", "body", "command"),
    [
        ("POST", "tickets/A-1/tests", {"node_id": "t.py::x"}, "findings test link A-1 t.py::x"),
        ("POST", "tickets/A-1/tests", {"node_id": "<node_id>"}, "findings test link A-1 NODE_ID"),
        (
            "POST",
            "tickets/A-1/transitions",
            {"to": "closed", "reason": "<reason>", "commits": ["<commit>", "a;b"]},
            "findings ticket move A-1 closed --reason REASON --commit COMMIT --commit 'a;b'",
        ),
        (
            "POST",
            "tickets/A-1/transitions",
            {"to": "closed", "commits": ["<commit>"], "waiver": {"reason": "<reason>"}},
            "findings ticket move A-1 closed --waiver REASON --commit COMMIT",
        ),
        (
            "POST",
            "tickets/A-1/relations",
            {"kind": "duplicate-of", "key": "<key>"},
            "findings ticket relate A-1 duplicate-of:KEY",
        ),
        ("POST", "tickets/A-1/runs", {"kind": "proof"}, "findings verify A-1 --proof"),
        ("POST", "tickets/A-1/runs", None, "findings verify A-1"),
        (
            "POST",
            "tickets/A-1/reviews",
            {"verdict": "ENDORSE", "specialist": "drl"},
            "findings review add A-1 --verdict ENDORSE --specialist drl",
        ),
        ("POST", "tests/sync", None, "findings test sync"),
        ("POST", "runs/7/cancel", None, "findings run cancel 7"),
        ("GET", "tickets/A-1", None, "findings ticket show A-1"),
        ("PATCH", "tickets/A-1", {"x": 1}, 'PATCH /api/v1/tickets/A-1 {"x": 1}'),
        ("DELETE", "things/1", None, "DELETE /api/v1/things/1"),
    ],
)
def test_calls_as_commands(method: str, path: str, body: Any, command: str) -> None:
    remedy = {"operation": "o", "method": method, "path": f"/api/v1/{path}"}
    assert command_for(remedy | ({} if body is None else {"body": body})) == command


@pytest.mark.parametrize(
    ("key", "quoted"),
    [("A-1;rm -rf ~", "'A-1;rm -rf ~'"), ("$(id)`id`", "'$(id)`id`'"), ("a'b", "'a'\"'\"'b'")],
)
def test_a_remedy_cannot_smuggle_a_command_into_the_shell(key: str, quoted: str) -> None:
    remedy = {"method": "POST", "path": f"/api/v1/tickets/{key}/tests", "body": {}}
    assert command_for(remedy) == f"findings test link {quoted} NODE_ID"


@pytest.mark.parametrize("kind", all_kinds().values(), ids=all_kinds())
def test_the_page_of_a_problem_shows_a_command_that_there_is(
    findings: Any, kind: type[FindingsError]
) -> None:
    name, *words = shlex.split(command_meeting(kind))
    options = [word for word in words if word.startswith("--")]
    path = words[:1]
    entries = {word: one for part in SECTIONS.values() for word, one in part.items()}
    if isinstance(entry := entries[path[0]], Group):
        path = words[:2]
        assert path[1] in entry.commands
    shown = findings(*path, "--help").out

    assert name == "findings"
    assert [option for option in options if option not in shown] == []
    assert exit_code(kind.status) == Refused("", "", status=kind.status).code
