"""Mutants in and out."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.payloads.fields import Input, Note, Output
from app.domain.strength import Mutant, MutantOutcome, MutantVerdict


class MutantVerdictIn(Input):
    """What is said of a survivor."""

    verdict: MutantVerdict = Field(
        description="`equivalent`: it behaves as the original does, and counts for nothing; "
        "`accepted`: it differs, and no test is wanted for that."
    )
    reason: Note = Field(description="Why, in a sentence that a later reader understands.")


class MutantOut(Output):
    """A package with one place changed, and how the linked tests ended on it."""

    digest: str = Field(
        description="Of the function before and after: the same change has the same one in every "
        "run."
    )
    path: str = Field(examples=["kasmina/blend_ops.py"])
    line: int
    operator: str = Field(examples=["comparison"])
    function: str = Field(examples=["SeedSlot.forward"])
    diff: str = Field(description="The whole change, as a unified diff of the package.")
    outcome: MutantOutcome | None = Field(description="Null: it was not run.")
    killed_by: str | None = Field(description="The first linked test that failed.")
    how: str | None = Field(description="What the test said.")
    suite_killed_by: str | None = Field(
        description="A test of the rest of the suite that fails on this survivor."
    )
    by_fix: bool = Field(description="It lies in a function that the fix touches.")
    took_s: float | None
    reused: bool = Field(description="An earlier run of the same tests had found how it ends.")
    verdict: MutantVerdict | None
    verdict_reason: str | None
    verdict_by: str | None


class MutantPageOut(Output):
    """One page of a run's mutants, in the order in which they are run."""

    items: list[MutantOut]
    next_cursor: str | None


_AS_IT_IS = tuple(name for name in MutantOut.model_fields if name != "outcome")


def mutant_body(mutant: Mutant) -> dict[str, Any]:
    """Return a mutant as it is answered."""
    fields = {name: getattr(mutant, name) for name in _AS_IT_IS}
    return fields | {"outcome": mutant.shown_outcome}
