"""Markdown of other projects: each layout that ships, layouts of one's own, and guessed ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.tickets import ChecklistItem, Location
from app.errors import InvalidInput
from app.formats.documents import opened
from app.formats.layouts import LaidOut, from_toml, nearest, proposed, read, shipped, to_toml
from app.formats.layouts.scan import scan
from app.formats.markdown import FormatError, TicketFacts

DOCUMENTS = Path(__file__).parents[2] / "support" / "layouts"
NAMES = ("bold-bullets", "front-matter", "numbered-sections", "title-table")

STATED: dict[str, dict[str, Any]] = {
    "bold-bullets": {
        "key": "VLV-0012",
        "title": "The valve opens by itself",
        "severity": "P1",
        "status": "fix-in-progress",
        "domains": ("hydraulics",),
        "locations": (Location("valve/open.py", 10, 12),),
        "summary": "Nobody turns it, and it opens.",
    },
    "front-matter": {
        "key": "TNK-7",
        "title": "The tank says: empty",
        "severity": "P2",
        "status": "closed",
        "resolution": "fixed",
        "domains": ("tank", "gauge"),
        "summary": "It says so while it is full.",
    },
    "numbered-sections": {
        "key": "GAU-P2-014",
        "title": "The gauge turns backwards",
        "severity": "P2",
        "status": "open",
        "assignee": "Jo",
        "summary": "Below zero it turns the other way.",
        "checklist": (
            ChecklistItem("Negative values are shown"),
            ChecklistItem("Nobody is confused", done=True),
        ),
    },
    "title-table": {
        "key": "PMP-003",
        "title": "A pump without water runs",
        "severity": "P1",
        "status": "open",
        "assignee": None,
    },
}


def content(name: str) -> bytes:
    return (DOCUMENTS / f"{name}.md").read_bytes()


def changed_lines(before: bytes, after: bytes) -> list[str]:
    old, new = before.decode().splitlines(), after.decode().splitlines()
    assert len(old) == len(new)
    return [b for a, b in zip(old, new, strict=True) if a != b]


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_that_ships_reads_its_documents(name: str) -> None:
    document = read(content(name), shipped()[name])

    assert {n: getattr(document.facts, n) for n in STATED[name]} == STATED[name]
    assert document.warnings == ()
    assert document.edited(document.facts) == content(name)


def test_relations_dates_and_sections_are_read() -> None:
    tank = read(content("front-matter"), shipped()["front-matter"]).facts
    valve = read(content("bold-bullets"), shipped()["bold-bullets"]).facts

    assert [relation.key for relation in tank.relations] == ["TNK-3", "TNK-4"]
    assert (str(tank.created), str(valve.created)) == ("2025-03-05", "2025-03-04")
    # What is in a fence states nothing; a section whose text is the summary is no section.
    assert [section.heading for section in tank.sections] == ["Steps"]
    assert [section.heading for section in valve.sections] == ["Description", "Steps"]


@pytest.mark.parametrize("name", NAMES)
def test_the_nearest_layout_is_named_by_the_refusal(name: str) -> None:
    near = nearest(scan(content(name)))
    guessed = proposed([scan(content(name))])

    assert near is not None
    assert near.layout.name == name
    assert guessed is not None
    assert read(content(name), guessed).facts.key == STATED[name]["key"]
    with pytest.raises(FormatError, match=f"--layout {name}") as refused:
        opened(content(name))
    assert "GET /api/v1/template" in str(refused.value.problems)


def test_only_the_lines_of_an_edit_differ() -> None:
    def edited(name: str, **changes: Any) -> list[str]:
        document: LaidOut = read(content(name), shipped()[name])
        now: TicketFacts = replace(document.facts, **changes)
        return changed_lines(content(name), document.edited(now))

    assert edited("bold-bullets", severity="P3", status="closed", resolution="fixed") == [
        "- **Severity:** P3",
        "- **Status:** FIXED",
    ]
    assert edited("front-matter", title="Two: tanks", severity="P0") == [
        'title: "Two: tanks"',
        "priority: Critical",
        "# TNK-7: Two: tanks",
    ]
    assert edited("title-table", severity="P4", assignee="a|b") == [
        "| **Severity** | Info |",
        "| **Assignee** | a\\|b |",
    ]
    ticked = (ChecklistItem("Negative values are shown", done=True),)
    assert edited("numbered-sections", title="It turns", checklist=ticked) == [
        "# GAU-P2-014: It turns",
        "| **Title** | It turns |",
        "- [x] Negative values are shown",
    ]


def test_a_layout_of_ones_own_has_its_own_words() -> None:
    layout = from_toml(
        """
        name = "mine"
        [read]
        id = ["bullet: Nummer"]
        severity = "bullet: Schwere"
        status = "bullet: Stand"
        [words.severity]
        P0 = ["schlimm"]
        [words.status]
        wont-fix = ["bleibt so"]
        """
    )
    given = (
        b"# Egal\n\n**Nummer:** ABC-1\n**Schwere:** Schlimm!\n**Stand:** Bleibt so (Jo)\n\nText.\n"
    )

    document = read(given, layout)

    facts = document.facts
    assert (facts.key, facts.severity, facts.status) == ("ABC-1", "P0", "wont-fix")
    assert from_toml(to_toml(layout)) == layout


def test_words_that_nobody_knows_are_told() -> None:
    given = b"# A-1: b\n\n- **Severity:** not critical\n- **Status:** gone with the wind\n"

    document = read(given, shipped()["bold-bullets"])

    assert (document.facts.severity, document.facts.severity_raw) == (None, "not critical")
    assert document.facts.status == "open"
    (warning,) = document.warnings
    assert (warning.line, "no word of the layout" in warning.reason) == (4, True)


def test_names_of_a_documents_own_are_guessed() -> None:
    given = b"# Egal\n\n| Key | ZZ-9 |\n|---|---|\n| Risk | high |\n| State | open |\n"
    layout = proposed([scan(given)])

    assert layout is not None
    assert layout.name == "own"
    found = read(given, from_toml(to_toml(layout))).facts
    assert (found.key, found.severity, found.status) == ("ZZ-9", "P1", "open")
    assert proposed([scan(b"# A poem\n\nNothing.\n")]) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("read = ", "no TOML"),
        ("[read]\nid = 7", "no list of texts"),
        ("[read]\nid = 'left of it'", "as a place of id"),
        ("[read]\nnumber = 'title'", "'number'"),
        ("[words.severity]\nP9 = ['x']\n[read]\nid='title'", "'P9'"),
        ("[words.severity]\nP0 = ['']\n[read]\nid='title'", "empty word"),
        ("name = 'x'", "no table [read]"),
        ("read = 'x'", "no table"),
        (f"about = '{'x' * 9000}'", "characters"),
        (f"about = {'[' * 7000}", "nested too deeply"),
    ],
)
def test_what_is_no_layout_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_toml(text)
    assert reason in refused.value.errors[0].detail


@pytest.mark.parametrize("given", [b"", b"---\n", b"---\nid: A-1", b"# \n|a|b|\n", b"**: x**: y"])
def test_a_document_without_an_id_says_where_it_was_looked_for(given: bytes) -> None:
    for layout in shipped().values():
        with pytest.raises(FormatError, match="its id stands in"):
            read(given, layout)
