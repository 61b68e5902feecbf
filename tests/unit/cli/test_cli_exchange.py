"""Importing and exporting by command: what is found, how it is packed, what is said."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.cli import documents
from app.cli.errors import UsageProblem


def item(result: str = "created", **values: Any) -> dict[str, Any]:
    """One line of the service's report."""
    base = {"source_path": "fixed/A-1.md", "key": "A-1", "line": None, "reason": None}
    return {**base, "result": result, "warnings": [], "changes": {}, **values}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("fixed/A-1.md", "triaged/deep/A-2.md", "not-a-bug/A-1.md", "fixed/notes.txt"):
        path = tmp_path / "bugs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "bugs"


def test_documents_of_a_folder_are_known_by_their_paths_below_it(corpus: Path) -> None:
    paths = [found.path for found in documents.find([str(corpus)])]

    assert paths == ["fixed/A-1.md", "not-a-bug/A-1.md", "triaged/deep/A-2.md"]


@pytest.mark.parametrize("source", ["fixed", "fixed/A-1.md", "fixed/*.md", "f*"])
def test_a_folder_that_says_something_stays_in_the_path(corpus: Path, source: str) -> None:
    (found,) = documents.find([str(corpus / source)])

    assert found.path == "fixed/A-1.md"


def test_two_documents_of_one_path_are_a_usage_problem(corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "fixed" / "A-1.md"
    other.parent.mkdir(parents=True)
    other.write_text("x")

    with pytest.raises(UsageProblem, match="would both be known"):
        documents.find([str(corpus / "fixed"), str(other)])


def test_documents_of_one_name_are_sent_together(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_AT_ONCE", 1)

    parcels = list(documents.parcels(documents.find([str(corpus)])))

    names = [zipfile.ZipFile(io.BytesIO(parcel.content)).namelist() for parcel in parcels]
    assert names == [["fixed/A-1.md", "not-a-bug/A-1.md"], ["triaged/deep/A-2.md"]]


def test_an_import_sends_an_archive_and_tells_what_came_of_it(
    findings: Any, stub: Any, reply: Any, corpus: Path
) -> None:
    items = [
        item(),
        item(
            "conflict", line=7, reason="both changed severity", changes={"severity": ["P1", "P0"]}
        ),
    ]
    stub.on("POST", "imports", reply({"items": items}))

    done = findings("import", str(corpus), "--on-conflict", "skip", "--disposition", "folder")

    (sent,) = stub.requests
    assert sent.query == {"on_conflict": ["skip"], "disposition": ["folder"]}
    assert len(zipfile.ZipFile(io.BytesIO(sent.body)).namelist()) == 3
    assert done.code == 1
    assert done.out == (
        "conflict\tA-1\tfixed/A-1.md\t7\tboth changed severity; severity: P1 → P0\n"
        "created\tA-1\tfixed/A-1.md\t\t\n"
    )
    assert done.err == "1 created, 1 conflict.\n"


def test_a_dry_run_says_so(findings: Any, stub: Any, reply: Any, corpus: Path) -> None:
    stub.on("POST", "imports", reply({"items": [item("updated")]}))

    done = findings("import", "--dry-run", str(corpus / "fixed"))

    assert stub.requests[0].query["dry_run"] == ["true"]
    assert (done.code, done.err) == (0, "Would be: 1 updated.\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"severity": ["P1", "P0"], "document": ["a1", "b2"]}, "severity: P1 → P0"),
        ({"document": ["a1", "b2"]}, "only words that stand in no field"),
    ],
)
def test_digests_are_not_told(
    findings: Any, stub: Any, reply: Any, corpus: Path, changes: dict[str, Any], told: str
) -> None:
    stub.on("POST", "imports", reply({"items": [item("updated", changes=changes)]}))

    done = findings("import", str(corpus / "fixed"))

    assert done.out == f"updated\tA-1\tfixed/A-1.md\t\t{told}\n"


def test_lines_are_sent_as_they_are(findings: Any, stub: Any, reply: Any, tmp_path: Path) -> None:
    stub.on("POST", "imports", reply({"items": [item(source_path=None)]}))
    archive = tmp_path / "all.zip"
    archive.write_bytes(b"PK\x03\x04")

    done = findings("import", "--json", str(archive))

    assert stub.requests[0].headers["content-type"] == "application/zip"
    assert stub.requests[0].body == b"PK\x03\x04"
    assert json.loads(done.out) == {"items": [item(source_path=None)]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no file, folder or match"),
        ((".",), "no document"),
        (("a.jsonl", "b.md"), "whole export"),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_line(
    findings: Any,
    stub: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    done = findings("import", *words)

    assert (done.code, stub.requests) == (2, [])
    assert said in done.err


def test_an_export_is_a_file_or_nothing(
    findings: Any, stub: Any, reply: Any, tmp_path: Path
) -> None:
    stub.on("GET", "exports", reply(raw=b"key,title\r\n"))
    target = tmp_path / "t.csv"

    done = findings("export", "--format", "csv", "--severity", "P0", "--out", str(target))
    piped = findings("export", "--format", "csv")

    assert stub.requests[0].query == {"format": ["csv"], "severity": ["P0"]}
    assert (done.code, done.err) == (0, f"11 bytes in {target}.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert target.read_bytes() == b"key,title\r\n"
    assert piped.out == "key,title\r\n"


def test_an_export_that_is_refused_leaves_no_file(
    findings: Any, stub: Any, reply: Any, tmp_path: Path
) -> None:
    stub.on("GET", "exports", reply({"title": "No", "detail": "not now", "status": 503}, 503))

    done = findings("export", "--out", str(tmp_path / "t.zip"))

    assert done.code == 4
    assert list(tmp_path.iterdir()) == []
