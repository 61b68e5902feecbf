"""The skeleton of a ticket, and the domains that tickets name."""

from __future__ import annotations

import pytest

from app.formats import markdown
from tests.support.api import Api

pytestmark = pytest.mark.anyio


async def test_the_skeleton_is_accepted_as_it_stands(api: Api) -> None:
    both = await api.get("/template")
    alone = await api.get("/template?format=json")

    answer = await api.call("POST", "/tickets", json=alone, expect=201)

    assert both["ticket"] == alone
    filed = answer.json()
    assert {name: filed[name] for name in ("title", "severity", "summary", "domains")} == {
        name: alone[name] for name in ("title", "severity", "summary", "domains")
    }
    assert list(both["severities"]) == ["P0", "P1", "P2", "P3", "P4"]


async def test_the_document_says_the_same_as_the_skeleton(api: Api) -> None:
    both = await api.get("/template")

    answer = await api.call("GET", "/template?format=markdown", expect=200)

    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text == both["markdown"]
    facts = markdown.facts(markdown.parse(answer.content))
    skeleton = both["ticket"]
    assert (facts.title, facts.severity, facts.batch) == (
        skeleton["title"],
        skeleton["severity"],
        skeleton["batch"],
    )
    assert facts.status == "open"
    assert [section.heading for section in facts.sections][:3] == [
        section["heading"] for section in skeleton["sections"]
    ]
    assert (facts.locations[0].path, facts.locations[0].start_line) == (
        skeleton["locations"][0]["path"],
        skeleton["locations"][0]["start_line"],
    )
    assert [item.text for item in facts.checklist] == [i["text"] for i in skeleton["checklist"]]
    for severity, meaning in both["severities"].items():
        assert f"`{severity}`: {meaning}" in answer.text


async def test_another_format_is_answered_with_those_there_are(api: Api) -> None:
    refused = await api.call("GET", "/template?format=yaml", expect=422)

    assert refused.json()["errors"][0]["allowed"] == ["json", "markdown"]


async def test_domains_are_counted_and_say_whether_tests_can_show_anything(
    api: Api, database: str
) -> None:
    await api.file(domains=["kasmina/ops", "tolaria"])
    await api.file(domains=["tolaria"])

    items = (await api.get("/domains"))["items"]

    assert items == [
        {"name": "kasmina", "tickets": 0, "open": 0, "covered": True},
        {"name": "kasmina/ops", "tickets": 1, "open": 1, "covered": True},
        {"name": "tolaria", "tickets": 2, "open": 2, "covered": False},
    ]
