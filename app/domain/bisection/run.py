"""A run that bisects: what it is to find, the steps it took, and what it found."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.bisection.looks import Looks
from app.domain.bisection.plan import BisectionPlan
from app.domain.bisection.search import BisectionOutcome, Interval, Seen, Why
from app.domain.causes import Cause
from app.domain.revisions import Revision
from app.domain.runs import RunStatus, TestOutcome, TestResult


@dataclass(frozen=True)
class Step:
    """One look, or several, at one revision."""

    revision: str
    tree: str
    """What tells what its packages hold."""
    why: Why
    outcome: Seen | None
    """None while more looks are needed."""
    looks: Looks
    reason: str | None = None
    """Why it cannot be judged."""
    reused: bool = False
    """Whether it was known from another bisection."""
    told: Revision | None = None
    """What is told of the commit, where it is shown."""


@dataclass(frozen=True)
class Found:
    """What a bisection says."""

    outcome: BisectionOutcome
    reason: str
    first: str | None = None
    last: str | None = None
    intervals: tuple[Interval, ...] = ()
    confidence: float | None = None
    """How likely every judgement is right; None where there is no answer."""


@dataclass(frozen=True)
class Bisection:
    """A bisection as it stands."""

    id: UUID
    """That of its run, too."""
    ticket: str
    plan: BisectionPlan
    target: str
    status: RunStatus
    requested_by: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    found: Found | None
    steps: tuple[Step, ...]
    old: str | None = None
    """The older end, once it is known."""
    links_digest: str = ""
    """Of the tests that it was asked with."""
    stale: bool = False
    """Whether the tests have changed since."""
    commits: Mapping[str, Revision] = field(default_factory=dict)
    """What is told of the commits that it names."""
    places: Mapping[str, int] = field(default_factory=dict)
    """How many commits up to the newer end come after each of them, parents behind children."""

    @property
    def runs(self) -> int:
        """How many arms were run."""
        return sum(not step.reused for step in self.steps)


_PLACE = re.compile(r" at (?P<path>[^;]*?)::(?P<function>[^;:]*?)\+\d+")
_READING = 2
"""Counts up when looks are read otherwise, so that those kept from before are not compared."""

Glance = tuple[tuple[str, str], ...]
"""What one look showed of tests that did not pass: node ids, each with its signature.

The signature is empty for what is no failure that shows a defect.
"""


def glance(results: Iterable[TestResult], packages: Sequence[str]) -> Glance:
    """Return what one look showed; nothing where every test passed."""
    seen = {
        one.node_id: _loose(one, packages) if _shows_a_defect(one) else ""
        for one in results
        if one.outcome is not TestOutcome.PASSED
    }
    return tuple(sorted(seen.items()))


def nothing_shown(node_ids: Iterable[str]) -> Glance:
    """Return a look at what could not be run: of no test it shows that it passes."""
    return tuple((node_id, "") for node_id in sorted(node_ids))


def telling(glances: Iterable[Glance]) -> dict[str, str]:
    """Return the failures that show the defect: by test, the most frequent signature."""
    counted: dict[str, dict[str, int]] = {}
    for one in glances:
        for node_id, signature in one:
            if signature:
                of_test = counted.setdefault(node_id, {})
                of_test[signature] = of_test.get(signature, 0) + 1
    return {
        node_id: max(sorted(found), key=lambda name: found[name])
        for node_id, found in counted.items()
    }


def count(glances: Iterable[Glance], wanted: Mapping[str, str]) -> Looks:
    """Count looks by what they say of the failures that are `wanted`."""
    fails = passes = others = 0
    for one in glances:
        seen = dict(one)
        if any(seen.get(node_id) == signature for node_id, signature in wanted.items()):
            fails += 1
        elif (wanted and not seen.keys() & wanted.keys()) or (not wanted and not seen):
            passes += 1
        else:
            others += 1
    return Looks(fails, passes, others)


def tests_key(node_ids: Iterable[str], digests: Iterable[str]) -> str:
    """Return what tells which tests were looked at, and in which files."""
    text = json.dumps([_READING, sorted(node_ids), sorted(digests)])
    return hashlib.sha256(text.encode()).hexdigest()


def _shows_a_defect(result: TestResult) -> bool:
    """Whether a failure can be the defect's.

    Not what the environment lacks or the test does wrong, and no import that fails: an older
    revision may want what today's environment has no more, or lack what the test imports.
    """
    kind = (result.signature or "").partition(" at ")[0]
    if kind.endswith(("ImportError", "ModuleNotFoundError")):
        return False
    return result.demonstrates_failure and result.cause not in (
        Cause.ENVIRONMENT,
        Cause.TEST,
        Cause.NOT_RUN,
    )


def _loose(result: TestResult, packages: Sequence[str]) -> str:
    """A signature that holds across revisions.

    In the package lines move and files are renamed, while functions and the names of classes stay.
    """
    names = {top.rpartition("/")[2] for top in packages}

    def in_package(place: re.Match[str]) -> str:
        for top in packages:
            if place["path"] == top or place["path"].startswith(f"{top}/"):
                return f" at {top}::{place['function']}"
        return place[0]

    found = _PLACE.sub(in_package, result.signature or result.outcome.value)
    kind, at, rest = found.partition(" at ")
    module, _, name = kind.rpartition(".")
    top = module.partition(".")[0]
    return f"{top}.{name}{at}{rest}" if top in names else found
