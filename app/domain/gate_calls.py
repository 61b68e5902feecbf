"""The calls that meet a gate's requirements, as a client would make them.

A call's body may hold placeholders, words in angle brackets that the client fills in;
`PLACEHOLDERS` says with what. Calls come in the order in which they are to be made; what one call
leads to is its `then`, what does as well its `any_of`. Who may make them ``remedies`` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.accounts import Role
from app.domain.evidence import EvidenceState, ProofBy
from app.domain.tickets import Resolution, Status

PLACEHOLDERS: Mapping[str, str] = {
    "<node_id>": (
        "A `node_id` of `GET /api/v1/tests`: a test that asserts the sound behaviour which the "
        "ticket finds missing."
    ),
    "<filename>": "The name of your pytest file: `test_` and words in lower case, `.py`.",
    "<source>": (
        "The text of a pytest file whose tests assert the sound behaviour that the ticket finds "
        "missing."
    ),
    "<patch>": (
        "The whole body, as text/x-diff: a unified diff of Python files of the package. Named "
        "`fix` it mends the defect; named `defect`, `defect-2` … it plants the defect in a sound "
        "package, so that the tests can show that they catch it."
    ),
    "<specialist>": "A `name` of `GET /api/v1/specialists` other than the ticket's `agent`.",
    "<rationale>": "Why the reviewer judges so, in Markdown.",
    "<reason>": "Why this is done, in a sentence that a later reader understands.",
    "<answer>": "`accepted` or `overruled`, as a maintainer decides.",
    "<commit>": "The commit that holds the fix: 7 to 40 hexadecimal digits.",
    "<key>": "The key of the other ticket.",
    "<mutant>": "The `digest` of a mutant that survived: `GET /api/v1/runs/{id}/mutants`.",
    "<symbol>": "A function or method as it is called in the package today: `Class.method`.",
}
"""What to put in place of each placeholder."""

_ROOT = "/api/v1/tickets"


@dataclass(frozen=True)
class Call:
    """A call of the API."""

    operation: str
    """The operationId in the OpenAPI document, which also names the role that it needs."""
    method: str
    path: str
    body: Mapping[str, Any] | str | None = None
    not_as: tuple[str, ...] = ()
    """Accounts through which the call would not count."""
    only_as: tuple[str, ...] = ()
    """Accounts that alone may make the call; empty for everybody with the role."""
    replaces: bool = False
    """It is the refused call with what was missing, and takes its place."""
    needs: str | None = None
    """Who may make it; `remedies` takes it away for a reader that may itself."""
    specialists: tuple[str, ...] = ()
    """Of a review: as whom it may be recorded; the body names one of them."""
    then: tuple[Call, ...] = ()
    """Calls to be made after it, in this order."""
    any_of: tuple[Call, ...] = ()
    """Other calls, of which one is enough in its place."""

    def as_body(self) -> dict[str, Any]:
        """Return the call as the API shows it."""
        shown: dict[str, Any] = {
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
        }
        if self.body is not None:
            shown["body"] = self.body
        if self.not_as:
            shown["not_as"] = list(self.not_as)
        if self.only_as:
            shown["only_as"] = list(self.only_as)
        if self.needs:
            shown["needs"] = self.needs
        if self.replaces:
            shown["replaces"] = True
        if self.then:
            shown["then"] = [call.as_body() for call in self.then]
        if self.any_of:
            ways = (replace(self, any_of=()), *self.any_of)
            shown["any_of"] = [call.as_body() for call in ways]
        return shown


def link_test(key: str) -> Call:
    """Link a test."""
    return Call("linkTest", "POST", f"{_ROOT}/{key}/tests", {"node_id": "<node_id>"})


def submit_test(key: str) -> Call:
    """Hand in a test of one's own."""
    body = {"filename": "<filename>", "source": "<source>"}
    return Call("linkTest", "POST", f"{_ROOT}/{key}/tests", body)


def guard_with_test(key: str) -> Call:
    """Hand in a test that passes with and without the defect, and not on a mutant."""
    call = submit_test(key)
    assert isinstance(call.body, Mapping)
    return replace(call, body={**call.body, "purpose": "guards"})


def put_patch(key: str, name: str) -> Call:
    """Store a patch."""
    return Call("putPatch", "PUT", f"{_ROOT}/{key}/patches/{name}", "<patch>")


def trigger_run(key: str, kind: str) -> Call:
    """Run the linked tests."""
    return Call("triggerRun", "POST", f"{_ROOT}/{key}/runs", {"kind": kind})


def endorse(key: str, specialists: tuple[str, ...], filer: str) -> Call:
    """Record an endorsement, through an account that did not file the ticket."""
    body = {
        "specialist": specialists[0] if specialists else "<specialist>",
        "verdict": "ENDORSE",
        "rationale": "<rationale>",
    }
    return Call(
        "recordReview",
        "POST",
        f"{_ROOT}/{key}/reviews",
        body,
        not_as=(filer,),
        specialists=specialists,
    )


def judge(key: str, specialists: tuple[str, ...]) -> Call:
    """Record a review, whatever it says."""
    body = {
        "specialist": specialists[0] if specialists else "<specialist>",
        "verdict": "<verdict>",
        "rationale": "<rationale>",
    }
    path = f"{_ROOT}/{key}/reviews"
    return Call("recordReview", "POST", path, body, specialists=specialists)


def judge_mutant() -> Call:
    """Say of a surviving mutant that it changes nothing."""
    body = {"verdict": "equivalent", "reason": "<reason>"}
    return Call("judgeMutant", "PUT", "/api/v1/mutants/<mutant>/verdict", body)


def object_to(key: str, specialists: tuple[str, ...]) -> Call:
    """Record an objection."""
    body = {
        "specialist": specialists[0] if specialists else "<specialist>",
        "verdict": "OBJECT",
        "claim": "false",
        "rationale": "<rationale>",
    }
    path = f"{_ROOT}/{key}/reviews"
    return Call("recordReview", "POST", path, body, specialists=specialists)


def confirm_review(key: str, review: UUID, author: str) -> Call:
    """Say that a review holds for the present text too."""
    path = f"{_ROOT}/{key}/reviews/{review}/confirm"
    return Call("confirmReview", "POST", path, only_as=(author,))


def answer_objection(key: str, review: UUID, author: str) -> Call:
    """Answer an objection: a maintainer decides, or its author takes it back."""
    path = f"{_ROOT}/{key}/reviews/{review}/answer"
    decided = Call("answerReview", "POST", path, {"resolution": "<answer>", "reason": "<reason>"})
    body = {"resolution": "withdrawn", "reason": "<reason>"}
    return replace(decided, any_of=(replace(decided, body=body, only_as=(author,)),))


def relate_duplicate(key: str) -> Call:
    """Name the ticket that this one repeats."""
    body = {"key": "<key>", "kind": "duplicate-of"}
    return Call("addRelation", "POST", f"{_ROOT}/{key}/relations", body)


def settle(
    key: str,
    resolution: Resolution,
    *,
    commits: bool = False,
    reason: bool = False,
    waiver: bool = False,
) -> Call:
    """Take the step itself with what was missing from it."""
    to = Status.WONT_FIX if resolution is Resolution.WONT_FIX else Status.CLOSED
    body: dict[str, Any] = {"to": to.value, "resolution": resolution.value}
    if commits:
        body["commits"] = ["<commit>"]
    if reason:
        body["reason"] = "<reason>"
    if waiver:
        body["waiver"] = {"reason": "<reason>"}
    return replace(move(key, body), replaces=True, needs=Role.MAINTAINER.value)


def reopen(key: str, needs: str) -> Call:
    """Take a settled ticket up again."""
    return replace(move(key, {"to": Status.OPEN.value, "reason": "<reason>"}), needs=needs)


def move(key: str, body: Mapping[str, Any]) -> Call:
    """Take a step."""
    return Call("transitionTicket", "POST", f"{_ROOT}/{key}/transitions", body)


def prove(
    key: str, state: EvidenceState, *, stale: bool, proof_by: ProofBy | None
) -> tuple[str, tuple[Call, ...]]:
    """Return what brings the evidence of a ticket on towards ``proven``, in words and as calls.

    Args:
        key: the ticket.
        state: its evidence.
        stale: it is out of date.
        proof_by: which kind of patch a proof would rest on; None when no patch applies.
    """
    check, proof = trigger_run(key, "check"), trigger_run(key, "proof")
    present = state in (EvidenceState.REPRODUCED, EvidenceState.REGRESSED)
    if state is EvidenceState.NONE:
        return (
            "Link a test that fails while the defect is there, then run it; or let a reviewer "
            "record that it cannot be tested.",
            (
                replace(
                    link_test(key),
                    then=(check,),
                    any_of=(replace(submit_test(key), then=(check,)),),
                ),
            ),
        )
    if state is EvidenceState.CANNOT_FAIL and not stale:
        return (
            "Give a patch whose defect the linked tests catch, or replace the test that catches "
            "nothing; then run a proof.",
            (replace(put_patch(key, "defect"), then=(proof,)),),
        )
    if state is EvidenceState.FIX_READY and not stale:
        return (
            "Apply the fix patch to the package itself, which this service never changes; then "
            "run a proof.",
            (proof,),
        )
    if present and not stale and proof_by is not ProofBy.FIX:
        fix = replace(put_patch(key, "fix"), then=(proof,))
        return "Give the patch that mends it, then run a proof.", (fix,)
    if proof_by is not None:
        return "Run a proof.", (proof,)
    if state is EvidenceState.UNVERIFIED or stale:
        return "Run a check, to see whether the defect is there.", (check,)
    return (
        "Give a patch that plants the defect, then run a proof: the tests must catch it.",
        (replace(put_patch(key, "defect"), then=(proof,)),),
    )
