"""Whether plain pytest agrees with the engine over ten tickets, and what one assertion less costs.

``python benchmarks/strength_tickets.py [--each 20] [--minutes 30]``

For each of ten tickets of kasmina mutants of the files that its defect patches touch, on lines that
its tests execute. Each diff is applied to a copy of the project, where cold ``python -m pytest`` of
the ticket's test file must agree on killed or survived. Then the first assertion of that file is
taken away: fewer mutants should be killed.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

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
_COUNTED = (MutantOutcome.KILLED, MutantOutcome.SURVIVED)


@dataclass
class Ticket:
    """What was found of one ticket."""

    key: str
    mutants: list[Made]
    tests: list[str]
    killed: list[Made] = field(default_factory=list)
    compared: int = 0
    differ: list[str] = field(default_factory=list)
    killed_without: int = 0

    @property
    def file(self) -> str:
        """The ticket's test file."""
        return f"{SUITE}/test_{self.key.lower().replace('-', '_')}.py"


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


def without_first_assertion(source: str) -> bytes:
    """A test file whose first assertion within a test asserts nothing."""
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    tests = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]
    inside = [node for test in tests for node in ast.walk(test) if _asserts(node)]
    inside = inside or [node for node in ast.walk(tree) if _asserts(node)]
    first = min(inside, key=lambda node: node.lineno)
    indent = " " * first.col_offset
    lines[first.lineno - 1 : first.end_lineno] = [f"{indent}pass\n"]
    return "".join(lines).encode()


def _asserts(node: ast.AST) -> TypeGuard[ast.stmt]:
    """Whether it is an assertion, or a call like ``torch.testing.assert_close``."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        return isinstance(called, ast.Attribute) and called.attr.startswith("assert_")
    return isinstance(node, ast.Assert)


async def compare(found: Bench, ticket: Ticket, mutant: Made, copy: Path) -> None:
    """Ask the engine, cold pytest, and the engine without one assertion."""
    change = {mutant.path: mutant.change.apply(found.files[mutant.path])}
    result = await judge(found.sandbox, found.arm, change, [ticket.tests], LIMITS)
    if result.outcome not in _COUNTED:
        return
    apply(copy, mutant.diff)
    killed = await asyncio.to_thread(cold, copy, ticket.file) != 0
    apply(copy, mutant.diff, "-R")
    ticket.compared += 1
    if killed is not (result.outcome is MutantOutcome.KILLED):
        ticket.differ.append(f"{mutant.diff}\nthe engine: {result}")
    if result.outcome is not MutantOutcome.KILLED:
        return
    ticket.killed.append(mutant)
    weak = {ticket.file: without_first_assertion((PROJECT / ticket.file).read_text())}
    again = await judge(found.sandbox, found.arm, {**change, **weak}, [ticket.tests], LIMITS)
    ticket.killed_without += again.outcome is MutantOutcome.KILLED


def table(found: Sequence[Ticket]) -> None:
    """Print what is known so far."""
    print("ticket      compared  agree  killed  without one assertion")
    for one in found:
        agree = one.compared - len(one.differ)
        print(
            f"{one.key:<12}{one.compared:>8}{agree:>7}{len(one.killed):>8}{one.killed_without:>23}"
        )
        for told in one.differ:
            print(told)
    compared = sum(one.compared for one in found)
    differ = sum(len(one.differ) for one in found)
    lower = sum(one.killed_without < len(one.killed) for one in found)
    print(f"{compared - differ} of {compared} agree; strength is lower in {lower} of {len(found)}")


async def main(folder: Path, options: argparse.Namespace) -> int:
    """Ask about one mutant of each ticket in turn, until the time is over."""
    files = [Ticket(key, [], []).file for key in KEYS]
    found = await bench(folder, SUITE, [], files)
    all_tickets = tickets(found, options.each)
    deadline = time.monotonic() + 60 * options.minutes
    turns = [
        (one, one.mutants[n])
        for n in range(options.each)
        for one in all_tickets
        if n < len(one.mutants)
    ]
    waiting = iter(enumerate(turns))

    async def work(copy: Path) -> None:
        for number, (ticket, mutant) in waiting:
            if time.monotonic() > deadline:
                return
            await compare(found, ticket, mutant, copy)
            if number % 20 == 19:
                table(all_tickets)
                sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for number in range(os.cpu_count() or 1):
            group.create_task(work(copy_of(folder / f"copy-{number}", found)))
    await found.sandbox.close()
    table(all_tickets)
    return int(any(one.differ for one in all_tickets))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, default=24, help="mutants of a ticket")
    parser.add_argument("--minutes", type=float, default=30.0)
    with tempfile.TemporaryDirectory(prefix="strength-") as place:
        os.chmod(place, 0o755)  # noqa: S103  # the guest is another user
        raise SystemExit(asyncio.run(main(Path(place), parser.parse_args())))
