"""Figures over all tickets, and which opinions runs and closings bear out.

A reviewer's opinion of a claim is set against what became of the claim. A claim is *confirmed*
when a run reproduced it on the bundled package (evidence was ``reproduced`` or ``fix-ready`` at
some time) or its ticket was closed as ``fixed``, and *refuted* when its ticket was closed as
``not-a-bug``. A claim with both, or with neither, says nothing of a reviewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from uuid import UUID

from app.domain.evidence import EvidenceState
from app.domain.reviews import ClaimOpinion, FixOpinion, ReviewVerdict
from app.domain.tickets import Resolution

CONFIRMING_STATES = (EvidenceState.REPRODUCED, EvidenceState.FIX_READY)
CONFIRMING_RESOLUTION = Resolution.FIXED
REFUTING_RESOLUTION = Resolution.NOT_A_BUG

Opinion = tuple[ReviewVerdict, ClaimOpinion | None, FixOpinion | None]
"""What a review says: verdict, claim, fix."""


def holds_claim_true(
    verdict: ReviewVerdict, claim: ClaimOpinion | None, fix: FixOpinion | None
) -> bool | None:
    """Tell whether a review holds the claim true or false; None when it does neither.

    What it says of the claim itself counts. Where it says nothing, ENDORSE holds it true, and
    OBJECT false unless the objection is to the fix.
    """
    match claim:
        case ClaimOpinion.TRUE:
            return True
        case ClaimOpinion.FALSE:
            return False
        case ClaimOpinion.PARTLY | ClaimOpinion.NOT_CHECKED:
            return None
    if verdict is ReviewVerdict.ENDORSE:
        return True
    if verdict is ReviewVerdict.OBJECT and fix in (None, FixOpinion.AGREE):
        return False
    return None


def claim_is_true(*, confirmed: bool, refuted: bool) -> bool | None:
    """Tell what became of a claim; None when nothing did, or the record contradicts itself."""
    return None if confirmed == refuted else confirmed


def opinions_holding(claim_true: bool) -> list[Opinion]:
    """Return every combination of words by which a review holds the claim to be so."""
    every = product(ReviewVerdict, (None, *ClaimOpinion), (None, *FixOpinion))
    return [opinion for opinion in every if holds_claim_true(*opinion) is claim_true]


@dataclass(frozen=True)
class TicketCount:
    """How many tickets share these words."""

    covered: bool
    """A target covers them, so that something can be run."""
    severity: str
    status: str
    evidence: str
    stale: bool
    """What decided the evidence has changed since: it is counted apart."""
    target: str | None
    """What their domains place them with."""
    tickets: int


@dataclass(frozen=True)
class OpinionCount:
    """How many current reviews share these words and this fate of the claim."""

    specialist: str
    opinion: Opinion
    outdated: bool
    confirmed: bool
    refuted: bool
    reviews: int


@dataclass(frozen=True)
class Week:
    """What was opened and closed in the seven days from a Monday."""

    week: date
    opened: int
    closed: int


@dataclass(frozen=True)
class Contradiction:
    """A review whose opinion of the claim did not stand."""

    ticket: str
    review: UUID
    specialist: str
    author: str
    verdict: str
    claim: str | None
    reviewed_at: datetime
    claim_was: str
    """``confirmed`` or ``refuted``."""
    because: str
    """The evidence state or the resolution that shows it."""
    run: UUID | None
    """The run that decided it, if one did."""


@dataclass
class SpecialistFigures:
    """What a specialist's current reviews say, and how they stood up."""

    verdicts: dict[str, int] = field(
        default_factory=lambda: {verdict.value: 0 for verdict in ReviewVerdict}
    )
    outdated: int = 0
    upheld: int = 0
    """Opinions of claims that turned out so."""
    contradicted: int = 0


def by_specialist(counts: list[OpinionCount]) -> dict[str, SpecialistFigures]:
    """Add up the counts of reviews by specialist.

    Outdated reviews speak of another text: they are counted apart, and in nothing else.
    """
    found: dict[str, SpecialistFigures] = {}
    for count in counts:
        figures = found.setdefault(count.specialist, SpecialistFigures())
        if count.outdated:
            figures.outdated += count.reviews
            continue
        figures.verdicts[count.opinion[0].value] += count.reviews
        held = holds_claim_true(*count.opinion)
        was = claim_is_true(confirmed=count.confirmed, refuted=count.refuted)
        if held is None or was is None:
            continue
        if held is was:
            figures.upheld += count.reviews
        else:
            figures.contradicted += count.reviews
    return found


@dataclass(frozen=True)
class Figures:
    """The figures of the whole tracker."""

    tickets: tuple[TicketCount, ...]
    weeks: tuple[Week, ...]
    specialists: Mapping[str, SpecialistFigures]
    contradicted: tuple[Contradiction, ...]
    targets: tuple[str, ...]
    """Those that there are, with tickets or without."""


@dataclass(frozen=True)
class DomainCount:
    """How many tickets name a domain."""

    name: str
    tickets: int
    open: int
    covered: bool
    """A target covers it: tests can show claims about it."""
