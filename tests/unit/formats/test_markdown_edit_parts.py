"""Edits of sections, relations, resolution, commits and reports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.tickets import ChecklistItem, Location, ReportReference, Section
from app.formats.markdown import (
    FormatError,
    RelationText,
    ReviewText,
    TicketFacts,
    facts,
    merge,
    parse,
)
from tests.unit.formats.markdown_edits import edit
from tests.unit.formats.markdown_samples import (
    APPENDIX,
    LAYOUTS,
    VERIFICATION,
    finding,
    ticket,
)

RESOLUTION = "## Resolution\n\n### Status: FIXED\n\nTurned it off."


def test_sections() -> None:
    text = finding("## Notes\n\nOne.\n\nTwo.", "## Impact\n\nWet.", APPENDIX)
    description, notes, impact = facts(parse(text.encode())).sections
    changed = replace(notes, body="One.\n\n2.\n\n## no heading\n\n---")
    assert edit(text, sections=(description, changed, impact)) == [
        "-Two.",
        "+2.",
        "+",
        "+\\## no heading",
        "+",
        "+\\---",
    ]
    assert edit(text, sections=(description, replace(notes, heading="Remarks"), impact)) == [
        "-## Notes",
        "+## Remarks",
    ]
    removed = edit(text, sections=(description, impact))
    assert [line[1:] for line in removed] == ["## Notes", "", "One.", "", "Two.", "", "---", ""]
    new = Section("System Context", "Dry.\n\n```\n## x\n```")
    added = edit(text, sections=(description, new, notes, impact))
    assert [line[1:] for line in added][:3] == ["## System Context", "", "Dry."]
    assert all(line.startswith("+") for line in added)


def test_a_section_at_the_end_of_a_document_without_final_newline() -> None:
    text = finding("## Notes\n\nOne.")[:-1]
    stated = facts(parse(text.encode()))
    longer = merge(text.encode(), replace(stated, sections=(*stated.sections, Section("Z", "z"))))
    assert longer == text.encode() + b"\n\n---\n\n## Z\n\nz"
    shorter = merge(longer, stated)
    assert shorter == text.encode()


@pytest.mark.parametrize("heading", ["Verification", "Resolution of Sorts", "Location", "Summary"])
def test_free_sections_with_a_reserved_heading_stay_free(heading: str) -> None:
    text = finding(VERIFICATION, RESOLUTION, APPENDIX)
    stated = facts(parse(text.encode()))
    new = Section(heading, "- [ ] no item\n\n**Commits:** none")
    diff = edit(text, sections=(*stated.sections, new))
    assert f"+## {heading} <!-- section -->" in diff
    assert all(line.startswith("+") for line in diff)


def test_what_is_left_of_a_known_section_can_be_edited() -> None:
    text = finding(VERIFICATION + "\n\n### Regression Risk\n\nLow.\n\nReally.", APPENDIX)
    description, rest = facts(parse(text.encode())).sections
    assert rest == Section("Verification", "### Regression Risk\n\nLow.\n\nReally.")
    changed = replace(rest, body=rest.body.replace("Low", "High"))
    assert edit(text, sections=(description, changed)) == ["-Low.", "+High."]


ROW = "| `B7-PT-01` | `related` | old |"
TABLE = "| Ticket ID | Relationship | Notes |\n|-----------|--------------|-------|\n" + ROW


@pytest.mark.parametrize(
    ("body", "added", "kept", "diff"),
    [
        (TABLE, RelationText("B7-CR-01", "blocks", "x|y"), True,
         ["+| `B7-CR-01` | `blocks` | x\\|y |"]),
        (TABLE, None, False, ["-" + line for line in TABLE.split("\n")] + ["+None."]),
        ("- B7-PT-01: old", RelationText("B7-CR-01", note="new"), True, ["+- B7-CR-01: new"]),
        ("- B7-PT-01: old", RelationText("B7-CR-01", "blocks"), True, ["+- B7-CR-01 [blocks]"]),
        ("- B7-PT-01: old", RelationText("X-1"), True, ["+- X-1 [related]"]),
        ("- B7-PT-01: old", None, False, ["-- B7-PT-01: old", "+None."]),
        ("None.", RelationText("B7-CR-01"), True, ["-None.", "+- B7-CR-01"]),
        ("- All of them", RelationText("B7-CR-01"), True, ["+- B7-CR-01"]),
    ],
)  # fmt: skip
def test_relations(body: str, added: RelationText | None, kept: bool, diff: list[str]) -> None:
    text = finding(f"## Related Findings\n\n{body}", APPENDIX)
    stated = facts(parse(text.encode())).relations if kept else ()
    assert edit(text, relations=(*stated, *([added] if added else []))) == diff


def test_a_note_of_a_relation_changes_its_line() -> None:
    text = finding("## Related Findings\n\n- B7-PT-01: old\n- B7-PT-02: two")
    one, two = facts(parse(text.encode())).relations
    assert edit(text, relations=(replace(one, note="new: | one"), two)) == [
        "-- B7-PT-01: old",
        "+- B7-PT-01: new: | one",
    ]


def test_a_ticket_that_lists_itself_is_left_alone() -> None:
    text = finding("## Related Findings\n\n- B7-PT-03: me\n- B7-PT-03: me again")
    stated = facts(parse(text.encode()))
    assert merge(text.encode(), replace(stated, relations=())) == text.encode()


def test_twins_of_a_reviewer_whose_name_reads_as_another() -> None:
    for layout in (finding(APPENDIX), finding(LAYOUTS["1 B"]), finding(LAYOUTS["7 C"])):
        before = layout.encode()
        stated = facts(parse(before))
        twin = ReviewText("unicode", "ENDORSE", "Twice.")
        reviews = (*stated.reviews, twin, twin, ReviewText("codereview", "NEUTRAL", "Twice."))
        merged = merge(before, replace(stated, reviews=reviews))
        found = [r.specialist for r in facts(parse(merged)).reviews if r.rationale == "Twice."]
        assert sorted(found) == ["codereview", "unicode", "unicode"]


def test_resolution_and_commits() -> None:
    text = finding(RESOLUTION, APPENDIX)
    assert edit(text, resolution_text="### Status: FIXED\n\nTurned it on.") == [
        "-Turned it off.",
        "+Turned it on.",
    ]
    assert edit(text, commits=("abc1234",)) == ["+**Commits:** `abc1234`", "+"]
    new = edit(finding(APPENDIX), resolution_text="Done.\n\n### Commits\n\n- none")
    assert new[:5] == ["+## Resolution", "+", "+Done.", "+", "+\\### Commits"]


@pytest.mark.parametrize(
    ("block", "diff"),
    [
        ("**Commits:** `abc1234`",
         ["-**Commits:** `abc1234`", "+**Commits:** `abc1234`, `def5678`"]),
        (
            "**Commit:** `[current commit]`",
            ["-**Commit:** `[current commit]`", "+**Commit:** `def5678`"],
        ),
        ("**Commits:**\n- `abc1234`", ["+- `def5678`"]),
        ("### Commits\n\n- `abc1234` - mends it", ["+- `def5678`"]),
        ("**Commits:** `abc1234` - mends it", ["+**Commits:** `def5678`", "+"]),
    ],
)  # fmt: skip
def test_commits_join_the_others(block: str, diff: list[str]) -> None:
    text = finding(f"{RESOLUTION}\n\n{block}\n\nThe end.", APPENDIX)
    stated = facts(parse(text.encode()))
    assert edit(text, commits=(*stated.commits, "def5678")) == diff


def test_a_short_hash_of_a_stated_commit_is_no_change() -> None:
    text = finding(f"{RESOLUTION}\n\n**Commits:** `abc1234567890`")
    stated = facts(parse(text.encode()))
    assert merge(text.encode(), replace(stated, commits=("abc1234",))) == text.encode()


def test_reports() -> None:
    text = finding(APPENDIX)[:-1]
    (old,) = facts(parse(text.encode())).reports
    assert edit(text, reports=(old, ReportReference("b.md", "B"))) == [
        "+",
        "+**Report file:** `b.md`",
        "+**Section:** B",
    ]
    assert edit(text, reports=(replace(old, section="C"),)) == [
        '-**Section:** "Water" - part 2',
        "+**Section:** C",
    ]
    bullets = "## Appendix\n\n**Report files:**\n- `a.md` Section: A"
    assert edit(
        finding(bullets), reports=(ReportReference("a.md", "A"), ReportReference("b.md"))
    ) == ["+- `b.md`"]


def test_a_fix_note_takes_what_a_finding_has() -> None:
    note = "| Field | Value |\n|---|---|\n| **Ticket ID** | `B7-PT-03` |\n| **Status** | `fixed` |"
    text = ticket(f"## Resolution Summary\n\n{note}", "## Fix\n\nIt.", title="# Fix: Pump")
    diff = edit(
        text,
        severity="P3",
        summary="S",
        locations=(Location("a.py"),),
        categories=("performance",),
        checklist=(ChecklistItem("Try"),),
        resolution_text="Because.",
        reports=(ReportReference("r.md"),),
    )
    assert all(line.startswith("+") for line in diff)


def test_many_edits_at_once_state_everything() -> None:
    text = finding(VERIFICATION, LAYOUTS["9 C"], RESOLUTION, APPENDIX)
    edit(
        text,
        title="T",
        severity="P4",
        status="closed",
        resolution="already-fixed",
        domains=(),
        locations=(),
        summary=None,
        categories=(),
        sections=(),
        checklist=(),
        relations=(RelationText("B1-PT-01", "duplicated-by"),),
        resolution_text=None,
        commits=("1234567",),
        reports=(),
    )


def test_a_fact_that_cannot_be_stated_is_refused_or_left_out() -> None:
    before = finding().encode()
    wanted = replace(facts(parse(before)), commits=("not a hash",), severity="P1")
    with pytest.raises(FormatError, match="cannot state the ticket's commits"):
        merge(before, wanted)
    assert b"`P1`" in merge(before, wanted, lenient=True)


def test_the_key_of_a_document_never_changes() -> None:
    before = finding().encode()
    assert merge(before, replace(facts(parse(before)), key="B7-PT-03~2")) == before


def test_facts_of_nothing_but_a_key() -> None:
    before = finding(VERIFICATION, LAYOUTS["1 A"], RESOLUTION, APPENDIX).encode()
    bare = TicketFacts(key="B7-PT-03", title="Bare")
    after = merge(before, bare)
    assert merge(after, bare) == after
    read = facts(parse(after))
    assert replace(read, reviews=()) == bare
    assert len(read.reviews) == 3
