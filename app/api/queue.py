"""The review queue: what wants a specialist's review, and leases of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page
from app.api.payloads.queue import (
    ClaimIn,
    ClaimOut,
    QueuePageOut,
    ReleaseIn,
    ReleaseOut,
    leased_body,
    queued_body,
)
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader, Reviewer

router = new_router("review queue", "/review-queue")


@router.get("", **answers(QueuePageOut, 200))
async def list_review_queue(
    actor: Reader,
    services: Services,
    page: Page,
    specialist: Annotated[
        str | None,
        Query(max_length=40, description="Left out: the only one your account speaks for."),
    ] = None,
) -> JsonResponse:
    """List tickets that want a specialist's review.

    These are the tickets that are neither closed nor `wont-fix`, have no current review of the
    specialist that holds for their present content, and are not leased by somebody else. The
    gravest come first, and among those the oldest: what has waited longest is not starved by
    what is filed anew. Your own leases show `lease`.
    """
    after = page.position
    found = await services.queue.page(actor, specialist, after=after, limit=page.enough)
    return page.answer(found, lambda one: one[0], lambda one: queued_body(one[1]))


@router.post("/claim", **answers(ClaimOut, 200))
async def claim_reviews(actor: Reviewer, services: Services, body: ClaimIn) -> JsonResponse:
    """Lease tickets to review, so that nobody else reviews them meanwhile.

    With `count` these are tickets that nobody holds, your account included: agents that share an
    account get different ones. With `keys` they are the named ones, and your own leases of them
    begin anew; those that somebody else holds or that want no review any more are missing from
    the answer. Recording the review ends the lease, and so does its time.
    """
    if body.keys is None:
        specialist, leased = await services.queue.claim(
            actor, body.specialist, count=body.count, minutes=body.minutes
        )
    else:
        specialist, leased = await services.queue.claim_named(
            actor, body.specialist, body.keys, minutes=body.minutes
        )
    items = [
        leased_body(one, await services.client_code.caller(actor, one.ticket)) for one in leased
    ]
    return JsonResponse({"specialist": specialist, "items": items})


@router.post("/release", **answers(ReleaseOut, 200))
async def release_reviews(actor: Reviewer, services: Services, body: ReleaseIn) -> JsonResponse:
    """Give leased tickets back, so that others can have them at once."""
    specialist, released = await services.queue.release(actor, body.specialist, body.keys)
    return JsonResponse({"specialist": specialist, "released": released})
