"""What is known of a ticket, in two separate words: is the defect here, and can the tests tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.evidence import Evidence, EvidenceState, ProofBy


class Presence(StrEnum):
    """Whether the defect is in the package as it is now."""

    THERE = "there"
    ABSENT = "absent"
    NOT_KNOWN = "not-known"


class TestsShown(StrEnum):
    """What has shown that the linked tests fail with the defect and pass without it."""

    __test__ = False

    FIX = "fix"
    HISTORY = "history"
    DEFECT = "defect"
    NOT_SHOWN = "not-shown"


@dataclass(frozen=True)
class Knowledge:
    """What runs have shown so far."""

    defect: Presence
    tests: TestsShown


_NOTHING = Knowledge(Presence.NOT_KNOWN, TestsShown.NOT_SHOWN)
_BY = {
    ProofBy.FIX: TestsShown.FIX,
    ProofBy.HISTORY: TestsShown.HISTORY,
    ProofBy.DEFECT: TestsShown.DEFECT,
    None: TestsShown.NOT_SHOWN,
}


def knowledge(evidence: Evidence) -> Knowledge:
    """Return what evidence says of the defect and of the tests.

    What was shown of another package, other tests or other patches is not known of those of now.
    """
    if evidence.stale:
        return _NOTHING
    match evidence.state:
        case EvidenceState.PROVEN:
            return Knowledge(Presence.ABSENT, _BY[evidence.by])
        case EvidenceState.FIX_READY:
            return Knowledge(Presence.THERE, TestsShown.FIX)
        case EvidenceState.REGRESSED:
            # They passed, unchanged, on an earlier package, and fail on this one.
            return Knowledge(Presence.THERE, TestsShown.HISTORY)
        case EvidenceState.REPRODUCED:
            return Knowledge(Presence.THERE, TestsShown.NOT_SHOWN)
        case _:
            return _NOTHING
