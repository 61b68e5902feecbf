"""Real tickets, where they are at hand: import, export and edits against the originals."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.tickets import ChecklistItem, Location, Section
from app.formats import tracked
from app.formats.markdown import (
    RelationText,
    ReviewText,
    TicketFacts,
    canonical,
    facts,
    merge,
    parse,
    to_json,
    write,
)

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("TICKETS_DIR", ROOT / "../shared/tickets")).resolve()
VISIBLE = FOLDER / "visible"
PATHS = sorted(path.relative_to(VISIBLE).as_posix() for path in VISIBLE.glob("*/*.md"))

pytestmark = pytest.mark.skipif(
    not PATHS, reason=f"no tickets in {FOLDER}; set TICKETS_DIR to a folder with visible/"
)
every_ticket = pytest.mark.parametrize("path", PATHS or ["none"])


def read(path: str) -> bytes:
    return (VISIBLE / path).read_bytes()


def changed(before: bytes, after: bytes) -> list[str]:
    """Lines that went (``-``) and came (``+``)."""
    left, right = before.decode().split("\n"), after.decode().split("\n")
    diff = difflib.unified_diff(left, right, n=0, lineterm="")
    return [line for line in list(diff)[2:] if not line.startswith("@")]


def check(script: str, *arguments: str | Path) -> None:
    command = [sys.executable, str(FOLDER / script), *map(str, arguments), "--split", "visible"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_agrees_with_the_oracle(tmp_path: Path) -> None:
    for number, path in enumerate(PATHS):
        document = parse(read(path), source_path=path)
        (tmp_path / f"{number}.json").write_text(json.dumps(to_json(document)), encoding="utf-8")
    check("check_import.py", tmp_path)


def test_export_gives_the_same_bytes(tmp_path: Path) -> None:
    for path in PATHS:
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(merge(read(path), facts(parse(read(path)))))
        assert target.read_bytes() == read(path)
    check("check_roundtrip.py", VISIBLE, tmp_path)


@every_ticket
def test_severity_and_status_change_their_lines(path: str) -> None:
    before = read(path)
    stated = facts(parse(before))
    severity = "P0" if stated.severity != "P0" else "P1"
    wanted = replace(stated, severity=severity, status="in-review", resolution=None)
    after = merge(before, wanted)
    lines = changed(before, after)
    assert [line for line in lines if line[0] == "+"] == [
        f"+| **Severity** | `{severity}` |",
        "+| **Status** | `in-review` |",
    ]
    assert len(lines) == (4 if stated.severity else 3)
    assert facts(parse(after)) == wanted


@every_ticket
def test_ticking_an_item_changes_its_line(path: str) -> None:
    before = read(path)
    stated = facts(parse(before))
    for number, item in enumerate(stated.checklist):
        items = list(stated.checklist)
        items[number] = replace(item, done=not item.done)
        lines = changed(before, merge(before, replace(stated, checklist=tuple(items))))
        assert len(lines) == 2
        assert lines[0][1:].replace("[ ]", "[x]") == lines[1][1:].replace("[ ]", "[x]")
        assert all(line.endswith(item.text) for line in lines)


@every_ticket
def test_an_added_review_only_adds_lines(path: str) -> None:
    before = read(path)
    stated = facts(parse(before))
    review = ReviewText("human", "REFINE", "Seen | it.\n\nAll of `it`.")
    wanted = replace(stated, reviews=(*stated.reviews, review))
    after = merge(before, wanted)
    assert all(line[0] == "+" for line in changed(before, after))
    assert set(facts(parse(after)).reviews) == set(wanted.reviews)
    assert facts(parse(after)).sections == stated.sections
    assert merge(after, wanted) == after


@every_ticket
def test_a_changed_verdict_changes_one_line(path: str) -> None:
    before = read(path)
    stated = facts(parse(before))
    for number, review in enumerate(stated.reviews):
        reviews = list(stated.reviews)
        verdict = "OBJECT" if review.verdict != "OBJECT" else "REFINE"
        reviews[number] = replace(review, verdict=verdict)
        gone, new = changed(before, merge(before, replace(stated, reviews=tuple(reviews))))
        assert gone[1:].replace(review.verdict, verdict, 1) == new[1:]


@every_ticket
def test_a_resolution_changes_only_its_section(path: str) -> None:
    before = read(path)
    stated = facts(parse(before))
    text = (stated.resolution_text or "Done.") + "\n\nOnce more."
    wanted = replace(stated, resolution_text=text, commits=(*stated.commits, "0123abc"))
    after = merge(before, wanted)
    assert all(line[0] == "+" or "Commits:" in line for line in changed(before, after))
    assert merge(after, wanted) == after


@every_ticket
def test_the_facts_of_a_document_can_be_written_anew(path: str) -> None:
    stated = facts(parse(read(path)))
    document = parse(write(stated))
    # Text that names a commit as history names it in the new document as well.
    assert [w for w in document.warnings if "is not read as a commit" not in w.reason] == []
    assert facts(document) == stated


@every_ticket
def test_a_bare_ticket_can_be_merged_into_any_document(path: str) -> None:
    before = read(path)
    bare = TicketFacts(key=facts(parse(before)).key, title="Bare", severity="P4")
    after = merge(before, bare)
    assert merge(after, bare) == after


def edited(name: str, old: TicketFacts) -> TicketFacts:
    """The ticket after one of the edits below."""
    first, *others = old.sections
    match name:
        case "title":
            return replace(old, title=f"{old.title} | twice")
        case "summary":
            return replace(old, summary=f"{old.summary} And `a|b`.")
        case "domains":
            return replace(old, domains=(*old.domains, "leyline/x"))
        case "assignee":
            return replace(old, assignee="kim")
        case "a paragraph more":
            more = replace(first, body=f"{first.body}\n\nOne more.")
            return replace(old, sections=(more, *others))
        case "a section more":
            return replace(old, sections=(*old.sections, Section("More", "Of it.")))
        case "a section less":
            return replace(old, sections=tuple(others))
        case "an item more":
            return replace(old, checklist=(*old.checklist, ChecklistItem("one more")))
        case "a place more":
            return replace(old, locations=(*old.locations, Location("more.py", 3)))
        case "a relation more":
            return replace(old, relations=(*old.relations, RelationText("B9-CR-77", note="alike")))
    raise AssertionError(name)


ONE_LINE = ("title", "summary", "domains", "assignee")
EDITS = (
    *ONE_LINE,
    "a paragraph more",
    "a section more",
    "a section less",
    "an item more",
    "a place more",
    "a relation more",
)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_its_lines_and_is_read_back(name: str) -> None:
    # Each edit meets every third ticket, all of them together every one.
    for path in PATHS[EDITS.index(name) % 3 :: 3]:
        before = read(path)
        stated = facts(parse(before))
        left = tracked.held(stated)
        now = canonical(edited(name, left if name != "a relation more" else stated))
        wanted = now if name == "a relation more" else tracked.current(stated, left, now)
        after = merge(before, wanted)
        back, lines = facts(parse(after)), changed(before, after)
        gone = [line for line in lines if line[0] == "-" and line != "-None."]
        assert tracked.differing(tracked.held(back), tracked.held(wanted)) == (), path
        assert (back.reviews, set(back.relations)) == (stated.reviews, set(wanted.relations)), path
        if name in ONE_LINE and stated.severity:
            assert len(lines) == 2, path
        elif name == "a section less":
            assert all(line[0] == "-" for line in lines), path
        else:
            assert not gone or name in ONE_LINE, path
