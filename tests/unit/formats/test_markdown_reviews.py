"""Cross-reviews are read from every layout, and edited in it."""

from __future__ import annotations

import difflib
from dataclasses import replace
from datetime import date

import pytest

from app.formats.markdown import ReviewText, facts, merge, parse, to_json
from tests.unit.formats.markdown_samples import (
    APPENDIX,
    LAYOUTS,
    METADATA,
    NAMES,
    ORPHAN_ROW,
    TEXTS,
    VERDICTS,
    fields,
    finding,
    ticket,
)

ALL = {**LAYOUTS, "9b C": ORPHAN_ROW}


def changed(before: bytes, after: bytes) -> tuple[list[str], list[str]]:
    """Lines taken out and put in."""
    left, right = before.decode().split("\n"), after.decode().split("\n")
    lines = [x for x in difflib.ndiff(left, right) if x[0] in "+-"]
    return [x[2:] for x in lines if x[0] == "-"], [x[2:] for x in lines if x[0] == "+"]


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("layout", ALL)
def test_every_layout_is_read(layout: str, place: str) -> None:
    parts = [ALL[layout], APPENDIX] if place == "before" else [APPENDIX, ALL[layout]]
    document = parse(finding(*parts).encode())
    found = {r.reviewer: (r.verdict, r.text) for r in document.reviews}
    assert found == {role: (VERDICTS[role], TEXTS[role]) for role in NAMES}
    assert len(document.reviews) == 3
    assert not document.warnings
    headings = [section.heading for section in facts(document).sections]
    assert headings == ["Detailed Description"]


@pytest.mark.parametrize("layout", ALL)
def test_dates_are_read_where_the_layout_has_them(layout: str) -> None:
    document = parse(finding(ALL[layout]).encode())
    dated = "2025-03-04" in ALL[layout]
    assert {r.date for r in document.reviews} == {"2025-03-04" if dated else None}


@pytest.mark.parametrize("layout", ALL)
def test_a_changed_verdict_changes_one_line(layout: str) -> None:
    before = finding(ALL[layout], APPENDIX).encode()
    stated = facts(parse(before))
    for number, review in enumerate(stated.reviews):
        reviews = list(stated.reviews)
        reviews[number] = replace(review, verdict="REFINE")
        after = merge(before, replace(stated, reviews=tuple(reviews)))
        gone, new = changed(before, after)
        assert [line.replace(review.verdict, "REFINE") for line in gone] == new
        assert len(new) == 1


@pytest.mark.parametrize("layout", ALL)
def test_a_new_text_changes_only_the_lines_of_the_text(layout: str) -> None:
    before = finding(ALL[layout], APPENDIX).encode()
    stated = facts(parse(before))
    reviews = [
        replace(r, rationale="Quite | another\n\ntext.") if r.specialist == "drl" else r
        for r in stated.reviews
    ]
    wanted = replace(stated, reviews=tuple(reviews))
    after = merge(before, wanted)
    assert set(facts(parse(after)).reviews) == set(reviews)
    gone, new = changed(before, after)
    assert len([line for line in gone if TEXTS["drl"] in line]) == 1
    assert all("DRL" in line or TEXTS["drl"] in line or not line for line in gone)
    assert len(new) <= 5


@pytest.mark.parametrize("who", ["drl", "human", "tide-watch"])
@pytest.mark.parametrize("layout", ALL)
def test_an_added_review_takes_nothing_away(layout: str, who: str) -> None:
    before = finding(ALL[layout], APPENDIX).encode()
    stated = facts(parse(before))
    kept = tuple(r for r in stated.reviews if r.specialist != who)
    added = ReviewText(who, "REFINE", "One.\n\n- two\n- three", date(2025, 5, 6))
    wanted = replace(stated, reviews=(*stated.reviews, added) if len(kept) == 3 else (*kept, added))
    after = merge(before, wanted)
    assert merge(after, wanted) == after
    read = facts(parse(after))
    assert {(r.specialist, r.verdict, r.rationale) for r in read.reviews} == {
        (r.specialist, r.verdict, r.rationale) for r in wanted.reviews
    }
    gone, _ = changed(before, after)
    if len(kept) == 3:
        assert gone == []


def test_a_new_row_joins_the_table() -> None:
    before = finding(LAYOUTS["7 C"]).encode()
    stated = facts(parse(before))
    added = ReviewText("human", "ENDORSE", "Seen it.")
    _, new = changed(before, merge(before, replace(stated, reviews=(*stated.reviews, added))))
    assert new == ["| **Human Reviewer** | ENDORSE | Seen it. |"]


def test_a_new_section_is_laid_out_like_the_others() -> None:
    before = finding(LAYOUTS["2 B labelled"], APPENDIX).encode()
    stated = facts(parse(before))
    added = ReviewText("human", "ENDORSE", "Seen it.")
    after = merge(before, replace(stated, reviews=(*stated.reviews, added)))
    lines = [
        "## Cross-Review: Human Reviewer",
        "| Verdict | **ENDORSE** |",
        "**Evaluation:** Seen it.",
    ]
    _, new = changed(before, after)
    assert [line for line in new if line in lines] == lines
    assert after.index(b"Human Reviewer") < after.index(b"## Appendix")


def test_a_date_and_a_first_text_find_their_places() -> None:
    silent = fields("`ENDORSE`", "DRL Specialist", "").rstrip()
    before = finding(f"## Cross-Review (DRL Specialist)\n\n{silent}", APPENDIX).encode()
    review = ReviewText("drl", "OBJECT", "Now I speak.", date(2025, 5, 6))
    after = merge(before, replace(facts(parse(before)), reviews=(review,)))
    assert facts(parse(after)).reviews == (review,)
    gone, new = changed(before, after)
    assert gone == ["| **Verdict** | `ENDORSE` |"]
    assert len(new) == 4


def test_a_superseded_review_stays_in_the_document() -> None:
    before = finding(LAYOUTS["1 A"]).encode()
    stated = facts(parse(before))
    only = tuple(r for r in stated.reviews if r.specialist == "drl")
    assert merge(before, replace(stated, reviews=only)) == before


def test_two_reviews_of_one_reviewer_are_both_read_and_kept() -> None:
    twice = finding(LAYOUTS["1 A"], LAYOUTS["5 A"].split("\n\n---\n\n")[0]).encode()
    stated = facts(parse(twice))
    assert [r.specialist for r in stated.reviews] == ["drl", "pytorch", "codereview", "drl"]
    assert merge(twice, stated) == twice
    newer = ReviewText("drl", "OBJECT", "Not at all.")
    after = merge(twice, replace(stated, reviews=(*stated.reviews[:3], newer)))
    assert facts(parse(after)).reviews == (*stated.reviews[:3], newer)


def test_a_pipe_in_a_code_span_does_not_divide_a_review() -> None:
    row = "| **DRL** | ENDORSE | Uses `a | b` and `c || d` here. |"
    section = f"## Cross-Review\n\n| Agent | Verdict | Evaluation |\n|---|---|---|\n{row}"
    (review,) = parse(finding(section).encode()).reviews
    assert review.text == "Uses `a | b` and `c || d` here."


def test_a_pipe_in_a_code_span_of_an_early_cell_does_not_divide_either() -> None:
    row = "| **DRL** (`a | b`) | ENDORSE | One | two |"
    section = f"## Cross-Review\n\n| Agent | Verdict | Evaluation |\n|---|---|---|\n{row}"
    (review,) = parse(finding(section).encode()).reviews
    assert (review.reviewer, review.verdict, review.text) == ("drl", "ENDORSE", "One | two")


def test_surplus_cells_join_the_last_one() -> None:
    row = "| **DRL** | ENDORSE | one | two \\| three |"
    section = f"## Cross-Review\n\n| Agent | Verdict | Evaluation |\n|---|---|---|\n{row}"
    (review,) = parse(finding(section).encode()).reviews
    assert review.text == "one | two | three"


@pytest.mark.parametrize(
    ("heading", "cell", "reviewer"),
    [
        ("Cross-Review (Code Quality)", "cross-review-specialist", "codereview"),
        ("Cross-Review (PyTorch Expert)", "pytorch-expert", "pytorch"),
        ("Cross-Review: Code Reviewer", "`codereview`", "codereview"),
        ("Cross-Review", "cross-review-agent", "unknown"),
        ("Cross-Review", "`drl`", "drl"),
        ("Cross-Review: DRL Agent", "Code Review Agent", "drl"),
        ("Cross-Review (DRL Agent) - again", "someone", "drl"),
        ("Cross-Review - PyTorch", "someone", "pytorch"),
        ("Cross-Review (PyTorch Code Reviewer)", "someone", "pytorch"),
        ("Cross-Review (Code Review of DRL)", "someone", "drl"),
    ],
)
def test_the_heading_decides_who_reviewed(heading: str, cell: str, reviewer: str) -> None:
    body = fields("`ENDORSE`", cell, "**Evaluation:** Yes.")
    (review,) = parse(finding(f"## {heading}\n\n{body}").encode()).reviews
    assert (review.reviewer, review.reviewer_raw) == (reviewer, cell.strip("`"))


def test_a_bare_heading_without_a_name_is_unknown() -> None:
    section = "## Cross-Review\n\n| Verdict | **ENDORSE** |\n|---|---|\n\n**Evaluation:** Yes."
    (review,) = parse(finding(section).encode()).reviews
    assert (review.reviewer, review.reviewer_raw) == ("unknown", None)


@pytest.mark.parametrize(
    ("raw", "verdict", "kept"),
    [
        ("`ENDORSE (Option B)`", "ENDORSE", "ENDORSE (Option B)"),
        ("**NEUTRAL** (with caveat)", "NEUTRAL", "NEUTRAL (with caveat)"),
        ("`NOT A BUG`", "OTHER", "NOT A BUG"),
        ("REFINE", "REFINE", "REFINE"),
    ],
)
def test_verdicts_keep_their_words(raw: str, verdict: str, kept: str) -> None:
    body = fields(raw, "DRL Specialist", "**Evaluation:** So.")
    document = parse(finding(f"## Cross-Review (DRL)\n\n{body}").encode())
    assert [(r.verdict, r.verdict_raw) for r in document.reviews] == [(verdict, kept)]
    warned = [w.reason for w in document.warnings]
    assert bool(warned) == (verdict == "OTHER")


def test_the_text_runs_to_the_end_of_the_section() -> None:
    text = "**Evaluation:** One.\n\n- two\n\n**Recommendation:** three.\n\n```python\n## four\n```"
    body = fields("`ENDORSE`", "DRL Specialist", text)
    document = parse(finding(f"## Cross-Review (DRL)\n\n{body}", APPENDIX).encode())
    assert document.reviews[0].text == text.removeprefix("**Evaluation:** ")


def test_a_cell_and_the_prose_below_are_one_text() -> None:
    section = (
        "## Cross-Review: DRL Specialist\n\n| Verdict | Evaluation |\n|---|---|\n"
        "| **ENDORSE** | In the cell. |\n\n**Recommendation:** Below."
    )
    (review,) = parse(finding(section).encode()).reviews
    assert review.text == "In the cell.\n\n**Recommendation:** Below."


def test_rows_without_a_closing_pipe_and_mixed_layouts() -> None:
    one = "## Cross-Review (DRL)\n\n**Verdict:** ENDORSE\n\nFirst."
    two = "## Cross-Review (Code)\n\n| Verdict | OBJECT |\n|---|---|\n| **Evaluation** | Second."
    document = parse(finding(one, two).encode())
    assert [(r.reviewer, r.verdict, r.text) for r in document.reviews] == [
        ("drl", "ENDORSE", "First."),
        ("codereview", "OBJECT", "Second."),
    ]
    assert [w.reason for w in document.warnings] == ["a table row without its closing pipe"]


def test_a_review_without_a_verdict_is_free_text_with_a_warning() -> None:
    document = parse(finding("## Cross-Review\n\nStill to come.").encode())
    assert not document.reviews
    assert facts(document).sections[-1].body == "Still to come."
    assert "without a verdict" in document.warnings[0].reason


@pytest.mark.parametrize(
    "heading", ["### Sign-off", "### Reviews", "### Verdict", "#### DRL Review"]
)
def test_approvals_elsewhere_are_no_reviews(heading: str) -> None:
    resolution = f"## Resolution\n\n{heading}\n\n**DRL Expert:** APPROVED\n\n**Verdict:** ENDORSE"
    assert parse(ticket(METADATA, resolution).encode()).reviews == ()


def test_json_of_reviews() -> None:
    reviews = to_json(parse(finding(LAYOUTS["4 A"]).encode()))["reviews"]
    assert reviews[0] == {
        "reviewer": "drl",
        "reviewer_raw": "DRL Specialist",
        "verdict": "ENDORSE",
        "verdict_raw": "ENDORSE",
        "text": TEXTS["drl"],
        "date": "2025-03-04",
    }


@pytest.mark.parametrize(
    "text",
    [
        "## A heading",
        "### DRL Specialist\n\n| Verdict | OBJECT |\n|---|---|\n",
        "| DRL | **OBJECT** | 2025-01-01 |",
        "**PyTorch Evaluation:** not mine",
        "**Verdict:** OBJECT",
        "**Evaluation:** twice",
        "```\nopen",
        "ends\n\n---",
        "1. list\n2. of two",
        "a <br> b\n<br>\nc",
        "`a | b` | c",
    ],
)
@pytest.mark.parametrize("layout", ["1 A", "2 B plain", "5 A", "7 C", "9 C", "10 C", "11 C"])
def test_hostile_texts_come_back_as_they_were(layout: str, text: str) -> None:
    before = finding(LAYOUTS[layout], APPENDIX).encode()
    stated = facts(parse(before))
    for who in ("pytorch", "human"):
        review = ReviewText(who, "REFINE", text.strip())
        others = tuple(r for r in stated.reviews if r.specialist != who)
        wanted = replace(stated, reviews=(*others, review))
        after = merge(before, wanted)
        found = {(r.specialist, r.rationale) for r in facts(parse(after)).reviews}
        assert found == {(r.specialist, r.rationale) for r in wanted.reviews}
        assert facts(parse(after)).sections == stated.sections
