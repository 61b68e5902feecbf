"""Tickets in and out: documents, archives, tables, lines of JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Header, Query, Request
from starlette.responses import Response

from app.api import uploads
from app.api.dependencies import Services
from app.api.openapi import REPORT, answers, text_answers
from app.api.parameters import TicketFilters, TicketKey
from app.api.payloads.exchange import DocumentOut, ImportOut, import_body
from app.api.payloads.external import Source, WebAddress
from app.api.payloads.fields import Commit, Digits
from app.api.responses import JsonResponse, file_answer, with_etag
from app.api.routing import new_router
from app.api.security import Maintainer, Reader
from app.api.uploads import DESCRIBED, documents, lines, report, source_name
from app.domain.documents import ImportOptions, OnConflict, StatusFrom
from app.domain.exports import EXPORTS, MEANINGS, ExportName
from app.services.external import JUnitOptions
from app.services.imports import layout_named, layout_text
from app.services.scanning import ReportOptions

router = new_router("exchange")

MARKDOWN = "text/markdown; charset=utf-8"
SARIF = EXPORTS["sarif"].media_type
GUESS = "guess"
"""Asks for a layout instead of naming one."""
_AS_FILE = {
    "responses": {
        200: {
            "description": "The file, streamed.",
            "content": {
                **{
                    export.media_type.partition(";")[0]: {
                        "schema": {"type": "string", "format": "binary"}
                    }
                    for export in EXPORTS.values()
                },
                SARIF: REPORT,
            },
        }
    }
}
_AS_MARKDOWN = text_answers("text/markdown", "The document.", 404)


@router.post("/imports", openapi_extra=DESCRIBED, **answers(ImportOut, 200, 409, 413, 415))
async def import_tickets(
    request: Request,
    actor: Maintainer,
    services: Services,
    format: Annotated[  # the parameter's word
        Literal["markdown", "jsonl", "sarif", "junit"],
        Query(
            description="What the body holds: documents, a whole export (admins only), a report of "
            "scanners in SARIF 2.1.0, or one of tests in JUnit XML."
        ),
    ] = "markdown",
    dry_run: Annotated[bool, Query(description="Report everything, store nothing.")] = False,
    on_conflict: Annotated[
        OnConflict,
        Query(
            description="What to do with a document that contradicts the ticket here: `fail` "
            "reports it, `skip` passes over it, `update` takes its word, `suffix` keeps another "
            "document of the same id under `~2`."
        ),
    ] = OnConflict.FAIL,
    disposition: Annotated[
        StatusFrom,
        Query(description="Whose word the status is, where folder and document disagree."),
    ] = StatusFrom.DOCUMENT,
    layout: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=8000,
            description="Markdown of another project: the name of a layout that ships "
            "(`bold-bullets`, `front-matter`, `numbered-sections`, `title-table`), the TOML of "
            "one, or `guess`, which stores nothing, proposes one and shows what it reads.",
        ),
    ] = None,
    source_path: Annotated[
        str | None,
        Header(
            alias="X-Source-Path",
            max_length=3000,
            description="Where a single document lies, such as `fixed/B2-DRL-10.md`.",
        ),
    ] = None,
    root: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="SARIF: the folder that the code lay in; absolute URIs below it become "
            "relative.",
        ),
    ] = None,
    batch: Annotated[
        int, Digits, Query(ge=0, le=999_999, description="SARIF: of the new tickets.")
    ] = 0,
    complete: Annotated[
        bool,
        Query(
            description="SARIF: the report is of all the code, so that what it does not have, of "
            "rules that it knows, is not reported any more."
        ),
    ] = False,
    source: Annotated[
        Source | None,
        Query(description="JUnit: who reports, such as a workflow's name; else the report's own."),
    ] = None,
    commit: Annotated[
        Commit | None, Query(description="JUnit: at which the tests were run.")
    ] = None,
    url: Annotated[
        WebAddress | None, Query(description="JUnit: where more of it is shown.")
    ] = None,
) -> JsonResponse:
    """Import tickets from Markdown documents.

    One document as `text/markdown`, or many as a form or a zip archive. Each is taken in a
    transaction of its own: one that cannot be read says why, by line, and the others go on. A
    document that was imported before is compared with what it said then and with the ticket as it
    is; where both changed the same field nothing is taken. Imports pass no gate.

    Documents of another project are read by a `layout`, which says where they keep their facts.
    They are kept whole: exported without an edit they come back as the same bytes.

    `jsonl` takes a whole export in, with accounts and history: all of it or nothing, so nothing of
    it may be here already.

    `sarif` takes the results of scanners, whole or not at all, an item for each. A result that was
    imported before is the same ticket also when its code has moved. Nothing is closed by it:
    suppressions, and what a complete and successful run no longer has, come in as reviews.

    `junit` takes what CI says of tests, an item for each test. A test belongs to the tickets that
    it is linked with, and to those that a property `finding` of its case names. Such results are
    shown beside the evidence and are none: they open no gate.
    """
    if format == "jsonl":
        found = await services.transfer.restore(actor, lines(request), dry_run=dry_run)
        return JsonResponse(import_body(found))
    if format == "sarif":
        wanted = ReportOptions(source_name(source_path), root, batch, complete, dry_run)
        async with report(request, uploads.SARIF) as file:
            taken = await services.scanning.take(actor, file, wanted)
        return JsonResponse(import_body(taken))
    if format == "junit":
        of_ci = JUnitOptions(source_name(source_path), source, commit, url, dry_run)
        async with report(request, uploads.JUNIT) as file:
            told = await services.external.take(actor, file, of_ci)
        return JsonResponse(import_body(told))
    upload = await documents(request, source_path)
    options = ImportOptions(on_conflict, disposition, dry_run)
    if layout == GUESS:
        files = list(upload.files)
        proposed = await services.imports.proposed(files)
        guessed = replace(options, layout=proposed, dry_run=True, tell_read=True)
        items = await services.imports.take(actor, files, upload.paths, guessed)
        return JsonResponse(import_body(items, layout_text(proposed)))
    if layout is not None:
        options = replace(options, layout=layout_named(layout))
    items = await services.imports.take(actor, upload.files, upload.paths, options)
    return JsonResponse(import_body(items))


@router.get("/tickets/{key}.md", **_AS_MARKDOWN)
async def show_markdown(_: Reader, services: Services, key: TicketKey) -> Response:
    """Show a ticket as a Markdown document.

    One that was imported and not edited since comes back as the same bytes; after an edit only
    the lines of that edit differ.
    """
    return await markdown_of(services, key)


async def markdown_of(services: Services, key: str) -> Response:
    """Answer with the document of a ticket."""
    found = await services.exports.document(key)
    return Response(found.content, 200, {"ETag": found.etag}, MARKDOWN)


@router.get("/tickets/{key}.sarif", **text_answers(SARIF, "The report.", 404))
async def show_sarif(_: Reader, services: Services, key: TicketKey) -> Response:
    """Show a ticket as a SARIF 2.1.0 report of one result."""
    return Response(await services.exports.sarif_of(key), 200, media_type=SARIF)


@router.get("/tickets/{key}/document", **answers(DocumentOut, 200, 404))
async def show_document(_: Reader, services: Services, key: TicketKey) -> JsonResponse:
    """Show a ticket as its document words it, raw tokens beside normal ones."""
    body, etag = await services.exports.worded(key)
    return with_etag(body, etag)


@router.get("/exports", response_class=Response, **{**answers(None, 200), **_AS_FILE})
async def export_tickets(
    actor: Reader,
    services: Services,
    wanted: TicketFilters,
    format: Annotated[  # the parameter's word
        ExportName,
        Query(description=f"What the file is: {MEANINGS}."),
    ] = "markdown",
    suppressed: Annotated[
        Literal["include", "omit"],
        Query(
            description="SARIF: `omit` leaves out what is closed or suppressed, for consumers that "
            "count it all the same."
        ),
    ] = "include",
) -> Response:
    """Export tickets as a file, with the filters of the list.

    The file is streamed; its order is that of the keys.
    """
    pieces = services.exports.file(actor, format, wanted, omit=suppressed == "omit")
    return await file_answer(pieces, EXPORTS[format], "findings")
