"""Long work: a bar with rate and what is left, silence in a pipe, and a way on after Ctrl-C."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import Screen

ITEM: dict[str, Any] = {"key": "A-1", "result": "created", "reason": None, "warnings": []}
ITEM |= {"source_path": "a.md", "line": None, "changes": None}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "audit"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.md").write_text("# text")
    return folder


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service that takes calls and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        monkeypatch.setenv("FINDINGS_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("FINDINGS_TOKEN", "fnd_x")
        yield listening


def start(*words: str, columns: int = 100) -> Screen:
    return Screen([sys.executable, "-m", "app.cli", *words], columns=columns)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_bar_says_how_much_how_fast_and_what_is_left(
    stub: Any, reply: Any, documents: Path, columns: int
) -> None:
    stub.on("POST", "imports", reply({"items": [ITEM] * 3}))
    screen = start("import", str(documents), columns=columns)

    assert screen.ends() == 0
    assert "Importing" in screen.text
    assert "3/3" in screen.text
    assert columns < 80 or "/s" in screen.text
    assert "3 created." in screen.text


def test_nothing_of_it_is_in_a_pipe(
    stub: Any, reply: Any, findings: Any, documents: Path, tmp_path: Path
) -> None:
    stub.on("POST", "imports", reply({"items": [ITEM]}))
    stub.on("GET", "exports", reply(raw=b"x" * 100_000))

    assert findings("import", str(documents)).err == "1 created.\n"
    out = tmp_path / "out"
    assert findings("export", "--out", str(out)).err == f"100000 bytes in {out}.\n"


@pytest.mark.usefixtures("silent")
def test_ctrl_c_says_how_far_an_import_is_and_how_to_go_on(documents: Path) -> None:
    screen = start("import", str(documents))
    screen.shows("Importing")
    screen.interrupts()

    assert screen.ends() == 130
    assert "stopped: of 3 documents 0 are imported. Go on with the same command" in screen.text


@pytest.mark.usefixtures("silent")
def test_ctrl_c_leaves_no_half_of_a_file(tmp_path: Path, silent: socket.socket) -> None:
    out = tmp_path / "tickets.csv"
    screen = start("export", "--format", "csv", "--out", str(out))
    connection, _ = silent.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nkey,title\r\n")
    screen.shows("Exporting")
    screen.interrupts()

    assert screen.ends() == 130
    assert "Run it again for the whole" in screen.text
    assert list(tmp_path.iterdir()) == []
    connection.close()


ID = "0198c1f2-5d0e-7c3a-9a51-2f6d1c0b7e44"
WORDS = {
    "bisect": ("bisect", "B7-DRL-01"),
    "strength": ("strength", "B7-DRL-01"),
    "sweep": ("sweep", "--wait"),
}


@pytest.fixture
def under_way(stub: Any, reply: Any) -> Any:
    """A service in which a bisection, a measurement and a sweep go on for ever."""
    run: dict[str, Any] = {"id": ID, "ticket": "B7-DRL-01", "status": "running", "runs": 3}
    run |= {"kind": "strength", "target": "acme", "tests": 40, "counts": {}}
    last = {"tests": 400, "started_at": "2025-01-01T00:00:00Z"}
    last |= {"finished_at": "2025-01-01T00:10:00Z"}
    stub.on("GET", "sweeps", reply({"items": [last], "next_cursor": None}))
    stub.on("POST", "sweeps", reply(run, 202))
    stub.on("POST", "tickets/B7-DRL-01/bisections", reply(run, 202))
    stub.on("POST", "tickets/B7-DRL-01/runs", reply(run, 202))
    for path in ("sweeps", "bisections", "runs"):
        stub.on("GET", f"{path}/{ID}", reply(run))
    events = [
        ("status", {"status": "running"}),
        ("step", {"revision": "a" * 40, "outcome": "bad"}),
        ("left", {"commits": 60}),
        ("mutants", {"planned": 9}),
        ("mutant", {"path": "acme/a.py", "line": 3, "outcome": "survived"}),
    ]
    lines = [
        f"id: 1-{n}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        for n, (kind, data) in enumerate(events)
    ]
    for path in ("bisections", "runs"):
        stub.on("GET", f"{path}/{ID}/events", reply(raw="".join(lines).encode()))
    return stub


@pytest.mark.usefixtures("under_way")
@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize(
    ("command", "told", "wide"),
    [
        # Of sixty commits six halvings are left, and two looks to confirm.
        ("bisect", "1/9", "one of 60 commits"),
        ("strength", "1/9", "acme/a.py:3 survived"),
        ("sweep", "running, 40 tests", "s left at 40.0/min"),
    ],
)
def test_a_long_look_says_how_far_it_is_and_ctrl_c_how_to_come_back(
    command: str, told: str, wide: str, columns: int
) -> None:
    screen = start(*WORDS[command], columns=columns)
    screen.shows(told)
    if columns == 120:
        screen.shows(wide)
    screen.interrupts()

    assert screen.ends() == 130
    again = {"bisect": "bisect --show", "strength": "run show", "sweep": "sweep --wait --show"}
    said = "".join(screen.text.split())
    assert "goeson" in said
    assert f"findings{again[command]}{ID}".replace(" ", "") in said


def test_a_bisection_that_was_begun_before_is_shown(stub: Any, reply: Any, findings: Any) -> None:
    found: dict[str, Any] = {"id": ID, "ticket": "B7-DRL-01", "status": "finished"}
    found |= dict.fromkeys(("reason", "first", "last", "confidence"))
    found |= {"outcome": "range", "revisions": [], "intervals": [], "steps": [], "runs": 3}
    stub.on("GET", f"bisections/{ID}", reply(found))

    shown = findings("bisect", "--show", ID)
    assert (shown.code, shown.err) == (1, "")
    assert "range" in shown.out
    assert findings("bisect", "B7-DRL-01", "--show", ID).code == 2
    assert findings("bisect").code == 2


def test_a_sweep_that_was_begun_before_is_shown(stub: Any, reply: Any, findings: Any) -> None:
    found: dict[str, Any] = {
        "id": ID,
        "target": "acme",
        "status": "finished",
        "counts": {"held": 3},
    }
    stub.on("GET", "sweeps", reply({"items": [found], "next_cursor": None}))
    stub.on("GET", f"sweeps/{ID}", reply(found))
    stub.on("GET", f"sweeps/{ID}/items", reply({"items": [], "next_cursor": None}))

    shown = findings("sweep", "--show", ID[:8], "--wait")
    assert (shown.code, shown.err) == (0, "")
    assert "3 held" in shown.out
    assert findings("sweep", "--show", "ffff").code == 2
    assert findings("sweep", "acme", "--show", ID).code == 2
