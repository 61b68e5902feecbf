"""The examples, loaded by a button: in the background, for maintainers, and safe to repeat."""

from __future__ import annotations

import pytest

from app.domain.targets import EXAMPLE
from app.web.examples import shipped
from tests.support.api import Api
from tests.support.pages import said_by, visiting

pytestmark = pytest.mark.anyio


async def test_examples_are_filed_reviewed_and_queued_and_nothing_twice(api: Api) -> None:
    one, two = (await shipped(api.factory))[:2]
    own = await api.file(key=two.key, title="somebody's own")
    service = api.factory.examples
    actor = await api.factory.accounts.authenticate(api.tokens["admin"], None)

    for _ in range(2):
        service.start(actor, [one, two])
        service.start(actor, [one, two])  # pressed twice: nothing more
        async for progress in service.watch([one, two]):
            if not progress.under_way:
                break

    assert (progress.filed, progress.left_alone, progress.problems) == (1, {two.key}, {})
    assert (progress.waiting, progress.ended, progress.complete) == (1, 1, False)
    ticket = await api.get(f"/tickets/{one.key}")
    assert {r["specialist"] for r in ticket["reviews"]} == {r.specialist for r in one.reviews}
    assert set(ticket["patches"]) == set(one.patches)
    assert len((await api.get(f"/runs?ticket={one.key}"))["items"]) == 1
    assert (await api.get(f"/tickets/{two.key}"))["title"] == own["title"]


async def test_the_button_is_for_maintainers_and_the_page_says_how_far_it_is(api: Api) -> None:
    await api.account("ada", "reviewer", speaks_for=("pytorch",))

    async with visiting(api, "ada") as visitor:
        assert 'action="/examples"' not in await visitor.see("/")
        refused = await visitor.send("/examples", {})
    async with visiting(api) as visitor:
        assert 'action="/examples"' in await visitor.see("/")
        before = await visitor.see("/examples")
        answer = await visitor.send("/examples", {})
        running = await visitor.see("/examples")
        await api.factory.examples.close()
        async with visitor.client.stream("GET", "/examples/events") as events:
            kind = events.headers["content-type"]

    assert refused.status_code == 403
    assert "None of them is loaded." in before
    assert (answer.headers["location"], said_by(answer)) == ("/examples", "loading")
    assert 'data-follow="/examples/events"' in running
    assert '<meta http-equiv="refresh"' in running
    assert kind.startswith("text/event-stream")


async def test_each_file_is_an_example_with_its_patches(api: Api) -> None:
    examples = await shipped(api.factory)

    assert len(examples) > 30
    assert all(example.reviews for example in examples)
    assert all(example.patches for example in examples if not example.key.startswith("SHOW-"))
    seen: set[str] = set()
    for example in examples:
        known = {relation.key for relation in example.ticket.relations}
        assert known & {e.key for e in examples} <= seen
        seen.add(example.key)


async def test_a_target_of_the_examples_is_declared_where_it_can_be_run(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.factory.settings, "workers", 0)
    assert "SHOW-08" not in {example.key for example in await shipped(api.factory)}

    repository = api.factory.settings.target_root / "examples" / f"{EXAMPLE}.git"
    for _ in range(2):
        await api.factory.catalogues.declare_copy(repository)

    assert "SHOW-08" in {example.key for example in await shipped(api.factory)}
    await api.factory.catalogues.of(EXAMPLE).sync()
    target = await api.get(f"/targets/{EXAMPLE}")
    assert (target["kind"], target["domains"], target["state"]) == ("git", [EXAMPLE], "ok")
    assert (await api.file(domains=[]))["evidence"]["state"] == "none"  # with kasmina, as before
