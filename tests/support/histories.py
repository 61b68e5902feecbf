"""Histories as teams make them, of which the truth is known: branches, merges, what leads astray.

A commit holds a set of changes, and a merge holds those of both its parents. What the tests say of
a commit follows from which changes it holds, so the right answer needs no search.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.bisection.graph import Graph, Node, simplified

_START = 1_700_000_000


@dataclass
class MadeHistory:
    """Commits by number, parents before their children; the last one has merged all others."""

    parents: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    holds: list[int] = field(default_factory=lambda: [1])
    """The changes that a commit holds, one bit for each; those of others are not the package's."""

    def add(self, *parents: int, touches: bool = True, as_parent: int | None = None) -> int:
        """Add a commit that merges its parents, or throws away all but one of them."""
        number = len(self.parents)
        found = 0
        for parent in parents if as_parent is None else (as_parent,):
            found |= self.holds[parent]
        self.parents.append(parents)
        self.holds.append(found | (1 << number if touches else 0))
        return number

    def has(self, commit: int, change: int) -> bool:
        """Whether a commit holds a change, which is named by the commit that made it."""
        return bool(self.holds[commit] >> change & 1)

    def ancestors(self, commit: int) -> set[int]:
        """A commit and all that come before it."""
        found: set[int] = set()
        waiting = [commit]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.parents[one]
        return found

    def graph(self, old: int, new: int, lacks: Callable[[int], bool] = lambda _: False) -> Graph:
        """The commits between two, named by their numbers; `lacks` those without a package."""
        inside = [old, *sorted(self.ancestors(new) - self.ancestors(old))]
        trees = [None if lacks(one) else f"t{found:x}" for one, found in enumerate(self.holds)]
        nodes = [
            Node(str(n), () if n == old else tuple(map(str, self.parents[n])), trees[n])
            for n in inside
        ]
        outside = {parent: trees[int(parent)] for node in nodes for parent in node.parents}
        return Graph(simplified(nodes, outside), outside)


def made_history(choose: random.Random, count: int, *, thrown_away: float = 0.0) -> MadeHistory:
    """Make a history of a main line and of branches that are merged, some of them late.

    Args:
        choose: where chance comes from.
        count: how many commits there are.
        thrown_away: how many of the merges take one side's files only.
    """
    made = MadeHistory()
    main, branches = [0], []
    while len(made.parents) < count - 1 - len(branches):
        chance = choose.random()
        if chance < 0.08 and len(branches) < 5:
            branches.append(choose.choice(main[-40:]))
        elif chance < 0.14 and branches:
            tip = branches.pop(choose.randrange(len(branches)))
            if tip not in main:
                side = choose.choice((main[-1], tip)) if choose.random() < thrown_away else None
                main.append(made.add(main[-1], tip, touches=False, as_parent=side))
        elif chance < 0.18 and branches:
            place = choose.randrange(len(branches))
            branches[place] = made.add(branches[place], main[-1], touches=False)
        elif chance < 0.5 and branches:
            place = choose.randrange(len(branches))
            branches[place] = made.add(branches[place], touches=choose.random() < 0.7)
        else:
            main.append(made.add(main[-1], touches=choose.random() < 0.7))
    for tip in branches:
        if tip not in main:
            main.append(made.add(main[-1], tip, touches=False))
    while len(made.parents) < count:
        main.append(made.add(main[-1]))
    return made


def written(
    made: MadeHistory,
    folder: Path,
    files_of: Callable[[int], dict[str, str]],
    subjects: Sequence[str] = (),
) -> list[str]:
    """Write a history as a bare repository, and return the ids of its commits.

    `git fast-import` writes thousands of commits in a second.
    """
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    stream: list[str] = []
    held: list[dict[str, str]] = []
    for number, parents in enumerate(made.parents):
        subject = subjects[number] if subjects else f"Step {number}"
        stream += [
            "commit refs/heads/main",
            f"mark :{number + 1}",
            f"committer Ada <ada@example.org> {_START + number} +0000",
            _data(subject),
            *(
                f"{'merge' if place else 'from'} :{parent + 1}"
                for place, parent in enumerate(parents)
            ),
        ]
        now = files_of(number)
        before = held[parents[0]] if parents else {}
        held.append(now)
        for path in sorted(now.keys() | before.keys()):
            text = now.get(path)
            if text == before.get(path):
                continue
            if text is None:
                stream.append(f"D {path}")
            else:
                stream += [f"M 100644 inline {path}", _data(text)]
    marks = folder / "marks"
    subprocess.run(
        [
            git,
            "-C",
            str(folder),
            "-c",
            "core.compression=0",
            "fast-import",
            "--quiet",
            "--depth=0",
            f"--export-marks={marks}",
        ],
        input="\n".join([*stream, ""]).encode(),
        check=True,
    )
    found = dict(line.split() for line in marks.read_text().splitlines())
    return [found[f":{number + 1}"] for number in range(len(made.parents))]


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"
