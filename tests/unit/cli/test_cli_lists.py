"""Lists on terminals of three widths: a line for each thing, keys whole, ids that can be typed."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.moments import Moment, moment
from tests.support.terminal import Screen

WIDTHS = [40, 80, 120]
LONG = "Counterfactual passes under force_alpha may reuse a device tensor of another 振幅"
KEYS = [f"B2-PYTORCH-{n:03}" for n in range(45)]
RUNS = [f"01a22622-{n:04x}-7000-8000-{n:012x}" for n in range(30, 0, -1)]

Terminal = Callable[..., Screen]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Run a command on a terminal; high enough for all of it unless told otherwise."""
    opened: list[Screen] = []

    def run(*words: str, columns: int = 80, lines: int = 70, **environment: str) -> Screen:
        command = [sys.executable, "-m", "app.cli", *words]
        opened.append(Screen(command, columns=columns, lines=lines, environment=environment))
        return opened[-1]

    yield run
    for screen in opened:
        screen.close()


@pytest.fixture
def tickets(stub: Any, reply: Any) -> None:
    items = [
        {
            "key": key,
            "title": LONG,
            "severity": "P1",
            "status": "fix-in-progress",
            "evidence": {"state": "cannot-fail", "stale": True},
            "consensus": {"ENDORSE": 1, "NEUTRAL": 2, "REFINE": 0, "OBJECT": 1, "outdated": 1},
        }
        for key in KEYS
    ]
    stub.on("GET", "tickets", reply({"items": items, "next_cursor": None}))


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize("columns", WIDTHS)
def test_a_ticket_is_a_line_and_its_key_is_whole(terminal: Terminal, columns: int) -> None:
    screen = terminal("ticket", "list", columns=columns)

    assert screen.ends() == 0
    heading, *rows = screen.text.splitlines()
    assert heading.startswith("key")
    assert [row.split()[0] for row in rows] == KEYS
    assert all(row.rstrip().endswith("…") for row in rows)
    assert "Counterfactual passes" in rows[0]


@pytest.mark.usefixtures("tickets")
def test_where_there_is_room_a_line_tells_how_a_ticket_stands(terminal: Terminal) -> None:
    screen = terminal("ticket", "list", columns=120)
    screen.ends()
    assert re.search(
        r"P1 +fix-in-progress +cannot-fail \(stale\) +\+1 =2 -1 \?1 +Counter", screen.text
    )


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_run_is_a_line_and_what_is_seen_of_its_id_can_be_typed(
    stub: Any, reply: Any, terminal: Terminal, columns: int
) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3 * 3600 - 60))
    items = [
        {"id": run, "ticket": "B2-DRL-10", "kind": "proof", "status": "finished"}
        | {"outcome": "breaks-others", "requested_by": "an-account-of-a-bot", "queued_at": at}
        for run in RUNS
    ]
    stub.on("GET", "runs", reply({"items": items, "next_cursor": None}))
    stub.on("POST", f"runs/{RUNS[0]}/cancel", reply(items[0]))

    screen = terminal("run", "list", columns=columns)
    screen.ends()
    rows = screen.text.splitlines()[1:]

    assert len(rows) == len(RUNS)
    assert max(map(len, rows)) <= columns
    shown = [row.split()[0] for row in rows]
    assert len(set(shown)) == len(RUNS)
    assert columns < 80 or "3 h ago" in rows[0]
    assert terminal("run", "cancel", shown[0].upper()).ends() == 0
    assert stub.requests[-1].path.endswith(f"runs/{RUNS[0]}/cancel")


def test_a_beginning_that_fits_several_runs_or_none_says_so(
    stub: Any, reply: Any, findings: Any
) -> None:
    items = [{"id": run} for run in RUNS]
    stub.on("GET", "runs", reply({"items": items, "next_cursor": None}))

    several, none = findings("run", "show", "01a22622"), findings("run", "show", "ffff")

    assert several.code == none.code == 2
    assert "the ids of 30 runs begin with 01a22622. Give more of it: 01a22622-001e" in several.err
    assert "no run has an id that begins with ffff. See findings run list." in none.err


def test_a_note_is_deleted_and_put_back(stub: Any, reply: Any, findings: Any) -> None:
    note = "0198aaaa-1111-7000-8000-000000000001"
    stub.on("GET", "tickets/A-1/notes", reply({"items": [{"id": note}], "next_cursor": None}))
    stub.on("DELETE", f"tickets/A-1/notes/{note}", reply(status=204, raw=b""))
    stub.on("POST", "tickets/A-1/undo", reply({"restored": "note"}))

    deleted, unknown = (findings("note", "delete", "A-1", start) for start in ("0198aaaa", "ffff"))
    undone = findings("--json", "undo", "A-1")

    assert (deleted.code, unknown.code, undone.code) == (0, 2, 0)
    assert "no note has an id that begins with ffff" in unknown.err
    assert json.loads(undone.out) == {"restored": "note"}
    sent = [request.path.removeprefix("/api/v1/") for request in stub.requests]
    assert sent[1] == f"tickets/A-1/notes/{note}"


def test_ids_of_reviews_and_tokens_are_taken_short(stub: Any, reply: Any, findings: Any) -> None:
    review = "0198aaaa-1111-7000-8000-000000000001"
    stub.on("GET", "tickets/A-1/reviews", reply({"items": [{"id": review, "specialist": "drl"}]}))
    stub.on("POST", f"tickets/A-1/reviews/{review}/confirm", reply({"id": review}))
    stub.on("GET", "me", reply({"name": "ada"}))
    stub.on("GET", "accounts/ada/tokens", reply({"items": [{"id": review}]}))
    stub.on("DELETE", f"accounts/ada/tokens/{review}", reply(status=204, raw=b""))

    assert findings("review", "confirm", "A-1", "0198aaaa").code == 0
    assert findings("token", "revoke", "0198aaaa").code == 0


@pytest.mark.usefixtures("tickets")
def test_what_is_longer_than_the_screen_goes_to_the_pager(
    terminal: Terminal, tmp_path: Path
) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED; wc -l\n")
    pager.chmod(0o755)

    short = terminal("ticket", "list", "--limit", "3", lines=60, FINDINGS_PAGER=str(pager))
    long = terminal("ticket", "list", lines=20, FINDINGS_PAGER=str(pager))

    assert (short.ends(), long.ends()) == (0, 0)
    assert "PAGED" not in short.text
    assert long.text.split() == ["PAGED", "46"]


@pytest.mark.usefixtures("tickets")
def test_less_shows_the_first_screen_and_is_left_with_q(terminal: Terminal) -> None:
    screen = terminal("ticket", "list", lines=20)
    assert KEYS[0] in screen.shows(":")
    assert KEYS[30] not in screen.text
    screen.types("q")
    assert screen.ends() == 0
    assert "Traceback" not in screen.text


@pytest.mark.usefixtures("tickets")
def test_no_pager_where_none_is_wanted_and_no_colour_in_a_pipe(
    terminal: Terminal, findings: Any
) -> None:
    screen = terminal("ticket", "list", lines=20, PAGER="")
    assert screen.ends() == 0
    assert KEYS[44] in screen.text
    assert b"\x1b[1mkey" in screen.raw
    assert "\x1b" not in findings("ticket", "list").out


@pytest.mark.usefixtures("tickets")
def test_fields_and_filters_of_the_json(findings: Any) -> None:
    assert findings("ticket", "list", "--json", "key,severity").out.startswith(
        '[{"key":"B2-PYTORCH-000","severity":"P1"},'
    )
    assert findings("ticket", "list", "--json", "key", "--jq", ".[0]").out == (
        '{"key":"B2-PYTORCH-000"}\n'
    )
    assert findings("ticket", "list", "--jq", ".items[44].key").out == "B2-PYTORCH-044\n"


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--json", "key,titel"), "there is no field 'titel'. There are key, title,"),
        (("--json", "titel"), "there is no field 'titel'. There are key, title,"),
        (("--jq", ".items["), "--jq cannot be read: syntax error"),
        (("--jq", ".items.key"), "--jq does not fit the answer: Cannot index array"),
    ],
)
def test_a_wrong_field_or_filter_is_explained(
    findings: Any, words: tuple[str, ...], said: str
) -> None:
    done = findings("ticket", "list", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_json_before_an_argument_is_all_of_the_answer(stub: Any, reply: Any, findings: Any) -> None:
    stub.on("GET", "tickets/A-1", reply({"key": "A-1", "title": "t"}))
    assert findings("ticket", "show", "--json", "A-1").out == '{"key":"A-1","title":"t"}\n'
    assert findings("--json", "ticket", "show", "A-1").out == '{"key":"A-1","title":"t"}\n'
    assert findings("ticket", "show", "--json", "title", "A-1").out == '{"title":"t"}\n'


def test_the_page_is_opened_with_the_filters_of_the_list(
    stub: Any, terminal: Terminal, tmp_path: Path, findings: Any
) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    words = ("ticket", "list", "--severity", "P0", "--severity", "P1", "--web")

    screen = terminal(*words, BROWSER=str(browser))

    assert screen.ends() == 0
    url = f"{stub.url}/tickets?severity=P0&severity=P1"
    assert seen.read_text().strip() == url
    assert findings(*words).out == f"{url}\n"


def test_a_note_is_written_in_the_editor(
    stub: Any, reply: Any, terminal: Terminal, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "Seen again.\\n\\n%s" "$(cat "$1")" > "$1"\n')
    editor.chmod(0o755)
    stub.on("POST", "tickets/A-1/notes", reply({"id": "1"}, 201))

    assert terminal("note", "add", "A-1", EDITOR=str(editor)).ends() == 0
    assert stub.requests[-1].json == {"body": "Seen again."}

    left = terminal("note", "add", "A-1", EDITOR="true")
    assert left.ends() == 130
    assert "nothing was written, so nothing was done" in left.text


def test_a_ticket_is_filed_from_the_editor(
    stub: Any, reply: Any, terminal: Terminal, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "It fails.\n\n## Cause\n\nA sum.\n" > "$1"\n')
    editor.chmod(0o755)
    stub.on("POST", "tickets", reply({"key": "A-1"}, 201))
    words = ("--title", "t", "--severity", "P3", "--batch", "2", "--agent", "drl", "--editor")

    assert terminal("ticket", "file", *words, VISUAL=str(editor)).ends() == 0
    filed = stub.requests[-1].json
    assert filed["summary"] == "It fails."
    assert filed["sections"] == [{"heading": "Cause", "body": "A sum."}]


def test_a_ticket_is_changed_in_the_editor(
    stub: Any, reply: Any, terminal: Terminal, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/old words/new words/; s/Impact/Effect/' \"$1\"\n")
    editor.chmod(0o755)
    sections = [
        {"id": "s1", "heading": "Cause", "body": "some old words"},
        {"id": "s2", "heading": "Impact", "body": "# no heading of ours"},
    ]
    ticket = {"key": "A-1", "version": 7, "summary": "sum", "sections": sections}
    stub.on("GET", "tickets/A-1", reply(ticket))
    stub.on("PATCH", "tickets/A-1", reply(ticket))

    assert terminal("ticket", "edit", "A-1", EDITOR=str(editor)).ends() == 0
    patch = stub.requests[-1]
    assert patch.headers["if-match"] == '"7"'
    assert patch.json == {
        "summary": "sum",
        "sections": [
            {"id": "s1", "heading": "Cause", "body": "some new words"},
            {"heading": "Effect", "body": "# no heading of ours"},
        ],
    }


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (86400 * 45, "1 mo ago"),
        (86400 * 800, "2 y ago"),
        (-1500, "in 25 min"),
    ],
)
def test_times_are_told_as_distances(seconds: float, words: str) -> None:
    assert moment("2025-01-31T12:00:00Z").distance(now=1738324800 + seconds) == words


def test_a_time_that_is_none_stays_what_it_is() -> None:
    assert Moment("").distance() == ""
    assert moment(None).distance() == ""


def test_too_few_verdicts_say_nothing_of_a_reviewer(stub: Any, reply: Any, findings: Any) -> None:
    few = {"who": "drl", "n": 3, "right": 2, "wrong": 1, "abstained": 4, "low": None, "high": None}
    many = {**few, "who": "pt", "n": 20, "right": 18, "wrong": 2, "low": 0.699, "high": 0.972}
    stub.on("GET", "calibration", reply({"by": "specialist", "items": [few, many]}))

    first, second = findings("calibration").out.splitlines()

    assert first.split("\t")[-1] == "too few to say"
    assert second.split("\t")[-2:] == ["90 %", "70 to 97 %"]
