"""Work orders: what is wanted of agents and people, accepted only where a run shows it done."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page, at_id
from app.api.parameters import Many, id_of
from app.api.payloads.work_orders import (
    WorkClaimIn,
    WorkClaimOut,
    WorkOrderIn,
    WorkOrderOut,
    WorkOrderPageOut,
    WorkSubmitIn,
)
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Reader, Reviewer
from app.domain.work_orders import OrderKind, OrderStatus

router = new_router("work orders", "/work-orders")


OrderId = Annotated[UUID, id_of("work order", "order")]


@router.post("", status_code=201, **answers(WorkOrderOut, 201, 404, 409))
async def place_work_order(actor: Reviewer, services: Services, body: WorkOrderIn) -> JsonResponse:
    """Ask for work on a ticket."""
    order = await services.work_orders.place(actor, body.draft())
    return created(order, f"/api/v1/work-orders/{order.id}")


@router.get("", **answers(WorkOrderPageOut, 200))
async def list_work_orders(
    _: Reader,
    services: Services,
    page: Page,
    kind: Annotated[tuple[OrderKind, ...], Many] = (),
    status: Annotated[tuple[OrderStatus, ...], Many] = (),
    ticket: Annotated[str | None, Query(max_length=60)] = None,
) -> JsonResponse:
    """List work orders, newest first."""
    found = await services.work_orders.page(
        kinds=kind, statuses=status, ticket=ticket, after=page.after_id, limit=page.enough
    )
    return page.answer(found, at_id)


@router.post("/claim", **answers(WorkClaimOut, 200))
async def claim_work_order(actor: Reviewer, services: Services, body: WorkClaimIn) -> JsonResponse:
    """Take the next order that waits: of the gravest ticket, and among those the oldest.

    Nobody else gets it until the lease ends. `order` is null where none waits.
    """
    order = await services.work_orders.claim(actor, body.kinds, body.specialist, body.minutes)
    return JsonResponse({"order": order})


@router.get("/{id}", **answers(WorkOrderOut, 200, 404))
async def show_work_order(_: Reader, services: Services, order_id: OrderId) -> JsonResponse:
    """Show a work order."""
    return JsonResponse(await services.work_orders.show(order_id))


@router.post("/{id}/submit", **answers(WorkOrderOut, 200, 404, 409))
async def submit_work_order(
    actor: Reviewer, services: Services, order_id: OrderId, body: WorkSubmitIn
) -> JsonResponse:
    """Hand in what an order wants.

    A run judges it by the rules of every run: a typo or an import error reproduces nothing. Follow
    `run`; then the order is `accepted`, `rejected` with the `reason`, or `errored` and offered
    again. What is refused at once stays yours until the lease ends.
    """
    review = None if body.review is None else body.review.draft()
    return JsonResponse(await services.work_orders.submit(actor, order_id, body.handed(), review))


@router.post("/{id}/release", **answers(WorkOrderOut, 200, 404, 409))
async def release_work_order(
    actor: Reviewer, services: Services, order_id: OrderId
) -> JsonResponse:
    """Give an order back, so that others can have it at once."""
    return JsonResponse(await services.work_orders.release(actor, order_id))
