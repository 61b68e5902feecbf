"""Path, query and header parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query
from pydantic import BeforeValidator

from app.api.payloads.fields import Domain
from app.api.payloads.reviews import GivenVerdict
from app.domain import keys
from app.domain.evidence import EvidenceState
from app.domain.relocated import PlaceState
from app.domain.runs import RunKind, RunOutcome, RunStatus
from app.domain.strength import STRENGTH_FORM
from app.domain.tickets import Category, Resolution, Severity, Status
from app.errors import NotFound
from app.storage.runs import RunFilter
from app.storage.ticket_lists import TicketFilter


async def _ticket_key(
    key: Annotated[str, Path(description="The ticket's key.", examples=["B2-DRL-10"])],
) -> str:
    stored = keys.canonical(key)
    if not keys.is_key(stored, allow_copy=True):
        raise NotFound(f"{key[:60]!r} is no ticket key; keys look like B2-DRL-10.")
    return stored


def _digits(value: object) -> object:
    # The parser of numbers would also take signs, spaces, underscores and fractions of nought.
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("should be a whole number, written in digits only")
    return value


Digits = BeforeValidator(_digits)
"""Of an integer in a query: digits, and nothing else."""


def _uuid(kind: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no {kind} {text[:60]!r}.") from None


async def _run_id(
    id: Annotated[str, Path(description="The run's id.")],  # the path's word
) -> UUID:
    return _uuid("run", id)


async def _sweep_id(
    id: Annotated[str, Path(description="The sweep's id.")],  # the path's word
) -> UUID:
    return _uuid("sweep", id)


async def _link_id(
    id: Annotated[str, Path(description="The link's id.")],  # the path's word
) -> UUID:
    return _uuid("linked test", id)


async def _review_id(id: Annotated[str, Path(description="The review's id.")]) -> UUID:
    return _uuid("review", id)


async def _note_id(id: Annotated[str, Path(description="The note's id.")]) -> UUID:
    return _uuid("note", id)


async def _token_id(
    id: Annotated[str, Path(description="The token's id.")],  # the path's word
) -> UUID:
    return _uuid("token", id)


TicketKey = Annotated[str, Depends(_ticket_key)]
RunId = Annotated[UUID, Depends(_run_id)]
SweepId = Annotated[UUID, Depends(_sweep_id)]
LinkId = Annotated[UUID, Depends(_link_id)]
ReviewId = Annotated[UUID, Depends(_review_id)]
NoteId = Annotated[UUID, Depends(_note_id)]
TokenId = Annotated[UUID, Depends(_token_id)]

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that the ticket was read with.", max_length=200),
]
Limit = Annotated[int, Digits, Query(ge=1, le=200, description="How many items a page has.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next_cursor` of the page before.")
]
TargetQuery = Annotated[
    str | None,
    Query(max_length=40, description="Name of a target; left out, the bundled one."),
]
TargetName = Annotated[str, Path(max_length=40, description="Name of a target.")]
Count = Annotated[bool, Query(description="Add `total`, exact up to 1000, and `total_is`.")]
Word = Annotated[str, Query(min_length=1, max_length=200)]


Many = Query(max_length=50)
TicketOrder = Literal["-created", "created", "-updated", "severity", "key", "strength"]


async def ticket_filter(
    severity: Annotated[tuple[Severity, ...], Many] = (),
    status: Annotated[tuple[Status, ...], Many] = (),
    resolution: Annotated[tuple[Resolution, ...], Many] = (),
    batch: Annotated[tuple[Annotated[int, Digits, Query(ge=0, le=999_999)], ...], Many] = (),
    agent: Annotated[tuple[Word, ...], Many] = (),
    domain: Annotated[tuple[Domain, ...], Many] = (),
    category: Annotated[tuple[Category, ...], Many] = (),
    verdict: Annotated[tuple[GivenVerdict, ...], Many] = (),
    reviewer: Annotated[
        tuple[Word, ...],
        Query(
            max_length=50,
            description="Has a current review of this specialist; with `verdict` one that says so.",
        ),
    ] = (),
    evidence: Annotated[tuple[EvidenceState, ...], Many] = (),
    target: Annotated[
        tuple[Word, ...],
        Query(max_length=50, description="Its domains place it with this target."),
    ] = (),
    assignee: Annotated[tuple[Word, ...], Many] = (),
    created_by: Annotated[tuple[Word, ...], Many] = (),
    stale: Annotated[bool | None, Query(description="Evidence is out of date.")] = None,
    closable: Annotated[
        bool | None,
        Query(description="Open, and nothing is missing to close it as `fixed`; `false`: others."),
    ] = None,
    objected: Annotated[
        bool | None, Query(description="A current OBJECT waits for its answer.")
    ] = None,
    waived: Annotated[
        bool | None,
        Query(description="Closed as `fixed` without evidence, by a waiver or an override."),
    ] = None,
    drift: Annotated[
        bool | None, Query(description="The folder of its document and its status disagree.")
    ] = None,
    scanner: Annotated[
        tuple[Word, ...], Query(max_length=50, description="Reported by a scanner, like `bandit`.")
    ] = (),
    rule: Annotated[
        tuple[Annotated[str, Query(min_length=1, max_length=300)], ...],
        Query(max_length=50, description="Reported by this rule of a scanner, like `B602`."),
    ] = (),
    reported: Annotated[
        bool | None,
        Query(description="Scanners report it; `false`: a complete run no longer did."),
    ] = None,
    location: Annotated[
        tuple[PlaceState, ...],
        Query(max_length=5, description="What became of the code that it was filed for."),
    ] = (),
    strength: Annotated[
        tuple[Annotated[str, Query(pattern=STRENGTH_FORM)], ...],
        Query(
            max_length=20,
            description="How strong its tests are: `weak` (below 0.5), `fair` (below 0.8), "
            "`strong`, `unknown` (not measured, too few mutants, or out of date), or like `<0.8`.",
        ),
    ] = (),
    q: Annotated[str | None, Query(max_length=500, description="Words to find.")] = None,
) -> TicketFilter:
    """Gather the filters of ticket lists: OR within a field, AND between fields."""
    return TicketFilter(
        severity=severity,
        status=status,
        resolution=resolution,
        batch=batch,
        agent=agent,
        domain=domain,
        category=category,
        verdict=verdict,
        reviewer=reviewer,
        evidence=evidence,
        target=target,
        stale=stale,
        closable=closable,
        objected=objected,
        waived=waived,
        drift=drift,
        assignee=assignee,
        created_by=created_by,
        scanner=scanner,
        rule=rule,
        reported=reported,
        location=location,
        strength=strength,
        # An empty search field of a form asks for nothing.
        q=(q or "").strip() or None,
    )


async def run_filter(
    ticket: Annotated[tuple[Word, ...], Many] = (),
    status: Annotated[tuple[RunStatus, ...], Many] = (),
    outcome: Annotated[tuple[RunOutcome, ...], Many] = (),
    kind: Annotated[tuple[RunKind, ...], Many] = (),
    target: Annotated[tuple[Word, ...], Many] = (),
    requested_by: Annotated[tuple[Word, ...], Many] = (),
) -> RunFilter:
    """Gather the filters of run lists."""
    return RunFilter(
        ticket=tuple(map(keys.canonical, ticket)),
        status=status,
        outcome=outcome,
        kind=kind,
        target=target,
        requested_by=requested_by,
    )


TicketFilters = Annotated[TicketFilter, Depends(ticket_filter)]
RunFilters = Annotated[RunFilter, Depends(run_filter)]
