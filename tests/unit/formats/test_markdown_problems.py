"""Bad input: a reason with its line, and a warning where the document can be read all the same."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from app.domain.tickets import Section
from app.formats.markdown import FormatError, Limits, facts, merge, parse, write
from tests.unit.formats.markdown_samples import (
    DESCRIPTION,
    LOCATION,
    METADATA,
    finding,
    summary,
    ticket,
    with_row,
)

GOOD = finding().encode()
FENCE_LINE = finding().split("\n").index("```python") + 1


def line_of(text: str, needle: str) -> int:
    return next(i for i, line in enumerate(text.split("\n"), 1) if needle in line)


REFUSED = {
    "not UTF-8": (GOOD.replace(b"starts", b"st\xe4rts"), "not UTF-8: byte 0xe4", "starts twice"),
    "UTF-16": (finding().encode("utf-16"), "UTF-16", "# Finding"),
    "NUL": (GOOD.replace(b"starts", b"sta\0rts"), "NUL", "starts twice"),
    "empty": (b"", "no title", ""),
    "no ticket": (b"# Read me\n\nHello.\n", "Ticket Metadata", "# Read me"),
    "no title": (METADATA.encode(), "no title", "## Ticket Metadata"),
    "no table": (b"# Finding Ticket: X\n\n## Ticket Metadata\n\nnone\n", "no table", "## Ticket"),
    "no id": (GOOD.replace(b"| **Ticket ID** | `B7-PT-03` |\n", b""), "no Ticket ID", "| Field |"),
    "bad id": (GOOD.replace(b"`B7-PT-03`", b"`pump 3`"), "is no ticket key", "Ticket ID"),
    "two titles": (
        (finding() + "\n# Finding Ticket: Another\n").encode(),
        "a second title",
        "Another",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_ticket_is_refused_with_its_line(name: str) -> None:
    data, reason, needle = REFUSED[name]
    with pytest.raises(FormatError) as refused:
        parse(data)
    text = data.decode("latin-1").replace("\0", "").replace("stärts", "starts")
    problem = next(p for p in refused.value.problems if reason in p.reason)
    assert problem.line == (line_of(text, needle) if needle and name != "UTF-16" else 1)
    assert str(problem) in refused.value.detail


def test_an_open_fence_that_swallows_sections_is_refused() -> None:
    text = ticket(METADATA, DESCRIPTION.removesuffix("```"), summary())
    with pytest.raises(FormatError) as refused:
        parse(text.encode())
    (problem,) = refused.value.problems
    assert (problem.line, "never closed" in problem.reason) == (line_of(text, "```python"), True)


def test_an_open_fence_at_the_end_is_a_warning() -> None:
    text = finding().rstrip().removesuffix("```").replace("## not a heading\n", "")
    document = parse(text.encode())
    assert [(w.line, "never closed" in w.reason) for w in document.warnings] == [(FENCE_LINE, True)]
    assert merge(text.encode(), facts(document)) == text.encode()


def test_too_large_a_document_is_refused_before_it_is_read() -> None:
    with pytest.raises(FormatError, match="more than 1048576 bytes"):
        parse(b"#" * (2 << 20))
    with pytest.raises(FormatError, match="more than 10 bytes"):
        parse(GOOD, limits=Limits(max_bytes=10))


@pytest.mark.parametrize("nest", ["- ", "> ", "1. ", ">", "- > "])
def test_ten_thousand_nested_lists_are_refused_quickly(nest: str) -> None:
    text = finding(f"## Notes\n\n{nest * 10_000}x")
    begin = time.perf_counter()
    with pytest.raises(FormatError) as refused:
        parse(text.encode())
    assert time.perf_counter() - begin < 5
    (problem,) = refused.value.problems
    assert problem.line == line_of(text, nest * 100)


def ragged(columns: int, rows: int) -> str:
    return "|".join("a" * columns) + "\n" + "|".join("-" * columns) + "\n" + "x\n" * rows


@pytest.mark.parametrize(
    "body",
    [ragged(60, 2000), (ragged(60, 200) + "\n") * 10, "- a\n" * 40_000, "a\n\n" * 60_000],
    ids=["a table", "tables", "items", "paragraphs"],
)
def test_what_falls_into_too_many_parts_is_refused(body: str) -> None:
    with pytest.raises(FormatError, match="more than 50000 paragraphs, list items, rows and cells"):
        parse(finding(f"## Notes\n\n{body}").encode())


def test_many_parts_are_read_where_they_are_code() -> None:
    log = "| a | b |\n" * 40_000
    document = parse(finding(f"## Notes\n\n```\n{log}```").encode())

    assert facts(document).sections[-1].body.count("\n") == 40_001


def test_text_of_too_many_parts_is_written_as_code_and_comes_back() -> None:
    body = "fixed in **commit 0123abc**\n\n" + "\n".join(["- a"] * 40_000)
    stated = facts(parse(GOOD))
    wanted = replace(stated, sections=(*stated.sections, Section("Log", body)))
    written = write(wanted)

    assert b"```verbatim" in written
    assert facts(parse(written)) == wanted


def test_moderate_nesting_is_fine() -> None:
    text = finding("## Notes\n\n" + "\n".join("  " * i + "- a" for i in range(20)))
    assert parse(text.encode()).warnings == ()


WARNED = {
    "BOM": (b"\xef\xbb\xbf" + GOOD, "byte order mark", "# Finding"),
    "CRLF": (GOOD.replace(b"\n", b"\r\n"), "CRLF", "# Finding"),
    "severity": (GOOD.replace(b"`P2`", b"`P7`"), "unknown severity 'P7'", "Severity"),
    "batch": (GOOD.replace(b"| 7 |", b"| seven |"), "no number", "Batch"),
    "date": (GOOD.replace(b"2025-03-01", b"1 March"), "is no date", "Created"),
    "no status": (GOOD.replace(b"| `open` |", b"| |"), "no status", "Status"),
    "second row": (
        GOOD.replace(b"| **Batch** | 7 |", b"| **Batch** | 7 |\n| **Batch** | 8 |"),
        "a second row 'Batch'",
        "| 8 |",
    ),
    "table without end": (
        GOOD.replace(b"| **Updated** | 2025-03-02 |\n", b"| **Updated** | 2025-03-02 |\nand on\n"),
        "the table has no end",
        "and on",
    ),
    "row without end": (GOOD.replace(b"2025-03-02 |", b"2025-03-02"), "closing pipe", "Updated"),
    "no rule row": (
        finding(location=LOCATION.replace("|-------|-------|\n", "")).encode(),
        "row of dashes",
        "**File(s)**",
    ),
    "second section": (finding(LOCATION).encode(), "a second section 'Location'", ""),
    "other h1": (finding("# Aside").encode(), "another level-1 heading", "# Aside"),
    "preamble": (GOOD.replace(b"---", b"Hello.\n\n---", 1), "before the first section", "Hello."),
    "relation": (
        finding(
            "## Related Findings\n\n| Ticket ID | Relationship | Notes |\n|---|---|---|\n"
            "| `B7-PT-01` | `cousin` | x |"
        ).encode(),
        "unknown relationship 'cousin'",
        "cousin",
    ),
}


@pytest.mark.parametrize("name", WARNED)
def test_oddities_are_warnings_and_cost_no_byte(name: str) -> None:
    data, reason, needle = WARNED[name]
    document = parse(data)
    (warning,) = document.warnings
    assert reason in warning.reason
    text = data.decode().replace("\r\n", "\n")
    expected = line_of(text, needle) if needle else text.split("\n").index("## Location", 30) + 1
    assert warning.line == (expected - 1 if name == "no rule row" else expected)
    assert document.source.encode() == data
    assert merge(data, facts(document)) == data


def test_values_survive_an_unfinished_table() -> None:
    broken = finding(location=LOCATION.replace("|-------|-------|\n", ""))
    assert facts(parse(broken.encode())).locations == facts(parse(GOOD)).locations


def test_an_id_that_contradicts_the_file_name_is_a_warning() -> None:
    (warning,) = parse(GOOD, source_path="fixed/B7-PT-04.md").warnings
    assert warning.line == line_of(GOOD.decode(), "Ticket ID")
    assert "contradicts the file name B7-PT-04" in warning.reason
    assert parse(GOOD, source_path="fixed/B7-PT-03.md").warnings == ()


def test_crlf_documents_are_edited_with_crlf() -> None:
    data = GOOD.replace(b"\n", b"\r\n")
    stated = facts(parse(data))
    assert stated == facts(parse(GOOD))
    from dataclasses import replace

    longer = replace(stated, domains=("garden", "pump"), commits=("abc1234",))
    edited = merge(data, longer)
    assert b"\n" not in edited.replace(b"\r\n", b"")
    assert edited.replace(b"\r\n", b"\n") == merge(GOOD, longer)


def test_reasons_add_up() -> None:
    with pytest.raises(FormatError) as refused:
        parse(b"text\n\n```\n## x\n")
    problems = refused.value.problems
    assert len(problems) == 3
    assert refused.value.extra["problems"][0] == {
        "line": problems[0].line,
        "reason": problems[0].reason,
    }


def test_a_broken_metadata_table_keeps_its_row() -> None:
    metadata = with_row(METADATA, "Agent", "`a` | `b`")
    assert facts(parse(finding(metadata=metadata).encode())).agent == "`a` | `b`"
