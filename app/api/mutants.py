"""Mutants of a run that measures strength, and verdicts on those that survive."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from app.api.cursors import page_response, query_of
from app.api.dependencies import CursorCodec, Services
from app.api.openapi import answers
from app.api.parameters import Cursor, Limit, Many, RunId
from app.api.payloads.mutants import MutantOut, MutantPageOut, MutantVerdictIn, mutant_body
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader, Reviewer
from app.domain.strength import MutantOutcome
from app.errors import NotFound

router = new_router("verification")

Digest = Annotated[str, Path(description="The mutant's digest.", examples=["9f2c" * 16])]
_DIGEST_CHARS = 64


@router.get("/runs/{id}/mutants", **answers(MutantPageOut, 200, 404))
async def list_mutants(
    request: Request,
    _: Reader,
    services: Services,
    cursors: CursorCodec,
    run_id: RunId,
    outcome: Annotated[tuple[MutantOutcome, ...], Many] = (),
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JsonResponse:
    """List the mutants of a run that measures strength, also while it goes on."""
    query = query_of(request)
    position = cursors.read(query, cursor)
    after = -1 if position is None else int(position[0])
    found = await services.mutants.page(run_id, outcome, after=after, limit=limit + 1)
    more = cursors.make(query, (found[limit - 1][0],)) if len(found) > limit else None
    body = {"items": [mutant_body(mutant) for _, mutant in found[:limit]]}
    return page_response(request, body, more)


@router.put("/mutants/{digest}/verdict", **answers(MutantOut, 200, 404, 409))
async def judge_mutant(
    actor: Reviewer, services: Services, digest: Digest, body: MutantVerdictIn
) -> JsonResponse:
    """Say of a survivor that it changes nothing, or that no test is wanted for it.

    The verdict is kept by what the mutant changes in its function, so it outlives runs. It may be
    replaced by the other one.
    """
    if len(digest) != _DIGEST_CHARS:
        raise NotFound(f"No run has had a mutant {digest[:_DIGEST_CHARS]!r}.")
    return JsonResponse(
        mutant_body(await services.mutants.judge(actor, digest, body.verdict, body.reason))
    )
