"""The words that filters of tickets may be given, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.domain.evidence import EvidenceState
from app.domain.relocated import PlaceState
from app.domain.reviews import GIVEN_VERDICTS
from app.domain.strength import STRENGTH_WORDS
from app.domain.tickets import Category, Resolution, Severity, Status

ENUMERATIONS: Mapping[str, type[StrEnum]] = {
    "severity": Severity,
    "status": Status,
    "evidence": EvidenceState,
    "resolution": Resolution,
    "category": Category,
    "location": PlaceState,
}
WORDS: Mapping[str, tuple[str, ...]] = {
    **{kind: tuple(words) for kind, words in ENUMERATIONS.items()},
    "verdict": tuple(GIVEN_VERDICTS),
    "strength": tuple(STRENGTH_WORDS),
}
