"""Services and stores on a database at head, on the embedded server and on another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

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
