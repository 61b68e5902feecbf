"""Bisection of real repositories: which commit brought a defect in, which took it away."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.api import Api, running_api
from tests.support.cluster import short_directory
from tests.support.pages import visiting
from tests.support.repositories import MadeRepository

pytestmark = pytest.mark.anyio

COUNT = 40
BROUGHT_IN, CANNOT_BE_READ, FIXED = 13, range(20, 23), 31
DECLARED = """\
[[target]]
name = "acme"
root = "acme.git"
revision = "main"
packages = ["acme"]
suite = "tests/findings"
domains = ["acme"]
"""
TESTS = """\
import random
import pytest
from acme.scaling import scale


@pytest.mark.finding("B7-DRL-01")
def test_scale_uses_its_factor():
    assert scale(2, 3) == 6


@pytest.mark.finding("B7-DRL-02")
def test_scale_uses_its_factor_now_and_then():
    assert scale(2, 3) == 6 or random.SystemRandom().random() > 0.6


@pytest.mark.finding("B7-DRL-03")
def test_scale_of_nothing():
    assert scale(0, 3) == 0
"""


def scaling(number: int) -> str:
    body = "value" if BROUGHT_IN <= number < FIXED else "value * factor"
    if number in CANNOT_BE_READ:
        return "def scale(value, factor:\n"
    return f"NUMBER = {number}\n\n\ndef scale(value, factor):\n    return {body}\n"


class Yard:
    """A service that looks at a history of forty commits."""

    def __init__(self, api: Api, commits: list[str]) -> None:
        self.api = api
        self.commits = commits

    async def bisect(self, key: str, **body: Any) -> dict[str, Any]:
        answer = await self.api.call("POST", f"/tickets/{key}/bisections", json=body, expect=202)
        assert answer.headers["Location"] == f"/api/v1/bisections/{answer.json()['id']}"
        found: dict[str, Any] = await self.api.get(f"/bisections/{answer.json()['id']}?wait=60")
        assert found["status"] == "finished", found
        return found


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[MadeRepository, list[str]]]:
    with short_directory() as folder:
        made = MadeRepository(folder / "acme.git")
        commits = [
            made.commit(
                {"acme/__init__.py": "", "acme/scaling.py": scaling(number)}
                if number % 2
                else {"acme/scaling.py": scaling(number), "NEWS.md": f"{number}\n"},
                message=f"Step {number}",
            )
            for number in range(1, COUNT)
        ]
        commits.insert(0, commits[0])  # so that an index is the number in the message
        commits.append(made.commit({"tests/findings/test_scale.py": TESTS}, message="Tests"))
        (folder / "targets.toml").write_text(DECLARED)
        yield made, commits


@pytest.fixture(scope="module")
async def yard(
    made: tuple[MadeRepository, list[str]], module_database: str, shared: Any
) -> AsyncIterator[Yard]:
    repository, commits = made
    targets = repository.folder.parent / "targets.toml"
    async with running_api(module_database, workers=1, shared=shared, targets=targets) as api:
        await api.call("POST", "/targets/acme/sync", expect=200)
        for number in (1, 2, 3, 4):
            await api.file(key=f"B7-DRL-0{number}", batch=7, domains=["acme"])
        yield Yard(api, commits)


async def test_the_fix_is_found_and_stays_on_the_ticket(yard: Yard) -> None:
    found = await yard.bisect("B7-DRL-01", direction="fixed", **{"from": yard.commits[15]})

    fix = yard.commits[FIXED]
    assert (found["outcome"], found["first"], found["last"]) == ("exact", fix, fix)
    assert found["confidence"] == 1
    assert found["runs"] <= math.log2(COUNT) + 6 + len(CANNOT_BE_READ)
    assert {step["outcome"] for step in found["steps"]} >= {"good", "bad"}
    named = {commit["id"]: commit["subject"] for commit in found["revisions"]}
    assert named[fix] == f"Step {FIXED}"
    ticket = await yard.api.get("/tickets/B7-DRL-01")
    assert ticket["evidence"]["fixed_in"] == fix
    (listed,) = (await yard.api.get("/tickets/B7-DRL-01/bisections"))["items"]
    assert (listed["id"], listed["first"]) == (found["id"], fix)
    stream = await yard.api.call("GET", f"/bisections/{found['id']}/events", expect=200)
    assert stream.text.count("event: step") == len(found["steps"])
    assert '"commits":1}' in stream.text  # what is left to be looked for, at the end


async def test_the_page_shows_the_revisions_in_the_order_of_the_history(yard: Yard) -> None:
    found = await yard.bisect("B7-DRL-01", direction="fixed", **{"from": yard.commits[15]})
    async with visiting(yard.api) as visitor:
        page = await visitor.see(f"/bisections/{found['id']}")

    (region,) = re.findall(r"<section data-bisection-steps>.*?</section>", page, re.DOTALL)
    shown = re.findall(r'<span class="mono">(\w{10})</span>', region)
    ages = [
        yard.commits.index(one) for name in shown for one in yard.commits[1:] if one[:10] == name
    ]
    assert ages == sorted(ages, reverse=True)
    places = {step["revision"][:10]: step["place"] for step in found["steps"]}
    assert [places[name] for name in shown] == sorted(places.values())
    between = [int(count) for count in re.findall(r">(\d+) not run</td>", region)]
    assert sum(between) + len(shown) == COUNT - 15 + 1
    assert f"{sum(between)} not run" in region


async def test_the_same_question_again_costs_no_run(yard: Yard) -> None:
    ends = {"from": yard.commits[15], "to": yard.commits[-1]}
    first = await yard.bisect("B7-DRL-01", direction="fixed", **ends)
    again = await yard.bisect("B7-DRL-01", direction="fixed", **ends)

    assert again["first"] == first["first"]
    assert again["runs"] == 0
    assert all(step["reused"] for step in again["steps"])
    assert {step["revision"] for step in again["steps"]} == {
        step["revision"] for step in first["steps"]
    }


async def test_the_defect_is_found_without_naming_the_good_end(yard: Yard) -> None:
    found = await yard.bisect("B7-DRL-01", direction="introduced", to=yard.commits[17])

    assert (found["outcome"], found["first"]) == ("exact", yard.commits[BROUGHT_IN])
    assert found["from"] in yard.commits[:BROUGHT_IN]


async def test_what_cannot_be_collected_is_skipped(yard: Yard) -> None:
    ends = {"from": yard.commits[CANNOT_BE_READ[-1] + 2], "to": yard.commits[-1]}
    await yard.bisect("B7-DRL-01", direction="fixed", **ends)
    found = await yard.bisect(
        "B7-DRL-01", direction="introduced", **{"from": yard.commits[2], "to": yard.commits[25]}
    )

    assert found["first"] == yard.commits[BROUGHT_IN]
    skipped = [step for step in found["steps"] if step["outcome"] == "skip"]
    assert all(step["reason"] for step in skipped)
    unread = {yard.commits[number] for number in CANNOT_BE_READ}
    assert {step["revision"] for step in skipped} <= unread


async def test_what_cannot_be_an_arm_or_fails_by_an_import_is_neither_good_nor_bad(
    yard: Yard, made: tuple[MadeRepository, list[str]]
) -> None:
    repository, commits = made
    start = [commits[BROUGHT_IN - 1]]
    import_fails = "def scale(value, factor):\n    import acme_of_old\n    return acme_of_old\n"
    branch = "side"
    repository.commit({"acme/clash.py": "", "acme/CLASH.py": ""}, parents=start, branch=branch)
    repository.commit({"acme/CLASH.py": None, "acme/scaling.py": import_fails}, branch=branch)
    bad = repository.commit(
        {"acme/scaling.py": scaling(BROUGHT_IN), "acme/clash.py": None}, branch=branch
    )
    found = await yard.bisect("B7-DRL-01", direction="introduced", **{"from": start[0], "to": bad})

    # One of three: nothing shows whether the two between were sound.
    assert (found["outcome"], found["last"]) == ("range", bad)
    skipped = {
        step["revision"]: step["reason"] for step in found["steps"] if step["outcome"] == "skip"
    }
    assert len(skipped) == 2
    assert any("differ by case" in reason for reason in skipped.values())
    assert any("fail otherwise" in reason or "acme_of_old" in reason for reason in skipped.values())


async def test_a_test_that_flips_is_looked_at_often_enough(yard: Yard) -> None:
    found = await yard.bisect(
        "B7-DRL-02", direction="fixed", **{"from": yard.commits[25], "to": yard.commits[-1]}
    )

    assert (found["outcome"], found["first"]) == ("exact", yard.commits[FIXED]), found["reason"]
    assert found["confidence"] >= 0.9
    assert max(step["looks"] for step in found["steps"]) >= 20


async def test_a_test_that_never_fails_finds_nothing(yard: Yard) -> None:
    found = await yard.bisect("B7-DRL-03", direction="fixed", **{"from": yard.commits[15]})

    assert found["outcome"] == "inconclusive"
    assert "the tests pass at from" in found["reason"]
    assert found["first"] is None


async def test_a_fix_that_has_landed_leads_to_what_to_ask_instead(yard: Yard) -> None:
    found = await yard.bisect("B7-DRL-01", direction="introduced")

    assert found["outcome"] == "inconclusive"
    assert "(--fixed)" in found["reason"]


async def test_a_budget_ends_it_with_what_is_known(yard: Yard) -> None:
    ends = {"from": yard.commits[5], "to": yard.commits[19]}
    found = await yard.bisect("B7-DRL-02", direction="introduced", **ends, budget_runs=3)

    assert found["outcome"] in ("range", "inconclusive")
    assert "3 runs" in found["reason"]
    assert found["runs"] == 3

    at_once = await yard.bisect(
        "B7-DRL-02", direction="introduced", to=yard.commits[18], budget_runs=1
    )
    assert (at_once["outcome"], at_once["first"]) == ("inconclusive", None)
    assert "1 runs" in at_once["reason"]


async def test_ends_that_do_not_fit_are_refused_by_name(yard: Yard) -> None:
    old, new = yard.commits[5], yard.commits[30]
    path = "/tickets/B7-DRL-01/bisections"
    for body, told in (
        ({"from": new, "to": old}, "exchange the two"),
        ({"from": new, "to": new}, "the same commit"),
        ({"from": "nowhere"}, "there is no revision"),
        ({"to": "nowhere"}, "there is no revision"),
    ):
        answer = await yard.api.call("POST", path, json={"direction": "fixed", **body}, expect=422)
        (error,) = answer.json()["errors"]
        assert told in error["detail"]
    nothing = await yard.api.call(
        "POST", "/tickets/B7-DRL-04/bisections", json={"direction": "fixed"}, expect=409
    )
    assert "No test is linked" in nothing.json()["detail"]


async def test_what_was_found_goes_stale_with_the_tests(yard: Yard) -> None:
    path = "/tickets/B7-DRL-01"
    found = await yard.bisect("B7-DRL-01", direction="fixed", **{"from": yard.commits[15]})
    assert not found["stale"]
    assert (await yard.api.get(path))["evidence"]["fixed_in"] == found["first"]

    other = {"node_id": "tests/findings/test_scale.py::test_scale_of_nothing"}
    await yard.api.call("POST", f"{path}/tests", json=other, expect=201)

    assert (await yard.api.get(f"/bisections/{found['id']}"))["stale"]
    assert all(one["stale"] for one in (await yard.api.get(f"{path}/bisections"))["items"])
    assert (await yard.api.get(path))["evidence"]["fixed_in"] is None
