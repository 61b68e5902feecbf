"""Calibration: what reviewers said before anything was run, against what runs then showed.

It says how far a reviewer's word can be trusted, to those who read it. It weighs no vote: the gate
counts each verdict alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.domain.evidence import Evidence, EvidenceState
from app.domain.figures import Opinion, holds_claim_true
from app.domain.intervals import wilson
from app.domain.reviews import Review
from app.domain.tickets import Resolution

ENOUGH = 10
"""With fewer verdicts that were right or wrong, nothing is said of a reviewer."""

FOUND = (EvidenceState.REPRODUCED, EvidenceState.FIX_READY, EvidenceState.REGRESSED)
"""Decided by a run that saw the defect in the package as it was."""


class CalibrationBy(StrEnum):
    """Whose verdicts are counted together."""

    SPECIALIST = "specialist"
    ACCOUNT = "account"
    MODEL = "model"
    """As `provenance` names it; verdicts that name none are left out."""
    DOMAIN = "domain"
    """Of the ticket; one of several domains counts in each."""


class ReviewSignal(StrEnum):
    """What is odd about the verdicts on a ticket, beside its evidence."""

    UNANIMOUS_NOT_EXECUTED = "unanimous-not-executed"
    """Several agree, and no run has shown anything."""
    CONTRADICTS_EVIDENCE = "contradicts-evidence"
    """A verdict says the contrary of what the runs show."""


def shown_by_runs(
    *, found: bool, proven: bool, resolution: str | None, disputed: bool
) -> bool | None:
    """Tell whether runs showed a claim true; None when they showed neither, or contradict.

    Args:
        found: a run saw the defect in the package as it was.
        proven: a run showed the tests fail with the defect and pass without it.
        resolution: of the ticket. Closed as `not-a-bug`, a proof of it shows the claim false: the
            defect is nowhere but where it was planted.
        disputed: what the runs decided does not stand: they contradict each other.
    """
    if disputed or not (found or proven):
        return None
    if resolution != Resolution.NOT_A_BUG.value:
        return True
    return None if found else False


@dataclass(frozen=True)
class VerdictCount:
    """How many verdicts share these words and this fate of the claim."""

    who: str
    opinion: Opinion
    shown: bool | None
    """What runs showed of the claim."""
    verdicts: int


@dataclass(frozen=True)
class CalibrationRow:
    """How often somebody was right."""

    who: str
    n: int
    """Verdicts that were right or wrong."""
    right: int
    wrong: int
    abstained: int
    """Verdicts on claims that were shown, which held them neither true nor false."""
    low: float | None = None
    high: float | None = None
    """Between these the share of right ones lies, by 95 %; None with fewer than ten."""


def table_of(counts: Iterable[VerdictCount]) -> list[CalibrationRow]:
    """Add up counts, in the order of names; claims of which nothing was shown count nowhere."""
    found: dict[str, list[int]] = {}
    for count in counts:
        if count.shown is None:
            continue
        held = holds_claim_true(*count.opinion)
        place = 2 if held is None else 0 if held is count.shown else 1
        found.setdefault(count.who, [0, 0, 0])[place] += count.verdicts
    return [_row(who, *numbers) for who, numbers in sorted(found.items())]


def _row(who: str, right: int, wrong: int, abstained: int) -> CalibrationRow:
    n = right + wrong
    low, high = wilson(right, n) if n >= ENOUGH else (None, None)
    return CalibrationRow(who, n, right, wrong, abstained, low, high)


def signals_of(
    reviews: Collection[Review], evidence: Evidence, resolution: str | None
) -> tuple[ReviewSignal, ...]:
    """Return what is odd about the current reviews of a ticket."""
    held = [
        holds_claim_true(review.verdict, review.claim, review.fix)
        for review in reviews
        if review.superseded_by is None and not review.outdated
    ]
    found = []
    if len(held) > 1 and held[0] is not None and len({*held}) == 1 and evidence.run is None:
        found.append(ReviewSignal.UNANIMOUS_NOT_EXECUTED)
    shown = shown_by_runs(
        found=evidence.state in FOUND,
        proven=evidence.state is EvidenceState.PROVEN,
        resolution=resolution,
        disputed=False,
    )
    if shown is not None and (not shown) in held:
        found.append(ReviewSignal.CONTRADICTS_EVIDENCE)
    return tuple(found)
