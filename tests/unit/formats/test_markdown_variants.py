"""Spellings and layouts beside the common ones: each is read as meant, and costs no byte."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.tickets import Location, Section
from app.formats.markdown import TicketFacts, canonical, facts, merge, parse, to_json
from tests.unit.formats.markdown_samples import (
    LOCATION,
    METADATA,
    VERIFICATION,
    fields,
    finding,
    summary,
    ticket,
    with_row,
)

DATED = "| Reviewer | Verdict | Date |\n|---|---|---|\n"
ROW = "| PyTorch Expert | `REFINE` | 2025-03-04 |"
AGENTS = "| Agent | Verdict | Evaluation |\n|---|---|---|\n"


def read(document: str) -> dict[str, Any]:
    """What a document says, which comes back as it was."""
    data = document.encode()
    parsed = parse(data)
    assert merge(data, facts(parsed)) == data
    return to_json(parsed)


def edited(document: str, change: Callable[[TicketFacts], TicketFacts]) -> list[str]:
    """The lines that an edit takes out (``-``) and puts in (``+``); it is read back as made."""
    before = document.encode()
    wanted = canonical(change(facts(parse(before))))
    after = merge(before, wanted)
    assert facts(parse(after)) == wanted
    left, right = document.split("\n"), after.decode().split("\n")
    diff = list(difflib.unified_diff(left, right, n=0, lineterm=""))[2:]
    return [line for line in diff if not line.startswith("@")]


@pytest.mark.parametrize(
    ("heading", "reviewer"),
    [
        # The heading names a reviewer, whatever the cell says.
        ("Cross-Review (DRL Specialist) - Round 2", "drl"),
        ("Cross-Review (drl-expert, 2025-03-04)", "drl"),
        ("Cross-Review: Code Quality", "codereview"),
        ("Cross-Review - codereviewer", "codereview"),
        ("Cross-Review by DRL Agent", "drl"),
        ("Cross-Review (Security Specialist)", "security"),
        # It says when, so the cell says who.
        ("Cross-Review (Round 2)", "pytorch"),
        ("Cross-Review (2025-03-04)", "pytorch"),
        ("Cross-Review: Follow-up", "pytorch"),
        ("Cross-Review (after the fact)", "pytorch"),
        ("Cross-Review Summary", "pytorch"),
        ("Cross-Reviews", "pytorch"),
    ],
)
def test_who_reviews(heading: str, reviewer: str) -> None:
    for body in (f"{DATED}{ROW}\n\nSo.", fields("`REFINE`", "PyTorch Expert", "So.")):
        (review,) = read(finding(f"## {heading}\n\n{body}"))["reviews"]
        assert (review["reviewer"], review["reviewer_raw"]) == (reviewer, "PyTorch Expert")
        assert (review["verdict"], review["text"]) == ("REFINE", "So.")


def test_rounds_of_reviews_are_all_kept() -> None:
    first = (
        f"## Cross-Review\n\n{AGENTS}| **DRL** | OBJECT | No. |\n| **PyTorch** | NEUTRAL | Hm. |"
    )
    second = f"## Cross-Review (Round 2)\n\n{AGENTS}| **DRL** | ENDORSE | Yes, now. |"
    found = [(r["reviewer"], r["verdict"]) for r in read(finding(first, second))["reviews"]]
    assert found == [("drl", "OBJECT"), ("pytorch", "NEUTRAL"), ("drl", "ENDORSE")]


@pytest.mark.parametrize(
    ("section", "reviews"),
    [
        # Prose that no empty line parts from the table.
        (f"{DATED}{ROW}\n**Evaluation:** So\nand so.", [("pytorch", "REFINE", "So\nand so.")]),
        (
            f"{DATED}{ROW}\n| DRL | OBJECT | 2025-03-04 |\n\n**PyTorch Expert Evaluation:** A.\n\n"
            "| Code Reviewer | ENDORSE | 2025-03-05 |\n**Code Evaluation:** C.\n\n"
            "**DRL Evaluation:** B.",
            [("pytorch", "REFINE", "A."), ("drl", "OBJECT", "B."), ("codereview", "ENDORSE", "C.")],
        ),
        # What looks like a verdict in the prose of a review is prose.
        (
            fields("`OBJECT`", "drl", "One.\n\n| Option | Verdict |\n|---|---|\n| a | good |"),
            [("drl", "OBJECT", "One.\n\n| Option | Verdict |\n|---|---|\n| a | good |")],
        ),
        (
            fields("`OBJECT`", "drl", "One.\n\n**Verdict:** good to go"),
            [("drl", "OBJECT", "One.\n\n**Verdict:** good to go")],
        ),
        # Pipes that divide nothing, and those that are too many.
        (
            f"{AGENTS}| **DRL** | ENDORSE | `a|b` is | odd |\n| PyTorch | **NEUTRAL** | t \\| u |",
            [("drl", "ENDORSE", "`a|b` is | odd"), ("pytorch", "NEUTRAL", "t | u")],
        ),
        # No verdict, and one of the author's own.
        (
            f"{AGENTS}| **DRL** | | Later. |\n| **PyTorch** | N/A | Not mine. |",
            [("drl", "OTHER", "Later."), ("pytorch", "OTHER", "Not mine.")],
        ),
    ],
)
def test_odd_bodies_of_reviews(section: str, reviews: list[tuple[str, str, str]]) -> None:
    found = read(finding(f"## Cross-Review\n\n{section}"))["reviews"]
    assert [(r["reviewer"], r["verdict"], r["text"]) for r in found] == reviews


def test_a_separator_inside_a_review_is_no_text() -> None:
    body = fields("`OBJECT`", "drl", "One.\n\n---\n\nTwo.\n\n```yaml\n---\na: 1\n```")
    (review,) = read(finding(f"## Cross-Review (DRL)\n\n{body}"))["reviews"]
    assert review["text"].split() == ["One.", "Two.", "```yaml", "---", "a:", "1", "```"]


@pytest.mark.parametrize(
    ("heading", "body", "commits"),
    [
        ("Resolution (2025-03-04)", "**Fixed in commit** `abc1234`", ["abc1234"]),
        ("Closure Notes", "> **Fixed in commit `abc1234`.**", ["abc1234"]),
        ("Fix Applied", "**Commit:** `[current commit]`", []),
        ("Status", "**Commits:** (pending)", []),
        ("Detailed Description", "**Fixed in commit abc1234**, see below.", ["abc1234"]),
        ("Detailed Description", "**Commit:** `abc1234` brought it in.", []),
        ("Recommended Fix", "Commit `abc1234` has it, **commit `abc1235`** not.", []),
        ("Appendix", "**Fixed in commit `abc1234`**", ["abc1234"]),
    ],
)
def test_where_commits_are_named(heading: str, body: str, commits: list[str]) -> None:
    document = ticket(METADATA, LOCATION, summary(), f"## {heading}\n\n{body}")
    assert read(document)["commits"] == commits
    assert facts(parse(document.encode())).commits == tuple(commits)


def test_resolution_right_behind_the_metadata() -> None:
    said = read(ticket(METADATA, "## Resolution\n\n### Status: FIXED", LOCATION, summary()))
    assert said["has_resolution"]
    assert (said["status"], said["lines"], said["symbol"]) == ("open", "10-12", "Pump.start()")


@pytest.mark.parametrize(
    ("cell", "stated"),
    [
        ("`10–12`", [(10, 12)]),
        ("10-12, `14`", [(10, 12), (14, None)]),
        ("9" * 5000, [(None, None)]),
        ("~120", [(None, None)]),
    ],
)
def test_spellings_of_lines(cell: str, stated: list[tuple[int | None, int | None]]) -> None:
    document = finding(location=with_row(LOCATION, "Line(s)", cell))
    places = facts(parse(document.encode())).locations
    assert [(place.start_line, place.end_line) for place in places] == stated
    assert read(document)["lines"] in (cell, cell.strip("`"))


def test_a_number_that_nobody_counts_is_no_batch() -> None:
    document = finding(metadata=with_row(METADATA, "Batch", "7" * 5000))
    assert read(document)["batch"] is None


def at(n: int, **change: Any) -> Callable[[TicketFacts], TicketFacts]:
    """An edit of one location."""

    def change_it(stated: TicketFacts) -> TicketFacts:
        places = list(stated.locations)
        places[n] = replace(places[n], **change)
        return replace(stated, locations=tuple(places))

    return change_it


@pytest.mark.parametrize(
    ("lines", "new"),
    [
        ("10-12", "20-12"),
        ("`10`, `12-14`", "`20`, `12-14`"),
        ("`10, 12-14`", "`20, 12-14`"),
        ("pump.py:10, pump.py:12-14", "pump.py:20, pump.py:12-14"),
    ],
)
def test_lines_are_edited_as_they_were_spelled(lines: str, new: str) -> None:
    location = with_row(LOCATION, "Line(s)", lines)
    assert edited(finding(location=location), at(0, start_line=20)) == [
        f"-| **Line(s)** | {lines} |",
        f"+| **Line(s)** | {new} |",
    ]


def test_a_further_location_leaves_the_table_as_it_is() -> None:
    document = finding(location=with_row(LOCATION, "Line(s)", "`10`, `12-14`"))
    more = Location("garden/well.py", 3)

    lines = edited(document, lambda old: replace(old, locations=(*old.locations, more)))

    assert lines[-1] == "+- `garden/well.py:3`"
    assert all(line.startswith("+") for line in lines)


def test_free_words_of_a_resolution_row_outlive_a_duplicate() -> None:
    metadata = METADATA.replace(
        "| **Batch**", "| **Resolution** | `won't fix (idiom)` |\n| **Batch**"
    )

    lines = edited(
        finding(metadata=metadata),
        lambda old: replace(old, status="closed", resolution="duplicate"),
    )

    assert lines == ["-| **Status** | `open` |", "+| **Status** | `duplicate` |"]


RELATED = "## Related Findings\n\n- B7-PT-01: same\n- C8-03: a label of the report"


def say(heading: str, body: str) -> Callable[[TicketFacts], TicketFacts]:
    """An edit of a section's text."""

    def change_it(stated: TicketFacts) -> TicketFacts:
        sections = (
            Section(s.heading, body) if s.heading == heading else s for s in stated.sections
        )
        return replace(stated, sections=tuple(sections))

    return change_it


def test_text_beside_values_never_becomes_part_of_one() -> None:
    text = "Before.\n\n- C8-03: a label of the report"
    lines = edited(finding(RELATED), say("Related Findings", text))
    assert "+Before." in lines
    assert not any(line.startswith("-- B7-PT-01") for line in lines)


@pytest.mark.parametrize(
    ("document", "heading"),
    [
        (finding(RELATED), "Related Findings"),
        (finding(f"{VERIFICATION}\n\n### Regression Risk\n\nLow."), "Verification"),
    ],
)
def test_a_known_part_without_text_is_no_section(document: str, heading: str) -> None:
    lines = edited(document, say(heading, ""))
    assert all(line.startswith("-") for line in lines)


def test_a_second_heading_of_a_known_part_stays_also_when_empty() -> None:
    document = finding(VERIFICATION, "## Verification", "## Notes\n\nN.")
    assert edited(document, say("Notes", "M.")) == ["-N.", "+M."]
