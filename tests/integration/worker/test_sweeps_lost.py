"""Sweeps whose worker is lost, that two processes want at once, and that a maintainer overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.sweeps import Judgement, SweepStatus, SweepVerdict
from app.services.catalogue import CatalogueService
from app.services.execution import Slot
from app.services.sweeping import SweepAssignment
from app.worker.sweeps import SweepExecutor
from tests.integration.worker.test_sweeps import TICKETS, Field, made, package
from tests.support.api import running_api
from tests.support.repositories import MadeRepository

pytestmark = pytest.mark.anyio
__all__ = ["made"]  # the repository, as a fixture


@pytest.fixture
async def field(made: MadeRepository, database: str, shared: Any) -> AsyncIterator[Field]:
    """A service without a worker: the test takes its steps."""
    targets = made.folder.parent / "targets.toml"
    async with running_api(database, shared=shared, sweeps=True, targets=targets) as api:
        await api.call("POST", "/targets/acme/sync", expect=200)
        for key in TICKETS:
            await api.file(key=key, batch=8, domains=["acme"])
        yield Field(api, made)


async def taken(field: Field, name: str) -> SweepAssignment:
    factory = field.api.factory
    number = await factory.worker_states.register()
    found = await factory.sweeping.take(Slot(name, number), ("acme",))
    assert found is not None
    return found


async def asked(field: Field) -> str:
    answer = await field.api.call("POST", "/sweeps", json={"target": "acme"}, expect=202)
    return str(answer.json()["id"])


async def test_what_a_lost_worker_said_is_said_once(field: Field) -> None:
    await field.close(TICKETS[0])
    field.made.commit(package("one"))
    await field.api.call("POST", "/targets/acme/sync", expect=200)
    factory, sweeping = field.api.factory, field.api.factory.sweeping
    lost = await taken(field, "lost")
    held = Judgement(SweepVerdict.HELD)
    assert await sweeping.say_held(lost, [(lost.tickets[1], held)])
    await factory.worker_states.rescue(0.0)

    second = await taken(field, "second")
    assert (second.sweep.id, second.sweep.attempt) == (lost.sweep.id, 2)
    assert [one.key for one in second.tickets] == [TICKETS[0], TICKETS[2], TICKETS[3]]
    # The lost one comes back, and nothing that it says counts any more.
    assert not await sweeping.say_held(lost, [(lost.tickets[2], held)])
    assert not await sweeping.end(lost, SweepStatus.FINISHED)

    await SweepExecutor(factory, "second").execute(second)
    sweep = await field.over(str(second.sweep.id))
    assert await field.verdicts(sweep) == {
        TICKETS[1]: "held",
        TICKETS[0]: "regressed",
        TICKETS[2]: "held",
        TICKETS[3]: "held",
    }
    runs = (await field.api.get(f"/runs?ticket={TICKETS[0]}"))["items"]
    assert len(runs) == 1


async def test_a_sweep_that_costs_three_workers_is_given_up(field: Field) -> None:
    sweep_id = await asked(field)
    for name in ("first", "second", "third"):
        await taken(field, name)
        await field.api.factory.worker_states.rescue(0.0)
    number = await field.api.factory.worker_states.register()
    assert await field.api.factory.sweeping.take(Slot("fourth", number), ("acme",)) is None

    found = await field.api.get(f"/sweeps/{sweep_id}")
    assert (found["status"], "lost 3 times" in found["reason"]) == ("cancelled", True)


async def test_two_that_see_a_change_at_once_ask_for_one_sweep(field: Field) -> None:
    factory = field.api.factory
    field.made.commit(package("two"))
    others = [
        CatalogueService(
            factory.unit,
            factory.target("acme"),
            factory.collect,
            factory.sources,
            factory.places,
            sweeps=True,
        )
        for _ in range(3)
    ]
    await asyncio.gather(*(one.in_step() for one in others))

    assert len((await field.api.get("/sweeps?target=acme"))["items"]) == 1


async def test_what_waits_is_overtaken_by_what_comes_into_force(field: Field) -> None:
    for broken in ("one", "two"):
        field.made.commit(package(broken))
        await field.api.call("POST", "/targets/acme/sync", expect=200)

    newest, older = (await field.api.get("/sweeps?target=acme"))["items"]
    assert (older["status"], newest["status"]) == ("cancelled", "queued")
    assert newest["previous"] == older["revision"]


@pytest.mark.parametrize("before", ["open", "closed"])
async def test_a_maintainer_who_closes_meanwhile_is_not_overruled(
    field: Field, before: str
) -> None:
    if before == "closed":
        await field.close(TICKETS[0])
    field.made.commit(package("one"))
    await field.api.call("POST", "/targets/acme/sync", expect=200)
    sweep = await taken(field, "worker")
    if before == "closed":
        await field.api.call(
            "POST", f"/tickets/{TICKETS[0]}/transitions", json={"to": "open"}, expect=200
        )
    await field.close(TICKETS[0])
    await SweepExecutor(field.api.factory, "worker").execute(sweep)

    found = await field.verdicts(await field.over(str(sweep.sweep.id)))
    assert found[TICKETS[0]] == ("held-by-decision" if before == "closed" else "held")
    assert await field.status(TICKETS[0]) == "closed"
