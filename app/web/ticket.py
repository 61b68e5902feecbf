"""The page of a ticket, its history and its edit form."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.dependencies import Services
from app.api.parameters import TicketKey
from app.domain import lifecycle
from app.domain.amendments import proposal_of
from app.domain.calibration import signals_of
from app.domain.gate_facts import facts_of
from app.domain.gates import GATES, evaluate, gate_of
from app.domain.knowledge import knowledge
from app.domain.mutant_tests import skeleton
from app.domain.next_step import next_step
from app.domain.node_ids import is_among
from app.domain.reviews import Review
from app.domain.runs import Run, RunStatus, TestOutcome, TestResult
from app.domain.stages import stages
from app.domain.strength import SHOWN, Mutant
from app.domain.tickets import TestLink, Ticket
from app.domain.wrong_way import wrong_way
from app.factory import Factory
from app.services.ticket_views import TicketPast, TicketView
from app.web import diffs, steps
from app.web.forms import Refused
from app.web.render import page
from app.web.revisions import history_of
from app.web.routing import new_router
from app.web.visitors import Reader, Visitor

router = new_router()

_HEAVY_CHARS = 12_000
_HEAVY_RESULTS = 500
"""A page of more is made beside the event loop; one of less is made before a thread would begin."""


@router.get("/tickets/{key}")
async def show_ticket(
    request: Request, visitor: Reader, services: Services, key: TicketKey
) -> Response:
    """Show a ticket."""
    return await ticket_page(request, visitor, services, key)


@router.get("/tickets/{key}/history")
async def show_history(request: Request, _: Reader, services: Services, key: TicketKey) -> Response:
    """Show what happened to a ticket, newest first, field by field."""
    past = await services.ticket_views.past(key)
    return await asyncio.to_thread(_history, request, past)


def _history(request: Request, past: TicketPast) -> Response:
    events = [(event, diffs.field_changes(event.changes)) for event in reversed(past.events)]
    old = [review for review in past.reviews if review.superseded_by is not None]
    context = {"ticket": past.ticket, "events": events, "superseded": old}
    return page(request, "ticket/history.html", context)


@router.get("/tickets/{key}/patches/{name}")
async def show_patch(
    request: Request, _: Reader, services: Services, key: TicketKey, name: str
) -> Response:
    """Show a patch as text, whole."""
    text = await services.patches.text(key, name)
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/t/{key}")
async def short_address(_: Reader, key: TicketKey) -> Response:
    """Lead from a short address to the ticket's page."""
    return RedirectResponse(f"/tickets/{key}", 308)


async def ticket_page(
    request: Request,
    visitor: Visitor,
    services: Factory,
    key: str,
    refused: Refused | None = None,
) -> Response:
    """Show a ticket, with the form that was refused as it was sent."""
    view = await services.ticket_views.show(key)
    guide = await guided(visitor, services, view)
    history = await history_of(view.run, services)

    def made() -> Response:
        context = {
            **ticket_context(view, services),
            **choices(visitor, view),
            **guide,
            "history": history,
            "has_history": services.revisions.has_history(view.ticket.target),
            "refused": refused,
            "values": {} if refused is None else refused.values,
            "skeleton": skeleton_for(view, request.query_params.get("test_for")),
        }
        context["forms"] = forms_key(visitor, context)
        status = 200 if refused is None else refused.problem.status
        return page(request, "ticket/show.html", context, status)

    # To lay out long texts and to compare them takes long: others are answered meanwhile.
    return await asyncio.to_thread(made) if _is_heavy(view) else made()


def forms_key(visitor: Visitor, context: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return all that the forms of a ticket's page depend on; None where one holds what was sent.

    They are most of the page and the same for all who may do the same.
    """
    if context["refused"] is not None or context["skeleton"] is not None:
        return None
    ticket, account = context["ticket"], visitor.actor.account
    named = ("own", "may_edit", "may_patch", "live", "has_history")
    lists = ("speaks_as", "steps", "own_defects", "suite_defects", "patches")
    return (
        ticket.key,
        ticket.version,
        ticket.status,
        bool(ticket.tests),
        tuple((item.id, item.text) for item in ticket.checklist),
        tuple(requirement.name for requirement in context["gate"]),
        visitor.actor.role,
        tuple(account.speaks_for),
        *(context[name] for name in named),
        *(tuple(context[name]) for name in lists),
    )


@dataclass(frozen=True)
class Survivors:
    """Mutants that a ticket's tests do not notice, as many as are read."""

    shown: Sequence[Mutant]
    more: int


def skeleton_for(view: TicketView, digest: str | None) -> str | None:
    """Return the skeleton of a test for the survivor that an address names."""
    for mutant in view.survivors:
        if mutant.digest == digest:
            return skeleton(view.ticket.key, mutant)
    return None


def _is_heavy(view: TicketView) -> bool:
    ticket = view.ticket
    texts = sum(len(section.body) for section in ticket.sections)
    texts += sum(len(review.rationale or "") for review in ticket.reviews)
    texts += sum(len(text) for text in view.patches.values())
    texts += sum(len(note.body) for note in view.beside.notes)
    results = 0 if view.run is None else sum(len(arm.results) for arm in view.run.arms)
    amends = any(review.amendment for review in ticket.reviews)
    return texts > _HEAVY_CHARS or results > _HEAVY_RESULTS or amends


async def guided(visitor: Visitor, services: Factory, view: TicketView) -> dict[str, Any]:
    """Return the stages of a ticket, what is next for the visitor, and the patches on offer."""
    ticket = view.ticket
    caller = await services.client_code.caller(visitor.actor, ticket)
    patches = await may_patch(visitor, services, ticket)
    offered = await services.source.suite_patches(ticket.target) if patches else []
    own = [path for path in offered if _plants(path, ticket.key)]
    step = next_step(ticket, caller, view.run.id if view.run and _is_live(view.run) else None)
    return {
        "stages": stages(ticket),
        "next": steps.next_for(ticket, step, own),
        "may_patch": patches,
        "own_defects": own,
        "suite_defects": [path for path in offered if path not in own],
        "wrong_way": wrong_way(ticket, view.run) if patches else (),
    }


def _plants(path: str, key: str) -> bool:
    """Tell by its name whether a patch of the suite plants the defect of a ticket."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    rest = stem.removeprefix(key)
    return rest != stem and (not rest or (rest[0] == "-" and rest[1:].isdigit()))


def _is_live(run: Run) -> bool:
    return run.status in (RunStatus.QUEUED, RunStatus.RUNNING)


def ticket_context(view: TicketView, services: Factory) -> dict[str, Any]:
    """Return what the templates need to know of a ticket."""
    ticket = view.ticket
    return {
        "ticket": ticket,
        "view": view,
        "signals": signals_of(ticket.reviews, ticket.evidence, ticket.resolution),
        "gate": gate_of(ticket),
        "gates": other_gates(ticket),
        "results": None if view.run is None else results_of(view.run, ticket.tests),
        "live": view.run is not None and _is_live(view.run),
        "known": knowledge(ticket.evidence),
        "relocated": {one.location: one for one in ticket.relocated},
        "survivors": Survivors(view.survivors[:SHOWN], max(0, len(view.survivors) - SHOWN)),
        "diffs": diffs,
        "patches": {name: diffs.patch_lines(text) for name, text in view.patches.items()},
        "amendments": {review.id: amended(ticket, review) for review in ticket.reviews},
        "tests_of": tests_by_item(ticket),
        "most_tests": Results.MOST_ROWS,
        "readable": set(filter(services.source.knows, _paths(ticket))),
    }


def _paths(ticket: Ticket) -> set[str]:
    """Return the paths that a ticket and its reviews name."""
    evidence = (item for review in ticket.reviews for item in review.evidence)
    found = {place.path for place in ticket.locations if place.path}
    return found | {item["path"] for item in evidence if "path" in item}


def choices(visitor: Visitor, view: TicketView) -> dict[str, Any]:
    """Return what the visitor's forms offer."""
    actor, ticket = visitor.actor, view.ticket
    own = ticket.created_by == actor.name
    steps = [
        status
        for status in lifecycle.allowed_from(ticket.status)
        if (step := lifecycle.step(ticket.status, status)) is not None
        and actor.role.includes(lifecycle.needed_role(step, own=own))
    ]
    return {
        "own": own,
        "may_edit": lifecycle.may_edit(actor.role, own=own, status=ticket.status),
        "speaks_as": [
            s.name for s in view.beside.specialists if actor.account.may_speak_for(s.name)
        ]
        if visitor.may("reviewer")
        else [],
        "steps": steps,
        "resolutions": lifecycle.RESOLUTIONS,
    }


async def may_patch(visitor: Visitor, services: Factory, ticket: Ticket) -> bool:
    """Tell whether the visitor may store patches of a ticket."""
    if visitor.may("maintainer"):
        return True
    own = ticket.created_by == visitor.actor.name and not ticket.status.is_final
    allowed = visitor.may("reviewer") or (own and visitor.may("reporter"))
    return allowed and await services.client_code.is_caged()


def other_gates(ticket: Ticket) -> dict[str, Any]:
    """Return how the ticket stands to the gate of every resolution."""
    facts = facts_of(ticket)
    return {resolution.value: evaluate(facts, resolution) for resolution in GATES}


@dataclass(frozen=True)
class Results:
    """The results of a run, as columns of arms."""

    MOST_ROWS: ClassVar[int] = 100
    """A table shows no more tests; one with parameters may stand for thousands."""

    linked: Mapping[str, Mapping[str, list[TestResult]]]
    """By test and arm, one result a repetition."""
    others: int
    """How many tests of the rest of the suite ran."""
    broken: Mapping[str, Mapping[str, list[TestResult]]]
    """Those of the rest that did not pass somewhere."""
    unread: int = 0
    """Results of a run of thousands that were left out; most of them passed."""

    @staticmethod
    def by_file(
        rows: Mapping[str, Mapping[str, list[TestResult]]],
    ) -> dict[str, dict[str, Mapping[str, list[TestResult]]]]:
        """Return `linked` or `broken` with the tests of a file together, `MOST_ROWS` at most."""
        shown = list(rows.items())
        if len(shown) > Results.MOST_ROWS:
            shown.sort(key=lambda row: _all_passed(row[1]))  # what passed is left out first
        files: dict[str, dict[str, Mapping[str, list[TestResult]]]] = {}
        for node_id, arms in shown[: Results.MOST_ROWS]:
            files.setdefault(node_id.partition("::")[0], {})[node_id] = arms
        return files

    @staticmethod
    def worst(found: Sequence[TestResult]) -> TestOutcome:
        """Return how a test ended in an arm: passed only where each repetition did."""
        return next(
            (one.outcome for one in found if one.outcome is not TestOutcome.PASSED),
            TestOutcome.PASSED,
        )

    @staticmethod
    def told(arms: Mapping[str, list[TestResult]]) -> list[tuple[str, TestResult]]:
        """Return what a test has to say beside its outcome.

        In each arm the first time that it ended so, and in that company where others differ.
        """
        told = []
        for arm, found in arms.items():
            seen = set()
            for result in filter(_tells, found):
                how = (result.outcome, result.cause, result.signature)
                if how not in seen:
                    seen.add(how)
                    told.append((arm, result))
        return told


def results_of(run: Run, links: Iterable[TestLink]) -> Results:
    """Return the results of a run; of the rest of the suite only what did not pass."""
    names = {link.node_id for link in links}
    linked: dict[str, dict[str, list[TestResult]]] = {}
    others: dict[str, dict[str, list[TestResult]]] = {}
    for arm in run.arms:
        for result in arm.results:
            found = linked if is_among(result.node_id, names) else others
            found.setdefault(result.node_id, {}).setdefault(arm.name, []).append(result)
    broken = {name: arms for name, arms in others.items() if not _all_passed(arms)}
    return Results(linked, len(others), broken, sum(arm.more for arm in run.arms))


def arm_counts(run: Run, results: Results) -> list[tuple[str, str, list[tuple[TestOutcome, int]]]]:
    """Return how the linked tests ended in each arm: its name, its package, how often what."""
    found = []
    for arm in run.arms:
        sign = "−" if arm.patch is not None and arm.patch.reverse else "+"
        told = "as it is" if arm.patch is None else f"{sign} {arm.patch.name}"
        ended = [arms[arm.name] for arms in results.linked.values() if arm.name in arms]
        ends = map(Results.worst, ended)
        found.append((arm.name, told, Counter(ends).most_common()))
    return found


def _tells(result: TestResult) -> bool:
    return bool(
        result.message
        or result.traceback
        or result.stdout
        or result.log
        or result.warnings
        or result.skipped_subtests
        or result.properties
    )


def _all_passed(arms: Mapping[str, list[TestResult]]) -> bool:
    return all(r.outcome is TestOutcome.PASSED for found in arms.values() for r in found)


def amended(ticket: Ticket, review: Review) -> list[diffs.FieldChange]:
    """Return what a review's amendment would change, field by field."""
    proposal: Mapping[str, Any] = proposal_of(review) or {}
    found = []
    for name, new in proposal.items():
        old = getattr(ticket, name, None)
        found.append(diffs.change(name, _plain(old), new))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return str(value) if value is not None and not isinstance(value, bool | int) else value


def tests_by_item(ticket: Ticket) -> dict[str, list[Any]]:
    """Return the linked tests behind each checklist item."""
    found: dict[str, list[Any]] = {}
    for link in ticket.tests:
        if link.checklist_item is not None:
            found.setdefault(link.checklist_item, []).append(link)
    return found
