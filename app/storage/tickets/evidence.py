"""How evidence stands in a ticket's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.domain.evidence import (
    ClosedWithout,
    Decision,
    Evidence,
    EvidenceState,
    Shown,
    StaleReason,
    Swept,
    sentence,
)
from app.domain.flakes import FlakyTest
from app.domain.plain import from_plain
from app.storage.prepared import as_json

MOST_FLAKY = 20
"""Of so many flaky tests the figures are kept with a ticket."""


def columns_of(shown: Shown) -> dict[str, Any]:
    """Return the values of the columns that say how evidence is shown, as statements take them."""
    doubt = _doubt(shown)
    return {
        "evidence_state": shown.state.value,
        "evidence_stale": shown.stale,
        "evidence_stale_reason": None if shown.stale_reason is None else shown.stale_reason.value,
        "evidence_doubt": None if doubt is None else as_json(doubt),
    }


def _doubt(shown: Shown) -> dict[str, Any] | None:
    if not shown.flaky and shown.contradicted_by is None:
        return None
    by = shown.contradicted_by
    return {
        "contradicted_by": None if by is None else str(by),
        "flaky": [
            {
                **test.figures(),
                "flipped_in": None if test.flipped_in is None else str(test.flipped_in),
            }
            for test in shown.flaky[:MOST_FLAKY]
        ],
    }


def shown_from(row: Any) -> Shown:
    """Build how evidence is shown from a ticket's columns."""
    doubt = row.evidence_doubt or {}
    reason = row.evidence_stale_reason
    return Shown(
        EvidenceState(row.evidence_state),
        row.evidence_stale,
        None if reason is None else StaleReason(reason),
        flaky=tuple(from_plain(FlakyTest, one) for one in doubt.get("flaky", ())),
        contradicted_by=_uuid(doubt.get("contradicted_by")),
    )


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def decision_from(stored: Mapping[str, Any] | None) -> Decision | None:
    """Build the decision that a ticket's evidence rests on; of the first edition it is short."""
    if stored is None:
        return None
    return from_plain(Decision, {"rules": 1, **stored})


def evidence_from(row: Any) -> Evidence:
    """Build the evidence of a ticket from its columns."""
    shown, decision = shown_from(row), decision_from(row.decision)
    figures = tuple(test.figures() for test in shown.flaky)
    nothing_known = (EvidenceState.NOT_COVERED, EvidenceState.NONE, EvidenceState.UNVERIFIED)
    decided = None if shown.state in nothing_known else decision
    swept = None if row.swept is None else from_plain(Swept, row.swept)
    reason = None if shown.stale_reason is None else shown.stale_reason.value
    bisected = row.bisected or {}
    return Evidence(
        state=shown.state,
        stale=shown.stale,
        sentence=sentence(
            shown.state,
            stale=shown.stale,
            by=None if decided is None else decided.by,
            stale_reason=reason,
            flaky=figures,
            contradicted=shown.contradicted_by is not None,
            decision=decided,
            swept=swept,
        ),
        run=None if decided is None else decided.run,
        kind=None if decided is None else decided.kind,
        package_digest=None if decided is None else decided.digests.package,
        decided_at=None if decided is None else decided.decided_at,
        last_attempt=row.last_attempt,
        by=None if decided is None else decided.by,
        stale_reason=reason,
        flaky=bool(figures),
        flips=figures,
        contradicted_by=shown.contradicted_by,
        authors=None if decided is None else decided.authors,
        swept=swept,
        closed_without=None if row.closed_without is None else ClosedWithout(**row.closed_without),
        introduced_in=bisected.get("introduced_in"),
        fixed_in=bisected.get("fixed_in"),
    )
