"""A Markdown document that somebody brings: into the filing form, or in as an import."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Services
from app.domain.documents import (
    MAX_PATH,
    ImportItem,
    ImportOptions,
    ImportResult,
    OnConflict,
    SourceFile,
    StatusFrom,
)
from app.errors import FieldError, InvalidInput
from app.formats import tracked
from app.formats.markdown import FormatError
from app.services.reading import Reading, read
from app.web import ticket_fields
from app.web.filing import filing_page
from app.web.forms import Refused, Sent, sent
from app.web.render import page
from app.web.routing import new_router, see_other
from app.web.visitors import Maintainer, Reporter

router = new_router()

_TAKEN = (ImportResult.CREATED, ImportResult.UPDATED, ImportResult.UNCHANGED)


@router.post("/file/document")
async def fill_form(request: Request, visitor: Reporter, services: Services) -> Response:
    """Fill the filing form from a document; nothing is stored yet."""
    given = await sent(request)
    try:
        reading = await asyncio.to_thread(read, _source(given), StatusFrom.DOCUMENT)
    except FormatError as error:
        refused = Refused("document", given.values, _worded(error))
        return await filing_page(request, visitor, services, refused=refused)
    return await filing_page(
        request, visitor, services, values=_values(reading), warnings=reading.warnings
    )


def _worded(error: FormatError) -> InvalidInput:
    return InvalidInput(
        *(FieldError("/document", f"line {p.line}: {p.reason}") for p in error.problems)
    )


def _source(given: Sent) -> SourceFile:
    text = given.text("document")
    if not text:
        raise InvalidInput(FieldError("/document", "paste a document, or choose a file"))
    path = given.text("source_path")[:MAX_PATH] or None
    return SourceFile(path, f"{text}\n".encode())


def _values(reading: Reading) -> dict[str, Any]:
    """Return what a document states as the form holds it."""
    draft = tracked.draft_of(reading.held, reading.facts.key)
    return {**ticket_fields.values_of(draft), "key": draft.key or ""}


@router.post("/file/import")
async def import_document(request: Request, visitor: Maintainer, services: Services) -> Response:
    """Take a document in with its status and reviews; first it is shown what would happen."""
    given = await sent(request)
    options = _options(given)
    file = _source(given)
    (item,) = await services.imports.take(
        visitor.actor, [file], {file.path} if file.path else set(), options
    )
    if item.result in _TAKEN and item.key is not None and not options.dry_run:
        return see_other(f"/tickets/{item.key}", flash="imported")
    return _outcome(request, given, item)


def _options(given: Sent) -> ImportOptions:
    conflict, status = given.text("on_conflict"), given.text("disposition")
    return ImportOptions(
        on_conflict=OnConflict(conflict) if conflict in tuple(OnConflict) else OnConflict.FAIL,
        status_from=StatusFrom(status) if status in tuple(StatusFrom) else StatusFrom.DOCUMENT,
        dry_run=given.text("go") != "true",
    )


def _outcome(request: Request, given: Sent, item: ImportItem) -> Response:
    context = {
        "item": item,
        "possible": item.result in _TAKEN,
        "values": given.values,
    }
    return page(request, "filing/import.html", context)
