"""What is read from every variant of title, metadata, location, summary and sections."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.tickets import Location, ReportReference
from app.formats.markdown import extra_fields, facts, merge, parse, to_json
from tests.unit.formats.markdown_samples import (
    APPENDIX,
    CATEGORY_LABELS,
    DESCRIPTION,
    LOCATION,
    METADATA,
    VERIFICATION,
    finding,
    summary,
    ticket,
    with_row,
)


def test_a_whole_finding() -> None:
    document = parse(finding(VERIFICATION, APPENDIX).encode(), source_path="fixed/B7-PT-03.md")
    assert to_json(document) == {
        "source_path": "fixed/B7-PT-03.md",
        "id": "B7-PT-03",
        "title": "Pump runs dry",
        "severity": "P2",
        "status_raw": "open",
        "status": "open",
        "batch": 7,
        "agent": "pytorch",
        "domains": ["garden"],
        "assignee": None,
        "created": "2025-03-01",
        "updated": "2025-03-02",
        "files": ["/srv/garden/pump.py"],
        "lines": "10-12",
        "symbol": "Pump.start()",
        "summary": "The pump runs `a|b` dry.",
        "categories": ["Correctness bug"],
        "reviews": [],
        "verification_items": [
            {"text": "Start the pump once", "done": False},
            {"text": "Count the starts", "done": True},
        ],
        "related": [],
        "has_resolution": False,
        "commits": [],
        "section_headings": [
            "Ticket Metadata",
            "Location",
            "Summary",
            "Detailed Description",
            "Verification",
            "Appendix",
        ],
    }
    assert not document.warnings
    stated = facts(document)
    assert stated.created == date(2025, 3, 1)
    assert stated.reports == (ReportReference("reports/pump.md", '"Water" - part 2'),)
    assert [s.heading for s in stated.sections] == ["Detailed Description"]


@pytest.mark.parametrize(
    "title",
    [
        "# Finding Ticket: A | `b:c` (d): e #",
        "# Bug Ticket: A | `b:c` (d): e #",
        "# Fix: A | `b:c` (d): e #",
    ],
)
def test_titles_split_at_the_first_colon(title: str) -> None:
    document = parse(ticket(METADATA, title=title).encode())
    assert document.title.text == "A | `b:c` (d): e"


def test_a_fix_note_has_no_more_than_it_says() -> None:
    note = """\
## Resolution Summary

| Field | Value |
|-------|-------|
| **Ticket ID** | `B-METRIC-01` |
| **Status** | `fixed` |
| **Fix Date** | 2025-03-09 |
| **Resolution** | Counted once |"""
    tasks = "## Verification\n\n- [x] Ran it\n\n### Test Cases Added\n\n- `test_a` - runs it"
    document = parse(ticket(note, "## Problem\n\nIt ran.", tasks, title="# Fix: Pump").encode())
    said = to_json(document)
    empty = ("severity", "batch", "agent", "created", "updated", "lines", "symbol", "summary")
    assert {said[name] for name in empty} == {None}
    assert said["files"] == said["domains"] == said["categories"] == []
    assert (said["status"], said["has_resolution"]) == ("fixed", True)
    assert said["verification_items"] == [{"text": "Ran it", "done": True}]
    assert extra_fields(document) == {"Fix Date": "2025-03-09", "Resolution": "Counted once"}
    assert [s.heading for s in facts(document).sections] == ["Problem", "Verification"]
    assert facts(document).locations == ()


@pytest.mark.parametrize(
    ("raw", "normal", "tracker"),
    [
        ("open", "open", ("open", None)),
        ("closed", "closed", ("closed", None)),
        ("fixed", "fixed", ("closed", "fixed")),
        ("already-fixed", "fixed", ("closed", "already-fixed")),
        ("wont-fix", "wont-fix", ("wont-fix", "wont-fix")),
        ("wontfix", "wont-fix", ("wont-fix", "wont-fix")),
        ("invalid", "not-a-bug", ("closed", "not-a-bug")),
        ("investigating", "investigating", ("investigating", None)),
        ("fix-in-progress", "fix-in-progress", ("fix-in-progress", None)),
        ("in-review", "in-review", ("in-review", None)),
        ("someday", "someday", ("open", None)),
    ],
)
def test_status_words(raw: str, normal: str, tracker: tuple[str, str | None]) -> None:
    metadata = with_row(METADATA, "Status", f"`{raw}`")
    document = parse(finding(metadata=metadata).encode())
    said, stated = to_json(document), facts(document)
    assert (said["status_raw"], said["status"]) == (raw, normal)
    assert (stated.status, stated.resolution) == tracker
    assert bool(document.warnings) == (raw == "someday")


@pytest.mark.parametrize(
    ("cell", "resolution"),
    [
        ("`duplicate`", "duplicate"),
        ("`won't fix (by choice)`", None),
        ("already fixed", "already-fixed"),
    ],
)
def test_a_resolution_row_counts_when_it_is_a_word_of_the_tracker(
    cell: str, resolution: str | None
) -> None:
    row = f"| **Status** | `closed` |\n| **Resolution** | {cell} |"
    metadata = METADATA.replace("| **Status** | `open` |", row)
    stated = facts(parse(finding(metadata=metadata).encode()))
    assert (stated.status, stated.resolution) == ("closed", resolution)


@pytest.mark.parametrize(
    ("cell", "domains"),
    [
        ("`garden/pump`", ["garden/pump"]),
        ("`garden`, `pump`", ["garden", "pump"]),
        ("`garden` / `pump`", ["garden", "pump"]),
        ("", []),
    ],
)
def test_domains(cell: str, domains: list[str]) -> None:
    document = parse(finding(metadata=with_row(METADATA, "Domain", cell)).encode())
    assert to_json(document)["domains"] == domains


P = "/srv/garden/pump.py"
LOCATIONS = [
    (f"`{P}`", "`10`", "`a()`", [Location(P, 10, None, "a()")]),
    (f"`{P}`", "`10, 12-14`", "`a()`", [Location(P, 10, None, "a()"), Location(P, 12, 14)]),
    (f"`{P}`", "`10`, `12-14`", "`a()`", [Location(P, 10, None, "a()"), Location(P, 12, 14)]),
    (f"`{P}`", "Multiple", "Various", [Location(P, symbol="Various", note="Multiple")]),
    (f"`{P}`", "`N/A`", "N/A", [Location(P)]),
    (
        f"`{P}`",
        "N/A (see text)",
        "`a()` body",
        [Location(P, None, None, "`a()` body", "N/A (see text)")],
    ),
    (
        f"`{P}`",
        "`10` (start), etc.",
        "`a()` / `b()`",
        [Location(P, None, None, "`a()` / `b()`", "`10` (start), etc.")],
    ),
    (
        "`x/a.py`, `b.py`",
        "`All`",
        "`a()`",
        [Location("x/a.py", symbol="a()", note="`All`"), Location("b.py")],
    ),
    (
        "`x/a.py`, `b.py`",
        "a.py:5-6, b.py:7",
        "`a()`",
        [Location("x/a.py", 5, 6, "a()"), Location("b.py", 7)],
    ),
    (
        "`x/a.py`, `b.py`",
        "`5-6`, `7`",
        "",
        [Location("x/a.py", note="`5-6`, `7`"), Location("b.py")],
    ),
    ("the whole garden", "Multiple", "", [Location(note="the whole garden, Multiple")]),
]


@pytest.mark.parametrize(("files", "lines", "symbol", "places"), LOCATIONS)
def test_locations(files: str, lines: str, symbol: str, places: list[Location]) -> None:
    table = LOCATION
    for key, value in (("File(s)", files), ("Line(s)", lines), ("Function/Class", symbol)):
        table = with_row(table, key, value)
    document = parse(finding(location=table).encode())
    assert facts(document).locations == tuple(places)
    assert not document.warnings
    said = to_json(document)
    assert said["files"] == [word.strip("`") for word in files.split(", ") if "`" in files]
    assert (said["lines"] or "").replace("`", "") == lines.replace("`", "")


def test_additional_locations() -> None:
    bullets = (
        "\n\n**Additional locations (if multi-file):**\n- `a.py:100-110` - the caller\n"
        "- `b.py:50` in `run()`\n- `c.py`\n- somewhere else"
    )
    stated = facts(parse(finding(location=LOCATION + bullets).encode()))
    assert stated.locations[1:] == (
        Location("a.py", 100, 110, None, "the caller"),
        Location("b.py", 50, None, "run()"),
        Location("c.py"),
        Location(note="somewhere else"),
    )
    assert [s.heading for s in stated.sections] == ["Detailed Description"]


def test_categories_of_ten_and_eleven_rows() -> None:
    ten = ticket(METADATA, summary(["Numerical stability"], CATEGORY_LABELS[:10]))
    assert facts(parse(ten.encode())).categories == ("numerical-stability",)
    own = "Code quality / maintainability"
    labels = [*CATEGORY_LABELS[:4], *CATEGORY_LABELS[6:], own]
    eleven = parse(ticket(METADATA, summary([own, "Test coverage gap"], labels)).encode())
    assert to_json(eleven)["categories"] == ["Test coverage gap", own]
    assert facts(eleven).categories == ("test-gap", own)


def test_summary_with_another_labelled_paragraph_and_a_remark_behind_category() -> None:
    text = summary().replace("**Category:**", "**Scope:** wide\n\n**Category:** (check all)")
    document = parse(ticket(METADATA, text).encode())
    assert document.summary is not None
    assert document.summary.text == "The pump runs `a|b` dry."
    assert facts(document).categories == ("correctness",)
    assert [s.body for s in facts(document).sections] == ["**Scope:** wide"]


def test_sections_in_any_order() -> None:
    document = parse(ticket(METADATA, "## Resolution\n\nDone.", LOCATION, summary()).encode())
    assert facts(document).resolution_text == "Done."
    assert facts(document).locations[0].path == P


def test_fences_are_opaque_also_inside_lists() -> None:
    body = "## Notes\n\n1. Look:\n   ```python\n   # Finding Ticket: no\n   ## Resolution\n   ```\n"
    document = parse(finding(body.rstrip(), "## Last\n\n```\n# x\n## y\n```").encode())
    headings = to_json(document)["section_headings"]
    assert headings[-1] == "Last"
    assert "y" not in headings
    assert "not a heading" not in headings


def test_unknown_rows_are_kept_and_shown() -> None:
    metadata = METADATA + "\n| **Fixed** | 2025-03-05 |"
    assert extra_fields(parse(finding(metadata=metadata).encode())) == {"Fixed": "2025-03-05"}


def test_two_rules_and_a_missing_final_newline_survive() -> None:
    text = finding(DESCRIPTION.replace("Detailed Description", "Notes"), "---", APPENDIX)[:-1]
    document = parse(text.encode())
    assert document.source.encode() == text.encode()
    assert facts(document).sections[-1].heading == "Notes"
    assert not facts(document).sections[-1].body.endswith("---")


MISNESTED = """\
## Notes

1. Look:
   ```python
def dedented():
    pass
   ```"""


def test_code_indented_less_than_its_list_item_swallows_no_section() -> None:
    text = finding(MISNESTED, VERIFICATION, "## Problem\n\n```\nx\n```", APPENDIX)
    document = parse(text.encode())
    headings = to_json(document)["section_headings"]
    assert headings[-4:] == ["Notes", "Verification", "Problem", "Appendix"]
    assert len(facts(document).checklist) == 2
    assert document.source.encode() == text.encode()
    assert merge(text.encode(), facts(document)) == text.encode()


def test_a_fence_that_its_item_ends_closes_nothing_else() -> None:
    text = finding("## Notes\n\n- a\n  ```\n  x", VERIFICATION, APPENDIX)
    assert to_json(parse(text.encode()))["section_headings"][-2:] == ["Verification", "Appendix"]
