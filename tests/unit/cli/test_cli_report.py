"""Writing a report by command: where it goes, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPORT = b"<!doctype html>\n<title>Findings</title>\n"


@pytest.fixture(autouse=True)
def report(stub: Any, reply: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with a report, and a folder of its own to write into."""
    stub.on("GET", "report", reply(raw=REPORT, headers={"Content-Type": "text/html"}))
    monkeypatch.chdir(tmp_path)


def test_it_says_where_the_report_went(findings: Callable[..., Any], tmp_path: Path) -> None:
    ended = findings("report")

    assert (ended.code, ended.out) == (0, f"{tmp_path}/report.html\n")
    assert (tmp_path / "report.html").read_bytes() == REPORT
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_file_that_is_there_is_left_alone(
    findings: Callable[..., Any], stub: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.html").write_text("mine")

    ended = findings("report", "--out", "mine.html")

    assert ended.code == 2
    assert "--force" in ended.err
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert stub.requests == []


def test_force_writes_over_it(findings: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")

    ended = findings("report", "--out", "mine.html", "--force", "--json")

    assert json.loads(ended.out) == {"file": f"{tmp_path}/mine.html", "bytes": len(REPORT)}
    assert (tmp_path / "mine.html").read_bytes() == REPORT


def test_it_goes_to_standard_output_when_told_so(
    findings: Callable[..., Any], tmp_path: Path
) -> None:
    ended = findings("report", "--out", "-")

    assert ended.out.encode() == REPORT
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_no_file(
    findings: Callable[..., Any], stub: Any, reply: Any, tmp_path: Path
) -> None:
    problem = {"title": "No access", "detail": "The token is not valid.", "status": 401}
    stub.on("GET", "report", reply(problem, 401))

    ended = findings("report")

    assert ended.code == 3
    assert "not valid" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(findings: Callable[..., Any], tmp_path: Path) -> None:
    ended = findings("report", "--out", "nowhere/report.html")

    assert ended.code == 2
    assert "nowhere/report.html cannot be written" in ended.err
