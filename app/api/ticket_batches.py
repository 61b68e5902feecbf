"""Filing many tickets at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import Request

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.filing import BatchIn, BatchTicketIn, FiledOut, UnreadItem
from app.api.problems import invalid_input, problem_body
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reporter
from app.domain.filing import BatchItem, FiledItem
from app.errors import FindingsError, InvalidInput

router = new_router("tickets")

MAX_BODY_BYTES = 20 << 20
"""Largest body of a batch."""


@router.post("/tickets:batch", **answers(FiledOut, 200))
async def file_tickets(
    request: Request, actor: Reporter, services: Services, body: BatchIn
) -> JsonResponse:
    """File up to 500 findings in one call; the body may have 20 MiB.

    Relations may name other items by `ref`, in any direction. Items that others name are filed
    first, otherwise in their order. An item that is refused stops only those that name it, and
    `problem` says why; with `atomic` it stops all. Always answers 200, so look at each `result`.
    A dry run tells the keys as they would be.
    """
    items = [_item(item) for item in body.items]
    filed = await services.filing.file_batch(actor, items, atomic=body.atomic, dry_run=body.dry_run)
    return JsonResponse({"items": [_body(request, n, item) for n, item in enumerate(filed)]})


def _item(given: BatchTicketIn | UnreadItem) -> BatchItem:
    if isinstance(given, UnreadItem):
        errors = [{**error, "loc": ("body", *error["loc"])} for error in given.errors]
        return BatchItem(given.ref, None, error=invalid_input(errors, BatchTicketIn, given.value))
    relations = tuple(relation.relation() for relation in given.relations)
    return BatchItem(given.ref, given.draft(), relations)


def _body(request: Request, position: int, item: FiledItem) -> dict[str, Any]:
    body: dict[str, Any] = {"ref": item.ref, "key": item.key, "result": item.result}
    if item.error is not None:
        body["problem"] = problem_body(request, _located(item.error, position))
    return body


def _located(error: FindingsError, position: int) -> FindingsError:
    if not isinstance(error, InvalidInput):
        return error
    return InvalidInput(
        *(replace(e, pointer=f"/items/{position}{e.pointer}") for e in error.errors),
        detail=error.detail,
        more=error.more,
    )
