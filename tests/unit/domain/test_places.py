"""Code is found again by its content and symbol, whatever was done to the files around it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app.domain.places import Filed, Tree, filed, locate
from app.domain.plain import from_plain
from app.domain.relocated import PlaceState
from app.domain.tickets import Location

COMMON = (
    "return None",
    "count += 1",
    "self.flow = 0",
    "if not ready: return",
    "raise ValueError(text)",
)
"""Lines that stand in many functions."""


@dataclass
class Line:
    """A line, and which location it belongs to."""

    text: str
    place: int | None = None


@dataclass
class Function:
    name: str
    lines: list[Line]


@dataclass
class Code:
    """Files of functions of lines."""

    files: dict[str, list[Function]]
    places: dict[int, str] = field(default_factory=dict)
    """Of each location what has to be said of it: ``kept``, ``changed`` or ``gone``."""

    def written(self) -> tuple[dict[str, str], dict[int, tuple[str, int, int]]]:
        """Return the texts, and where each location that is left stands."""
        texts, where = {}, {}
        for path, functions in self.files.items():
            lines: list[str] = []
            for function in functions:
                lines += [f"def {function.name}(ready, count, text):"]
                for line in function.lines:
                    lines.append(f"    {line.text}")
                    if line.place is not None:
                        _, first, _ = where.get(line.place, (path, len(lines), 0))
                        where[line.place] = path, first, len(lines)
                lines += [""]
            texts[path] = "\n".join(lines)
        return texts, where


def made(chance: random.Random, places: int) -> Code:
    """Code with so many locations of one to four lines, some of them equal to others."""
    files: dict[str, list[Function]] = {}
    number = 0
    for f in range(places // 20):
        functions = []
        for g in range(10):
            lines = [Line(_text(chance)) for _ in range(chance.randrange(8, 14))]
            for _ in range(2):
                size = chance.choice((1, 1, 2, 4))
                at = chance.randrange(len(lines) + 1)
                while 0 < at < len(lines) and lines[at].place is not None:
                    at += 1
                lines[at:at] = [Line(_text(chance), number) for _ in range(size)]
                number += 1
            functions.append(Function(f"step_{f}_{g}", lines))
        files[f"pump/part_{f}.py"] = functions
    code = Code(files)
    code.places = dict.fromkeys(range(number), "kept")
    return code


def _text(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(COMMON)
    return f"flow_{chance.randrange(9999)} = valve({chance.randrange(9999)}, count)"


def insert(code: Code, chance: random.Random, function: Function) -> None:
    free = [n for n in range(len(function.lines) + 1) if not _splits(function, n)]
    at = chance.choice(free)
    function.lines[at:at] = [Line(_text(chance)) for _ in range(chance.randrange(1, 4))]


def delete(code: Code, chance: random.Random, function: Function) -> None:
    line = chance.choice(function.lines)
    if line.place is not None:
        code.places[line.place] = "gone"
        function.lines[:] = [other for other in function.lines if other.place != line.place]
    elif len(function.lines) > 6:
        function.lines.remove(line)


def change(code: Code, chance: random.Random, function: Function) -> None:
    line = chance.choice(function.lines)
    line.text = line.text.replace("count", "ready") if "valve" in line.text else f"{line.text}  # b"
    if line.place is not None and code.places[line.place] == "kept":
        code.places[line.place] = "changed"


def rename_function(code: Code, chance: random.Random, function: Function) -> None:
    function.name = f"{function.name}_new"


def move_function(code: Code, chance: random.Random, function: Function) -> None:
    for functions in code.files.values():
        if function in functions:
            functions.remove(function)
    chance.choice(list(code.files.values())).append(function)


def rename_file(code: Code, chance: random.Random, function: Function) -> None:
    path = next(p for p, functions in code.files.items() if function in functions)
    code.files[f"pump/unit_{chance.randrange(10**9)}.py"] = code.files.pop(path)


def split_file(code: Code, chance: random.Random, function: Function) -> None:
    path = next(p for p, functions in code.files.items() if function in functions)
    functions = code.files[path]
    half = len(functions) // 2
    if half:
        code.files[f"pump/half_{chance.randrange(10**9)}.py"] = functions[half:]
        del functions[half:]


def split_place(code: Code, chance: random.Random, function: Function) -> None:
    inner = [n for n in range(1, len(function.lines)) if _splits(function, n)]
    if inner:
        at = chance.choice(inner)
        place = function.lines[at].place
        assert place is not None
        if code.places[place] == "kept":
            code.places[place] = "changed"
        function.lines.insert(at, Line(f"between = {chance.random()}"))


def _splits(function: Function, at: int) -> bool:
    around = function.lines[max(0, at - 1) : at + 1]
    return len(around) == 2 and around[0].place is not None and around[0].place == around[1].place


EDITS: tuple[Callable[[Code, random.Random, Function], None], ...] = (
    insert,
    insert,
    insert,
    delete,
    change,
    rename_function,
    move_function,
    rename_file,
    split_file,
    split_place,
)


@pytest.mark.parametrize("seed", range(2))
def test_a_random_script_of_edits_is_followed(seed: int) -> None:
    chance = random.Random(seed)
    code = made(chance, 500)
    texts, where = code.written()
    tree = Tree("before", texts)
    was: dict[int, Filed] = {}
    for place, (path, first, last) in where.items():
        found = filed(tree, Location(path, first, last), path)
        assert found is not None
        was[place] = from_plain(Filed, found.to_plain())
    for _ in range(250):
        functions = [f for functions in code.files.values() for f in functions]
        chance.choice(EDITS)(code, chance, chance.choice(functions))
    texts, where = code.written()
    tree = Tree("after", texts)

    wrong, merged = [], []
    for place, truth in code.places.items():
        now = locate(tree, was[place])
        spot = (now.path, now.start, now.end)
        if now.state in (PlaceState.EXACT, PlaceState.MOVED):
            stays = spot[:2] == (was[place].path, was[place].start)
            if truth != "kept" or where.get(place) != spot:
                merged.append((place, truth, now))
            elif (now.state is PlaceState.EXACT) != stays:
                wrong.append((place, truth, now))
        elif truth == "kept":
            wrong.append((place, truth, now))

    assert merged == []
    assert len(wrong) <= len(code.places) * 0.01, wrong[:3]
    assert {"kept", "changed", "gone"} == set(code.places.values())


BEFORE = """\
class Pump:
    def start(self, valve):
        valve.open()
        self.flow = valve.measure()
        return self.flow

    def stop(self, valve):
        valve.close()
        return None
"""


def found_in(after: dict[str, str], location: Location, before: str = BEFORE) -> tuple[str, object]:
    tree = Tree("before", {"pump/run.py": before})
    was = filed(tree, location, location.path)
    assert was is not None
    found = locate(Tree("after", after), was)
    return found.state.value, found.path and f"{found.path}:{found.start}-{found.end}"


FLOW = Location("pump/run.py", 4, 4)


@pytest.mark.parametrize(
    ("after", "state", "place"),
    [
        ({"pump/run.py": BEFORE}, "exact", "pump/run.py:4-4"),
        ({"pump/run.py": "# one\n# two\n" + BEFORE}, "moved", "pump/run.py:6-6"),
        ({"pump/go.py": BEFORE}, "moved", "pump/go.py:4-4"),
        ({"pump/run.py": BEFORE.replace("    ", "\t")}, "exact", "pump/run.py:4-4"),
        ({"pump/run.py": BEFORE.replace("measure()", "read()")}, "changed", "pump/run.py:4-4"),
        ({"pump/run.py": BEFORE.replace("self.flow = valve.measure()\n", "\n")}, "gone", None),
        ({"pump/run.py": "x = 1\n"}, "gone", None),
        ({}, "gone", None),
    ],
)
def test_what_becomes_of_a_line(after: dict[str, str], state: str, place: str | None) -> None:
    assert found_in(after, FLOW) == (state, place)


def test_one_of_two_equal_lines_is_told_by_its_function_and_order() -> None:
    both = BEFORE.replace("        valve.open()\n", "        valve.close()\n")
    moved = {"pump/run.py": "\n\n" + both}
    for line in (3, 8):
        assert found_in(moved, Location("pump/run.py", line, line), both) == (
            "moved",
            f"pump/run.py:{line + 2}-{line + 2}",
        )
    # Where it is gone the other one is not taken for it.
    without = {
        "pump/run.py": both.replace("    def start(self, valve):\n        valve.close()", "")
    }
    assert found_in(without, Location("pump/run.py", 3, 3), both)[0] in ("gone", "unknown")


def test_a_symbol_alone_and_a_file_alone_are_places() -> None:
    tree = Tree("t", {"pump/run.py": BEFORE})
    symbol = filed(tree, Location(symbol="Pump.stop()"), None)
    whole = filed(tree, Location("pump/run.py"), "pump/run.py")

    assert symbol is not None
    assert (symbol.path, symbol.start, symbol.end) == ("pump/run.py", 7, 9)
    assert whole is not None
    assert locate(tree, whole).state is PlaceState.EXACT
    assert filed(tree, Location(note="the docs"), None) is None
    assert filed(tree, Location("pump/run.py", 99, 99), "pump/run.py") is None
