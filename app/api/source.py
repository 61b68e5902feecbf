"""The code that tickets speak about."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.payloads.source import SourceFilesOut, SourceOut
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader
from app.domain.source import LineRange, parse_range
from app.errors import FieldError, InvalidInput

router = new_router("verification", "/source")

TargetName = Annotated[
    str | None,
    Query(
        max_length=100, description="The target; left out: the bundled one.", examples=["kasmina"]
    ),
]


@router.get("", **answers(SourceOut, 200, 404))
async def show_source(
    _: Reader,
    services: Services,
    path: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description="Below the target's packages or its suite, relative to its root.",
            examples=["kasmina/blend_ops.py"],
        ),
    ],
    target: TargetName = None,
    lines: Annotated[
        str | None, Query(max_length=40, description="Like `59` or `59-94`.", examples=["59-94"])
    ] = None,
    revision: Annotated[
        str | None, Query(max_length=100, description="Of a target that has revisions.")
    ] = None,
) -> JsonResponse:
    """Show lines of a file of the package under test or of its suite, as it is now.

    At most 1000 lines come at once; `next_line` says where to go on. `digest` names the whole
    file, so that an opinion can say what it was formed on.
    """
    wanted = None if lines is None else _range(lines)
    return JsonResponse(await services.source.read(path, wanted, target=target, revision=revision))


@router.get("/files", **answers(SourceFilesOut, 200, 404))
async def list_source_files(
    _: Reader, services: Services, target: TargetName = None
) -> JsonResponse:
    """List the files of a target that can be read."""
    name, files = await services.source.files(target=target)
    return JsonResponse({"target": name, "items": files, "next_cursor": None})


def _range(text: str) -> LineRange:
    try:
        return parse_range(text)
    except ValueError as error:
        raise InvalidInput(FieldError("/lines", str(error), location="query")) from None
