"""What is read from check-lists, related findings, resolutions, commits and reports."""

from __future__ import annotations

import pytest

from app.domain.tickets import ChecklistItem, ReportReference
from app.formats.markdown import RelationText, facts, parse, to_json
from tests.unit.formats.markdown_samples import (
    APPENDIX,
    finding,
)


def test_only_task_items_of_the_verification_section_count() -> None:
    section = """\
## Verification

### How to Verify the Fix

**Pump:**
- [ ] One ~~two~~ `a|b`
  goes on

1. [X] Three

### Test Files to Update

- `tests/test_pump.py` - add a case

```python
- [ ] no item
```"""
    fix = "## Fix Applied\n\n- [x] not verification"
    document = parse(finding(section, fix).encode())
    stated = facts(document)
    assert stated.checklist == (
        ChecklistItem("One ~~two~~ `a|b` goes on"),
        ChecklistItem("Three", done=True),
    )
    rest = stated.sections[1]
    assert rest.heading == "Verification"
    assert "tests/test_pump.py" in rest.body
    assert "no item" in rest.body
    assert "goes on" not in rest.body
    assert "How to Verify" not in rest.body


RELATED = [
    ("None.", [], ()),
    (
        "- B7-PT-01: same water",
        [("B7-PT-01", None)],
        (RelationText("B7-PT-01", "related", "same water"),),
    ),
    (
        "- **B7-CR-02:** hot: cold",
        [("B7-CR-02", None)],
        (RelationText("B7-CR-02", "related", "hot: cold"),),
    ),
    ("- **B7-CR-02**: hot", [("B7-CR-02", None)], (RelationText("B7-CR-02", "related", "hot"),)),
    (
        "- B-METRIC-02\n- B7-PT-03: itself",
        [("B-METRIC-02", None), ("B7-PT-03", None)],
        (RelationText("B-METRIC-02"), RelationText("B7-PT-03", "related", "itself")),
    ),
    (
        "- C8-03: another report's label\n- B7-PT-09 said so first, see B1-DRL-01",
        [("B7-PT-09", None)],
        (RelationText("B7-PT-09", "related", "said so first, see B1-DRL-01"),),
    ),
    (
        (
            "| Ticket ID | Relationship | Notes |\n|---|---|---|\n| `B7-PT-01` | `duplicate` "
            "| the `a | b` one |\n"
            "| `B7-TELEM-02` | `related` | |"
        ),
        [("B7-PT-01", "duplicate"), ("B7-TELEM-02", "related")],
        (RelationText("B7-PT-01", "duplicate-of", "the `a | b` one"), RelationText("B7-TELEM-02")),
    ),
]


@pytest.mark.parametrize(("body", "ids", "relations"), RELATED)
def test_related(
    body: str, ids: list[tuple[str, str | None]], relations: tuple[RelationText, ...]
) -> None:
    document = parse(finding(f"## Related Findings\n\n{body}").encode())
    said = to_json(document)["related"]
    assert [(r["id"], r["relationship"]) for r in said] == ids
    assert facts(document).relations == relations


def test_related_bullets_without_an_id_stay_as_text() -> None:
    text = "- C8-03: another report's label\n- The whole garden is wet"
    document = parse(finding(f"## Related Findings\n\n{text}").encode())
    assert facts(document).sections[-1].body == text


COMMITS = [
    ("**Commits:** `abc1234`", ["abc1234"]),
    ("**Commit:** 12345678", ["12345678"]),
    ("**Commits:** `abc1234`, `deadbeef`", ["abc1234", "deadbeef"]),
    ("**Commits:**\n- `abc1234` - mends\n- deadbee1", ["abc1234", "deadbee1"]),
    ("### Commits\n\n- `abc1234`\n- `abc1234567890` - the same", ["abc1234567890"]),
    ("**Fixed in commit abc1234 as part of B7-PT-09.**", ["abc1234"]),
    ("**Status:** mended\n\nWell, **fixed in commit `abc1234`** it is.", ["abc1234"]),
    ("**Commit:** `[current commit]`", []),
    ("**Commits:** (pending)", []),
    ("Commit `abc1234` broke it; **commit `abc1235` too**.", []),
    ("```\n**Commits:** `abc1234`\n```", []),
    ("The facade of 20250301 is defaced.", []),
]


@pytest.mark.parametrize(("body", "commits"), COMMITS)
def test_commits(body: str, commits: list[str]) -> None:
    document = parse(finding(f"## Resolution\n\n{body}").encode())
    assert to_json(document)["commits"] == commits
    assert to_json(document)["has_resolution"] is True


@pytest.mark.parametrize("heading", ["Resolution", "Resolution (2025-03-04)"])
@pytest.mark.parametrize(
    "first",
    [
        "**Status:** Won't Fix",
        "### Status: ALREADY FIXED",
        "### Final Fix Description\n\nTurned it off.",
        "### Decision: keep",
        "| Field | Value |\n|---|---|\n| **Status** | fixed |\n| **Severity** | P0 |",
        "- Original: P2 (wet)\n- Revised: P4 (dry)",
        "Acceptable as-is.",
    ],
)
def test_a_resolution_never_changes_status_or_severity(heading: str, first: str) -> None:
    document = parse(finding(f"## {heading}\n\n{first}\n\n- [x] task", APPENDIX).encode())
    said, stated = to_json(document), facts(document)
    assert (said["status"], said["severity"], said["has_resolution"]) == ("open", "P2", True)
    assert said["verification_items"] == []
    assert stated.resolution_text == f"{first}\n\n- [x] task"


def test_other_closing_sections_are_no_resolution() -> None:
    document = parse(
        finding("## Closure Notes\n\n**Closed:** today", "## Fix Applied\n\nx").encode()
    )
    assert to_json(document)["has_resolution"] is False


def test_reports_as_pairs_and_as_bullets() -> None:
    pairs = APPENDIX + "\n\n**Report file:** `reports/b.md`\n**Section:** B\n\nA note."
    stated = facts(parse(finding(pairs).encode()))
    assert stated.reports == (
        ReportReference("reports/pump.md", '"Water" - part 2'),
        ReportReference("reports/b.md", "B"),
    )
    assert stated.sections[-1].body == "A note."
    bullets = (
        "## Appendix\n\n### Original Report Reference\n\n**Report files:**\n"
        "- `reports/a.md` Section: A1\n- `reports/b.md`"
    )
    stated = facts(parse(finding(bullets).encode()))
    assert stated.reports == (
        ReportReference("reports/a.md", "A1"),
        ReportReference("reports/b.md"),
    )
    assert [s.heading for s in stated.sections] == ["Detailed Description"]
