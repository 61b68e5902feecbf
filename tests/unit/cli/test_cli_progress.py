"""Long work: a bar with rate and what is left, silence in a pipe, and a way on after Ctrl-C."""

from __future__ import annotations

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
