"""What becomes of a review: applied, answered, confirmed; and many reviews at once."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import ReviewId, TicketKey
from app.api.payloads.batch import Unreadable
from app.api.payloads.review_outputs import BatchReviewsOut, ReviewOut
from app.api.payloads.reviews import AnswerIn, BatchReviewIn, BatchReviewsIn, ConfirmIn
from app.api.payloads.tickets import TicketOut, ticket_body
from app.api.problems import body_model, invalid_input, problem_body
from app.api.responses import JsonResponse, with_etag
from app.api.routing import new_router
from app.api.security import Maintainer, Reviewer
from app.domain.accounts import Actor
from app.domain.reviews import Review
from app.errors import FieldError, FindingsError, InvalidInput
from app.factory import Factory

router = new_router("reviews")


@router.post("/tickets/{key}/reviews/{id}/apply", **answers(TicketOut, 200, 404, 409))
async def apply_review(
    actor: Maintainer, services: Services, key: TicketKey, review_id: ReviewId
) -> JsonResponse:
    """Take a review's amendment into the ticket.

    The amendment is a merge patch of the document; a review without one that proposes a severity
    stands for that. The applied review stays current. So do the others when of the content only
    the severity changed; otherwise they are outdated until their authors confirm them. An
    outdated review cannot be applied before it is confirmed. Answers the ticket as it is now.
    """
    ticket = await services.amendments.apply(actor, key, review_id)
    caller = await services.client_code.caller(actor, ticket)
    return with_etag(ticket_body(ticket, caller), ticket.etag)


@router.post("/tickets/{key}/reviews/{id}/answer", **answers(ReviewOut, 200, 404, 409))
async def answer_review(
    actor: Reviewer, services: Services, key: TicketKey, review_id: ReviewId, body: AnswerIn
) -> JsonResponse:
    """End an open objection.

    Its author may withdraw it; a maintainer accepts or overrules it. The review itself stays as
    it was written.
    """
    review = await services.reviews.answer(actor, key, review_id, body.resolution, body.reason)
    return JsonResponse(review)


@router.post("/tickets/{key}/reviews/{id}/confirm", **answers(ReviewOut, 200, 404, 409))
async def confirm_review(
    actor: Reviewer,
    services: Services,
    key: TicketKey,
    review_id: ReviewId,
    body: ConfirmIn | None = None,
) -> JsonResponse:
    """Let an outdated review hold for the ticket's present content.

    Only its author can. A review that holds anyway is answered as it is.
    """
    version = None if body is None else body.ticket_version
    review = await services.reviews.confirm(actor, key, review_id, ticket_version=version)
    return JsonResponse(review)


@router.post("/reviews:batch", **answers(BatchReviewsOut, 200))
async def record_reviews(
    request: Request, actor: Reviewer, services: Services, body: BatchReviewsIn
) -> JsonResponse:
    """Record up to 200 reviews, each by itself.

    One that is refused does not hold up the others. Pointers in its `problem` lead into the body
    that was sent: `/items/3/verdict`.
    """
    sent = await request.json()
    # In the order of keys: two batches that lock the same tickets never wait in a ring.
    order = sorted(range(len(body.items)), key=lambda n: getattr(body.items[n], "key", ""))
    results = {
        n: await _record_one(request, services, actor, n, body.items[n], sent) for n in order
    }
    items = [results[n] for n in range(len(results))]
    return JsonResponse({"items": items})


async def _record_one(
    request: Request,
    services: Factory,
    actor: Actor,
    n: int,
    item: BatchReviewIn | Unreadable,
    sent: Any,
) -> dict[str, Any]:
    try:
        if isinstance(item, Unreadable):
            raise _unreadable(request, n, item, sent)
        review = await _recorded(services, actor, n, item)
    except FindingsError as error:
        given = sent["items"][n]
        key = given.get("key") if isinstance(given, dict) else None
        return {
            "key": key if isinstance(key, str) else None,
            "result": "refused",
            "problem": problem_body(request, error),
        }
    return {"key": item.key, "result": "recorded", "review": review}


async def _recorded(services: Factory, actor: Actor, n: int, item: BatchReviewIn) -> Review:
    try:
        return await services.reviews.record(actor, item.key, item.draft())
    except InvalidInput as error:
        raise type(error)(
            *(
                FieldError(f"/items/{n}{e.pointer}", e.detail, e.allowed, e.did_you_mean)
                for e in error.errors
            )
        ) from None


def _unreadable(request: Request, n: int, item: Unreadable, sent: Any) -> InvalidInput:
    located = [{**error, "loc": ("body", "items", n, *error["loc"])} for error in item.errors]
    return invalid_input(located, body_model(request), sent)
