"""Whether plain pytest agrees with the engine over ten tickets, and what one assertion less costs.

``python benchmarks/strength_tickets.py agree [--each 24] [--minutes 30]``
    Each diff is applied to a copy of the project, where cold ``python -m pytest`` of the ticket's
    test file must agree on killed or survived.
``python benchmarks/strength_tickets.py assertions [--each 1000] [--minutes 30]``
    Each assertion of the ticket's tests is taken away by itself: does a mutant that the tests
    killed survive then, so that strength is lower? If not, is it that others notice the same?

Both take mutants of the files that the ticket's defect patches touch, on lines that its tests
execute.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TypeGuard, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from strength import LIMITS, PROJECT, Bench, Made, apply, bench, cold, copy_of

from app.domain import diffs
from app.domain.strength import MutantOutcome, MutatedFunction, spread
from app.mutation import maker
from app.worker.mutants import judge
from app.worker.passes import file_of

SUITE = "tests/verification"
KEYS = (
    "B2-CR-04",
    "B2-DRL-10",
    "B2-DRL-13",
    "B2-PT-01",
    "B2-PT-02",
    "B3-PT-01",
    "KAS-16",
    "KAS-19",
    "KAS-24",
    "KAS-25",
)
KILLED, SURVIVED = MutantOutcome.KILLED, MutantOutcome.SURVIVED
LOWER = "lower"
OVERLAPS = "overlaps"
"""It notices mutants, each of which another assertion notices as well."""
BLIND = "blind"
"""None of the mutants touches what it asserts."""
NEEDED = "needed"
"""What follows needs what it does, so that the tests fail without it and have no strength."""
WITHOUT = (LOWER, OVERLAPS, BLIND, NEEDED)
Item = TypeVar("Item")
CORES = os.cpu_count() or 1


@dataclass
class Ticket:
    """What was found of one ticket."""

    key: str
    mutants: list[Made]
    tests: list[str]
    killed: list[Made] = field(default_factory=list)
    survived: int = 0
    differ: list[str] = field(default_factory=list)
    """What cold pytest says otherwise of."""
    without: list[str] = field(default_factory=list)
    """Of each assertion, in the order of the file: what strength is without it."""

    @property
    def file(self) -> str:
        """The ticket's test file."""
        return f"{SUITE}/test_{self.key.lower().replace('-', '_')}.py"

    @property
    def counted(self) -> int:
        """How many mutants were killed or survived."""
        return len(self.killed) + self.survived


def tickets(found: Bench, each: int) -> list[Ticket]:
    """The tickets, each with at most so many mutants."""
    made = []
    for key in KEYS:
        one = Ticket(key, [], [])
        one.tests = [name for name in found.tests if file_of(name) == one.file]
        touched: set[str] = set()
        for place in (PROJECT / SUITE / "defects").glob(f"{key}*.patch"):
            touched.update(diffs.parse(place.read_text()).paths)
        paths = sorted(touched & found.files.keys())
        assert found.lines is not None
        lines: dict[str, set[int]] = {
            path: set().union(*(found.lines[name].get(path, ()) for name in one.tests))
            for path in paths
        }
        functions = [MutatedFunction(path, "<module>", 1, 10**6) for path in paths]
        mutants, _ = maker.make(found.target.interpreter, found.files, functions, lines)
        one.mutants = spread(mutants, each)
        made.append(one)
    return made


def assertions_of(source: str) -> list[ast.stmt]:
    """What the tests of a file assert, in its order."""
    tests = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]
    found = [node for test in tests for node in ast.walk(test) if _asserts(node)]
    return sorted(found, key=lambda node: node.lineno)


def without(source: str, left_out: Collection[ast.stmt]) -> bytes:
    """A test file that does nothing where it asserted something."""
    lines = source.splitlines(keepends=True)
    for one in left_out:
        last = one.end_lineno or one.lineno
        nothing = [" " * one.col_offset + "pass\n", *["\n"] * (last - one.lineno)]
        lines[one.lineno - 1 : last] = nothing
    return "".join(lines).encode()


def _asserts(node: ast.AST) -> TypeGuard[ast.stmt]:
    """Whether it is ``assert``, ``torch.testing.assert_close(…)`` or ``with pytest.raises(…)``."""
    match node:
        case ast.Assert():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name.startswith("assert_")
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Attribute(attr=name)))]):
            return name == "raises"
    return False


async def outcome(
    found: Bench, ticket: Ticket, mutant: Made | None, weaker: bytes | None = None
) -> MutantOutcome:
    """How the ticket's tests, or a weaker form of them, end on a mutant, or on what is sound."""
    changes: dict[str, bytes | None] = {} if weaker is None else {ticket.file: weaker}
    if mutant is not None:
        changes[mutant.path] = mutant.change.apply(found.files[mutant.path])
    return (await judge(found.sandbox, found.arm, changes, [ticket.tests], LIMITS)).outcome


async def counts(found: Bench, ticket: Ticket, mutant: Made) -> bool:
    """Note how the ticket's tests end on a mutant; whether that counts for strength."""
    ended = await outcome(found, ticket, mutant)
    if ended is KILLED:
        ticket.killed.append(mutant)
    if ended is SURVIVED:
        ticket.survived += 1
    return ended in (KILLED, SURVIVED)


async def side_by_side(
    items: Iterable[Item], minutes: float, ask: Callable[[Item, int], Awaitable[None]]
) -> None:
    """Ask about each with the number of who asks, as many at once as there are cores."""
    deadline = time.monotonic() + 60 * minutes
    waiting = iter(items)

    async def work(number: int) -> None:
        for item in waiting:
            if time.monotonic() > deadline:
                return
            await ask(item, number)

    async with asyncio.TaskGroup() as group:
        for number in range(CORES):
            group.create_task(work(number))


async def agree(found: Bench, all_tickets: Sequence[Ticket], folder: Path, minutes: float) -> int:
    """Compare with cold pytest, one mutant of each ticket in turn."""
    copies = [copy_of(folder / f"copy-{number}", found) for number in range(CORES)]
    turns = zip_longest(*(one.mutants for one in all_tickets))

    async def ask(question: tuple[Ticket, Made | None], number: int) -> None:
        ticket, mutant = question
        if mutant is None or not await counts(found, ticket, mutant):
            return
        apply(copies[number], mutant.diff)
        failed = await asyncio.to_thread(cold, copies[number], ticket.file) != 0
        apply(copies[number], mutant.diff, "-R")
        if failed is not (mutant in ticket.killed):
            ticket.differ.append(f"pytest says {'killed' if failed else 'survived'}\n{mutant.diff}")

    questions = (pair for turn in turns for pair in zip(all_tickets, turn, strict=True))
    await side_by_side(questions, minutes, ask)
    print("ticket      compared  killed  agree")
    for one in all_tickets:
        same = one.counted - len(one.differ)
        print(f"{one.key:<12}{one.counted:>8}{len(one.killed):>8}{same:>7}")
        print(*one.differ, sep="\n", end="")
    compared = sum(one.counted for one in all_tickets)
    differ = sum(len(one.differ) for one in all_tickets)
    print(f"{compared - differ} of {compared} agree")
    return int(differ > 0)


async def assertions(
    found: Bench, all_tickets: Sequence[Ticket], _folder: Path, minutes: float
) -> int:
    """Take each assertion away, and see whether a mutant that was killed survives then.

    Mutants that end in an error of their own need no assertion, and say nothing of any.
    """

    async def ask(ticket: Ticket, _number: int) -> None:
        for mutant in ticket.mutants:
            await counts(found, ticket, mutant)
        source = (PROJECT / ticket.file).read_text()
        every = assertions_of(source)
        spare = [
            one
            for one in every
            if await outcome(found, ticket, None, without(source, [one])) is SURVIVED
        ]
        nothing = without(source, spare)
        noticed = [m for m in ticket.killed if await outcome(found, ticket, m, nothing) is SURVIVED]

        async def some(weaker: bytes, wanted: MutantOutcome) -> bool:
            for mutant in noticed:
                if await outcome(found, ticket, mutant, weaker) is wanted:
                    return True
            return False

        for one in every:
            if one not in spare:
                ticket.without.append(NEEDED)
            elif await some(without(source, [one]), SURVIVED):
                ticket.without.append(LOWER)
            elif await some(
                without(source, [other for other in spare if other is not one]), KILLED
            ):
                ticket.without.append(OVERLAPS)
            else:
                ticket.without.append(BLIND)

    await side_by_side(all_tickets, minutes, ask)
    print(f"ticket       killed   {'   '.join(WITHOUT)}   the first")
    for one in all_tickets:
        of = f"{len(one.killed)} of {one.counted}"
        figures = "".join(f"{one.without.count(word):>{len(word) + 3}}" for word in WITHOUT)
        print(f"{one.key:<12}{of:>8}{figures}   {one.without[0] if one.without else ''}")
    firsts = sum(one.without[:1] == [LOWER] for one in all_tickets)
    some = sum(LOWER in one.without for one in all_tickets)
    print(
        f"Strength is lower without the first assertion in {firsts} of {len(all_tickets)} tickets, "
        f"without one of them in {some}"
    )
    return 0


async def main(folder: Path, options: argparse.Namespace) -> int:
    """Do what the command line asks for."""
    found = await bench(folder, SUITE, [], [Ticket(key, [], []).file for key in KEYS])
    what = {"agree": agree, "assertions": assertions}[options.what]
    code = await what(found, tickets(found, options.each), folder, options.minutes)
    await found.sandbox.close()
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("agree", "assertions"))
    parser.add_argument("--each", type=int, default=24, help="mutants of a ticket")
    parser.add_argument("--minutes", type=float, default=30.0)
    with tempfile.TemporaryDirectory(prefix="strength-") as place:
        os.chmod(place, 0o755)  # noqa: S103  # the guest is another user
        raise SystemExit(asyncio.run(main(Path(place), parser.parse_args())))
