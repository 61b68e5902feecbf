"""What others report of tests: shown beside what was run here, and never evidence.

A report says how tests ended somewhere else, at a commit. Nobody here saw it, so it decides
nothing; it tells where to look, and which tests pass and fail by turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.node_ids import beginnings

MAX_CASES = 100_000
"""So many tests one report may have."""

KEPT = 500
"""So many of the newest results a ticket keeps."""


class ReportedOutcome(StrEnum):
    """How a test ended, says somebody."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    FLAKY = "flaky"
    """It failed and passed, with nothing changed."""

    @property
    def meaning(self) -> str:
        """What it says."""
        return _MEANS[self]


_MEANS = {
    ReportedOutcome.PASSED: "It passed.",
    ReportedOutcome.FAILED: "It failed, also when it was run again.",
    ReportedOutcome.ERROR: "It broke outside of its own body, or timed out.",
    ReportedOutcome.SKIPPED: "It was not run, or was expected to fail.",
    ReportedOutcome.FLAKY: "It failed and passed on the same code.",
}
_WORST = (
    ReportedOutcome.FAILED,
    ReportedOutcome.ERROR,
    ReportedOutcome.FLAKY,
    ReportedOutcome.PASSED,
    ReportedOutcome.SKIPPED,
)
_RED = frozenset({ReportedOutcome.FAILED, ReportedOutcome.ERROR})


@dataclass(frozen=True)
class ReportedTest:
    """How one test ended in one report."""

    node_id: str
    outcome: ReportedOutcome
    message: str | None = None
    passes: int = 0
    failures: int = 0
    """How often it passed and failed: more than once where it was run again."""
    duration_s: float | None = None
    findings: tuple[str, ...] = ()
    """Keys of tickets that the report names with it."""


@dataclass(frozen=True)
class ReportOrigin:
    """Where a report comes from."""

    source: str
    """Of CI, the workflow's name, or whatever tells it from others."""
    commit: str | None = None
    url: str | None = None
    """Where more of it is shown."""
    ran_at: datetime | None = None


@dataclass(frozen=True)
class ExternalResult:
    """A reported result of a ticket's test."""

    id: UUID
    node_id: str
    outcome: ReportedOutcome
    source: str
    commit: str | None
    url: str | None
    message: str | None
    passes: int
    failures: int
    duration_s: float | None
    ran_at: datetime | None
    reported_at: datetime
    reported_by: str


def attempts(found: Sequence[ReportedTest]) -> ReportedTest:
    """Return what the attempts at a test, in their order, come to.

    One that passes in the end after it failed is flaky. One that fails behind a pass, as a teardown
    does in a case of its own, has failed.
    """
    last = found[-1]
    outcomes = [one.outcome for one in found]
    if last.outcome is ReportedOutcome.PASSED and _RED & set(outcomes):
        return _joined(found, ReportedOutcome.FLAKY)
    return _joined(found, min(outcomes, key=_WORST.index))


def together(found: Sequence[ReportedTest]) -> ReportedTest:
    """Return what a test comes to that ran in several places, such as on several platforms."""
    return _joined(found, min((one.outcome for one in found), key=_WORST.index))


def again(before: ReportedTest, now: ReportedTest) -> ReportedTest:
    """Return a result that is reported once more for the same commit by the same source.

    Otherwise than before, the test passes and fails by turns.
    """
    both = {before.outcome, now.outcome}
    if ReportedOutcome.PASSED in both and _RED & both:
        return _joined([before, now], ReportedOutcome.FLAKY)
    if before.outcome is ReportedOutcome.FLAKY and now.outcome is not ReportedOutcome.FLAKY:
        return before
    return now


def _joined(found: Sequence[ReportedTest], outcome: ReportedOutcome) -> ReportedTest:
    if len(found) == 1 and found[0].outcome is outcome:
        return found[0]
    messages = dict.fromkeys(one.message for one in found if one.message)
    times = [one.duration_s for one in found if one.duration_s is not None]
    return ReportedTest(
        found[0].node_id,
        outcome,
        next(iter(messages), None),
        sum(one.passes for one in found),
        sum(one.failures for one in found),
        sum(times) if times else None,
        tuple(dict.fromkeys(key for one in found for key in one.findings)),
    )


class TestNames:
    """Finds the node id that the names in a report stand for.

    A JUnit case has a class name with dots, in which files, classes and folders look the same, and
    CI may have been started in another folder. So its words are compared with those of the tests
    that are known.

    Args:
        known: node ids of the tests that are known.
    """

    __test__ = False  # its name looks like a test's

    def __init__(self, known: Iterable[str]) -> None:
        self._known: dict[str, str] = {}
        self._tails: dict[str, list[str]] = {}
        self._ids = set(known)
        for node_id in sorted(self._ids):
            dotted = _dotted(node_id)
            self._known.setdefault(dotted, node_id)
            self._tails.setdefault(_tail(dotted), []).append(dotted)

    def of(self, class_name: str, name: str, file: str | None = None) -> str:
        """Return the node id of a case; of a test that is not known the likeliest."""
        guess = _guess(class_name, name, file)
        if guess in self._ids:
            return guess
        dotted = f"{class_name}\0{name}" if class_name else _dotted(guess)
        words, _, test = dotted.partition("\0")
        parts = words.split(".")
        for start in range(len(parts)):
            found = self._known.get(".".join(parts[start:]) + "\0" + test)
            if found is not None:
                return found
        longer = [
            known for known in self._tails.get(_tail(dotted), ()) if known.endswith(f".{dotted}")
        ]
        return self._known[longer[0]] if len(longer) == 1 else guess


def _dotted(node_id: str) -> str:
    """Return a node id as JUnit writes it: the class name's words, NUL, the test's name."""
    path, *inside = _split(node_id)
    words = path.removesuffix(".py").replace("/", ".")
    return ".".join([words, *inside[:-1]]) + "\0" + (inside[-1] if inside else "")


def _split(node_id: str) -> list[str]:
    """Split a node id at its colons, none of which a parameter has."""
    head, bracket, parameter = node_id.partition("[")
    parts = head.split("::")
    parts[-1] += bracket + parameter
    return parts


def _tail(dotted: str) -> str:
    words, _, test = dotted.partition("\0")
    return f"{words.rpartition('.')[2]}\0{test}"


def _guess(class_name: str, name: str, file: str | None) -> str:
    """Return the node id that pytest would have written the names for."""
    if ".py::" in name:
        return name
    words = class_name.split(".") if class_name else []
    if file and file.endswith(".py"):
        path = file.replace("\\", "/").removeprefix("./")
        module = path.removesuffix(".py").replace("/", ".")
        inside = class_name.removeprefix(module).strip(".") if class_name else ""
        classes = inside.split(".") if inside and class_name.startswith(module) else []
        return "::".join([path, *classes, name])
    classes = []
    while len(words) > 1 and words[-1][:1].isupper():
        classes.insert(0, words.pop())
    return "::".join([f"{'/'.join(words)}.py", *classes, name]) if words else name


def chosen(
    tests: Iterable[ReportedTest], links: Mapping[str, Sequence[str]]
) -> list[tuple[ReportedTest, tuple[str, ...]]]:
    """Return each test with the keys of the tickets that it is about.

    Args:
        tests: of a report.
        links: keys of tickets by what they are linked with: a file, a class, a test, a parameter.
    """
    return [(test, tuple(dict.fromkeys(_keys_of(test, links)))) for test in tests]


def _keys_of(test: ReportedTest, links: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from test.findings
    for name in reversed(tuple(beginnings(test.node_id))):
        yield from links.get(name, ())
