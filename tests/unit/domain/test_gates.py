"""The gate: what each resolution asks for, and the calls that would meet it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from app.domain.evidence import EvidenceState, ProofBy
from app.domain.gate import RULES
from app.domain.gate_calls import PLACEHOLDERS
from app.domain.gate_facts import FixStrength, GateFacts, Opinion, Requirement, RequirementName
from app.domain.gates import (
    GATES,
    evaluate,
    is_closable,
    resolution_of_gate,
    unmet,
    waived,
    way_through,
)
from app.domain.reviews import Answer, ClaimOpinion, ReviewVerdict
from app.domain.strength import StrengthGate
from app.domain.tickets import Resolution, Status

FACTS = GateFacts(key="B2-DRL-10", agent="drl", filer="ada", missing=("drl", "pytorch", "human"))
REVIEW = UUID(int=7)


def opinion(verdict: str, **fields: Any) -> Opinion:
    plain: dict[str, Any] = {"id": REVIEW, "specialist": "pytorch", "author": "bob"}
    return Opinion(**{**plain, "verdict": ReviewVerdict(verdict), **fields})


ENDORSE = opinion("ENDORSE")
PROVEN: dict[str, Any] = {"evidence": EvidenceState.PROVEN}


def state(facts: GateFacts, resolution: str, name: str) -> str:
    return requirement(facts, resolution, name).state.value


def requirement(facts: GateFacts, resolution: str, name: str) -> Requirement:
    return next(r for r in evaluate(facts, Resolution(resolution)) if r.name == name)


@pytest.mark.parametrize(
    ("resolution", "names"),
    [
        ("fixed", "evidence endorsement objections commit"),
        ("already-fixed", "evidence commit"),
        ("not-a-bug", "reason refutation"),
        ("duplicate", "relation"),
        ("wont-fix", "reason"),
    ],
)
def test_a_resolution_asks_for_its_requirements(resolution: str, names: str) -> None:
    assert [r.name.value for r in evaluate(FACTS, Resolution(resolution))] == names.split()


def test_a_step_without_resolution_asks_for_nothing() -> None:
    assert evaluate(FACTS, None) == ()


S, U, N = "SATISFIED", "UNSATISFIED", "NOT_APPLICABLE"


@pytest.mark.parametrize(
    ("facts", "evidence", "commit"),
    [
        ({"evidence": EvidenceState.NONE}, U, N),
        ({"evidence": EvidenceState.UNVERIFIED}, U, N),
        ({"evidence": EvidenceState.REPRODUCED}, U, N),
        ({"evidence": EvidenceState.FIX_READY}, U, N),
        ({"evidence": EvidenceState.PASSING}, U, N),
        ({"evidence": EvidenceState.CANNOT_FAIL}, U, N),
        ({"evidence": EvidenceState.REGRESSED}, U, N),
        ({"evidence": EvidenceState.PROVEN}, S, N),
        ({"evidence": EvidenceState.PROVEN, "stale": True}, U, N),
        ({"evidence": EvidenceState.NOT_COVERED}, N, U),
        ({"evidence": EvidenceState.NOT_COVERED, "commits": ("4f2a9c1",)}, N, S),
        ({"evidence": EvidenceState.PASSING, "testable": False}, N, U),
        ({"evidence": EvidenceState.NONE, "testable": False, "commits": ("4f2a9c1",)}, N, S),
        ({"evidence": EvidenceState.PROVEN, "testable": False}, S, N),
        ({"evidence": EvidenceState.PASSING, "commits": ("4f2a9c1",)}, U, S),
    ],
)
def test_fixed_wants_proof_or_where_there_can_be_none_a_commit_beside_a_waiver(
    facts: dict[str, Any], evidence: str, commit: str
) -> None:
    found = replace(FACTS, **facts)

    assert (state(found, "fixed", "evidence"), state(found, "fixed", "commit")) == (
        evidence,
        commit,
    )


@pytest.mark.parametrize(
    ("facts", "waiver"),
    [
        # Where a run can show it, nobody can waive it.
        ({"evidence": EvidenceState.NONE}, None),
        ({"evidence": EvidenceState.REPRODUCED, "waiver": "trust me"}, None),
        ({"evidence": EvidenceState.PROVEN, "stale": True, "waiver": "trust me"}, None),
        # Where it is shown, nothing is to be waived.
        ({"evidence": EvidenceState.PROVEN}, None),
        ({"evidence": EvidenceState.PROVEN, "testable": False}, None),
        # Where none can show it, a commit alone does not do.
        ({"evidence": EvidenceState.NOT_COVERED}, U),
        ({"evidence": EvidenceState.NOT_COVERED, "commits": ("4f2a9c1",)}, U),
        ({"evidence": EvidenceState.PASSING, "testable": False, "commits": ("4f2a9c1",)}, U),
        ({"evidence": EvidenceState.NOT_COVERED, "waiver": " "}, U),
        ({"evidence": EvidenceState.NOT_COVERED, "waiver": "wording"}, S),
        ({"evidence": EvidenceState.NONE, "testable": False, "waiver": "wording"}, S),
    ],
)
def test_a_waiver_is_asked_for_where_no_run_can_show_the_fix(
    facts: dict[str, Any], waiver: str | None
) -> None:
    gate = evaluate(replace(FACTS, **facts), Resolution.FIXED)

    assert {r.name.value: r.state.value for r in gate}.get("waiver") == waiver


@pytest.mark.parametrize("resolution", [r for r in Resolution if r is not Resolution.FIXED])
def test_no_other_resolution_asks_for_a_waiver(resolution: Resolution) -> None:
    facts = replace(FACTS, evidence=EvidenceState.NOT_COVERED)

    assert "waiver" not in {r.name.value for r in evaluate(facts, resolution)}


def test_a_waiver_is_kept_only_where_the_step_rests_on_it() -> None:
    for evidence, kept in ((EvidenceState.NOT_COVERED, "wording"), (EvidenceState.PROVEN, None)):
        facts = replace(FACTS, evidence=evidence, waiver="wording")

        assert waived(evaluate(facts, Resolution.FIXED), facts) == kept


def test_commit_and_waiver_are_given_with_one_call_by_a_maintainer() -> None:
    facts = replace(FACTS, evidence=EvidenceState.NOT_COVERED, opinions=(ENDORSE,))

    (call,) = way_through(evaluate(facts, Resolution.FIXED))

    assert call.needs == "maintainer"
    assert call.body == {
        "to": "closed",
        "resolution": "fixed",
        "commits": ["<commit>"],
        "waiver": {"reason": "<reason>"},
    }


GRAVE: dict[str, Any] = {**PROVEN, "has_fix": True, "strength_gate": StrengthGate.REQUIRED}
RUN = UUID(int=9)


@pytest.mark.parametrize(
    ("facts", "strength", "calls"),
    [
        ({}, U, ["triggerRun"]),
        ({"strength": FixStrength(RUN, unexplained=0, not_run=0)}, S, []),
        ({"strength": FixStrength(RUN, unexplained=2, not_run=0)}, U, ["linkTest"]),
        ({"strength": FixStrength(RUN, unexplained=0, not_run=1)}, U, ["triggerRun"]),
        ({"evidence": EvidenceState.FIX_READY}, U, []),
        ({"stale": True, "strength": FixStrength(RUN, unexplained=0, not_run=0)}, U, []),
        ({"has_fix": False}, N, []),
        ({"testable": False}, U, ["triggerRun"]),
        ({"testable": False, "evidence": EvidenceState.PASSING}, N, []),
        ({"evidence": EvidenceState.NOT_COVERED}, N, []),
    ],
)
def test_survivors_of_the_fix_keep_a_grave_ticket_open_where_that_is_required(
    facts: dict[str, Any], strength: str, calls: list[str]
) -> None:
    found = requirement(replace(FACTS, **{**GRAVE, **facts}), "fixed", "strength")

    assert (found.state.value, [call.operation for call in found.remedy]) == (strength, calls)
    assert not found.advisory


def test_advice_on_strength_keeps_nothing_open() -> None:
    survives = FixStrength(RUN, unexplained=1, not_run=0)
    facts = replace(
        FACTS,
        **{**GRAVE, "strength_gate": StrengthGate.ADVISORY},
        strength=survives,
        opinions=(ENDORSE,),
    )
    found = requirement(facts, "fixed", "strength")

    assert (found.state.value, found.advisory) == (N, True)
    assert found.as_body()["advisory"] is True
    assert "1 mutant of functions that the fix touches survives" in found.explanation
    assert [call.operation for call in found.remedy[0].any_of] == ["judgeMutant"]
    assert is_closable(Status.IN_REVIEW, facts)
    assert not is_closable(Status.IN_REVIEW, replace(facts, strength_gate=StrengthGate.REQUIRED))


def test_strength_is_asked_of_grave_tickets_only_and_of_no_other_resolution() -> None:
    names = [r.name.value for r in evaluate(replace(FACTS, **GRAVE), Resolution.FIXED)]

    assert names == ["evidence", "strength", "endorsement", "objections", "commit"]
    for resolution in Resolution:
        asked = {r.name.value for r in evaluate(FACTS, resolution)}
        assert "strength" not in asked


@pytest.mark.parametrize(
    ("facts", "evidence", "commit"),
    [
        ({"evidence": EvidenceState.PASSING}, U, U),
        ({"evidence": EvidenceState.PASSING, "commits": ("4f2a9c1",)}, N, S),
        ({"evidence": EvidenceState.PROVEN}, S, N),
        ({"evidence": EvidenceState.PROVEN, "stale": True}, U, U),
        ({"evidence": EvidenceState.NOT_COVERED}, N, U),
        ({"evidence": EvidenceState.NOT_COVERED, "commits": ("4f2a9c1",)}, N, S),
    ],
)
def test_already_fixed_wants_proof_or_a_commit(
    facts: dict[str, Any], evidence: str, commit: str
) -> None:
    found = replace(FACTS, **facts)

    assert state(found, "already-fixed", "evidence") == evidence
    assert state(found, "already-fixed", "commit") == commit


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ((), False),
        ((ENDORSE,), True),
        ((opinion("ENDORSE", specialist="drl"),), False),
        ((opinion("ENDORSE", author="ada"),), False),
        ((opinion("ENDORSE", outdated=True),), False),
        ((opinion("NEUTRAL"),), False),
        ((opinion("OBJECT"),), False),
        ((opinion("REFINE"),), False),
        ((opinion("REFINE", applied=True),), True),
        ((opinion("REFINE", applied=True, author="ada"),), False),
        ((opinion("ENDORSE", specialist="drl"), ENDORSE), True),
    ],
)
def test_an_endorsement_counts_from_somebody_else(given: tuple[Opinion, ...], met: bool) -> None:
    facts = replace(FACTS, opinions=given)

    assert state(facts, "fixed", "endorsement") == (S if met else U)


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ((), True),
        ((opinion("OBJECT"),), False),
        ((opinion("OBJECT", outdated=True),), False),
        ((opinion("OBJECT", answer=Answer.WITHDRAWN),), True),
        ((opinion("OBJECT", answer=Answer.ACCEPTED),), True),
        ((opinion("OBJECT", answer=Answer.OVERRULED), opinion("OBJECT")), False),
    ],
)
def test_an_objection_stays_open_until_it_is_answered(
    given: tuple[Opinion, ...], met: bool
) -> None:
    assert state(replace(FACTS, opinions=given), "fixed", "objections") == (S if met else U)


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ((), False),
        ((ENDORSE,), False),
        ((opinion("OBJECT"),), True),
        ((opinion("OBJECT", answer=Answer.ACCEPTED),), True),
        ((opinion("OBJECT", answer=Answer.WITHDRAWN),), False),
        ((opinion("OBJECT", answer=Answer.OVERRULED),), False),
        ((opinion("OBJECT", outdated=True),), False),
        ((opinion("NEUTRAL", claim=ClaimOpinion.FALSE),), True),
        ((opinion("NEUTRAL", claim=ClaimOpinion.FALSE, outdated=True),), False),
        ((opinion("NEUTRAL", claim=ClaimOpinion.PARTLY),), False),
    ],
)
def test_not_a_bug_wants_somebody_to_say_so(given: tuple[Opinion, ...], met: bool) -> None:
    assert state(replace(FACTS, opinions=given), "not-a-bug", "refutation") == (S if met else U)


@pytest.mark.parametrize(
    ("resolution", "name", "facts"),
    [
        ("wont-fix", "reason", {"reason": "costs more than it brings"}),
        ("not-a-bug", "reason", {"reason": "meant so"}),
        ("duplicate", "relation", {"duplicate_of": ("B1-PT-01",)}),
    ],
)
def test_what_comes_with_the_step(resolution: str, name: str, facts: dict[str, Any]) -> None:
    assert state(FACTS, resolution, name) == U
    assert state(replace(FACTS, reason=" "), resolution, name) == U
    assert state(replace(FACTS, **facts), resolution, name) == S


def test_an_override_covers_what_is_open_and_nothing_else() -> None:
    facts = replace(FACTS, opinions=(ENDORSE,), overridden=frozenset({"evidence", "endorsement"}))

    found = {r.name.value: r.state.value for r in evaluate(facts, Resolution.FIXED)}

    assert found["evidence"] == "OVERRIDDEN"
    assert found["endorsement"] == S
    assert not unmet(evaluate(facts, Resolution.FIXED))


@pytest.mark.parametrize(
    ("status", "facts", "closable"),
    [
        ("in-review", {**PROVEN, "opinions": (ENDORSE,)}, True),
        ("closed", {**PROVEN, "opinions": (ENDORSE,)}, False),
        ("open", {**PROVEN}, False),
        ("open", {"opinions": (ENDORSE,)}, False),
    ],
)
def test_closable_is_open_with_nothing_missing(
    status: str, facts: dict[str, Any], closable: bool
) -> None:
    assert is_closable(Status(status), replace(FACTS, **facts)) is closable


def calls(facts: GateFacts, resolution: str, name: str) -> list[tuple[str, Any]]:
    return [
        (call.operation, call.body)
        for first in requirement(facts, resolution, name).remedy
        for call in (first, *first.then)
    ]


CHECK, PROOF = ("triggerRun", {"kind": "check"}), ("triggerRun", {"kind": "proof"})
PATCH = ("putPatch", "<patch>")


@pytest.mark.parametrize(
    ("evidence", "stale", "proof_by", "expected"),
    [
        ("none", False, None, [("linkTest", {"node_id": "<node_id>"}), CHECK]),
        ("unverified", False, None, [CHECK]),
        ("unverified", False, ProofBy.DEFECT, [PROOF]),
        ("reproduced", False, None, [PATCH, PROOF]),
        ("reproduced", False, ProofBy.DEFECT, [PATCH, PROOF]),
        ("reproduced", False, ProofBy.FIX, [PROOF]),
        ("reproduced", True, None, [CHECK]),
        ("regressed", False, None, [PATCH, PROOF]),
        ("fix-ready", False, ProofBy.FIX, [PROOF]),
        ("passing", False, None, [PATCH, PROOF]),
        ("passing", False, ProofBy.DEFECT, [PROOF]),
        ("cannot-fail", False, ProofBy.DEFECT, [PATCH, PROOF]),
        ("cannot-fail", True, ProofBy.DEFECT, [PROOF]),
        ("proven", True, ProofBy.DEFECT, [PROOF]),
        ("proven", True, None, [CHECK]),
    ],
)
def test_the_next_calls_towards_proven(
    evidence: str, stale: bool, proof_by: ProofBy | None, expected: list[Any]
) -> None:
    facts = replace(FACTS, evidence=EvidenceState(evidence), stale=stale, proof_by=proof_by)

    assert calls(facts, "fixed", "evidence") == expected


@pytest.mark.parametrize(("evidence", "name"), [("reproduced", "fix"), ("passing", "defect")])
def test_the_patch_to_be_given_mends_what_is_there_and_plants_what_is_not(
    evidence: str, name: str
) -> None:
    facts = replace(FACTS, evidence=EvidenceState(evidence))

    call = requirement(facts, "fixed", "evidence").remedy[0]

    assert (call.method, call.path) == ("PUT", f"/api/v1/tickets/B2-DRL-10/patches/{name}")


def test_an_endorsement_is_asked_of_another_specialist_and_account() -> None:
    (call,) = requirement(FACTS, "fixed", "endorsement").remedy

    assert call.not_as == ("ada",)
    assert call.body == {
        "specialist": "pytorch",
        "verdict": "ENDORSE",
        "rationale": "<rationale>",
    }


def test_an_outdated_endorsement_is_to_be_confirmed_by_its_author() -> None:
    facts = replace(FACTS, opinions=(replace(ENDORSE, outdated=True),))

    (call,) = requirement(facts, "fixed", "endorsement").remedy

    assert call.operation == "confirmReview"
    assert call.path.endswith(f"/reviews/{REVIEW}/confirm")
    assert call.only_as == ("bob",)
    assert [way.operation for way in call.any_of] == ["recordReview"]


@pytest.mark.parametrize(
    ("resolution", "name", "body"),
    [
        ("wont-fix", "reason", {"to": "wont-fix", "resolution": "wont-fix", "reason": "<reason>"}),
        ("not-a-bug", "reason", {"to": "closed", "resolution": "not-a-bug", "reason": "<reason>"}),
        (
            "already-fixed",
            "commit",
            {"to": "closed", "resolution": "already-fixed", "commits": ["<commit>"]},
        ),
        ("duplicate", "relation", {"key": "<key>", "kind": "duplicate-of"}),
        (
            "not-a-bug",
            "refutation",
            {
                "specialist": "pytorch",
                "verdict": "OBJECT",
                "claim": "false",
                "rationale": "<rationale>",
            },
        ),
    ],
)
def test_other_requirements_name_the_body_that_meets_them(
    resolution: str, name: str, body: dict[str, Any]
) -> None:
    (call,) = requirement(FACTS, resolution, name).remedy

    assert call.body == body


def test_every_open_requirement_has_a_remedy_whose_placeholders_are_explained() -> None:
    objected = replace(FACTS, opinions=(opinion("OBJECT", outdated=True),))
    for resolution in Resolution:
        for found in unmet(evaluate(objected, resolution)):
            assert found.remedy, found
            for word in _words([call.body for call in found.remedy]):
                assert not word.startswith("<") or word in PLACEHOLDERS


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, list):
        return [word for item in value for word in _words(item)]
    return [value] if isinstance(value, str) else []


def test_every_requirement_is_explained_and_used() -> None:
    used = {rule.name for rules in GATES.values() for rule in rules}

    assert used == set(RequirementName)
    assert len(RULES) == len(used) and all(rule.meaning for rule in RULES)
    assert set(GATES) == set(Resolution)


@pytest.mark.parametrize(
    ("resolution", "facts", "operations"),
    [
        ("fixed", {}, "linkTest recordReview"),
        ("fixed", {"testable": False}, "recordReview transitionTicket"),
        ("already-fixed", {}, "transitionTicket"),
        ("not-a-bug", {}, "recordReview transitionTicket"),
        ("duplicate", {}, "addRelation"),
        ("fixed", {**PROVEN, "opinions": (ENDORSE,)}, ""),
    ],
)
def test_the_way_through_ends_with_the_completed_step(
    resolution: str, facts: dict[str, Any], operations: str
) -> None:
    way = way_through(evaluate(replace(FACTS, **facts), Resolution(resolution)))

    assert " ".join(call.operation for call in way) == operations
    assert [call.replaces for call in way] == [c.operation == "transitionTicket" for c in way]


@pytest.mark.parametrize(
    ("to", "resolution", "found"),
    [
        (None, None, "fixed"),
        (None, "duplicate", "duplicate"),
        ("closed", None, "fixed"),
        ("closed", "not-a-bug", "not-a-bug"),
        ("wont-fix", None, "wont-fix"),
        ("open", None, None),
    ],
)
def test_whose_gate_is_meant(to: str | None, resolution: str | None, found: str | None) -> None:
    status = None if to is None else Status(to)
    given = None if resolution is None else Resolution(resolution)

    assert resolution_of_gate(status, given) == found


def test_a_status_has_no_gate_of_another_ones_resolution() -> None:
    with pytest.raises(ValueError, match="cannot have"):
        resolution_of_gate(Status.WONT_FIX, Resolution.FIXED)
