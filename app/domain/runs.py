"""Runs: what is executed, in which arms, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.bisection.plan import BisectionPlan
from app.domain.causes import Cause
from app.domain.minimise import Minimised, MinimisePlan
from app.domain.strength import Strength, StrengthPlan


class RunKind(StrEnum):
    """What a run is to show."""

    CHECK = "check"
    """Do the linked tests pass on the package as it is?"""
    PROOF = "proof"
    """Do they fail on the defective package, pass on the fixed one, and does the rest hold?"""
    STRENGTH = "strength"
    """Which small changes of what the ticket is about do the linked tests notice?"""
    BISECTION = "bisection"
    """Which commit brought the defect in, or took it away?"""
    MINIMISE = "minimise"
    """How much of the fix makes the same tests pass, and breaks nothing?"""


EXPLORING = (RunKind.STRENGTH, RunKind.BISECTION, RunKind.MINIMISE)
"""Kinds that decide no evidence."""


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class RunOutcome(StrEnum):
    """What a finished run says.

    The first two belong to checks, the next four to proofs, ``measured`` to runs that measure
    strength, ``bisected`` to those that look through a history, ``minimised`` to those that reduce
    a patch.
    """

    PASSED = "passed"
    FAILED = "failed"
    PROVEN = "proven"
    CANNOT_FAIL = "cannot-fail"
    NOT_FIXED = "not-fixed"
    BREAKS_OTHERS = "breaks-others"
    MEASURED = "measured"
    BISECTED = "bisected"
    MINIMISED = "minimised"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    TIMED_OUT = "timed-out"


class TestOutcome(StrEnum):
    """How one test ended in one arm."""

    __test__ = False  # not a test class, whatever its name suggests to pytest

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """Collection, set-up or tear-down broke: says nothing about the claim."""
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    TIMED_OUT = "timed-out"


class TestMode(StrEnum):
    """In which company a test ran."""

    __test__ = False

    ALONE = "alone"
    """In a process of its own, with its fixtures of every scope set up and torn down around it."""
    TOGETHER = "together"
    """In one process with the others, in the order of the files."""
    REVERSED = "reversed"
    """In one process with the others, in reversed order."""
    APART = "apart"
    """In one process with the tests of its file, in which no other file was loaded."""


class TestPurpose(StrEnum):
    """What a linked test is for."""

    __test__ = False

    DEMONSTRATES = "demonstrates"
    """Fails while the defect exists."""
    GUARDS = "guards"
    """Passes on every arm."""


class TestOrigin(StrEnum):
    """How a test came to be linked with a ticket."""

    __test__ = False

    MARKER = "marker"
    MANUAL = "manual"
    SUBMITTED = "submitted"


@dataclass(frozen=True)
class TestResult:
    """How one test ended in one arm."""

    __test__ = False

    node_id: str
    outcome: TestOutcome
    phase: str | None = None
    """``setup``, ``call`` or ``teardown`` of the decisive report; None when nothing ran."""
    duration_s: float = 0.0
    message: str | None = None
    traceback: str | None = None
    stdout: str | None = None
    repeat: int = 1
    """Which repetition this was, from 1."""
    mode: TestMode = TestMode.ALONE
    cause: Cause | None = None
    """Why it did not pass; None when it passed, was skipped or met its deadline."""
    file: str | None = None
    """Where it failed, relative to the arm's root: the innermost frame of package or suite."""
    line: int | None = None
    signature: str | None = None
    """What makes two failures the same: exception type and innermost frame, without messages."""
    skipped_subtests: tuple[str, ...] = ()
    """Subtests that were skipped; the test itself may have passed."""
    log: str | None = None
    """Log records."""
    warnings: tuple[str, ...] = ()
    """Warnings, pytest's own included, each with its category."""
    properties: tuple[tuple[str, str], ...] = ()
    """What the test recorded with ``record_property`` and the like."""

    @property
    def demonstrates_failure(self) -> bool:
        """True when the body failed, or the package in a set-up fixture: it may catch a defect."""
        if self.outcome is TestOutcome.FAILED:
            return self.phase == "call"
        in_setup = self.outcome is TestOutcome.ERROR and self.phase == "setup"
        return in_setup and self.cause is Cause.PACKAGE


@dataclass(frozen=True)
class PatchUse:
    """A patch as an arm uses it."""

    name: str
    digest: str
    reverse: bool = False


@dataclass(frozen=True)
class ArmPlan:
    """One arm of a run, as frozen when the run was triggered."""

    name: str
    """``bundled`` in a check, ``revision`` where that is of another one than is in force;
    ``before``, ``before-2`` … and ``after`` in a proof, with ``bundled`` where after is not in
    force."""
    patch: PatchUse | None = None
    revision: str | None = None
    """The commit whose package it holds; None: what is in force."""
    package_digest: str = ""
    """Of the package at that revision; empty where it is in force, or patched."""


@dataclass(frozen=True)
class NamedCommit:
    """A commit that a run names, as it was when the run was triggered."""

    id: str
    at: str
    """When it was committed, as RFC 3339."""
    author: str
    subject: str


@dataclass(frozen=True)
class LinkedTest:
    """A concrete test of a run and what it is for."""

    node_id: str
    purpose: TestPurpose = TestPurpose.DEMONSTRATES
    digest: str = ""
    """Of its file and the support files of the suite: the same test, unchanged."""


@dataclass(frozen=True)
class SubmittedFile:
    """A test file that a client handed in, as a run uses it."""

    path: str
    """Relative to the suite's folder."""
    digest: str


@dataclass(frozen=True)
class RunPlan:
    """Everything a run depends on, frozen at trigger."""

    target: str
    arms: tuple[ArmPlan, ...]
    tests: tuple[LinkedTest, ...]
    others: tuple[str, ...]
    """The rest of the suite, for PASS_TO_PASS; empty in a check."""
    package_digest: str
    suite_digest: str
    links_digest: str
    """What evidence compares: linked tests, purposes, and the digests of their files."""
    patches_digest: str
    covers_all_links: bool
    """False when the caller asked for some of the linked tests only: decides no evidence."""
    repeats: int = 1
    submitted: tuple[SubmittedFile, ...] = ()
    """Test files that clients handed in, placed beside the suite."""
    others_submitted: tuple[SubmittedFile, ...] = ()
    """Those of other tickets that are proven or fix-ready: they count among the others."""
    strength: StrengthPlan | None = None
    """What a run that measures strength changes."""
    bisection: BisectionPlan | None = None
    """What a run that bisects is to find."""
    minimise: MinimisePlan | None = None
    """Which patch a run reduces."""
    revision: str | None = None
    """The commit in force; a folder has none."""
    commits: tuple[NamedCommit, ...] = ()
    """What is told of the revisions of the arms."""


@dataclass(frozen=True)
class ArmResult:
    """What one arm reported."""

    name: str
    package_digest: str
    results: tuple[TestResult, ...]
    patch: PatchUse | None = None
    failure: str | None = None
    """Why the machinery failed in this arm (tampered, crashed, refused), or None."""
    timed_out: bool = False
    """The arm as a whole met its deadline."""
    hints: tuple[str, ...] = ()
    """What the engine noticed; one on a neighbour holds the node id of the test that depends."""
    uses: tuple[str, ...] = ()
    """Files of the suite that the linked tests imported, relative to the arm's root."""
    revision: str | None = None
    """The commit whose package it held; None: what was in force."""
    more: int = 0
    """Results that it has beside these, where only some of thousands were read."""

    @property
    def total(self) -> int:
        """How many results it has."""
        return len(self.results) + self.more


@dataclass(frozen=True)
class Verdict:
    """What a run's results amount to."""

    outcome: RunOutcome
    reason: str
    also_broken: tuple[str, ...] = ()
    """Tests outside the linked ones that passed before and fail after (PASS_TO_PASS broken)."""
    compared: int | None = None
    """How many other tests passed on the arm after; None where none were compared."""
    not_comparable: tuple[str, ...] = ()
    """Other tests that passed on neither side."""
    without_assertion: bool = False
    """Proven, but no assertion failed."""


@dataclass(frozen=True)
class Authors:
    """Which accounts wrote what a run executed."""

    patch: tuple[str, ...] = ()
    """Who put the patches of its arms on the ticket."""
    tests: tuple[str, ...] = ()
    """Who handed in its submitted tests; those of the suite have no author here."""
    same: bool = field(init=False, default=False)
    """One account wrote both a patch and a test that it is to satisfy."""

    def __post_init__(self) -> None:
        """Tell whether one account wrote both."""
        object.__setattr__(self, "same", bool(set(self.patch).intersection(self.tests)))


@dataclass(frozen=True)
class Run:
    """A run with everything a reader may ask of it."""

    id: UUID
    ticket: str
    target: str
    kind: RunKind
    status: RunStatus
    outcome: RunOutcome | None
    reason: str | None
    requested_by: str
    attempt: int
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    repeats: int
    reused_from: UUID | None
    arms: tuple[ArmResult, ...] = ()
    also_broken: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    hint: str | None = None
    """A word of help, e.g. when a first check of an open ticket passes."""
    compared: int | None = None
    """How many other tests passed on the arm after: these did not break."""
    not_comparable: tuple[str, ...] = ()
    """Other tests that passed on neither side."""
    authors: Authors | None = None
    tests: tuple[str, ...] = ()
    """Node ids of the linked tests, as frozen when it was triggered."""
    submitted: tuple[SubmittedFile, ...] = ()
    """Those of them that clients handed in."""
    suite_digest: str | None = None
    strength: Strength | None = None
    """What a run that measures strength has found so far."""
    minimised: Minimised | None = None
    """What a run that reduces a patch has left of it."""
    commits: tuple[NamedCommit, ...] = ()
    """What is told of the revisions of its arms."""
    revision: str | None = None
    """The commit that was in force; a folder has none."""

    @property
    def hints(self) -> tuple[str, ...]:
        """What the engine noticed on any arm, each once."""
        return tuple(dict.fromkeys(hint for arm in self.arms for hint in arm.hints))


PASSES_WHILE_OPEN = (
    "The tests pass although the ticket is open. A verification test asserts the sound behaviour, "
    "so it should fail while the defect is there: either the defect is absent, or the tests do "
    "not show it. A proof with a defect patch tells which."
)


def hint_for(
    kind: RunKind, outcome: RunOutcome | None, *, ticket_is_open: bool, evidence: str
) -> str | None:
    """Return a word of help for a result that is often misread, or None."""
    misread = kind is RunKind.CHECK and outcome is RunOutcome.PASSED
    return PASSES_WHILE_OPEN if misread and ticket_is_open and evidence == "passing" else None


@dataclass(frozen=True)
class RunEvent:
    """Something seen while a run goes on: ``status``, ``test``, ``log`` or ``end``."""

    attempt: int
    seq: int
    kind: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class RunFilter:
    """What a list of runs is narrowed to."""

    ticket: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    requested_by: tuple[str, ...] = ()
