"""No fact is dropped in silence: each construct, as people write it, is read or warned of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.tickets import Section
from app.formats.markdown import (
    Document,
    RelationText,
    TicketFacts,
    canonical,
    facts,
    merge,
    parse,
    write,
)
from tests.unit.formats.markdown_samples import METADATA, finding, ticket, with_row

CASES = Path(__file__).with_name("documents")
TABLE = "## Related Findings\n\n| Ticket ID | Relationship | Notes |\n|---|---|---|\n"


def case(name: str) -> Document:
    data = (CASES / f"{name}.md").read_bytes()
    document = parse(data)
    assert merge(document, facts(document)) == data
    return document


def reasons(document: Document) -> list[str]:
    return [warning.reason for warning in document.warnings]


def test_what_stands_in_a_comment_is_no_fact() -> None:
    document = case("B9-CR-30")

    assert facts(document).commits == ()
    assert facts(document).resolution_text is None
    assert document.resolution is None
    assert facts(document).status == "open"
    assert reasons(document) == []


def test_a_relation_written_as_a_link_is_read() -> None:
    stated = facts(case("B9-CR-02"))

    assert stated.relations == (RelationText("B7-CR-02", "duplicate-of", "x"),)


@pytest.mark.parametrize(
    ("name", "severity", "warned"),
    [("B7-CR-22", "P2", []), ("B7-CR-23", "P1", ["the severity 'High' is read as P1"])],
)
def test_a_severity_in_other_words_is_read(name: str, severity: str, warned: list[str]) -> None:
    document = case(name)

    assert facts(document).severity == severity
    assert reasons(document) == warned


def test_underlined_headings_are_headings() -> None:
    document = case("B7-CR-11")
    stated = facts(document)

    assert stated.summary == "`hinges()` adds the pin to both sides."
    assert [section.heading for section in stated.sections] == ["Detailed Description"]
    assert stated.sections[0].body.startswith("The pin is counted on the left")
    renamed = replace(stated, sections=(Section("Description", stated.sections[0].body),))
    changed = merge(document, renamed).decode()
    assert "\n## Description\n\nThe pin" in changed and "-----\n\nThe pin" not in changed


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("`p2`", "P2"),
        ("`P2` (was P1)", "P2"),
        ("P2 (was P1)", "P2"),
        ("P1 High", "P1"),
        ("P0 - CRITICAL", "P0"),
        ("Critical (Production Only)", "P0"),
        ("high", "P1"),
        ("**Medium**", "P2"),
        ("Low", "P3"),
        ("Info", "P4"),
        ("`P3` <!-- was P0 -->", "P3"),
        ("P1-P2", None),
        ("P1 → P2", None),
        ("P7", None),
        ("Highest", None),
    ],
)
def test_severities(written: str, severity: str | None) -> None:
    document = parse(finding(metadata=with_row(METADATA, "Severity", written)).encode())
    stated = facts(document)

    assert stated.severity == severity
    assert (stated.severity_raw is None) == (severity is not None)
    exact = severity and written.strip("`").split(" <")[0].strip("`").upper() == severity
    assert bool(document.warnings) != bool(exact)
    assert facts(parse(write(stated))) == stated


RELATED = {
    "link": ("- [B1-PT-02](B1-PT-02.md): same pump", ["B1-PT-02"]),
    "link with words": ("- [the pump](../fixed/B1-PT-02.md) same pump", ["B1-PT-02"]),
    "link to a short key": ("- [BUG-12](BUG-12.md)", ["BUG-12"]),
    "link in code": ("- [`B1-PT-02`](B1-PT-02.md): same", ["B1-PT-02"]),
    "several": ("- B1-PT-02, B1-PT-03: same pump", ["B1-PT-02", "B1-PT-03"]),
    "several in code": ("- `B1-PT-02` and `B1-PT-03` - same", ["B1-PT-02", "B1-PT-03"]),
    "several links": ("- [B1-PT-02](x.md) / [B1-PT-03](y.md)", ["B1-PT-02", "B1-PT-03"]),
    "row with several": (
        TABLE + "| `B1-PT-02`, B1-PT-03 | `blocks` | x |",
        ["B1-PT-02", "B1-PT-03"],
    ),
    "row with links": (
        TABLE + "| [B1-PT-02](x.md) & [y](B1-PT-03.md) | `related` | x |",
        ["B1-PT-02", "B1-PT-03"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATED)
def test_relations_are_read_and_edited_one_by_one(name: str) -> None:
    body, keys = RELATED[name]
    section = body if body.startswith("##") else f"## Related Findings\n\n{body}"
    document = parse(finding(section).encode())
    stated = facts(document)

    assert [relation.key for relation in stated.relations] == keys
    assert document.warnings == ()
    for relation in stated.relations:
        left = tuple(r for r in stated.relations if r != relation)
        assert facts(parse(merge(document, replace(stated, relations=left)))).relations == left
    noted = (replace(stated.relations[0], note="another"), *stated.relations[1:])
    again = facts(parse(merge(document, replace(stated, relations=noted))))
    assert set(again.relations) == set(noted)


def wrapped(text: str, *around: str) -> st.SearchStrategy[str]:
    return st.sampled_from([pattern.replace("@", text) for pattern in around])


CELL = ("@", "`@`", "**@**", "**`@`**", "@ ", "`@` (so)", "[@](x.md)", "<b>@</b>")
HEADING = (
    "## @", "## @ ##", "##@", "### @", "## @:", "## **@**", "## 3. @", "@\n----------", "@\n---",
    "**@**", "## @s", "# @", "##  @  #",
)  # fmt: skip


def warned_or(document: Document, fact: bool) -> bool:
    return fact or bool(document.warnings)


@given(
    wrapped("P1", *CELL), st.sampled_from(["**Severity**", "Severity:", "`severity`", "SEVERITY"])
)
def test_a_severity_is_read_or_warned_of(cell: str, key: str) -> None:
    table = METADATA.replace("| **Severity** | `P2` |", f"| {key} | {cell} |")
    document = parse(finding(metadata=table).encode())

    assert warned_or(document, facts(document).severity == "P1")
    assert facts(document).severity == "P1" or facts(document).severity_raw


CONSTRUCTS: dict[str, tuple[tuple[str, ...], Callable[[TicketFacts], object]]] = {
    "Verification": (
        ("- [ ] Turn it", "* [x] Turn it", "1. [X] Turn it", "- [✓] Turn it", "- [] Turn it",
         "- [-] Turn it", "- ✅ Turn it", "> - [ ] Turn it", "- a\n  - [ ] Turn it"),
        lambda f: f.checklist,
    ),
    "Related Findings": (
        ("- B1-PT-02: x", "- see B1-PT-02", "See B1-PT-02.", "- **B1-PT-02:** x", "B1-PT-02",
         "- a\n  - B1-PT-02: x", "| Relationship | Ticket ID |\n|---|---|\n| related | B1-PT-02 |",
         "| Ticket ID | x |\n|---|---|\n| see B1-PT-02 | related |", "> - B1-PT-02",
         TABLE.split("\n\n")[1] + "<!-- more -->\n| `B1-PT-02` | `related` | x |",
         "- #B1-PT-02", "- [ ] B1-PT-02", "- [x](http://h/B1-PT-02.md)"),
        lambda f: f.relations,
    ),
    "Resolution": (
        ("**Commits:** `0123abc`", "Commit: 0123abc", "- commit 0123abc",
         "**Fixed in commit 0123abc**",
         "### Commits\n\n- 0123abc", "[0123abc](https://h/p/commit/0123abc)",
         "See https://h/p/commit/0123abcd", "| Commit | 0123abc |\n|---|---|",
         "> **Commits:** 0123abc", "__Commits:__ 0123abc"),
        lambda f: f.commits,
    ),
    "Cross-Review": (
        ("### DRL Specialist\n\n| Verdict | `REFINE` |\n|---|---|", "**Verdict:** REFINE",
         "Verdict: REFINE", "| Agent | Verdict |\n|---|---|\n| drl | REFINE |",
         "- **Verdict**: REFINE",
         "> **Verdict:** REFINE", "| Field | Value |\n|---|---|\n| Verdict: | REFINE |"),
        lambda f: f.reviews,
    ),
    "Appendix": (
        ("**Report file:** `a.md`", "Report file: a.md", "- **Report file:** a.md",
         "| Report file | a.md |\n|---|---|", "**Report files:**\n- `a.md`",
         "### Report file: a.md"),
        lambda f: f.reports,
    ),
}  # fmt: skip


@given(st.sampled_from(sorted(CONSTRUCTS)), st.data())
def test_a_part_is_read_or_warned_of(name: str, data: st.DataObject) -> None:
    bodies, fact = CONSTRUCTS[name]
    heading = data.draw(wrapped(name, *HEADING))
    body = data.draw(st.sampled_from(bodies))
    before = data.draw(st.sampled_from(["", "<!-- so -->\n\n", "Some words.\n\n"]))
    text = finding(f"{heading}\n\n{before}{body}")
    document = parse(text.encode())

    assert warned_or(document, bool(fact(facts(document)))), text[-200:]
    assert merge(document, facts(document)) == text.encode()


@given(
    wrapped("Summary", *HEADING),
    st.sampled_from(
        ["**One-line summary:** It runs dry.", "**one-line Summary**: It runs dry.",
         "One-line summary: It runs dry.", "**Summary:** It runs dry.", "It runs dry."]
    ),
    st.sampled_from(["- [x] Correctness bug", "* [X] Correctness bug", "- [✓] Correctness bug"]),
    st.sampled_from(["**Category:**", "**Categories:**", "Category:", "### Category"]),
)  # fmt: skip
def test_a_summary_and_its_categories_are_read_or_warned_of(
    heading: str, line: str, item: str, label: str
) -> None:
    text = ticket(METADATA, f"{heading}\n\n{line}\n\n{label}\n{item}")
    document = parse(text.encode())
    stated = facts(document)

    assert warned_or(
        document, stated.summary == "It runs dry." and "correctness" in stated.categories
    )


@pytest.mark.parametrize("key", ["File(s)", "File", "files", "Path"])
def test_a_place_is_read_or_warned_of(key: str) -> None:
    table = f"## Location\n\n| Field | Value |\n|---|---|\n| **{key}** | `garden/pump.py` |"
    document = parse(finding(location=table).encode())

    assert bool(facts(document).locations) != bool(document.warnings)


HIDDEN = "**Commits:** `0123abc`"


@pytest.mark.parametrize(
    "comment",
    [
        f"<!-- {HIDDEN} -->",
        f"<!--\n## Resolution\n\n{HIDDEN}\n-->",
        f"<!--\n\n## Cross-Review (DRL)\n\n**Verdict:** OBJECT\n\n{HIDDEN} -->",
        f"- item\n\n  <!--\n  {HIDDEN}\n\n  - [ ] no\n  -->",
        f"Words <!-- and\n{HIDDEN}\n--> more.",
        "<!-- ```\n## Resolution\n``` -->",
        f"a `<!--` <!-- ` --> <!-- {HIDDEN} -->",
        f"a <!-- b --> ` c <!-- {HIDDEN} --> <!-- ` {HIDDEN} -->",
        f"a <!-- b --> <!-- c\n{HIDDEN}\n-->",
        "<!--\n## Related Findings\n\n- B1-PT-02: x\n-->",
        "<!--\n| **Severity** | `P0` |\n-->",
    ],
)
def test_comments_hold_no_facts_and_keep_their_bytes(comment: str) -> None:
    plain, text = finding("## Notes\n\nA."), finding(f"## Notes\n\nA.\n\n{comment}")
    document, without = parse(text.encode()), facts(parse(plain.encode()))
    stated = facts(document)

    assert replace(stated, sections=()) == replace(without, sections=())
    assert merge(document, stated) == text.encode()
    moved = merge(document, replace(stated, title="Another"))
    assert moved.decode() == text.replace("Pump runs dry", "Another")


@pytest.mark.parametrize(
    "text",
    [
        "`<!-- a -->`",
        "``<!-- ` -->``",
        "a <!-- never\nb <!-- closed",
        "```\n<!-- b -->\n```",
        "\\<!-- c -->",
    ],
)
def test_what_only_looks_like_a_comment_is_text(text: str) -> None:
    document = parse(finding(f"## Notes\n\n{text}\n\n{HIDDEN}").encode())

    assert facts(document).commits == ("0123abc",)


LINES = st.text(st.sampled_from("ab<!->#=` \\|\n*[]1."), max_size=40)


@given(LINES, LINES, LINES)
def test_text_with_pieces_of_comments_comes_back(title: str, note: str, body: str) -> None:
    base = facts(parse(finding("## Related Findings\n\n- B1-PT-02: x").encode()))
    wanted = canonical(
        replace(
            base,
            title=f"T {title}",
            summary=f"S {note}",
            relations=(RelationText("B1-PT-02", "related", f"n {note}"),),
            sections=(Section("Notes", f"x\n{body}\ny"), Section("More", f"x\n{note}\ny")),
        )
    )

    assert facts(parse(write(wanted))) == wanted
