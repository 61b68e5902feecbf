"""An edit changes the lines it is about and no other, in the form the document uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.domain.tickets import ChecklistItem, Location
from app.formats.markdown import facts, merge, parse
from tests.unit.formats.markdown_edits import edit
from tests.unit.formats.markdown_samples import (
    APPENDIX,
    CATEGORY_LABELS,
    LAYOUTS,
    LOCATION,
    METADATA,
    ORPHAN_ROW,
    VERIFICATION,
    finding,
    summary,
    ticket,
    with_row,
)

RESOLUTION = "## Resolution\n\n### Status: FIXED\n\nTurned it off."


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), ORPHAN_ROW])
def test_unedited_documents_come_back_byte_for_byte(layout: str) -> None:
    for text in (finding(layout, APPENDIX), finding(APPENDIX, RESOLUTION, layout)[:-1]):
        assert merge(text.encode(), facts(parse(text.encode()))) == text.encode()


@pytest.mark.parametrize(
    ("changes", "diff"),
    [
        ({"severity": "P0"}, ["-| **Severity** | `P2` |", "+| **Severity** | `P0` |"]),
        ({"status": "in-review"}, ["-| **Status** | `open` |", "+| **Status** | `in-review` |"]),
        (
            {"status": "closed", "resolution": "fixed"},
            ["-| **Status** | `open` |", "+| **Status** | `fixed` |"],
        ),
        (
            {"status": "wont-fix", "resolution": "wont-fix"},
            ["-| **Status** | `open` |", "+| **Status** | `wont-fix` |"],
        ),
        (
            {"status": "closed", "resolution": "not-a-bug"},
            ["-| **Status** | `open` |", "+| **Status** | `invalid` |"],
        ),
        (
            {"status": "closed", "resolution": "duplicate"},
            [
                "-| **Status** | `open` |",
                "+| **Status** | `closed` |",
                "+| **Resolution** | `duplicate` |",
            ],
        ),
        ({"batch": 11}, ["-| **Batch** | 7 |", "+| **Batch** | 11 |"]),
        ({"agent": "drl"}, ["-| **Agent** | `pytorch` |", "+| **Agent** | `drl` |"]),
        ({"assignee": "a|b"}, ["-| **Assignee** | |", "+| **Assignee** | a\\|b |"]),
        (
            {"updated": date(2025, 4, 1)},
            ["-| **Updated** | 2025-03-02 |", "+| **Updated** | 2025-04-01 |"],
        ),
        ({"created": None}, ["-| **Created** | 2025-03-01 |", "+| **Created** | |"]),
        (
            {"domains": ("garden", "a|b")},
            ["-| **Domain** | `garden` |", "+| **Domain** | `garden`, `a\\|b` |"],
        ),
        (
            {"title": "New: one"},
            ["-# Finding Ticket: Pump runs dry", "+# Finding Ticket: New: one"],
        ),
        (
            {"summary": "Short `x`"},
            [
                "-**One-line summary:** The pump runs `a|b` dry.",
                "+**One-line summary:** Short `x`",
            ],
        ),
        (
            {"categories": ("numerical-stability",)},
            [
                "-- [x] Correctness bug",
                "+- [ ] Correctness bug",
                "-- [ ] Numerical stability",
                "+- [x] Numerical stability",
            ],
        ),
    ],
)
def test_single_values(changes: dict[str, Any], diff: list[str]) -> None:
    assert edit(finding(APPENDIX), **changes) == diff


@pytest.mark.parametrize(
    ("cell", "new"),
    [("`open`", "`in-review`"), ("**open**", "**in-review**"), ("open", "in-review")],
)
def test_decoration_is_kept(cell: str, new: str) -> None:
    text = finding(metadata=with_row(METADATA, "Status", cell))
    assert edit(text, status="in-review")[1] == f"+| **Status** | {new} |"


def test_an_unknown_status_stays_until_it_is_changed() -> None:
    text = finding(metadata=with_row(METADATA, "Status", "`someday`"))
    assert edit(text, severity="P1") == ["-| **Severity** | `P2` |", "+| **Severity** | `P1` |"]


def test_reopening_a_duplicate_takes_its_row_out() -> None:
    row = "| **Status** | `closed` |\n| **Resolution** | `duplicate` |"
    text = finding(metadata=METADATA.replace("| **Status** | `open` |", row))
    assert edit(text, status="open", resolution=None) == [
        "-| **Status** | `closed` |",
        "-| **Resolution** | `duplicate` |",
        "+| **Status** | `open` |",
    ]


def test_free_words_in_a_resolution_row_stay() -> None:
    row = "| **Status** | `closed` |\n| **Resolution** | `not worth it` |"
    text = finding(metadata=METADATA.replace("| **Status** | `open` |", row))
    assert edit(text, status="open") == ["-| **Status** | `closed` |", "+| **Status** | `open` |"]


def test_a_missing_row_is_put_in_its_place() -> None:
    text = finding(metadata=METADATA.replace("| **Assignee** | |\n", ""))
    assert edit(text, assignee="jo") == ["+| **Assignee** | jo |"]
    assert (
        "`garden` |\n| **Assignee** | jo |\n| **Created**"
        in merge(text.encode(), replace(facts(parse(text.encode())), assignee="jo")).decode()
    )


def test_domains_keep_their_separator() -> None:
    text = finding(metadata=with_row(METADATA, "Domain", "`a` / `b`"))
    assert edit(text, domains=("a", "c"))[1] == "+| **Domain** | `a` / `c` |"


P = "/srv/garden/pump.py"


@pytest.mark.parametrize(
    ("places", "diff"),
    [
        ((Location(P, 20, 22, "Pump.start()"),), ["-`10-12`", "+`20-22`"]),
        ((Location("b.py", 10, 12, "Pump.start()"),), [f"-`{P}`", "+`b.py`"]),
        ((Location(P, 10, 12, "Pump.stop()"),), ["-`Pump.start()`", "+`Pump.stop()`"]),
        (
            (Location(P, 10, 12, "Pump.start()"), Location(P, 40)),
            ["-`10-12`", "+`10-12, 40`"],
        ),
    ],
)
def test_locations_change_their_cell(places: tuple[Location, ...], diff: list[str]) -> None:
    found = edit(finding(), locations=places)
    assert len(found) == 2
    cells = [line[0] + line.split(" | ")[1].removesuffix(" |") for line in found]
    assert cells == diff


def test_more_locations_become_bullets_and_go_again() -> None:
    first = Location(P, 10, 12, "Pump.start()")
    more = (Location("b.py", 3, 4, "x|y", "the other"), Location(note="elsewhere"))
    added = edit(finding(), locations=(first, *more))
    assert added == [
        "+",
        "+**Additional locations (if multi-file):**",
        "+- `b.py:3-4` in `x|y` - the other",
        "+- (no path) - elsewhere",
    ]
    text = finding(location="\n".join([LOCATION, *(line[1:] for line in added)]))
    assert edit(text, locations=(first,)) == [line.replace("+", "-", 1) for line in added]
    assert edit(text, locations=(first, more[1])) == ["-" + added[2][1:]]


def test_words_in_the_lines_stay_when_the_symbol_changes() -> None:
    text = finding(location=with_row(LOCATION, "Line(s)", "Multiple (see `a`)"))
    place = Location(P, None, None, "other()", "Multiple (see `a`)")
    assert len(edit(text, locations=(place,))) == 2


def test_a_category_without_a_row_gets_one_in_order() -> None:
    labels = [*CATEGORY_LABELS[:8], "My own"]
    text = ticket(METADATA, summary(["My own"], labels), APPENDIX)
    assert edit(text, categories=("test-gap", "My own")) == ["+- [x] Test coverage gap"]
    assert edit(text, categories=()) == ["-- [x] My own", "+- [ ] My own"]


def test_checklist() -> None:
    text = finding(VERIFICATION, APPENDIX)
    one, two = facts(parse(text.encode())).checklist
    assert edit(text, checklist=(replace(one, done=True), two)) == [
        "-- [ ] Start the pump once",
        "+- [x] Start the pump once",
    ]
    assert edit(text, checklist=(one, two, ChecklistItem("# | `x`"))) == ["+- [ ] # | `x`"]
    assert edit(text, checklist=(ChecklistItem("First"), one, two)) == ["+- [ ] First"]
    assert edit(text, checklist=(two,)) == ["-- [ ] Start the pump once"]
    assert edit(text, checklist=(ChecklistItem("Begin"), two)) == [
        "-- [ ] Start the pump once",
        "+- [ ] Begin",
    ]
    assert len(edit(finding(APPENDIX), checklist=(one,))) == 8
