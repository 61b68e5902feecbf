"""Help: every word explained, commands grouped, summaries whole, at three widths."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from app.cli import glossary
from app.cli.catalogue import SECTIONS, Command, Group
from app.cli.commanding import summary_of
from app.cli.words import WORDS
from app.cli.wrapping import continued
from tests.support.terminal import Screen

KINDS = ("severity", "verdict", "evidence", "role", "purpose", "run-kind", "run-outcome")


def names() -> list[str]:
    return [name for entry in glossary.entries() for name in entry.names]


@pytest.mark.parametrize("kind", KINDS)
def test_words_that_a_newcomer_lacks_are_explained(kind: str) -> None:
    text = " ".join(entry.text for entry in glossary.entries())
    unexplained = [word for word in WORDS[kind] if word not in names() and f"`{word}`" not in text]

    assert unexplained == []


def test_no_word_is_explained_twice() -> None:
    assert len(set(names())) == len(names())


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_an_entry_fits_the_terminal(columns: int) -> None:
    command = [sys.executable, "-m", "app.cli", "help", "proven"]
    screen = Screen(command, columns=columns, lines=40)

    assert screen.ends() == 0
    assert screen.text.startswith("proven\n\n  The linked tests fail")
    assert max(map(len, screen.text.splitlines())) <= columns


def test_a_word_that_another_entry_explains(findings: Any) -> None:
    assert findings("help", "OBJECT").out.startswith("verdict, endorse, neutral, refine, object\n")


def test_a_command_is_explained_too(findings: Any) -> None:
    assert findings("help", "ticket", "move").out.startswith("Usage: findings ticket move ")
    assert "The command: `findings queue --help`" in findings("help", "queue").out


def test_an_unknown_word_is_met_with_its_neighbours(findings: Any) -> None:
    done = findings("help", "provn")
    assert (done.code, done.out) == (2, "")
    assert "Did you mean proven" in done.err


def test_all_words_are_listed(findings: Any) -> None:
    listed = findings("help").out
    assert all(word in listed for word in ("ticket", "proven", "gate", "drift"))


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("words", [("review", "add"), ("test", "link"), ("ticket", "file")])
def test_help_of_a_command_fits_the_terminal_and_breaks_no_word(
    findings: Any, monkeypatch: pytest.MonkeyPatch, columns: int, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown, _, examples = findings(*words, "--help").out.partition("\nExamples:\n")

    lines = shown.splitlines()
    too_long = [line for line in lines if len(line) > columns and " " in line.strip()]
    assert [line for line in too_long if not line.startswith("Usage:")] == []
    assert [line for line in lines if re.search(r"\w-$", line)] == []
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Positional arguments:", "Options:"]
    assert examples


def every_command() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            found.append((name,))
            if isinstance(entry, Group):
                found += [(name, one) for one in entry.commands]
    return found


@pytest.mark.parametrize("columns", [40, 80])
def test_every_help_page_has_examples_that_a_shell_takes_as_they_stand(
    findings: Any, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in every_command():
        _, _, shown = findings(*words, "--help").out.partition("\nExamples:\n")
        lines = [line.removeprefix("  ") for line in shown.splitlines()]
        assert lines, words
        # Whole words, and what goes on says so.
        known = " ".join(examples_of(words)).replace("\\ ", "").split()
        assert " ".join(lines).replace("\\ ", "").split() == known, words
        assert not lines[-1].endswith("\\"), words


def examples_of(words: tuple[str, ...]) -> list[str]:
    entry = next(part[words[0]] for part in SECTIONS.values() if words[0] in part)
    if isinstance(entry, Command):
        return list(entry.examples)
    if len(words) > 1:
        return list(entry.commands[words[1]].examples)
    firsts = []
    for command in entry.commands.values():
        for line in command.examples:
            firsts.append(line)
            if not line.endswith("\\"):
                break
    return firsts


@pytest.mark.parametrize(
    ("command", "width", "lines"),
    [
        ("findings queue next", 40, ["findings queue next"]),
        (
            "findings bisect B7-DRL-01 --fixed --from v1.2 --to main",
            37,
            ["findings bisect B7-DRL-01 --fixed \\", "    --from v1.2 --to main"],
        ),
        (
            "findings ticket search 'blend multiply' -- -kasmina",
            34,
            ["findings ticket search \\", "    'blend multiply' -- -kasmina"],
        ),
    ],
)
def test_a_long_command_goes_on_in_the_next_line(
    command: str, width: int, lines: list[str]
) -> None:
    assert continued(command, width) == lines


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_commands_stand_under_headings_and_their_summaries_are_whole(columns: int) -> None:
    screen = Screen([sys.executable, "-m", "app.cli", "--help"], columns=columns, lines=200)

    assert screen.ends() == 0
    text = "".join(screen.text.split())  # long lines are wrapped, also behind a hyphen
    for heading, entries in SECTIONS.items():
        assert f"{heading}:".replace(" ", "") in text
        for entry in entries.values():
            assert summary_of(entry).replace(" ", "") in text
