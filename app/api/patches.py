"""Patches of tickets: the fix, and the defects that its tests must catch."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request
from starlette.responses import PlainTextResponse, Response

from app.api.dependencies import Services
from app.api.openapi import answers, text_answers
from app.api.parameters import TicketKey
from app.api.payloads.tickets import PatchOut
from app.api.responses import JsonResponse, created
from app.api.routing import new_router
from app.api.security import Maintainer, Reader, Reporter
from app.errors import FieldError, InvalidInput, UnsupportedMediaType

router = new_router("verification", "/tickets/{key}/patches/{name}")

MEDIA_TYPES = ("text/x-diff", "text/x-patch", "text/plain")
PatchName = Annotated[
    str, Path(description="`fix`, `defect`, `defect-2` …", examples=["fix"], max_length=20)
]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/x-diff": {"schema": {"type": "string", "maxLength": 256 << 10}}},
    }
}


@router.put(
    "",
    status_code=201,
    openapi_extra=_BODY,
    **answers(PatchOut, 201, 404, 413, 415, also={200: "A patch of that name was replaced."}),
)
async def put_patch(
    request: Request, actor: Reporter, services: Services, key: TicketKey, name: PatchName
) -> JsonResponse:
    """Store a patch: a unified diff of Python files below the package.

    `fix` mends the defect; `defect`, `defect-2` … plant it, so that the tests can show that they
    catch it. Maintainers may store one anywhere; where every layer of isolation works, reviewers
    and the filer of an open ticket may too. Context must match exactly. Answers 201, or 200 when a
    patch of that name was replaced.
    """
    text = await _patch_text(request)
    done = await services.patches.put(actor, key, name, text)
    if not done.created:
        return JsonResponse(done.info)
    return created(done.info, f"/api/v1/tickets/{key}/patches/{name}")


@router.get("", **text_answers("text/x-diff", "The patch as it was put.", 404))
async def show_patch(_: Reader, services: Services, key: TicketKey, name: PatchName) -> Response:
    """Show the text of a patch."""
    text = await services.patches.text(key, name)
    return PlainTextResponse(text, media_type="text/x-diff")


@router.delete("", status_code=204, **answers(None, 204, 404))
async def remove_patch(
    actor: Maintainer, services: Services, key: TicketKey, name: PatchName
) -> Response:
    """Take a patch off a ticket; runs that used it keep its text."""
    await services.patches.remove(actor, key, name)
    return Response(status_code=204)


async def _patch_text(request: Request) -> str:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in MEDIA_TYPES:
        raise UnsupportedMediaType(
            f"This call reads {', '.join(MEDIA_TYPES)}, not {sent[:80] or 'nothing'!r}."
        )
    raw = await request.body()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            FieldError("", f"the patch is not UTF-8 (byte {error.start}); it may be binary")
        ) from None
