"""Services and stores on a database at head, on the embedded server and on another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from app.config import load_settings
from app.domain.accounts import Actor, Role
from app.domain.catalogue import TargetState
from app.factory import Factory


@pytest.fixture
async def factory(schema_database: str) -> AsyncIterator[Factory]:
    found = Factory(load_settings(data_dir="/nonexistent"), schema_database)
    async with found.unit.begin() as stores:
        target = TargetState("kasmina", "p", "s", ("kasmina",), (), datetime.now(UTC))
        await stores.catalogue.save_target(target)
    yield found
    await found.close()


@pytest.fixture
async def ada(factory: Factory) -> Actor:
    async with factory.unit.begin() as stores:
        return Actor(await stores.accounts.add("ada", Role.MAINTAINER), "request-1")


@contextmanager
def statements(factory: Factory) -> Iterator[list[str]]:
    """The statements that reach the database during the block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(factory.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(factory.engine.sync_engine, "before_cursor_execute", note)
