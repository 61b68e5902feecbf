"""How strong a proof is: which small changes of what a ticket is about its tests notice. Pure.

A *mutant* is the package with one place changed. It is *killed* when a linked test fails on it and
*survives* when all pass. Strength is killed / (killed + survived - equivalent), said with a Wilson
interval; it never changes evidence.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.intervals import wilson
from app.domain.one_place import one_place

DEFAULT_BUDGET_S = 60
MOST_BUDGET_S = 3600
MOST_MUTANTS = 1000
"""Of more places that could be changed a run takes so many, spread evenly over the functions."""
TOO_FEW = 5
"""Fewer mutants say nothing of the tests."""
SHOWN = 7
"""So many survivors stand on a ticket: more are not read."""


class StrengthScope(StrEnum):
    """What a strength run changes."""

    FUNCTION = "function"
    """The functions that the ticket names or its patches touch."""
    FILE = "file"
    """All of the files that hold them."""


class MutantOutcome(StrEnum):
    """How a mutant ended."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed-out"
    """A test met its deadline: perhaps it would have noticed, perhaps it would have waited."""
    IMPORT = "import"
    """The package or a test file could not be imported with it."""
    EQUIVALENT = "equivalent"
    """It survived, and a person has said that it changes nothing that a test should see."""


class StrengthGate(StrEnum):
    """What the gate of a grave ticket makes of its strength: a setting of the service."""

    OFF = "off"
    ADVISORY = "advisory"
    """It is told, and keeps nothing open."""
    REQUIRED = "required"


class MutantVerdict(StrEnum):
    """What a person says of a survivor."""

    EQUIVALENT = "equivalent"
    """It behaves as the original does; it counts for nothing."""
    ACCEPTED = "accepted"
    """It differs, and no test is wanted for that; it still counts as survived."""


@dataclass(frozen=True)
class MutatedFunction:
    """What of a file is changed, as frozen when the run was triggered."""

    path: str
    name: str
    first: int
    """First line, from 1."""
    last: int
    by_fix: bool = False
    """The ticket's fix touches it."""


@dataclass(frozen=True)
class StrengthPlan:
    """What a strength run is to do, beside what every run is."""

    budget_s: int
    scope: StrengthScope
    functions: tuple[MutatedFunction, ...]
    hints: tuple[str, ...] = ()
    fix: str | None = None
    """Digest of the fix patch, where the ticket has one that applies."""


@dataclass(frozen=True)
class Change:
    """One place of a file, replaced."""

    path: str
    start: int
    """The bytes of the file that are replaced."""
    end: int
    text: str

    def apply(self, data: bytes) -> bytes:
        """Return the file's bytes with the place changed."""
        return data[: self.start] + self.text.encode() + data[self.end :]

    def diff(self, data: bytes) -> str:
        """Return the change as a unified diff with three lines of context."""
        return one_place(self.path, data, self.apply(data))


@dataclass(frozen=True)
class Ending:
    """How a mutant ended, as far as it is counted."""

    outcome: MutantOutcome | None
    """None: it was not run."""
    verdict: MutantVerdict | None = None
    by_fix: bool = False
    """In a function that the fix touches."""
    suite_kills: bool = False
    """It survived, and a test of the rest of the suite fails on it."""

    @property
    def shown_outcome(self) -> MutantOutcome | None:
        """How it ended, a person's word counted."""
        said = self.verdict is MutantVerdict.EQUIVALENT
        if said and self.outcome is MutantOutcome.SURVIVED:
            return MutantOutcome.EQUIVALENT
        return self.outcome

    @property
    def is_unexplained(self) -> bool:
        """Whether it survived and nobody has said why that may be."""
        return self.outcome is MutantOutcome.SURVIVED and self.verdict is None


@dataclass(frozen=True)
class Mutant:
    """A mutant of a run, and how it ended."""

    digest: str
    """Of its function before and after, so that a verdict outlives runs and other changes."""
    path: str
    line: int
    operator: str
    function: str
    change: Change
    diff: str
    by_fix: bool = False
    """In a function that the fix touches."""
    outcome: MutantOutcome | None = None
    """None: it was not run."""
    killed_by: str | None = None
    """The first linked test that failed."""
    how: str | None = None
    """What the test said, or why the mutant has no other outcome."""
    suite_killed_by: str | None = None
    """A test of the rest of the suite that fails on this survivor."""
    took_s: float | None = None
    reused: bool = False
    """An earlier run of the same tests has found how it ends."""
    verdict: MutantVerdict | None = None
    verdict_reason: str | None = None
    verdict_by: str | None = None

    @property
    def ending(self) -> Ending:
        """All of how it ended that is counted."""
        return Ending(self.outcome, self.verdict, self.by_fix, self.suite_killed_by is not None)

    @property
    def shown_outcome(self) -> MutantOutcome | None:
        """How it ended, a person's word counted."""
        return self.ending.shown_outcome

    @property
    def is_unexplained(self) -> bool:
        """Whether it survived and nobody has said why that may be."""
        return self.ending.is_unexplained


@dataclass(frozen=True)
class MutantResult:
    """How the tests of one question ended on one mutant: kept for whoever asks it again."""

    outcome: MutantOutcome
    killed_by: str | None = None
    how: str | None = None
    took_s: float = 0.0


@dataclass(frozen=True)
class Strength:
    """What a run amounts to."""

    killed: int = 0
    survived: int = 0
    """Of the linked tests, those counted that a person calls equivalent."""
    timed_out: int = 0
    equivalent: int = 0
    imports: int = 0
    killed_by_suite: int = 0
    """Survivors that another test of the suite kills."""
    unexplained_in_fix: int = 0
    """Survivors without a verdict in functions that the fix touches."""
    not_run: int = 0
    not_run_in_fix: int = 0
    """Those of them in functions that the fix touches."""
    low: float | None = field(init=False, default=None)
    """The Wilson interval at 95 %, to 4 places; None without a mutant."""
    high: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Work the interval out."""
        if self.n:
            low, high = wilson(self.killed, self.n)
            object.__setattr__(self, "low", round(low, 4))
            object.__setattr__(self, "high", round(high, 4))

    @property
    def n(self) -> int:
        """How many mutants it is said of."""
        return self.killed + self.survived - self.equivalent

    @property
    def value(self) -> float | None:
        """The share that is killed; None where there are too few to say."""
        return round(self.killed / self.n, 4) if self.n >= TOO_FEW else None

    @property
    def sentence(self) -> str:
        """What is known, in plain words."""
        if not self.n:
            return "No mutant was killed or survived, so nothing is known of the tests' strength."
        told = f"The linked tests kill {self.killed} of {self.n} mutants"
        if self.low is None or self.high is None or self.n < TOO_FEW:
            return f"{told}: too few to say."
        return f"{told} (95 %: {self.low:.0%} to {self.high:.0%})."

    def figures(self) -> dict[str, Any]:
        """Return it as it is stored and answered."""
        more = {"n": self.n, "value": self.value, "sentence": self.sentence}
        return {**vars(self), **more}


@dataclass(frozen=True)
class TicketStrength:
    """The strength that a ticket shows: of its last run that measured it."""

    strength: Strength
    run: UUID
    measured_at: datetime
    stale: bool
    """Package or linked tests have changed since."""
    fix: str | None = None
    """Digest of the fix patch whose functions were told apart."""

    def figures(self) -> dict[str, Any]:
        """Return it as it is answered."""
        told = self.strength.sentence
        if self.stale:
            told = f"Out of date, for package or tests have changed since. {told}"
        return {
            **self.strength.figures(),
            "sentence": told,
            "run": self.run,
            "measured_at": self.measured_at,
            "stale": self.stale,
        }


def measure(mutants: Iterable[Mutant]) -> Strength:
    """Count how mutants ended."""
    return tally(Counter(one.ending for one in mutants))


def tally(endings: Mapping[Ending, int]) -> Strength:
    """Add up how often mutants ended in each way."""

    def count(wanted: Callable[[Ending], bool]) -> int:
        return sum(number for ending, number in endings.items() if wanted(ending))

    return Strength(
        killed=count(lambda one: one.outcome is MutantOutcome.KILLED),
        survived=count(lambda one: one.outcome is MutantOutcome.SURVIVED),
        timed_out=count(lambda one: one.outcome is MutantOutcome.TIMED_OUT),
        equivalent=count(lambda one: one.shown_outcome is MutantOutcome.EQUIVALENT),
        imports=count(lambda one: one.outcome is MutantOutcome.IMPORT),
        killed_by_suite=count(lambda one: one.suite_kills),
        unexplained_in_fix=count(lambda one: one.is_unexplained and one.by_fix),
        not_run=count(lambda one: one.outcome is None),
        not_run_in_fix=count(lambda one: one.outcome is None and one.by_fix),
    )


def in_order_of_need(survivors: Iterable[Mutant]) -> list[Mutant]:
    """Return survivors, those first that nobody has explained and no test at all notices."""
    return sorted(survivors, key=lambda one: (not one.is_unexplained, bool(one.suite_killed_by)))


def spread(mutants: Sequence[Mutant], most: int = MOST_MUTANTS) -> list[Mutant]:
    """Return at most `most` of them in the order in which they are run.

    Each function has its turn, and within one the lines far from those that had theirs: wherever
    the budget ends, what was run stands for the whole. The same mutants always come in one order.
    """
    functions: dict[tuple[str, str], list[Mutant]] = {}
    for one in mutants:
        functions.setdefault((one.path, one.function), []).append(one)
    queues = [_far_apart(group) for _, group in sorted(functions.items())]
    turns = max(map(len, queues), default=0)
    rounds = [queue[turn] for turn in range(turns) for queue in queues if turn < len(queue)]
    return rounds[:most]


def _far_apart(group: Sequence[Mutant]) -> list[Mutant]:
    """Order by the bits of the position, reversed: halves, then quarters, and so on."""
    by_line = sorted(group, key=lambda one: one.line)
    bits = max(1, (len(by_line) - 1).bit_length())
    order = sorted(range(len(by_line)), key=lambda n: int(f"{n:0{bits}b}"[::-1], 2))
    return [by_line[n] for n in order]


STRENGTH_WORDS = {
    "unknown": "[1.5,)",
    "weak": "[0,0.5)",
    "fair": "[0.5,0.8)",
    "strong": "[0.8,1]",
}
"""Filters of lists: ranges of the rank, where what is unknown or out of date is 2."""
STRENGTH_FORM = (
    "^(?:unknown|weak|fair|strong|(?:<|<=|>|>=)(?:0(?:[.][0-9]{1,4})?|1(?:[.]0{1,4})?))$"
)


def range_of(wanted: str) -> str:
    """Return what a filter like ``weak`` or ``<0.8`` stands for, as PostgreSQL writes ranges.

    Raises:
        ValueError: it is none.
    """
    if wanted in STRENGTH_WORDS:
        return STRENGTH_WORDS[wanted]
    if not re.fullmatch(STRENGTH_FORM, wanted):
        raise ValueError(f"{wanted!r} is neither {', '.join(STRENGTH_WORDS)} nor like <0.8")
    sign, bound = wanted.rstrip("0123456789."), wanted.lstrip("<>=")
    return {
        "<": f"[0,{bound})",
        "<=": f"[0,{bound}]",
        ">": f"({bound},1]",
        ">=": f"[{bound},1]",
    }[sign]


def tests_key(node_ids: Iterable[str], digest: str) -> str:
    """Return what stands for tests in the results that are kept: which, and their files."""
    return _digest(*(one.encode() for one in sorted(node_ids)), digest.encode())


def content_key(package_digest: str, path: str, data: bytes) -> str:
    """Return what stands for a mutant in the results that are kept: the package, one file other."""
    return _digest(package_digest.encode(), path.encode(), data)


def _digest(*parts: bytes) -> str:
    """Return a digest in which no two sequences of parts are the same."""
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d " % len(part) + part)
    return found.hexdigest()
