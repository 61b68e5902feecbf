"""Path, query and header parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Query
from pydantic import AfterValidator

from app.api.payloads.fields import Digits
from app.api.payloads.filters import Word, ticket_filter
from app.domain import keys
from app.domain.filters import TicketFilter
from app.domain.runs import RunFilter, RunKind, RunOutcome, RunStatus
from app.errors import NotFound


def _ticket_key(key: str) -> str:
    stored = keys.canonical(key)
    if not keys.is_key(stored, allow_copy=True):
        raise NotFound(f"{key[:60]!r} is no ticket key; keys look like B2-DRL-10.")
    return stored


def id_of(kind: str, name: str = "") -> Any:
    """Return the dependency that reads the id of a path; what is none is not found.

    Args:
        kind: what the id is of, as an error says it.
        name: what it is of, as the contract describes it, where that differs.
    """

    async def read(id: str = Path(description=f"The {name or kind}'s id.")) -> UUID:
        try:
            return UUID(id)
        except ValueError:
            raise NotFound(f"There is no {kind} {id[:60]!r}.") from None

    return Depends(read)


TicketKey = Annotated[
    str,
    Path(description="The ticket's key.", examples=["B2-DRL-10"]),
    # No dependency: the framework takes as long over one as over all parameters of a call.
    AfterValidator(_ticket_key),
]
RunId = Annotated[UUID, id_of("run")]
SweepId = Annotated[UUID, id_of("sweep")]
LinkId = Annotated[UUID, id_of("linked test", "link")]
ReviewId = Annotated[UUID, id_of("review")]
NoteId = Annotated[UUID, id_of("note")]
TokenId = Annotated[UUID, id_of("token")]

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
