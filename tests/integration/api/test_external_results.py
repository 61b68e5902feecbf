"""What CI says of tests: shown beside the evidence, never counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.domain.external import TestNames
from app.formats.junit.reader import read
from tests.support.api import Api

pytestmark = pytest.mark.anyio

XML = {"Content-Type": "application/xml"}
REAL = Path(__file__).parents[2] / "support" / "junit"


def junit(*cases: str, suites: str = "") -> bytes:
    first = f"<testsuite name='ci'>{''.join(cases)}</testsuite>"
    return f"<testsuites>{first}{suites}</testsuites>".encode()


def case(name: str, inner: str = "", class_name: str = "tests.verification.test_blend") -> str:
    return f"<testcase classname='{class_name}' name='{name}' time='0.5'>{inner}</testcase>"


FAILURE = "<failure message='assert 6.0 == 2.0'>trace</failure>"


async def take(api: Api, given: bytes, query: str = "", *, expect: int = 200) -> list[Any]:
    path = f"/imports?format=junit{query}"
    answer = await api.call("POST", path, content=given, headers=XML, expect=expect)
    found: list[Any] = answer.json().get("items", [])
    return found


async def linked(api: Api) -> tuple[str, str]:
    """A ticket, and a test of the suite that it is linked with."""
    key = (await api.file())["key"]
    test = (await api.get("/tests?limit=1"))["items"][0]["node_id"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": test}, expect=201)
    return key, test


def named(test: str, prefix: str = "") -> dict[str, str]:
    """A test's names as JUnit has them."""
    path, *inside = test.partition("[")[0].split("::")
    *classes, name = inside
    words = prefix + path.removesuffix(".py").replace("/", ".")
    return {
        "class_name": ".".join([words, *classes]),
        "name": name + test[len(test.partition("[")[0]) :],
    }


async def outcomes(api: Api, key: str) -> dict[str, str]:
    found = (await api.get(f"/tickets/{key}/external-results"))["items"]
    return {one["node_id"]: one["outcome"] for one in found}


async def test_a_report_is_shown_with_the_ticket_and_is_no_evidence(api: Api) -> None:
    key, test = await linked(api)
    before = await api.get(f"/tickets/{key}")

    items = await take(
        api,
        junit(case(**named(test), inner=FAILURE), case("test_of_nobody")),
        "&source=ci/nightly&commit=4F2A9C1&url=https://ci.example/7",
    )

    first, second = items
    assert (first["key"], first["result"]) == (key, "created")
    assert (second["key"], second["result"]) == (None, "unchanged")
    assert "no ticket is linked" in second["warnings"][0]
    ticket = await api.get(f"/tickets/{key}")
    (shown,) = ticket["external_results"]
    assert {n: shown[n] for n in ("node_id", "outcome", "source", "commit", "message")} == {
        "node_id": test,
        "outcome": "failed",
        "source": "ci/nightly",
        "commit": "4f2a9c1",
        "message": "assert 6.0 == 2.0",
    }
    assert (ticket["evidence"], ticket["gate"], ticket["version"]) == (
        before["evidence"],
        before["gate"],
        before["version"],
    )
    events = (await api.get(f"/tickets/{key}/history"))["items"]
    assert events[-1]["action"] == "ticket.results-reported"


async def test_a_report_once_more_changes_nothing(api: Api) -> None:
    key, test = await linked(api)
    given = junit(case(**named(test)))

    both = await asyncio.gather(take(api, given), take(api, given))

    assert sorted(items[0]["result"] for items in both) == ["created", "unchanged"]
    assert await outcomes(api, key) == {test: "passed"}


async def test_names_are_found_from_another_folder(api: Api) -> None:
    key, test = await linked(api)
    path = test.partition("::")[0]
    last = path.rpartition("/")[2].removesuffix(".py")

    for names in (named(test, "ci.checkout."), {**named(test), "class_name": last}):
        (item,) = await take(api, junit(case(**names)))
        assert item["key"] == key, names
    assert list(await outcomes(api, key)) == [test]


async def test_a_property_names_the_ticket(api: Api) -> None:
    key = (await api.file())["key"]
    property_ = f"<properties><property name='finding' value='{key} X-404'/></properties>"

    (item,) = await take(api, junit(case("test_new", property_)))

    assert (item["key"], item["result"]) == (key, "created")
    assert "no ticket X-404" in item["warnings"][0]


@pytest.mark.parametrize(
    ("cases", "outcome", "counts"),
    [
        (["<flakyFailure message='slow'/>"], "flaky", (1, 1)),
        (["<failure/><rerunFailure/><rerunFailure/>"], "failed", (0, 3)),
        (["<failure/><failure>contains 1 failed subtest</failure>"], "failed", (0, 2)),
        (["<failure/>", ""], "flaky", (1, 1)),
        (["", "<error message='failed on teardown'/>"], "error", (1, 1)),
        (["<failure/>", "<error/>"], "failed", (0, 2)),
        (["<skipped message='no pump'/>"], "skipped", (0, 0)),
    ],
)
async def test_what_the_cases_of_a_test_come_to(
    api: Api, cases: list[str], outcome: str, counts: tuple[int, int]
) -> None:
    key, test = await linked(api)
    given = junit(*(case(**named(test), inner=inner) for inner in cases))

    items = await take(api, given)

    (found,) = (await api.get(f"/tickets/{key}/external-results"))["items"]
    assert len(items) == 1
    assert (found["outcome"], (found["passes"], found["failures"])) == (outcome, counts)
    catalogue = (await api.get("/tests?limit=1"))["items"][0]
    assert catalogue["flakes"] == (outcome == "flaky")


async def test_two_platforms_of_one_report_are_no_flake(api: Api) -> None:
    key, test = await linked(api)
    other = f"<testsuite name='ci-old'>{case(**named(test), inner=FAILURE)}</testsuite>"

    await take(api, junit(case(**named(test)), suites=other))

    assert await outcomes(api, key) == {test: "failed"}


async def test_another_ending_at_the_same_commit_is_flaky_and_at_another_is_not(api: Api) -> None:
    key, test = await linked(api)
    red, green = junit(case(**named(test), inner=FAILURE)), junit(case(**named(test)))

    await take(api, red, "&commit=4f2a9c1")
    await take(api, green, "&commit=4f2a9c2")
    (again,) = await take(api, green, "&commit=4f2a9c1")

    assert again["result"] == "updated"
    assert "same code" in again["warnings"][0]
    found = (await api.get(f"/tickets/{key}/external-results"))["items"]
    assert {one["commit"]: one["outcome"] for one in found} == {
        "4f2a9c1": "flaky",
        "4f2a9c2": "passed",
    }


async def test_results_are_reported_by_call(api: Api) -> None:
    key = (await api.file())["key"]
    body = {
        "source": "ci/nightly",
        "commit": "4f2a9c1",
        "results": [{"node_id": "tests/test_a.py::test_b", "outcome": "error", "message": "m"}],
    }
    await api.account("ci", "reporter")
    await api.account("rita", "reader")
    path = f"/tickets/{key}/external-results"

    answer = await api.call("POST", path, as_="ci", json=body, expect=201)

    assert answer.headers["Location"] == f"/api/v1{path}"
    (item,) = answer.json()["items"]
    assert (item["reported_by"], item["outcome"]) == ("ci", "error")
    assert (await api.get(path, as_="rita"))["items"] == [item]
    await api.call("POST", path, as_="rita", json=body, expect=403)
    await api.call("POST", "/tickets/X-404/external-results", json=body, expect=404)
    for wrong in ({"commit": "x"}, {"url": "javascript:alert(1)"}, {"results": []}):
        await api.call("POST", path, json={**body, **wrong}, expect=422)


async def test_pages_of_results_miss_nothing(api: Api) -> None:
    key = (await api.file())["key"]
    results = [{"node_id": f"t.py::t{n}", "outcome": "passed"} for n in range(7)]
    body = {"source": "ci", "results": results}
    await api.call("POST", f"/tickets/{key}/external-results", json=body, expect=201)

    found, path = [], f"/tickets/{key}/external-results?limit=3"
    page = await api.get(path)
    while True:
        found += [one["node_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await api.get(f"{path}&cursor={page['next_cursor']}")

    assert sorted(found) == [f"t.py::t{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "no XML"),
        (b"{}", "no XML"),
        (b"<testsuites>", "no XML"),
        (b"<html/>", "no JUnit"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuites>&b;</testsuites>", "document type"),
        (b"<testsuites>" * 70, "nested too deeply"),
        (b"<?xml version='1.0' encoding='utf-7'?><testsuites/>", "XML"),
    ],
)
async def test_what_is_no_report_is_refused(api: Api, given: bytes, reason: str) -> None:
    path = "/imports?format=junit"
    answer = await api.call("POST", path, content=given, headers=XML, expect=422)
    assert reason in answer.json()["errors"][0]["detail"]


async def test_a_report_of_no_tests_is_none_and_a_dry_run_keeps_nothing(api: Api) -> None:
    key, test = await linked(api)

    assert await take(api, b"<testsuites tests='7'/>") == []
    (item,) = await take(api, junit(case(**named(test))), "&dry_run=true")

    assert item["result"] == "created"
    assert await outcomes(api, key) == {}


def test_each_producers_report_is_read() -> None:
    """Of each, as its version wrote it: how many tests, and how they ended."""
    expected = {
        "mypy-2.4.1": {"failed": 1},
        "pytest-9.2.0": {"error": 1, "failed": 2, "passed": 3, "skipped": 1},
        "pytest-9.2.0-rerunfailures-16.1": {"failed": 2, "passed": 1},
    }
    for file in sorted(REAL.glob("*.xml")):
        with file.open("rb") as opened:
            found = read(opened, TestNames([]))
        assert Counter(test.outcome for test in found.tests) == expected[file.stem], file.name
