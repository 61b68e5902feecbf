"""Audit events are never changed or removed, and roll back with what they tell of."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.accounts import Actor
from app.factory import Factory
from tests.factories.tickets import a_draft

pytestmark = pytest.mark.anyio


FORBIDDEN = (
    "UPDATE audit_events SET action = 'nothing'",
    "DELETE FROM audit_events",
    "TRUNCATE audit_events",
    "TRUNCATE tickets CASCADE",
    "TRUNCATE accounts CASCADE",
)


async def test_events_cannot_be_touched(factory: Factory, ada: Actor) -> None:
    ticket = await factory.tickets.file(ada, a_draft())

    for statement in FORBIDDEN:
        with pytest.raises(IntegrityError, match="never changed or removed"):
            await execute(factory, statement)

    events = await factory.tickets.history(ticket.key, after=0, limit=10)
    assert [event.action for event in events] == ["ticket.filed"]


async def test_an_event_says_who_did_what_in_which_request(factory: Factory, ada: Actor) -> None:
    ticket = await factory.tickets.file(ada, a_draft(title="first"))
    await factory.documents.edit(ada, ticket.key, {"title": "second"}, ticket.etag)

    filed, edited = await factory.tickets.history(ticket.key, after=0, limit=10)

    assert (filed.actor, filed.action, filed.request_id) == ("ada", "ticket.filed", "request-1")
    assert edited.changes == {"title": ["first", "second"]}
    assert filed.id < edited.id


async def test_a_change_that_fails_leaves_no_event(factory: Factory, ada: Actor) -> None:
    class Refused(Exception):
        pass

    async def change() -> None:
        async with factory.unit.begin() as stores:
            await stores.audit.record(ada, "ticket.edited")
            raise Refused

    with pytest.raises(Refused):
        await change()

    assert await execute(factory, "SELECT count(*) FROM audit_events") == 0


async def execute(factory: Factory, statement: str) -> object:
    async with factory.engine.begin() as connection:
        found = await connection.exec_driver_sql(statement)
        return found.scalar_one() if found.returns_rows else None
