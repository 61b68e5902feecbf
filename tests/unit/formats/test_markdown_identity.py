"""Export, then import, is the identity; whatever the text looks like to Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.tickets import ChecklistItem, Location, ReportReference, Section
from app.formats.markdown import (
    RelationText,
    ReviewText,
    TicketFacts,
    canonical,
    facts,
    merge,
    parse,
    write,
)
from app.formats.markdown.cells import split_row, unwrap, wrap
from app.formats.markdown.escape import decode, encode
from app.formats.markdown.words import LABELS
from tests.unit.formats.markdown_samples import FULL

HOSTILE = [
    "| a | b |\n|---|---|\n| c | d |",
    "# one\n## two\n### three",
    "text\n---\n\n---",
    "```\nopen\n## x",
    "```py\nx\n```\n```",
    "- a\n## b\n  ```\n## c",
    "    code\n## x",
    "\\## escaped\n\\\\## twice\n\\---",
    "<script>\n## x\n</script>",
    "<!-- \n## x",
    "[a]: b\n## x",
    "~~~\n```\n~~~\n~~~",
    "> ```\n## x",
    "1. a\n\n       ```\n## b",
    "```verbatim\nx\n```",
    "\x0b## x\x0c\n\x85## y\n\u2028## z",
    "=\n===\n## é ✓ ⚠️",
    "**Commits:** `abc1234`",
    "### Commits\n- abc1234",
    "**Fixed in commit abc1234**",
    "- [ ] task\n- B1-PT-01: x",
    "`",
    "``` ` ```",
    "\\",
    "a  \nb\t",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_prose(text: str) -> None:
    assert decode(encode(text)) == text
    ticket = replace(
        FULL,
        sections=(Section("Notes here", text), Section("Verification", text)),
        reviews=(ReviewText("drl", "OBJECT", text), ReviewText("pytorch", "REFINE", text)),
        resolution_text=text,
    )
    assert facts(parse(write(ticket))) == canonical(ticket)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_lines(text: str) -> None:
    ticket = replace(
        FULL,
        title=text,
        summary=text,
        assignee=text,
        domains=(text,),
        locations=(Location(text, 1, 2, text, text), Location(text, None, None, text, text)),
        sections=(Section(text, "x"),),
        checklist=(ChecklistItem(text),),
        relations=(RelationText("B1-PT-01", "blocks", text),),
        reports=(ReportReference(text, text),),
    )
    expected = canonical(ticket)
    assert facts(parse(write(ticket))) == expected
    assert merge(write(FULL), ticket)


PIECES = st.sampled_from(
    [
        "a",
        "B",
        "1",
        "é",
        "✓",
        "|",
        "`",
        "``",
        "```",
        "~~~",
        "#",
        "##",
        "###",
        "-",
        "*",
        ">",
        "---",
        "**",
        "\\",
        "\\#",
        "\\`",
        "<",
        "<br>",
        "\\<br>",
        "[",
        "]",
        "[x]",
        ":",
        ":-",
        "(no",
        "path)",
        "N/A",
        "None.",
        "in",
        "Field",
        "Value",
        "**Evaluation:**",
        "**Verdict:**",
        "**Category:**",
        "Section:",
        "B1-PT-01",
        "P2",
        "12",
        "3-4",
        "\t",
    ]
)
WILD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
LINE = st.lists(PIECES | WILD, max_size=7).map(" ".join)
TEXT = st.lists(LINE | st.just(""), max_size=8).map("\n".join)
DATE = st.none() | st.dates()
SLUG = st.sampled_from(["drl", "pytorch", "codereview", "human", "tide-watch", "unicode", "a1"])
NUMBER = st.none() | st.integers(0, 9999)
TICKETS = st.builds(
    TicketFacts,
    key=st.from_regex(r"[A-Z][A-Z0-9]{0,3}(-[A-Z]{1,3}){0,2}-[0-9]{1,3}", fullmatch=True),
    title=LINE.filter(lambda text: bool(text.strip())),
    severity=st.none() | st.sampled_from(["P0", "P1", "P2", "P3", "P4"]),
    batch=st.none() | st.integers(0, 99),
    agent=st.none() | SLUG,
    domains=st.lists(LINE, max_size=3).map(tuple),
    assignee=st.none() | LINE,
    created=DATE,
    updated=DATE,
    locations=st.lists(
        st.builds(Location, st.none() | LINE, NUMBER, NUMBER, st.none() | LINE, st.none() | LINE),
        max_size=3,
    ).map(tuple),
    summary=st.none() | LINE,
    categories=st.lists(st.sampled_from(list(LABELS)) | LINE, max_size=4).map(tuple),
    sections=st.lists(st.builds(Section, LINE, TEXT), max_size=3).map(tuple),
    checklist=st.lists(st.builds(ChecklistItem, LINE, st.booleans()), max_size=3).map(tuple),
    relations=st.lists(
        st.builds(
            RelationText,
            st.sampled_from(["B1-PT-01", "B-METRIC-02", "X-1", "B1-PT-02~2"]),
            st.sampled_from(["related", "duplicate-of", "duplicated-by", "blocks", "blocked-by"]),
            st.none() | LINE,
        ),
        max_size=3,
    ).map(tuple),
    reviews=st.lists(
        st.builds(
            ReviewText,
            SLUG,
            st.sampled_from(["ENDORSE", "NEUTRAL", "REFINE", "OBJECT"]),
            TEXT,
            DATE,
        ),
        max_size=3,
    ).map(tuple),
    resolution_text=st.none() | TEXT,
    commits=st.lists(st.from_regex(r"[0-9a-f]{7,12}", fullmatch=True), max_size=2).map(tuple),
    reports=st.lists(st.builds(ReportReference, LINE, st.none() | LINE), max_size=2).map(tuple),
)
STATES = st.sampled_from(
    [
        ("open", None),
        ("investigating", None),
        ("in-review", None),
        ("closed", None),
        ("closed", "fixed"),
        ("closed", "already-fixed"),
        ("closed", "not-a-bug"),
        ("closed", "duplicate"),
        ("wont-fix", "wont-fix"),
    ]
)
RELAXED = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))


@RELAXED
@given(TICKETS, STATES)
def test_export_then_import_is_the_identity(
    ticket: TicketFacts, state: tuple[str, str | None]
) -> None:
    ticket = replace(ticket, status=state[0], resolution=state[1])
    document = write(ticket)
    assert facts(parse(document)) == canonical(ticket)
    assert merge(document, ticket) == document


@settings(RELAXED, max_examples=50)
@given(TICKETS, TICKETS)
def test_merging_states_the_other_ticket(one: TicketFacts, other: TicketFacts) -> None:
    document = write(replace(one, reviews=()))
    merged = merge(document, other)
    assert merge(merged, other) == merged
    commits = {*canonical(other).commits, *facts(parse(document)).commits}
    stated, wanted = facts(parse(merged)), canonical(other)
    assert set(stated.relations) - {r for r in stated.relations if r.key == stated.key} == {
        r for r in wanted.relations if r.key != stated.key
    }
    loose = {"key": "", "commits": (), "reviews": (), "relations": ()}
    assert replace(stated, **loose) == replace(wanted, **loose)
    assert set(stated.commits) <= commits


@RELAXED
@given(TEXT)
def test_escaping_is_reversible(text: str) -> None:
    text = text.replace("\r", "\n")
    assert decode(encode(text)) == text


@RELAXED
@given(LINE, st.sampled_from(["plain", "code", "bold"]))
def test_cells_give_back_what_was_put_in(value: str, style: str) -> None:
    value = value.replace("\n", " ").replace("\r", " ").strip()
    raw = wrap(value, style).replace("|", "\\|")  # type: ignore[arg-type]  # sampled
    row = split_row(f"| a | {raw} | b |", 0, 3)
    assert len(row.cells) == 3
    assert unwrap(row.cells[1].text)[0] == value
