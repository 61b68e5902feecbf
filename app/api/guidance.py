"""What a client reads first: one page to know the service by, and its contract or a part of it."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse

from app.api.middleware import API
from app.api.openapi import document_of, part_of
from app.api.requests import StrictRoute
from app.api.responses import JsonResponse

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/llms.txt")
async def show_guide() -> PlainTextResponse:
    """Answer with the page that leads from filing to proof."""
    return PlainTextResponse(_guide(), media_type="text/plain")


@router.get(f"{API}/openapi.json")
async def show_openapi(
    request: Request, tags: Annotated[tuple[str, ...], Query(max_length=20)] = ()
) -> JsonResponse:
    """Answer with the OpenAPI document, or the part of it that has `tags`."""
    document = await document_of(request.app)
    return JsonResponse(part_of(document, _separated(tags)) if tags else document)


def _separated(tags: tuple[str, ...]) -> list[str]:
    """Return tags given one by one or with commas between."""
    return [tag.strip() for text in tags for tag in text.split(",")]


@lru_cache(maxsize=1)
def _guide() -> str:
    return (resources.files("app") / "guide.md").read_text("utf-8")
