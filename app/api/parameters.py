"""Path, query and header parameters that several routes share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Query

from app.api.payloads.fields import Digits
from app.api.payloads.filters import Word, ticket_filter
from app.domain import keys
from app.domain.filters import TicketFilter
from app.domain.runs import RunFilter, RunKind, RunOutcome, RunStatus
from app.errors import NotFound


async def _ticket_key(
    key: Annotated[str, Path(description="The ticket's key.", examples=["B2-DRL-10"])],
) -> str:
    stored = keys.canonical(key)
    if not keys.is_key(stored, allow_copy=True):
        raise NotFound(f"{key[:60]!r} is no ticket key; keys look like B2-DRL-10.")
    return stored


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
Many = Query(max_length=50)


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
