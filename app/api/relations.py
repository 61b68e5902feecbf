"""Relations between tickets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from app.api.dependencies import Services
from app.api.openapi import answers
from app.api.parameters import IfMatch, TicketKey
from app.api.payloads.parts import RelationIn, RelationOut
from app.api.responses import created
from app.api.routing import new_router
from app.api.security import Reporter
from app.domain import keys
from app.domain.tickets import Relation, RelationKind

router = new_router("tickets", "/tickets/{key}/relations")


@router.post("", status_code=201, **answers(RelationOut, 201, 404, 409, 412))
async def add_relation(
    actor: Reporter,
    services: Services,
    key: TicketKey,
    body: RelationIn,
    if_match: IfMatch = None,
) -> Response:
    """Relate a ticket to another one.

    The other ticket shows the inverse. A circle in `blocks` or `duplicate-of` is 409, and `path`
    names the tickets around it. The version of the ticket in the path counts up. `If-Match` may
    be sent, and is then obeyed.
    """
    relation = Relation(body.key, body.kind, body.note)
    ticket = await services.relations.add(actor, key, relation, if_match=if_match)
    return created(relation, f"/api/v1/tickets/{key}", etag=ticket.etag)


@router.delete("/{kind}/{other}", status_code=204, **answers(None, 204, 404, 412, 428))
async def remove_relation(
    actor: Reporter,
    services: Services,
    key: TicketKey,
    kind: RelationKind,
    other: Annotated[str, Path(description="The other ticket's key.", max_length=60)],
    if_match: IfMatch = None,
) -> Response:
    """Take a relation away, whichever of the two tickets states it.

    Needs the ETag of the ticket in the path; the new one is in the answer.
    """
    ticket = await services.relations.remove(actor, key, kind, keys.canonical(other), if_match)
    return Response(status_code=204, headers={"ETag": ticket.etag})
