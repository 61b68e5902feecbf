"""Locations of tickets, looked up in a checkout that is no target."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from app.api import uploads
from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import TicketFilters
from app.api.payloads.relocations import RelocationsOut, relocation_body
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader

router = new_router("verification")

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/relocations", openapi_extra=_BODY, **answers(RelocationsOut, 200, 413, 415))
async def relocate(
    request: Request, _: Reader, services: Services, wanted: TicketFilters
) -> JsonResponse:
    """Look locations of tickets up in a checkout, which comes as a zip archive of its files.

    Paths are relative to the root of the code. Takes the filters of the list; nothing is stored. At
    most 5000 files and 64 MiB.
    """
    files = await uploads.checkout(request)
    found = await services.places.in_checkout(files, wanted)
    return JsonResponse({"items": list(map(relocation_body, found)), "next_cursor": None})
