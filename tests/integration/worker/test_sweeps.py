"""What was shown once is looked at again when what is in force changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.pages import visiting
from tests.support.repositories import MadeRepository

pytestmark = pytest.mark.anyio

TICKETS = ("B8-DRL-01", "B8-DRL-02", "B8-DRL-03", "B8-DRL-04")
NAMES = ("one", "two", "three", "four")
DECLARED = """\
[[target]]
name = "acme"
root = "acme.git"
revision = "main"
packages = ["src/acme"]
import_root = "src"
suite = "tests/findings"
domains = ["acme"]
"""


def package(*broken: str) -> dict[str, str]:
    """A package whose functions return their number, those that are broken do not."""
    lines = [
        f"def {name}():\n    return {0 if name in broken else n}\n"
        for n, name in enumerate(NAMES, 1)
    ]
    return {"src/acme/__init__.py": "\n\n".join(lines)}


def suite() -> dict[str, str]:
    lines = ["import random\n\nimport pytest\n\nimport acme\n"]
    for n, (key, name) in enumerate(zip(TICKETS, NAMES, strict=True), 1):
        lines.append(
            f'@pytest.mark.finding("{key}")\ndef test_{name}():\n    assert acme.{name}() == {n}\n'
        )
    return {"tests/findings/test_numbers.py": "\n\n".join(lines)}


class Field:
    """A repository, and a service that sweeps it."""

    def __init__(self, api: Api, made: MadeRepository) -> None:
        self.api = api
        self.made = made

    async def close(self, key: str, **more: Any) -> None:
        body = {"to": "closed", "resolution": "fixed", "override": True, "reason": "Seen."}
        await self.api.call("POST", f"/tickets/{key}/transitions", json=body | more, expect=200)

    async def swept(self) -> dict[str, Any]:
        """Look at what is in force, and return the sweep that comes of it by itself."""
        await self.api.call("POST", "/targets/acme/sync", expect=200)
        newest = (await self.api.get("/sweeps?target=acme&limit=1"))["items"][0]
        return await self.over(newest["id"])

    async def over(self, sweep_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.api.get(f"/sweeps/{sweep_id}?wait=60")
        assert found["status"] == "finished", found
        return found

    async def verdicts(self, sweep: dict[str, Any]) -> dict[str, str]:
        items = (await self.api.get(f"/sweeps/{sweep['id']}/items"))["items"]
        return {one["ticket"]: one["verdict"] for one in items}

    async def status(self, key: str) -> str:
        return str((await self.api.get(f"/tickets/{key}"))["status"])


@pytest.fixture
def made() -> Iterator[MadeRepository]:
    with short_directory() as folder:
        made = MadeRepository(folder / "acme.git")
        made.commit({**package(), **suite()}, message="All is sound")
        (folder / "targets.toml").write_text(DECLARED)
        yield made


@pytest.fixture
async def field(made: MadeRepository, database: str, shared: Any) -> AsyncIterator[Field]:
    async with running_api(
        database,
        workers=1,
        shared=shared,
        sweeps=True,
        targets=made.folder.parent / "targets.toml",
    ) as api:
        await api.call("POST", "/targets/acme/sync", expect=200)
        for key in TICKETS:
            await api.file(key=key, batch=8, domains=["acme"])
        yield Field(api, made)


async def test_a_ticket_is_opened_again_when_its_defect_comes_back(field: Field) -> None:
    for key in TICKETS[:2]:
        await field.close(key)
    broken = field.made.commit(package("one", "three"), message="Break one and three")
    sweep = await field.swept()

    assert (sweep["automatic"], sweep["revision"]) == (True, broken)
    assert await field.verdicts(sweep) == {
        TICKETS[0]: "regressed",
        TICKETS[1]: "held",
        TICKETS[2]: "held",
        TICKETS[3]: "held",
    }
    assert (sweep["counts"]["regressed"], sweep["counts"]["held"], sweep["reopened"]) == (1, 3, 1)
    assert [await field.status(key) for key in TICKETS[:2]] == ["open", "closed"]

    (item,) = (await field.api.get(f"/sweeps/{sweep['id']}/items?verdict=regressed"))["items"]
    events = (await field.api.get(f"/tickets/{TICKETS[0]}/history"))["items"]
    (moved,) = [one for one in events if one["changes"].get("sweep")]
    assert moved["actor"] == "sweep"
    assert moved["changes"]["status"] == ["closed", "open"]
    assert moved["changes"]["run"] == [None, item["run"]]
    assert moved["changes"]["revision"] == [None, broken]
    assert moved["changes"]["signature"] == [None, item["signature"]]
    run = await field.api.get(f"/runs/{item['run']}")
    assert (run["outcome"], run["requested_by"]) == ("failed", "sweep")

    async with visiting(field.api) as visitor:
        assert TICKETS[0] in (await visitor.see("/")).partition("Reopened by evidence")[2]
        shown = await visitor.see(f"/sweeps/{sweep['id']}")
        assert "opened again" in shown
        assert "Break one and three" in shown
        assert TICKETS[0] in shown and TICKETS[1] not in shown
        assert TICKETS[1] in await visitor.see(f"/sweeps/{sweep['id']}?verdict=held")
        assert sweep["id"] in await visitor.see("/sweeps")
        await visitor.see("/sweeps/1", expect=404)

    # A second look changes nothing.
    again = await field.api.call("POST", "/sweeps", json={"target": "acme"}, expect=202)
    second = await field.over(again.json()["id"])
    assert second["reopened"] == 0
    assert await field.status(TICKETS[0]) == "open"


async def test_what_held_is_told_beside_evidence_that_is_stale(field: Field) -> None:
    """A sweep decides nothing: how the tests were shown to fail is of the package before."""
    key = TICKETS[2]
    answer = await field.api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"})
    await field.api.get(f"/runs/{answer.json()['id']}?wait=60")
    field.made.commit(package("one"))
    sweep = await field.swept()

    evidence = (await field.api.get(f"/tickets/{key}"))["evidence"]
    assert (evidence["state"], evidence["stale"]) == ("passing", True)
    assert evidence["sentence"].endswith(
        "A sweep of what is in force has seen its tests end as they did."
    )
    assert (evidence["swept"]["sweep"], evidence["swept"]["verdict"]) == (sweep["id"], "held")
    async with visiting(field.api) as visitor:
        assert f"/sweeps/{sweep['id']}" in await visitor.see(f"/tickets/{key}")

    # What it said is not said of what comes into force after it.
    field.made.commit(package("one", "three"))
    sweep = await field.swept()
    evidence = (await field.api.get(f"/tickets/{key}"))["evidence"]
    assert evidence["swept"]["verdict"] == "regressed"
    assert "A sweep" not in evidence["sentence"]


async def test_a_maintainers_word_counts_for_more_at_the_same_package(field: Field) -> None:
    await field.close(TICKETS[0])
    field.made.commit(package("one"))
    await field.swept()
    await field.close(TICKETS[0])
    answer = await field.api.call("POST", "/sweeps", json={"target": "acme"}, expect=202)
    sweep = await field.over(answer.json()["id"])

    assert (await field.verdicts(sweep))[TICKETS[0]] == "held-by-decision"
    assert await field.status(TICKETS[0]) == "closed"

    field.made.commit(package("one", "two"))  # another package: evidence speaks again
    assert (await field.verdicts(await field.swept()))[TICKETS[0]] == "regressed"


async def test_an_older_revision_opens_nothing(field: Field) -> None:
    older = field.made.commit(package("one"), message="One is broken")
    await field.api.call("POST", "/targets/acme/sync", expect=200)
    fix = field.made.commit(package(), message="Repair one")
    await field.swept()
    await field.close(TICKETS[0], commits=[fix])

    answer = await field.api.call(
        "POST", "/sweeps", json={"target": "acme", "revision": older}, expect=202
    )
    sweep = await field.over(answer.json()["id"])
    assert (await field.verdicts(sweep))[TICKETS[0]] == "not-applicable"

    field.made.set("main", older)
    assert (await field.verdicts(await field.swept()))[TICKETS[0]] == "not-applicable"
    assert await field.status(TICKETS[0]) == "closed"


async def test_what_was_reproduced_and_passes_is_offered_as_repaired(field: Field) -> None:
    field.made.commit(package("four"))
    await field.swept()
    answer = await field.api.call(
        "POST", f"/tickets/{TICKETS[3]}/runs", json={"kind": "check"}, expect=202
    )
    await field.api.get(f"/runs/{answer.json()['id']}?wait=60")
    field.made.commit(package())
    sweep = await field.swept()

    assert (await field.verdicts(sweep))[TICKETS[3]] == "repaired"
    ticket = await field.api.get(f"/tickets/{TICKETS[3]}")
    assert (ticket["status"], ticket["evidence"]["state"]) == ("open", "passing")


async def test_what_cannot_be_collected_opens_nothing(field: Field) -> None:
    await field.close(TICKETS[0])
    field.made.commit({"src/acme/__init__.py": "import nowhere_to_be_found\n"})
    sweep = await field.swept()

    assert set((await field.verdicts(sweep)).values()) == {"infrastructure"}
    assert await field.status(TICKETS[0]) == "closed"


async def test_a_coin_opens_nothing(field: Field) -> None:
    field.made.commit(
        {
            "tests/findings/test_numbers.py": suite()["tests/findings/test_numbers.py"].replace(
                "assert acme.one() == 1", "assert random.random() < 0.8"
            )
        }
    )
    await field.api.call("POST", "/targets/acme/sync", expect=200)
    await field.close(TICKETS[0])
    said = set()
    for n in range(8):
        field.made.commit({"src/acme/__init__.py": package()["src/acme/__init__.py"] + f"# {n}\n"})
        said.add((await field.verdicts(await field.swept()))[TICKETS[0]])

    assert said <= {"held", "flaky"}
    assert await field.status(TICKETS[0]) == "closed"


async def test_events_tell_of_each_ticket_and_go_on_behind_the_last_one(field: Field) -> None:
    answer = await field.api.call("POST", "/sweeps", json={"target": "acme"}, expect=202)
    assert answer.headers["Location"] == f"/api/v1/sweeps/{answer.json()['id']}"
    await field.over(answer.json()["id"])
    path = f"/sweeps/{answer.json()['id']}/events"

    every = (await field.api.call("GET", path, expect=200)).text
    assert every.count("event: item") == 4
    assert every.count("event: end") == 1
    rest = await field.api.call("GET", path, expect=200, headers={"Last-Event-ID": "3"})
    assert rest.text.count("event: item") == 1
    await field.api.call("GET", path, expect=422, headers={"Last-Event-ID": "x"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"target": "nowhere"}, 404),
        ({"target": "acme", "revision": "nowhere"}, 422),
        ({"target": "kasmina", "revision": "main"}, 422),
        ({"aim": "acme"}, 422),
    ],
)
async def test_what_cannot_be_swept_is_refused(
    field: Field, body: dict[str, str], status: int
) -> None:
    await field.api.call("POST", "/sweeps", json=body, expect=status)
