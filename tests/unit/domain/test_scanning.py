"""Which ticket a result of a scanner is: through edits whose outcome is known, and on purpose."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from app.domain.scanning import Reported, ScannerRow, ScannerTable, Trace, match
from app.domain.tickets import Category, Severity
from app.domain.traces import Source, code_digest


@dataclass
class Function:
    """A function of a file, whose body has lines with findings (numbered) and without (None)."""

    name: str
    body: list[tuple[str, int | None]]


Files = dict[str, list[Function]]


def project(chance: random.Random, findings: int) -> Files:
    """Files with so many findings; every fifth line is like one before it in its function."""
    files: Files = {}
    number = 0
    while number < findings:
        body: list[tuple[str, int | None]] = []
        for _ in range(chance.randrange(3, 9)):
            body.append((f"{chance.choice('abcd')} = step({chance.randrange(10_000)})", None))
            if number < findings and chance.random() < 0.7:
                marked = [line for line, finding in body if finding is not None]
                same = marked and chance.random() < 0.2
                line = marked[-1] if same else f"check(unsafe_{chance.randrange(400)}(data))"
                body.append((line, number))
                number += 1
        path = f"pkg/part_{len(files) % 12}_{chance.randrange(4)}.py"
        files.setdefault(path, []).append(Function(f"job_{number}_{len(body)}", body))
    return files


def traces(files: Files) -> list[tuple[int, Trace]]:
    """What a scanner reports of files, with the number of each finding."""
    found = []
    for path, functions in files.items():
        lines, marks = [], []
        for function in functions:
            lines += ["", f"def {function.name}(data):"]
            for line, finding in function.body:
                lines.append(f"    {line}")
                if finding is not None:
                    marks.append((len(lines), finding))
        source = Source("\n".join(lines), is_python=True)
        for at, finding in marks:
            trace = Trace(
                rule="R",
                path=path,
                line=at,
                symbol=source.symbol_at(at),
                code=code_digest(source.between(at, at)),
                before=source.before(at),
                after=source.after(at),
                says="the same message",
                prints=("the same print",),
            )
            found.append((finding, trace))
    return found


def edited(files: Files, chance: random.Random) -> Files:
    """The files after edits of every kind; what a finding's line says is never changed."""
    now = {path: [replace(f, body=list(f.body)) for f in fs] for path, fs in files.items()}
    new = 10_000
    for path in list(now):
        if chance.random() < 0.15:  # rename the file
            now[path.replace("pkg/", "pkg/moved/")] = now.pop(path)
    for functions in list(now.values()):
        for function in list(functions):
            dice = chance.random()
            if dice < 0.3:  # insert lines
                for _ in range(chance.randrange(1, 4)):
                    at = chance.randrange(len(function.body) + 1)
                    function.body.insert(at, (f"extra({chance.randrange(10_000)})", None))
            elif dice < 0.4:  # a finding of its own
                function.body.append((f"check(unsafe_new_{new}(data))", new))
                new += 1
            elif dice < 0.5:  # delete a line
                del function.body[chance.randrange(len(function.body))]
            elif dice < 0.57:  # rename the function
                function.name += "_renamed"
            elif dice < 0.62 and len(function.body) > 6:  # split it
                half = len(function.body) // 2
                functions.append(Function(function.name + "_rest", function.body[half:]))
                del function.body[half:]
            elif dice < 0.7:  # move it to another file
                functions.remove(function)
                now.setdefault(chance.choice(list(now)), []).append(function)
        chance.shuffle(functions)
    return now


@pytest.mark.parametrize("seed", range(20))
def test_findings_are_known_again_through_random_edits_and_never_mixed_up(seed: int) -> None:
    chance = random.Random(seed)
    before = project(chance, 500)
    was, now = traces(before), traces(edited(before, chance))
    kept = {finding for finding, _ in was} & {finding for finding, _ in now}

    matching = match([trace for _, trace in was], [trace for _, trace in now])

    pairs = {(was[k][0], now[n][0]) for n, k in matching.pairs.items()}
    wrong = {(old, new) for old, new in pairs if old != new}
    right = {old for old, new in pairs if old == new}
    assert wrong == set()
    assert len(right) >= 0.99 * len(kept)
    assert len({old for old, _ in pairs}) == len(pairs)


def test_the_one_of_two_equal_lines_that_stays_is_told_by_its_neighbours() -> None:
    first = Trace("R", "a.py", 3, "f", "code", "top", "middle", "says")
    second = Trace("R", "a.py", 9, "f", "code", "middle", "end", "says")

    matching = match([first, second], [replace(second, line=4)])

    assert matching.pairs == {0: 1}


def test_a_ticket_that_a_result_names_wins_over_all_else() -> None:
    known = [Trace("R", "a.py", 1, code="x", key="B1-A-1"), Trace("Q", "b.py", key="B1-A-2")]

    matching = match(known, [Trace("R", "a.py", 1, code="x", key="B1-A-2")])

    assert matching.pairs == {0: 1}


def test_a_fingerprint_counts_only_where_it_stands_once() -> None:
    known = [Trace("R", "a.py", 1, code="x", prints=("p",))]
    other = Trace("R", "z.py", 90, code="y", prints=("p",))

    assert match(known, [other]).pairs == {0: 0}
    assert match(known, [other, replace(other, code="z")]).pairs == {}
    assert match(known, [replace(other, rule="Q")]).pairs == {}


def test_what_is_only_similar_is_proposed_and_not_taken() -> None:
    known = [Trace("R", "a.py", 1, "f", "x", says="s")]

    matching = match(known, [Trace("R", "a.py", 2, "f", "y", says="t")])

    assert matching.pairs == {}
    assert matching.likely == {0: (0,)}


def test_code_is_the_same_however_it_is_indented() -> None:
    assert code_digest(["  a(1,  2)", ""]) == code_digest(["a(1, 2)"])
    assert code_digest(["a(1,2)"]) != code_digest(["a(1, 2)"])
    assert code_digest(["", " "]) is None


def test_a_symbol_is_the_innermost_function_or_class() -> None:
    text = "class A:\n    @wraps\n    def f(self):\n        x = 1\n\n    y = 2\n\n\nz = 3\n"
    source = Source(text, is_python=True)

    assert [source.symbol_at(n) for n in (1, 2, 4, 6, 9)] == ["A", "A.f", "A.f", "A", None]
    assert Source("def (", is_python=True).symbol_at(1) is None


def test_the_first_row_that_fits_and_answers_counts() -> None:
    result = Reported(
        "R1", "error", "fail", "t", "m", (), Trace("R1"), None, None, ("security",), 7.5, None
    )
    table = ScannerTable(
        (
            ScannerRow(security=8.0, severity=Severity.P0),
            ScannerRow(scanner="other", severity=Severity.P4),
            ScannerRow(tag="sec*", categories=(Category.CORRECTNESS,)),
            ScannerRow(rule="R*", level="error", severity=Severity.P1),
        )
    )

    assert table.severity("mine", result) is Severity.P1
    assert table.categories("mine", result) == (Category.CORRECTNESS,)
    assert ScannerTable(()).severity("mine", result) is Severity.P3
