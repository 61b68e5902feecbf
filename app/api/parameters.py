"""Path, query and header parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query

from app.api.payloads.fields import Domain
from app.api.payloads.reviews import GivenVerdict
from app.domain import keys
from app.domain.evidence import EvidenceState
from app.domain.runs import RunKind, RunOutcome, RunStatus
from app.domain.tickets import Category, Resolution, Severity, Status
from app.errors import NotFound
from app.storage.runs import RunFilter
from app.storage.ticket_lists import TicketFilter


async def _ticket_key(
    key: Annotated[str, Path(description="The ticket's key.", examples=["B2-DRL-10"])],
) -> str:
    if not keys.is_key(key, allow_copy=True):
        raise NotFound(f"{key[:60]!r} is no ticket key; keys look like B2-DRL-10.")
    return key


def _uuid(kind: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no {kind} {text[:60]!r}.") from None


async def _run_id(
    id: Annotated[str, Path(description="The run's id.")],  # the path's word
) -> UUID:
    return _uuid("run", id)


async def _link_id(
    id: Annotated[str, Path(description="The link's id.")],  # the path's word
) -> UUID:
    return _uuid("linked test", id)


async def _review_id(id: Annotated[str, Path(description="The review's id.")]) -> UUID:
    return _uuid("review", id)


async def _token_id(
    id: Annotated[str, Path(description="The token's id.")],  # the path's word
) -> UUID:
    return _uuid("token", id)


TicketKey = Annotated[str, Depends(_ticket_key)]
RunId = Annotated[UUID, Depends(_run_id)]
LinkId = Annotated[UUID, Depends(_link_id)]
ReviewId = Annotated[UUID, Depends(_review_id)]
TokenId = Annotated[UUID, Depends(_token_id)]

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that the ticket was read with.", max_length=200),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many items a page has.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next_cursor` of the page before.")
]
Count = Annotated[bool, Query(description="Add `total`, exact up to 1000, and `total_is`.")]
Word = Annotated[str, Query(min_length=1, max_length=200)]


def _none() -> list[Any]:
    # Not `list` itself: whether a default takes an argument is asked anew for each request, and
    # of what is built in that is read from its documentation.
    return []


Many = Query(default_factory=_none, max_length=50)
TicketOrder = Literal["-created", "created", "-updated", "severity", "key"]


async def ticket_filter(
    severity: Annotated[list[Severity], Many],
    status: Annotated[list[Status], Many],
    resolution: Annotated[list[Resolution], Many],
    batch: Annotated[list[Annotated[int, Query(ge=0, le=999_999)]], Many],
    agent: Annotated[list[Word], Many],
    domain: Annotated[list[Domain], Many],
    category: Annotated[list[Category], Many],
    verdict: Annotated[list[GivenVerdict], Many],
    evidence: Annotated[list[EvidenceState], Many],
    assignee: Annotated[list[Word], Many],
    created_by: Annotated[list[Word], Many],
    stale: Annotated[bool | None, Query(description="Evidence is out of date.")] = None,
    closable: Annotated[
        bool | None,
        Query(description="Open, and nothing is missing to close it as `fixed`; `false`: others."),
    ] = None,
    drift: Annotated[
        bool | None, Query(description="The folder of its document and its status disagree.")
    ] = None,
    q: Annotated[str | None, Query(max_length=500, description="Words to find.")] = None,
) -> TicketFilter:
    """Gather the filters of ticket lists: OR within a field, AND between fields."""
    return TicketFilter(
        severity=tuple(severity),
        status=tuple(status),
        resolution=tuple(resolution),
        batch=tuple(batch),
        agent=tuple(agent),
        domain=tuple(domain),
        category=tuple(category),
        verdict=tuple(verdict),
        evidence=tuple(evidence),
        stale=stale,
        closable=closable,
        drift=drift,
        assignee=tuple(assignee),
        created_by=tuple(created_by),
        # An empty search field of a form asks for nothing.
        q=(q or "").strip() or None,
    )


async def run_filter(
    ticket: Annotated[list[Word], Many],
    status: Annotated[list[RunStatus], Many],
    outcome: Annotated[list[RunOutcome], Many],
    kind: Annotated[list[RunKind], Many],
    requested_by: Annotated[list[Word], Many],
) -> RunFilter:
    """Gather the filters of run lists."""
    return RunFilter(
        ticket=tuple(ticket),
        status=tuple(status),
        outcome=tuple(outcome),
        kind=tuple(kind),
        requested_by=tuple(requested_by),
    )


TicketFilters = Annotated[TicketFilter, Depends(ticket_filter)]
RunFilters = Annotated[RunFilter, Depends(run_filter)]
