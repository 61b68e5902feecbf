"""Cross-reviews of tickets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page, at_id
from app.api.parameters import TicketKey
from app.api.payloads.review_outputs import ReviewOut, ReviewPageOut
from app.api.payloads.reviews import ReviewIn
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Reader, Reviewer

router = new_router("reviews", "/tickets/{key}/reviews")


@router.post("", status_code=201, **answers(ReviewOut, 201, 404))
async def record_review(
    actor: Reviewer, services: Services, key: TicketKey, body: ReviewIn
) -> JsonResponse:
    """Record a specialist's cross-review.

    A later review of the same specialist supersedes the one before. A review of an older
    `ticket_version` is kept, and marked `outdated` when the content has changed since.
    """
    review = await services.reviews.record(actor, key, body.draft())
    return created(review, f"/api/v1/tickets/{key}/reviews")


@router.get("", **answers(ReviewPageOut, 200, 404))
async def list_reviews(
    _: Reader,
    services: Services,
    key: TicketKey,
    page: Page,
    all: Annotated[bool, Query(description="Superseded ones too.")] = False,  # the contract's word
) -> JsonResponse:
    """List the reviews of a ticket, oldest first."""
    found = await services.reviews.page(key, every=all, after=page.after_id, limit=page.enough)
    return page.answer(found, at_id)
