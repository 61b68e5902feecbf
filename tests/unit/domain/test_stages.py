"""Where a ticket stands from claim to closing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.domain.evidence import Evidence, EvidenceState, ProofBy
from app.domain.gate_calls import put_patch
from app.domain.reviews import Consensus
from app.domain.stages import stage_of, stages
from app.domain.tickets import PatchInfo, Resolution, Status, TestLink
from tests.factories.tickets import a_ticket

LATER = datetime(2026, 1, 2, tzinfo=UTC)
LINK = TestLink(UUID(int=1), "tests/test_scale.py", "demonstrates", "manual")
DEFECT = PatchInfo("d", "bob", LATER, "forward")
PROVEN = Evidence(EvidenceState.PROVEN)


def told(**fields: Any) -> dict[str, str]:
    return {stage.name.value: stage.state.value for stage in stages(a_ticket(**fields))}


def test_a_new_ticket_has_its_claim() -> None:
    assert told() == {
        "claim": "done", "test": "open", "defect or fix": "open", "proof": "open",
        "endorsement": "open", "close": "open",
    }  # fmt: skip


def test_a_proven_ticket_waits_for_endorsement() -> None:
    found = told(tests=(LINK,), patches={"defect": DEFECT}, evidence=PROVEN)

    assert [found[name] for name in ("test", "defect or fix", "proof", "endorsement")] == [
        "done", "done", "done", "open",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"consensus": Consensus(claim={"true": 0, "partly": 0, "false": 2})}, "claim"),
        ({"tests": (LINK,), "evidence": Evidence(EvidenceState.CANNOT_FAIL)}, "test"),
        ({"patches": {"fix": PatchInfo("d", "bob", LATER, "no")}}, "defect or fix"),
        ({"tests": (LINK,), "evidence": Evidence(EvidenceState.PROVEN, stale=True)}, "proof"),
    ],
)
def test_what_is_in_the_way_is_said_at_its_stage(fields: dict[str, Any], name: str) -> None:
    assert told(**fields)[name] == "trouble"


@pytest.mark.parametrize(
    ("state", "stage"), [(EvidenceState.PROVEN, "skipped"), (EvidenceState.REGRESSED, "open")]
)
def test_history_takes_the_place_of_a_patch_while_it_holds(
    state: EvidenceState, stage: str
) -> None:
    evidence = Evidence(state, by=ProofBy.HISTORY)

    assert told(tests=(LINK,), evidence=evidence)["defect or fix"] == stage


def test_what_no_run_can_show_is_left_out() -> None:
    found = told(evidence=Evidence(EvidenceState.NOT_COVERED))

    assert [found[name] for name in ("test", "defect or fix", "proof")] == ["skipped"] * 3


def test_a_settled_ticket_asks_for_nothing() -> None:
    found = told(status=Status.CLOSED, resolution=Resolution.NOT_A_BUG)

    assert "open" not in found.values()
    assert found["close"] == "done"


def test_hidden_verdicts_are_not_told() -> None:
    (found,) = [s for s in stages(a_ticket(verdicts_hidden=True)) if s.name == "endorsement"]

    assert (found.state, found.note) == ("open", "hidden from you")


def test_a_call_belongs_to_its_stage() -> None:
    assert stage_of(put_patch("B5-DRL-01", "fix")) == "defect or fix"
