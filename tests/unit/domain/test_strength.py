"""Counting mutants, Wilson's interval, the order of mutants, diffs of one place."""

from __future__ import annotations

import difflib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.one_place import one_place
from app.domain.strength import (
    Change,
    Mutant,
    MutantOutcome,
    MutantVerdict,
    Strength,
    measure,
    spread,
)

KILLED, SURVIVED = MutantOutcome.KILLED, MutantOutcome.SURVIVED


def a_mutant(line: int = 1, function: str = "f", **fields: object) -> Mutant:
    change = Change("kasmina/m.py", 0, 1, "x")
    plain = Mutant(f"{function}{line}", "kasmina/m.py", line, "comparison", function, change, "")
    return replace(plain, **fields)  # type: ignore[arg-type]


def test_strength_is_of_what_is_killed_among_killed_and_surviving() -> None:
    equivalent = MutantVerdict.EQUIVALENT
    found = measure(
        [
            *(a_mutant(n, outcome=KILLED) for n in range(6)),
            a_mutant(7, outcome=SURVIVED),
            a_mutant(8, outcome=SURVIVED, verdict=equivalent),
            a_mutant(9, outcome=SURVIVED, suite_killed_by="t", by_fix=True),
            a_mutant(10, outcome=SURVIVED, verdict=MutantVerdict.ACCEPTED, by_fix=True),
            a_mutant(11, outcome=MutantOutcome.TIMED_OUT),
            a_mutant(12, outcome=MutantOutcome.IMPORT),
            a_mutant(13),
        ]
    )

    assert (found.killed, found.survived, found.equivalent, found.n) == (6, 4, 1, 9)
    assert (found.timed_out, found.imports, found.not_run) == (1, 1, 1)
    assert (found.killed_by_suite, found.unexplained_in_fix) == (1, 1)
    assert found.value == round(6 / 9, 4)
    assert (found.low, found.high) == (0.3542, 0.8794)


def test_a_verdict_on_what_is_killed_counts_for_nothing() -> None:
    found = measure([a_mutant(outcome=KILLED, verdict=MutantVerdict.EQUIVALENT)])

    assert (found.killed, found.equivalent, found.n) == (1, 0, 1)


@pytest.mark.parametrize(
    ("strength", "sentence"),
    [
        (Strength(), "No mutant was killed or survived"),
        (Strength(killed=4), "kill 4 of 4 mutants: too few to say."),
        (Strength(killed=4, survived=1), "kill 4 of 5 mutants (95 %: 38% to 96%)."),
    ],
)
def test_it_says_when_there_are_too_few(strength: Strength, sentence: str) -> None:
    assert sentence in strength.sentence
    assert (strength.value is None) == (strength.n < 5)


def test_functions_take_turns_and_lines_lie_far_apart() -> None:
    mutants = [a_mutant(line, "f") for line in range(1, 9)]
    mutants += [a_mutant(line, "g") for line in (20, 21)]

    order = [(one.function, one.line) for one in spread(mutants)]

    assert order[:4] == [("f", 1), ("g", 20), ("f", 5), ("g", 21)]
    assert [line for name, line in order if name == "f"] == [1, 5, 3, 7, 2, 6, 4, 8]
    assert [(one.function, one.line) for one in spread(mutants[::-1], 3)] == order[:3]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\nb\nc", "a\nb\nC"),
        ("a", "b"),
        ("a\n" * 9 + "b\n" + "a\n" * 9, "a\n" * 18),
        ("a\n\x0cb\n", "a\n\x0cc\n"),
        ("a\r\nb\r\n", "a\r\nc\r\n"),
        ("x = 1\n", "y = 1\nx = 1\n"),
        ("ä\nb\n", "ü\nb\n"),
    ],
)
def test_the_diff_of_one_place_is_one_hunk_that_leads_there(
    tmp_path: Path, before: str, after: str
) -> None:
    text = one_place("kasmina/m.py", before.encode(), after.encode())

    assert text.count("\n@@ ") == 1
    file = tmp_path / "kasmina" / "m.py"
    file.parent.mkdir()
    file.write_bytes(before.encode())
    subprocess.run(["git", "apply", "-"], input=text.encode(), cwd=tmp_path, check=True)
    assert file.read_bytes() == after.encode()
    changed = [line for line in text.splitlines()[3:] if line[:1] in "+-"]
    lines = before.split("\n"), after.split("\n")
    wanted = list(difflib.unified_diff(*lines, n=0, lineterm=""))[3:]
    assert len(changed) <= max(2, len(wanted))


def test_equal_texts_have_no_diff() -> None:
    assert one_place("kasmina/m.py", b"a\n", b"a\n") == ""
