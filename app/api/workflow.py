"""Steps of tickets along the workflow, and the gate they pass."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import IfMatch, TicketKey
from app.api.payloads.gates import GateOut, NextOut
from app.api.payloads.tickets import TicketOut, ticket_body
from app.api.payloads.workflow import (
    BatchOut,
    BatchTransitionIn,
    TestabilityIn,
    TransitionIn,
    WorkflowOut,
    batch_item,
)
from app.api.problems import problem_body
from app.api.responses import JsonResponse, with_etag
from app.api.routing import new_router
from app.api.security import Reader, Reporter, Reviewer
from app.domain.tickets import Resolution, Status
from app.domain.workflow import describe

router = new_router("workflow")


@router.get("/workflow", **answers(WorkflowOut, 200))
async def show_workflow(_: Reader) -> JsonResponse:
    """Show the workflow: statuses, steps with their roles, resolutions with their requirements.

    The words of all fields and the placeholders of remedies stand there too.
    """
    return JsonResponse(describe())


@router.post("/tickets/{key}/transitions", **answers(TicketOut, 200, 404, 409, 412))
async def transition_ticket(
    actor: Reporter,
    services: Services,
    key: TicketKey,
    body: TransitionIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Move a ticket along the workflow.

    Steps to `closed` and `wont-fix`, and overrides, need a maintainer; the others a reviewer, or
    the reporter who filed the ticket. A step that the workflow does not have is 409 with the
    `allowed` ones. A closed gate is 409 with every one of its `requirements` and, as `remedy`,
    the calls that open it: make them in their order, then repeat this call. The version counts
    up. `If-Match` may be sent, and is then obeyed.
    """
    ticket = await services.transitions.move(actor, key, body.transition(), if_match=if_match)
    caller = await services.client_code.caller(actor, ticket)
    return with_etag(ticket_body(ticket, caller), ticket.etag)


@router.post("/transitions:batch", **answers(BatchOut, 200))
async def transition_tickets(
    request: Request, actor: Reporter, services: Services, body: BatchTransitionIn
) -> JsonResponse:
    """Move many tickets along the workflow, each by itself.

    The tickets are named by `keys`, at most 500, or found by `filter`. A refused one stops none
    of the others; `problem` is what its own call would have been answered.
    """
    chosen = body.filter.filter() if body.filter is not None else body.keys or []
    outcomes = await services.transitions.move_many(
        actor, chosen, body.transition(), dry_run=body.dry_run
    )
    items = [
        batch_item(outcome, None if outcome.error is None else problem_body(request, outcome.error))
        for outcome in outcomes
    ]
    done = sum(outcome.error is None for outcome in outcomes)
    return JsonResponse(
        {"items": items, "done": done, "refused": len(items) - done, "dry_run": body.dry_run}
    )


@router.get("/tickets/{key}/gate", **answers(GateOut, 200, 404))
async def show_gate(
    actor: Reader,
    services: Services,
    key: TicketKey,
    to: Annotated[
        Status | None, Query(description="The status to be reached; by default `closed`.")
    ] = None,
    resolution: Annotated[
        Resolution | None,
        Query(description="By default the ticket's own, or `fixed` while it has none."),
    ] = None,
) -> JsonResponse:
    """Show what a step would ask for, and how the ticket stands to it.

    What comes with the step itself, a reason or a commit, counts as missing here. A remedy without
    `needs` is a call that you may make yourself.
    """
    gate = await services.gates.gate(actor, key, to, resolution)
    return JsonResponse([requirement.as_body() for requirement in gate])


@router.get("/tickets/{key}/next", **answers(NextOut, 200, 404))
async def show_next(actor: Reader, services: Services, key: TicketKey) -> JsonResponse:
    """Show the one call that brings a ticket on, for your account.

    Towards `proven`, and then closed: of what is still missing the first that you may do yourself,
    with its body filled in as far as it is known. `needs` says who may where you may not,
    `waiting_for` what has to happen where no call helps.
    """
    return JsonResponse((await services.gates.next_step(actor, key)).as_body())


@router.put("/tickets/{key}/testability", **answers(TicketOut, 200, 404))
async def set_testability(
    actor: Reviewer, services: Services, key: TicketKey, body: TestabilityIn
) -> JsonResponse:
    """Say whether a test can decide a ticket's claim.

    For one that is `not-testable` the gate asks for a commit instead of evidence. It is an
    opinion beside the document, as a review is: the version stays as it is, `If-Match` is not
    needed.
    """
    ticket = await services.gates.set_testability(actor, key, body.state, body.reason)
    caller = await services.client_code.caller(actor, ticket)
    return with_etag(ticket_body(ticket, caller), ticket.etag)
