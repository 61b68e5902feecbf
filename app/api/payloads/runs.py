"""Tests, patches and runs in and out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.api.payloads.fields import CountedOut, Flag, Input, Line, Output
from app.domain.by_hand import by_hand
from app.domain.catalogue import CatalogueTest
from app.domain.causes import Cause
from app.domain.minimise import DEFAULT_BUDGET_S as MINIMISE_S
from app.domain.outputs import MOST_SHOWN, PlacedResult
from app.domain.revisions import MAX_NAME
from app.domain.runs import (
    ArmResult,
    Run,
    RunKind,
    RunOutcome,
    RunStatus,
    TestMode,
    TestOutcome,
    TestPurpose,
)
from app.domain.strength import DEFAULT_BUDGET_S, MOST_BUDGET_S, StrengthScope
from app.domain.submissions import MAX_BYTES as SUBMITTED_MAX
from app.services.history_plans import Wanted

NodeId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        examples=["tests/verification/test_b2_drl_10.py"],
        description="Of a file, a class, a test or one parameter, relative to the project's root.",
    ),
]


RevisionName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_NAME,
        examples=["4f2a9c1"],
        description="A commit's id or the start of it, a branch, a tag, or `main~3`.",
    ),
]


class LinkIn(Input):
    """A test to link with a ticket: one of the suite by node id, or a new one by source.

    A verification test asserts the *sound* behaviour: it fails while the defect is there and
    passes once it is gone. For "`scale` ignores its factor", assert
    `scale(2.0, 3.0) == 6.0`, not that it returns 2.0.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"node_id": "tests/verification/test_b2_drl_10.py"},
                {
                    "filename": "test_scale.py",
                    "source": "from kasmina import scale\n\n\ndef test_scale_uses_its_factor():\n"
                    "    assert scale(2.0, 3.0) == 6.0\n",
                },
            ]
        }
    )

    node_id: NodeId | None = None
    purpose: TestPurpose = Field(
        TestPurpose.DEMONSTRATES,
        description="`demonstrates` must fail while the defect exists; `guards` must always pass.",
    )
    checklist_item: Annotated[str, Field(max_length=36)] | None = Field(
        None, description="Id of the checklist item that the test stands behind."
    )
    source: Annotated[str, Field(min_length=1, max_length=SUBMITTED_MAX)] | None = Field(
        None, description="A pytest file, to be collected and run in the cage only."
    )
    filename: Annotated[str, Field(max_length=90)] | None = Field(
        None, examples=["test_scale.py"], description="Name of the submitted file."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        submitted = self.source is not None and self.filename is not None
        if (self.node_id is not None) == (self.source is not None or self.filename is not None):
            raise ValueError("give either node_id, or source with filename")
        if self.node_id is None and not submitted:
            raise ValueError("a submitted test needs both source and filename")
        if submitted and self.checklist_item is not None:
            raise ValueError("a checklist item is for tests of the suite; leave it out here")
        return self


class CatalogueTestOut(Output):
    """A test of the suite."""

    node_id: str
    path: str
    doc: str | None
    findings: list[str] = Field(description="Keys that its markers name.")
    digest: str
    purpose: TestPurpose
    last_outcome: str | None
    flakes: int = Field(description="How often repeats of it disagreed on one arm.")
    last_flake_at: datetime | None
    warnings: list[str] = Field(description="What is odd about its marks.")


class CatalogueOut(CountedOut):
    """One page of the catalogue."""

    items: list[CatalogueTestOut]
    next_cursor: str | None


class SyncOut(Output):
    """What a sync found."""

    target: str
    tests: int
    errors: list[str] = Field(description="Files that could not be collected, with the reason.")
    warnings: list[str] = Field(
        description="Odd marks, keys that name no ticket, files that skip themselves."
    )
    package_digest: str
    suite_digest: str
    revision: str | None = Field(description="The commit in force; a folder has none.")


class TriggerIn(Input):
    """A run to be queued."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "check"},
                {"kind": "proof"},
                {"kind": "strength", "budget_s": 60, "scope": "function"},
                {"kind": "minimise", "patch": "fix", "budget_s": 120},
                {"kind": "proof", "before": "4f2a9c1~1", "after": "4f2a9c1"},
            ]
        }
    )

    kind: Literal[RunKind.CHECK, RunKind.PROOF, RunKind.STRENGTH, RunKind.MINIMISE]
    target: Line | None = Field(
        None,
        description="The target that the run is meant for. The ticket's domains decide which it "
        "is; where that is another one, nothing is queued.",
    )
    revision: RevisionName | None = Field(
        None,
        description="Check this revision of a git target. It decides evidence only where it is in "
        "force.",
    )
    before: RevisionName | None = Field(
        None,
        description="Prove from history: the tests must fail at this revision and pass at `after`. "
        "Without `before` and `after` the commits that the ticket names are taken, where the "
        "target's history has them: before is then the first parent.",
    )
    after: RevisionName | None = Field(None, description="By default what is in force.")
    tests: list[NodeId] | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="Some of the linked tests. Only a run over all of them decides evidence.",
    )
    force: Flag = Field(False, description="Run even where an earlier result could be reused.")
    repeat: Annotated[int, Field(strict=True, ge=1, le=10)] | None = Field(
        None,
        description="How often each linked test runs: by default three times in a proof, and in a "
        "check once, or alone and together where several are linked.",
    )
    budget_s: Annotated[int, Field(strict=True, ge=1, le=MOST_BUDGET_S)] | None = Field(
        None,
        description=f"For how many seconds mutants are run to measure strength "
        f"({DEFAULT_BUDGET_S} by default), or a patch is reduced ({MINIMISE_S}). What was not "
        "found by then is told.",
    )
    patch: Literal["fix"] | None = Field(
        None, description="Which patch is to be reduced: the fix, and no other."
    )
    scope: StrengthScope | None = Field(
        None,
        description="What is changed to measure strength: the functions that the ticket names or "
        "its patches touch (`function`, the default), or all of their files (`file`).",
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        whole = self.kind in (RunKind.STRENGTH, RunKind.MINIMISE)
        if whole and (self.tests is not None or self.repeat is not None):
            raise ValueError(
                f"a run of the kind {self.kind.value} has all linked tests: leave `tests` and "
                "`repeat` out"
            )
        if not whole and self.budget_s is not None:
            raise ValueError("`budget_s` belongs to the kinds strength and minimise")
        if self.scope is not None and self.kind is not RunKind.STRENGTH:
            raise ValueError("`scope` belongs to the kind strength")
        if self.patch is not None and self.kind is not RunKind.MINIMISE:
            raise ValueError("`patch` belongs to the kind minimise")
        return self

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        if self.kind is not RunKind.CHECK and self.revision is not None:
            raise ValueError("revision is for a check; a proof has before and after")
        if self.kind is not RunKind.PROOF and (self.before or self.after):
            raise ValueError("before and after are for a proof; a check has revision")
        return self

    @property
    def wanted(self) -> Wanted:
        """The revisions that it names."""
        return Wanted(self.revision, self.before, self.after)


class PatchUseOut(Output):
    """The patch of an arm."""

    name: str
    digest: str
    reverse: bool


class ResultOut(Output):
    """How a test ended in an arm."""

    node_id: str
    outcome: TestOutcome
    phase: str | None
    duration_s: float
    message: str | None
    traceback: str | None
    stdout: str | None
    repeat: int
    mode: TestMode = Field(description="In which company it ran.")
    cause: Cause | None = Field(description="Why it did not pass.")
    file: str | None = Field(description="Where it failed, relative to the project's root.")
    line: int | None
    signature: str | None = Field(
        description="What makes two failures the same: exception type and innermost frame."
    )
    skipped_subtests: list[str]
    log: str | None
    warnings: list[str]
    properties: list[tuple[str, str]]


class AuthorsOut(Output):
    """Which accounts wrote what a run executed; what the suite ships has no author here."""

    patch: list[str]
    tests: list[str]
    same: bool = Field(description="One account wrote both a patch and a test.")


class ArmOut(Output):
    """One arm of a run."""

    name: str
    patch: PatchUseOut | None
    revision: str | None = Field(description="The commit whose package it held.")
    package_digest: str
    results: list[ResultOut] = Field(
        description=f"Of a run with more than {MOST_SHOWN} those that did not pass, and the first."
    )
    results_total: int = Field(
        description="How many there are; `GET /runs/{id}/results` gives them all, page by page."
    )


class PlacedResultOut(ResultOut):
    """A result with the arm that it comes from."""

    arm: str


class ResultPageOut(Output):
    """One page of the results of a run, arm by arm."""

    items: list[PlacedResultOut]
    next_cursor: str | None


class CommitOut(Output):
    """A commit that a run names."""

    id: str
    at: datetime
    author: str
    subject: str


class RunSummaryOut(Output):
    """A run without its arms."""

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


class StepOut(Output):
    """A command that is part of repeating a run by hand."""

    why: str
    command: str = Field(examples=["tests=(tests/verification/test_b2_drl_10.py::test_seed)"])


class StrengthOut(Output):
    """Which small changes the linked tests notice: killed / (killed + survived - equivalent)."""

    killed: int = Field(description="A linked test failed.")
    survived: int = Field(
        description="All linked tests passed; those that a person calls equivalent are counted."
    )
    timed_out: int = Field(description="A test met its deadline; counts for nothing.")
    equivalent: int = Field(description="Survivors that change nothing, by a person's verdict.")
    n: int = Field(description="How many mutants it is said of.")
    low: float | None = Field(description="Wilson's interval at 95 %; null without a mutant.")
    high: float | None
    value: float | None = Field(description="The share that is killed; null for fewer than five.")
    imports: int = Field(description="Could not be imported; counts for nothing.")
    killed_by_suite: int = Field(description="Survivors that another test of the suite kills.")
    unexplained_in_fix: int = Field(
        description="Survivors without a verdict in functions that the fix touches."
    )
    not_run: int = Field(description="Not run yet, or not within the budget.")
    not_run_in_fix: int = Field(description="Those of them in functions that the fix touches.")
    sentence: str


class TicketStrengthOut(StrengthOut):
    """The strength that a ticket shows."""

    run: UUID
    measured_at: datetime
    stale: bool = Field(description="Package or linked tests have changed since.")


class CountsOut(Output):
    """How many there were, and are."""

    before: int
    after: int


class MinimisedOut(Output):
    """A patch, reduced to what makes the same tests pass and breaks nothing."""

    patch: str = Field(examples=["fix"])
    digest: str = Field(description="Of the patch that was reduced.")
    text: str = Field(description="The reduced patch, as a unified diff. It is stored nowhere.")
    fell_away: str = Field(
        description="What the whole patch does beyond that, as a diff on top of it."
    )
    hunks: CountsOut
    lines: CountsOut = Field(description="Lines that come or go.")
    tried: int = Field(description="How many forms of the patch were tried.")
    complete: bool = Field(
        description="No single line can be left out any more; false where time ran out before."
    )
    lands: bool = Field(
        description="The package is without the patch, so that the reduced one may take its place."
    )
    sentence: str


class RunOut(RunSummaryOut):
    """A run."""

    arms: list[ArmOut]
    also_broken: list[str]
    compared: int | None = Field(
        description="How many other tests passed on the arm after: these did not break."
    )
    not_comparable: list[str] = Field(description="Other tests that passed on neither side.")
    authors: AuthorsOut | None
    revisions: list[CommitOut] = Field(description="What is told of the revisions of its arms.")
    environment: dict[str, Any]
    strength: StrengthOut | None = Field(
        description="What a run of this kind has found so far; null for other kinds."
    )
    minimised: MinimisedOut | None = Field(
        description="What a run of this kind has left of a patch; null for other kinds."
    )
    hints: list[str] = Field(description="What was noticed while it ran.")
    hint: str | None = Field(description="A word of help, where the result is often misread.")
    by_hand: list[StepOut] = Field(
        description="How to repeat it: commands for bash, at the root of a copy of the project, "
        "with the seeds and digests it had. Empty while it has not run."
    )


class RunPageOut(CountedOut):
    """One page of runs, newest first."""

    items: list[RunSummaryOut]
    next_cursor: str | None


_MANY = 300
_SUMMARY = tuple(RunSummaryOut.model_fields)


def run_summary(run: Run) -> dict[str, Any]:
    """Return a run as lists show it."""
    return {name: getattr(run, name) for name in _SUMMARY}


def run_body(run: Run) -> dict[str, Any]:
    """Return a run as it is answered."""
    return run_summary(run) | {
        "arms": [_arm_body(arm, run.revision) for arm in run.arms],
        "also_broken": run.also_broken,
        "compared": run.compared,
        "not_comparable": run.not_comparable,
        "authors": run.authors,
        "revisions": run.commits,
        "hints": run.hints,
        "environment": run.environment,
        "strength": None if run.strength is None else run.strength.figures(),
        "minimised": None if run.minimised is None else run.minimised.as_body(),
        "hint": run.hint,
        "by_hand": by_hand(run),
    }


def _arm_body(arm: ArmResult, in_force: str | None) -> dict[str, Any]:
    return {
        "name": arm.name,
        "patch": arm.patch,
        "revision": arm.revision or in_force,
        "package_digest": arm.package_digest,
        "results": arm.results,
        "results_total": arm.total,
    }


def result_body(placed: PlacedResult) -> dict[str, Any]:
    """Return a result as pages of them hold it."""
    return {"arm": placed.arm, **vars(placed.result)}


def is_large(run: Run) -> bool:
    """Tell whether a run has so many tests that to put it into words takes a thread."""
    return len(run.tests) + sum(len(arm.results) for arm in run.arms) > _MANY


def test_body(test: CatalogueTest) -> dict[str, Any]:
    """Return a test of the catalogue as it is answered."""
    return asdict(test)


class WorkerOut(Output):
    """A worker process."""

    name: str
    concurrency: int
    running: int
    package_digest: str | None
    suite_digest: str | None
    environment: dict[str, Any]
    started_at: datetime | None
    heartbeat_at: datetime | None


class WorkersOut(Output):
    """All worker processes."""

    items: list[WorkerOut]
    next_cursor: str | None = None
