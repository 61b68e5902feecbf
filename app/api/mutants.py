"""Mutants of a run that measures strength, and verdicts on those that survive."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page
from app.api.parameters import Many, RunId
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
    _: Reader,
    services: Services,
    run_id: RunId,
    page: Page,
    outcome: Annotated[tuple[MutantOutcome, ...], Many] = (),
) -> JsonResponse:
    """List the mutants of a run that measures strength, also while it goes on."""
    after = page.after(-1)
    found = await services.mutants.page(run_id, outcome, after=after, limit=page.enough)
    return page.answer(found, lambda one: one[:1], lambda one: mutant_body(one[1]))


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
