"""Gates and remedies out: also a part of tickets and of problems."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, RootModel

from app.api.payloads.fields import Output
from app.domain.gate_calls import PLACEHOLDERS
from app.domain.gate_facts import RequirementName, RequirementState
from app.domain.tickets import Testable

_EXPLAINED = "; ".join(f"`{word}`: {meaning}" for word, meaning in PLACEHOLDERS.items())


class RemedyOut(Output):
    """A call that mends what an answer complains of.

    Calls of one list are made in their order, each followed by its `then`. Where there is `any_of`,
    one call of that list is enough; the first of them is the one that stands outside. Then the call
    that was refused is made again, unless one of the list `replaces` it. A run is waited for before
    the next call. What stands in angle brackets is to be filled in.
    """

    operation: str = Field(
        description="The operationId, by which this document tells the role it needs.",
        examples=["triggerRun"],
    )
    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/api/v1/tickets/B2-DRL-10/runs"])
    body: dict[str, Any] | str | None = Field(
        None,
        description="What to send; a string is the whole body and no JSON. Placeholders: "
        + _EXPLAINED,
        examples=[{"kind": "proof"}],
    )
    not_as: list[str] | None = Field(
        None, description="Accounts through which the call would not count."
    )
    only_as: list[str] | None = Field(
        None, description="Accounts that alone may make it; absent for everybody with the role."
    )
    needs: str | None = Field(
        None,
        description="Who may make it, where you may not: a role, a specialist or an account.",
        examples=["reviewer"],
    )
    replaces: bool | None = Field(
        None, description="True for the refused call itself, completed: it is not made again."
    )
    then: list[RemedyOut] | None = Field(
        None, description="Calls that follow it, in this order, once it has had its effect."
    )
    any_of: list[RemedyOut] | None = Field(
        None, description="Calls of which one is enough; this one, without them, comes first."
    )


class NextOut(Output):
    """The call that brings a ticket on, or what it waits for."""

    operation: str | None = Field(None, description="The operationId.", examples=["triggerRun"])
    method: str | None = Field(None, examples=["POST"])
    path: str | None = Field(None, examples=["/api/v1/tickets/B2-DRL-10/runs"])
    body: dict[str, Any] | str | None = Field(
        None,
        description="What to send, with what is known filled in; placeholders as in remedies.",
        examples=[{"kind": "proof"}],
    )
    why: str | None = Field(None, description="What the call is for.")
    needs: str | None = Field(
        None, description="Who may make it, where you may not: a role, a specialist or an account."
    )
    not_as: list[str] | None = Field(
        None, description="Accounts through which the call would not count."
    )
    only_as: list[str] | None = Field(None, description="Accounts that alone may make it.")
    then: list[RemedyOut] | None = Field(
        None, description="Calls that follow it, in this order, once it has had its effect."
    )
    any_of: list[RemedyOut] | None = Field(
        None, description="Calls of which one is enough; this one, without them, comes first."
    )
    waiting_for: str | None = Field(
        None, description="In place of all that, where no call brings the ticket on."
    )


class RequirementOut(Output):
    """A requirement of a gate, and how the ticket stands to it."""

    name: RequirementName
    state: RequirementState
    explanation: str
    advisory: bool | None = Field(
        None,
        description="True for what is not met and by a setting keeps nothing open; its state is "
        "then NOT_APPLICABLE, for only what is UNSATISFIED keeps the gate closed.",
    )
    remedy: list[RemedyOut] | None = Field(
        None, description="Calls that would meet it, where it is UNSATISFIED or advisory."
    )


class GateOut(RootModel[list[RequirementOut]]):
    """The requirements of a step; empty where it has none."""


class ClosureOut(Output):
    """How a ticket got its final status."""

    by: str
    at: datetime
    reason: str | None
    overridden: list[str] = Field(description="Requirements that a maintainer overrode.")
    waiver: str | None = Field(
        description="Why it was closed as fixed although no run can show that it is."
    )


class TestabilityOut(Output):
    """Whether a test can decide a ticket's claim, as a reviewer said."""

    state: Testable
    reason: str | None
    by: str
    at: datetime
