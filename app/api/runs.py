"""Runs: trigger, show, wait, cancel."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.paging import Page, at_queued, total_body
from app.api.parameters import Count, Many, RunFilters, RunId, TicketKey
from app.api.payloads.filters import Word
from app.api.payloads.runs import (
    ResultPageOut,
    RunOut,
    RunPageOut,
    TriggerIn,
    is_large,
    result_body,
    run_body,
    run_summary,
)
from app.api.responses import JsonResponse
from app.api.routing import new_router
from app.api.security import Reader, Reviewer
from app.domain.runs import TestOutcome

router = new_router("verification")


@router.post("/tickets/{key}/runs", status_code=202, **answers(RunOut, 202, 404, 409))
async def trigger_run(
    actor: Reviewer, services: Services, key: TicketKey, body: TriggerIn
) -> JsonResponse:
    """Run the tests of a ticket.

    A `check` runs them on the bundled package. A `proof` runs them on a defective package, where
    they must fail, and on the sound one, where they must pass, with the rest of the suite beside.
    Two revisions of a git repository are such packages, too (`before`, `after`): nobody wrote them
    to please a test.
    A run that measures `strength` changes one place after another of what the ticket is about and
    tells which changes the tests notice; it needs linked tests that pass, and touches no evidence.
    One that is to `minimise` leaves parts of the fix patch out, hunks and then lines, as long as
    the same tests pass and no other breaks. What is left is offered, and stored nowhere.
    Everything the run depends on is frozen now. `Location` is where to look for the result.
    """
    run = await services.runs.trigger(
        actor,
        key,
        body.kind,
        tests=body.tests,
        repeats=body.repeat,
        force=body.force,
        budget_s=body.budget_s,
        scope=body.scope,
        patch=body.patch,
        wanted=body.wanted,
        target=body.target,
    )
    headers = {"Location": f"/api/v1/runs/{run.id}"}
    return JsonResponse(run_body(run), 202, headers)


@router.get("/runs", **answers(RunPageOut, 200))
async def list_runs(
    _: Reader,
    services: Services,
    wanted: RunFilters,
    page: Page,
    count: Count = False,
) -> JsonResponse:
    """List runs, newest first."""
    found = await services.runs.page(wanted, after=page.after_time, limit=page.enough)
    total = total_body(*await services.runs.count(wanted)) if count else {}
    return page.answer(found, at_queued, run_summary, **total)


@router.get("/runs/{id}", **answers(RunOut, 200, 404))
async def show_run(
    _: Reader,
    services: Services,
    run_id: RunId,
    wait: Annotated[
        float, Query(ge=0, le=60, description="Seconds to wait for the run to end.")
    ] = 0,
) -> JsonResponse:
    """Show a run with its arms and results; with `wait` as soon as it has ended."""
    run = await (services.runs.wait(run_id, wait) if wait else services.runs.show(run_id))
    if is_large(run):
        return await asyncio.to_thread(lambda: JsonResponse(run_body(run)))
    return JsonResponse(run_body(run))


@router.get("/runs/{id}/results", **answers(ResultPageOut, 200, 404))
async def list_results(
    _: Reader,
    services: Services,
    run_id: RunId,
    page: Page,
    arm: Annotated[tuple[Word, ...], Many] = (),
    outcome: Annotated[tuple[TestOutcome, ...], Many] = (),
) -> JsonResponse:
    """List the results of a run, arm by arm, in the order in which they came.

    A page ends early where results are long. There are none before the run has ended.
    """
    arm_at, test_at = page.position or (-1, -1)
    found, more = await services.runs.results(
        run_id, arms=arm, outcomes=outcome, after=(arm_at, test_at), limit=page.limit
    )
    body = {"items": list(map(result_body, found))}
    return page.response(body, found[-1].position if more else None)


@router.post("/runs/{id}/cancel", **answers(RunOut, 200, 404, 409))
async def cancel_run(actor: Reviewer, services: Services, run_id: RunId) -> JsonResponse:
    """Cancel a run; what its worker has started is stopped."""
    return JsonResponse(run_body(await services.runs.cancel(actor, run_id)))
