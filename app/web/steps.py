"""The next step of a ticket as its page offers it: one button, or whom it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.accounts import Role
from app.domain.gate_calls import Call
from app.domain.next_step import NextStep
from app.domain.runs import RunKind
from app.domain.stages import StageName, StageState, stage_of, stages
from app.domain.tickets import Ticket
from app.web import words


@dataclass(frozen=True)
class Button:
    """What brings the ticket on: a form that is sent, or a link to one that is filled in."""

    label: str
    address: str
    sends: bool = False
    """It is a form's action."""
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    tone: str = "main"


@dataclass(frozen=True)
class Next:
    """What is next for one account."""

    stage: StageName
    button: Button | None
    told: str
    """Why, or what it waits for."""
    undecided: Mapping[str, str] | None = None
    """The newest run, where it decided nothing."""


def next_for(ticket: Ticket, step: NextStep, own_defects: Sequence[str]) -> Next:
    """Return the next step in the words of the page.

    Args:
        ticket: as it is shown.
        step: its next step for the visitor.
        own_defects: paths of patches in the suite that plant this ticket's defect.
    """
    call = step.call
    if call is None:
        return Next(_first_open(ticket), None, step.waiting_for or "", step.undecided)
    told = step.why or ""
    if call.needs is not None:
        told = f"{told} This waits for {_who(call.needs)}."
        return Next(stage_of(call), None, told, step.undecided)
    return Next(stage_of(call), _button(ticket, call, own_defects), told, step.undecided)


def _first_open(ticket: Ticket) -> StageName:
    waits = (StageState.OPEN, StageState.TROUBLE)
    return next((one.name for one in stages(ticket) if one.state in waits), StageName.CLOSE)


def _who(needs: str) -> str:
    if needs in tuple(Role):
        return f"{'an' if needs == Role.ADMIN else 'a'} {needs}"
    return needs


def _button(ticket: Ticket, call: Call, own_defects: Sequence[str]) -> Button:
    at, body = f"/tickets/{ticket.key}", call.body if isinstance(call.body, Mapping) else {}
    match call.operation:
        case "linkTest" if "source" in body:
            return Button("Hand in a test", "#submit-filename")
        case "linkTest":
            return Button("Link a test", "#node_id")
        case "putPatch" if call.path.endswith("/fix"):
            return Button("Give the fix", "#fix-patch")
        case "putPatch" if own_defects and not ticket.patches:
            count = len(own_defects)
            label = "Plant the suite's own defect" + (f"s ({count})" if count > 1 else "")
            return Button(label, f"{at}/patches/suite", True, {"path": list(own_defects)})
        case "putPatch":
            return Button("Plant the defect", "#defect-patch")
        case "triggerRun":
            kind = RunKind(body["kind"])
            measures = kind is RunKind.STRENGTH
            label = "Measure strength" if measures else f"Run a {kind}"
            return Button(label, f"{at}/runs", True, {"kind": kind.value})
        case "showRun":
            return Button("Follow the run", "#verification", tone="")
        case "confirmReview":
            sent = {"ticket_version": str(ticket.version)}
            return Button("Your review still holds", _page_of(call), True, sent)
        case "answerReview":
            return Button("Answer the objection", "#" + call.path.split("/")[-2])
        case "transitionTicket" if set(body) == {"to", "resolution"}:
            step = f"{body['to']}:{body['resolution']}"
            label = f"Close as {words.RESOLUTION[body['resolution']][0]}"
            return Button(label, f"{at}/transitions", True, {"to": step}, tone="main go")
        case "transitionTicket":
            return Button("Close it", "#status-form", tone="main")
        case _:
            return Button("Review it", "#rationale")


def _page_of(call: Call) -> str:
    """Return the page's form that does what a call does."""
    return call.path.removeprefix("/api/v1")
