"""Runs, tests and workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.api import run_streams
from app.api.dependencies import CursorCodec, Services
from app.api.parameters import RunId
from app.api.run_streams import LastEventId
from app.api.tests import catalogue_of
from app.domain import keys
from app.domain.by_hand import by_hand
from app.domain.runs import Run, RunFilter, RunKind, RunOutcome, RunStatus
from app.domain.strength import Mutant, MutantOutcome, in_order_of_need
from app.errors import InvalidInput
from app.factory import Factory
from app.web import diffs
from app.web.render import page
from app.web.revisions import history_of
from app.web.routing import new_router, see_other
from app.web.sorting import sorted_rows
from app.web.ticket import may_patch, results_of
from app.web.visitors import Maintainer, Reader, Reviewer

router = new_router()

PAGE = 50
_MOST_TESTS = 2000
_LONGEST_COMMANDS = 30_000
"""Characters of commands on a page; shortened they would be of no use."""
_TESTS_PAGE = 100
_MOST_MUTANTS = 1000
_MOST_SURVIVORS = 40


_RUN_HEADS: Mapping[str, Callable[[Run], Any]] = {
    "run": lambda run: run.kind,
    "ticket": lambda run: keys.sort_key(run.ticket),
    "outcome": lambda run: run.outcome or run.status,
    "reason": lambda run: run.reason or None,
    "by": lambda run: run.requested_by,
    "when": lambda run: run.queued_at,
}


@router.get("/runs")
async def list_runs(
    request: Request, _: Reader, services: Services, cursors: CursorCodec
) -> Response:
    """List runs, newest first."""
    params = request.query_params
    chosen = {
        "status": [w for w in params.getlist("status") if w in tuple(RunStatus)],
        "outcome": [w for w in params.getlist("outcome") if w in tuple(RunOutcome)],
        "kind": [w for w in params.getlist("kind") if w in tuple(RunKind)],
        "target": [word[:40] for word in params.getlist("target") if "\x00" not in word],
        "ticket": [
            keys.canonical(word[:60])
            for word in params.getlist("ticket")
            if word and "\x00" not in word
        ],
    }
    query = f"/runs?{sorted(chosen.items())}"
    try:
        position = cursors.read(query, params.get("cursor"))
    except InvalidInput:
        return see_other("/runs")
    after = position and (datetime.fromisoformat(position[0]), UUID(position[1]))
    wanted = RunFilter(**{name: tuple(words) for name, words in chosen.items()})
    found = await services.runs.page(wanted, after=after, limit=PAGE + 1)
    following = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        cursor = cursors.make(query, (last.queued_at.isoformat(), str(last.id)))
        following = str(request.url.include_query_params(cursor=cursor).query)
    rows, heads = sorted_rows(request, found[:PAGE], _RUN_HEADS)
    context = {
        "runs": rows,
        "heads": heads,
        "chosen": chosen,
        "first": after is None,
        "next": following and f"/runs?{following}",
        "statuses": [status.value for status in RunStatus],
        "outcomes": [outcome.value for outcome in RunOutcome],
        "live": any(run.finished_at is None for run in found[:PAGE]),
    }
    return page(request, "runs/list.html", context)


@router.get("/runs/{id}")
async def show_run(
    request: Request, visitor: Reader, services: Services, run_id: RunId
) -> Response:
    """Show a run with its arms."""
    run = await services.runs.show(run_id)
    if run.kind is RunKind.BISECTION:
        return see_other(f"/bisections/{run_id}")
    links = await services.links.of_ticket(run.ticket)
    # A test with parameters may stand for thousands; others are answered meanwhile.
    steps = await asyncio.to_thread(by_hand, run)
    context = {
        "run": run,
        "results": await asyncio.to_thread(results_of, run, links),
        "live": run.finished_at is None,
        "history": await history_of(run, services),
        "by_hand": steps,
        "mutants": await _mutants_of(services, run),
        "diffs": diffs,
        "may_patch": run.minimised is not None
        and await may_patch(visitor, services, await services.tickets.show(run.ticket)),
        "long": sum(len(step.command) for step in steps) > _LONGEST_COMMANDS,
    }
    return page(request, "runs/show.html", context)


@dataclass(frozen=True)
class Mutants:
    """Mutants of a run, as many as a page shows."""

    survivors: Sequence[Mutant]
    more: int
    """Survivors that are not shown."""
    others: Sequence[Mutant]


async def _mutants_of(services: Factory, run: Run) -> Mutants | None:
    if run.kind is not RunKind.STRENGTH:
        return None
    found = await services.mutants.page(run.id, (), after=-1, limit=_MOST_MUTANTS)
    survivors = in_order_of_need(m for _, m in found if m.outcome is MutantOutcome.SURVIVED)
    others = [m for _, m in found if m.outcome is not MutantOutcome.SURVIVED]
    more = max(0, len(survivors) - _MOST_SURVIVORS)
    return Mutants(survivors[:_MOST_SURVIVORS], more, others)


@router.get("/runs/{id}/events")
async def watch_run(
    visitor: Reader, services: Services, run_id: RunId, last_event_id: LastEventId = None
) -> Response:
    """Watch a run as server-sent events, as `GET /api/v1/runs/{id}/events` does."""
    return await run_streams.watch_run(visitor.actor, services, run_id, last_event_id)


@router.get("/runs/{id}/log")
async def read_log(visitor: Reader, services: Services, run_id: RunId) -> Response:
    """Read what a run printed."""
    return await run_streams.read_log(visitor.actor, services, run_id)


@router.post("/runs/{id}/cancel")
async def cancel_run(visitor: Reviewer, services: Services, run_id: RunId) -> Response:
    """Cancel a run."""
    run = await services.runs.cancel(visitor.actor, run_id)
    return see_other(f"/tickets/{run.ticket}#verification", flash="cancelled")


@router.get("/tests")
async def list_tests(request: Request, _: Reader, services: Services) -> Response:
    """List the tests of the suite by file."""
    params = request.query_params
    words, flaky = params.get("q", "").strip().lower()[:200], params.get("flaky") == "true"
    catalogue = catalogue_of(services, params.get("target"))
    everything = [test for _, test in await catalogue.tests(after=-1, limit=_MOST_TESTS)]
    wanted = [
        test
        for test in everything
        if (not words or words in f"{test.node_id} {' '.join(test.findings)}".lower())
        and (not flaky or test.flakes)
    ]
    wanted, heads = sorted_rows(
        request,
        wanted,
        {
            "test": lambda test: test.node_id,
            "tickets": lambda test: keys.sort_key(min(test.findings)) if test.findings else None,
            "purpose": lambda test: test.purpose,
            "outcome": lambda test: test.last_outcome,
            "flipped": lambda test: test.flakes,
        },
    )
    start = int(at) if (at := params.get("from", "")).isdecimal() and len(at) < 7 else 0
    files: dict[str, list[Any]] = {}
    for test in wanted[start : start + _TESTS_PAGE]:
        # Tests of a file stand together only while the list is in the order of files.
        files.setdefault("" if heads.by else test.path, []).append(test)
    following = request.url.include_query_params(**{"from": start + _TESTS_PAGE}).query
    context = {
        "files": files,
        "heads": heads,
        "count": len(wanted),
        "total": len(everything),
        "q": words,
        "flaky": flaky,
        "next": f"/tests?{following}" if len(wanted) > start + _TESTS_PAGE else None,
    }
    return page(request, "runs/tests.html", context)


@router.post("/tests/sync")
async def sync_tests(visitor: Maintainer, services: Services) -> Response:
    """Collect the suite anew."""
    await catalogue_of(services, None).sync(visitor.actor)
    return see_other("/tests", flash="synced")


@router.get("/workers")
async def list_workers(request: Request, _: Reader, services: Services) -> Response:
    """List the workers that gave a sign of life of late."""
    workers, heads = sorted_rows(
        request,
        await services.worker_states.all(),
        {
            "worker": lambda one: one.name,
            "runs": lambda one: one.running,
            "alive": lambda one: one.heartbeat_at,
            "since": lambda one: one.started_at,
            "python": lambda one: one.environment.get("python"),
        },
    )
    queued = await services.runs.page(
        RunFilter(status=(RunStatus.QUEUED.value, RunStatus.RUNNING.value)), after=None, limit=20
    )
    missing = await services.missing_layers()
    context = {"workers": workers, "heads": heads, "queued": queued, "missing": missing}
    return page(request, "runs/workers.html", context)
