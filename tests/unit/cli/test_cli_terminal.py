"""What a person sees: a real pseudo-terminal, tables, colours, and no foreign escape sequence."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

LONG = "tests/verification/test_with_a_long_name.py::test_whose_name_goes_on_and_on_and_on[value]"
HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]text[/red] :smile:"


@pytest.fixture
def on_terminal() -> Callable[..., str]:
    """Run a command on a terminal of a given width and return all that it wrote there."""

    def run(*words: str, columns: int = 80, **environment: str) -> str:
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"} | environment,
        )
        os.close(theirs)
        written = bytearray()
        while True:
            try:
                chunk = os.read(mine, 65536)
            except OSError:  # Linux reports the end of a terminal as an error
                break
            if not chunk:
                break
            written += chunk
        os.close(mine)
        process.wait(20)
        return written.decode()

    return run


def plain(text: str) -> str:
    """Return `text` without the colours that the command itself put there."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def listed(stub: Any, reply: Any) -> None:
    ticket: dict[str, Any] = {"key": "A-1", "severity": "P0", "status": "open", "title": HOSTILE}
    ticket["evidence"] = {"state": "proven"}
    stub.on("GET", "tickets", reply({"items": [ticket], "next_cursor": "more"}))


@pytest.mark.usefixtures("listed")
def test_a_table_with_its_heading(on_terminal: Callable[..., str]) -> None:
    text = on_terminal("ticket", "list", columns=120)
    assert re.search(r"key +sev +status +evidence +title", plain(text))
    assert "\x1b[32mproven" in text
    assert "There are more" in text


@pytest.mark.usefixtures("listed")
def test_foreign_sequences_and_markup_are_shown_not_obeyed(on_terminal: Callable[..., str]) -> None:
    text = plain(on_terminal("ticket", "list", columns=160))
    assert r"\x1b]0;owned\x07\x1b[2J[red]text[/red] :smile:" in text
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.usefixtures("listed")
def test_no_color_is_honoured(on_terminal: Callable[..., str]) -> None:
    text = on_terminal("ticket", "list", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_node_id_is_whole_on_its_line_whatever_the_width(
    stub: Any, reply: Any, on_terminal: Callable[..., str], columns: int
) -> None:
    stub.on("GET", "tests", reply({"items": [{"node_id": LONG}], "next_cursor": None}))
    lines = plain(on_terminal("test", "list", columns=columns)).splitlines()
    assert lines == ["test", LONG]


@pytest.mark.parametrize(
    ("columns", "drawn"),
    [
        (
            40,
            [
                "drl  verdict REFINE  claim true",
                "    fix other  by ada  on behalf",
                "  Take the second. It mends this writer",
                "  only:",
                "",
                "  - one",
                "",
                "  ```",
                "  " + "code " * 9 + "end",
                "  ```",
                "",
                "human  verdict ENDORSE",
                "  Yes.",
            ],
        ),
        (
            80,
            [
                "drl  verdict REFINE  claim true  fix other  by ada  on behalf",
                "  Take the second. It mends this writer only:",
                "",
                "  - one",
                "",
                "  ```",
                "  " + "code " * 9 + "end",
                "  ```",
                "",
                "human  verdict ENDORSE",
                "  Yes.",
            ],
        ),
    ],
)
def test_a_review_is_a_line_with_its_rationale_below(
    stub: Any, reply: Any, on_terminal: Callable[..., str], columns: int, drawn: list[str]
) -> None:
    text = f"Take the second. It mends\nthis writer only:\n\n- one\n\n```\n{'code ' * 9}end\n```"
    reviews: list[dict[str, Any]] = [
        {"specialist": "drl", "verdict": "REFINE", "claim": "true", "fix": "other"}
        | {"author": "ada", "on_behalf": True, "rationale": text},
        {"specialist": "human", "verdict": "ENDORSE", "rationale": "Yes."},
    ]
    stub.on("GET", "tickets/A-1/reviews", reply({"items": reviews}))

    shown = plain(on_terminal("review", "list", "A-1", columns=columns))
    assert shown.splitlines() == drawn


def test_a_table_that_does_not_fit_is_blocks(
    stub: Any, reply: Any, on_terminal: Callable[..., str]
) -> None:
    link = {"node_id": LONG, "purpose": "demonstrates", "origin": "marker"}
    stub.on("GET", "tickets/A-1/tests", reply({"items": [link]}))

    wide = plain(on_terminal("test", "list", "A-1", columns=130)).splitlines()
    narrow = plain(on_terminal("test", "list", "A-1", columns=60)).splitlines()

    assert wide[1].split() == [LONG, "demonstrates", "marker"]
    assert narrow == [LONG, "    purpose demonstrates  linked by marker"]


def test_json_is_indented_and_safe(stub: Any, reply: Any, on_terminal: Callable[..., str]) -> None:
    stub.on("GET", "me", reply({"name": HOSTILE + "\x9b"}))
    text = on_terminal("whoami", "--json")
    assert text.startswith('{\r\n  "name": "\\u001b]0;owned')
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_missing_fields_are_asked_for(stub: Any, reply: Any) -> None:
    stub.on("POST", "tickets", reply({"key": "B2-DRL-11"}, 201))
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "ticket", "file", "--title", "t", "--agent", "drl"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(mine, b"P3\nnot a number\n2\nsum\n")
    assert process.wait(20) == 0
    os.close(mine)
    assert stub.requests[0].json == {
        "title": "t",
        "severity": "P3",
        "batch": 2,
        "agent": "drl",
        "summary": "sum",
    }


def test_help_is_plain_and_complete(on_terminal: Callable[..., str]) -> None:
    text = on_terminal("ticket", "file", "--help", columns=100)
    assert "--dry-run" in text
    assert "\x1b" not in text


def test_a_run_says_a_cause_once_and_how_to_repeat_it_on_demand(
    stub: Any, reply: Any, on_terminal: Callable[..., str]
) -> None:
    failed = {"node_id": "t.py::a", "outcome": "failed", "phase": "call", "cause": "assertion"}
    results = [failed | {"mode": mode} for mode in ("alone", "together")]
    results.append({"node_id": "t.py::b", "outcome": "passed", "mode": "together"})
    run = {"id": "r1", "ticket": "A-1", "kind": "proof", "status": "finished"} | {
        "arms": [{"name": "before", "results": results}],
        "by_hand": [{"why": "The tests.", "command": "run " + "t.py " * 30}],
    }
    stub.on("GET", "runs/r1", reply(run))
    stub.on("GET", "tickets/A-1", reply({"key": "A-1", "tests": [{"node_id": "t.py::a"}]}))

    brief = plain(on_terminal("run", "show", "r1"))
    whole = plain(on_terminal("run", "show", "r1", "--by-hand"))

    assert re.search(r"t.py::a +before +alone, together +assertion +call", brief)
    assert "\nThe rest of the suite (1 tests) holds." in brief.replace("\r", "")
    assert "To repeat it by hand: findings run show r1 --by-hand" in brief
    assert "  # The tests.\r\n  run " + ("t.py " * 30).strip() in whole
