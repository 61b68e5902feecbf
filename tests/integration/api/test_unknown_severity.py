"""A severity that cannot be read is unknown, and stands among the gravest: nobody overlooks it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api
from tests.unit.formats.markdown_samples import METADATA, finding, with_row

pytestmark = pytest.mark.anyio

MARKDOWN = {"Content-Type": "text/markdown"}


@pytest.fixture
def document() -> str:
    return finding(metadata=with_row(METADATA, "Severity", "P7 (dire)"))


async def take(api: Api, document: str) -> dict[str, Any]:
    answer = await api.call("POST", "/imports", content=document, headers=MARKDOWN, expect=200)
    (item,) = answer.json()["items"]
    return dict(item)


async def test_it_is_shown_as_unknown_everywhere(api: Api, document: str) -> None:
    item = await take(api, document)
    await api.file(severity="P1")
    ticket = await api.get("/tickets/B7-PT-03")
    listed = await api.get("/tickets", params={"sort": "severity"})
    table = (await api.call("GET", "/exports", params={"format": "csv"})).text
    stats = await api.get("/stats")

    assert "unknown severity" in item["warnings"][0]
    assert (ticket["severity"], ticket["severity_raw"]) == ("P0", "P7 (dire)")
    assert [one["severity_raw"] for one in listed["items"]] == ["P7 (dire)", None]
    assert "unknown (P7 (dire))" in table
    assert (stats["severity"]["unknown"], stats["severity"]["P0"]) == (1, 0)
    assert (await api.call("GET", "/tickets/B7-PT-03.md")).text == document


@pytest.mark.parametrize("severity", ["P0", "P2"])
async def test_whoever_states_one_ends_it(api: Api, document: str, severity: str) -> None:
    await take(api, document)
    etag = (await api.call("GET", "/tickets/B7-PT-03")).headers["ETag"]

    changed = await api.call(
        "PATCH",
        "/tickets/B7-PT-03",
        json={"severity": severity},
        headers={"If-Match": etag},
        expect=200,
    )

    assert (changed.json()["severity"], changed.json()["severity_raw"]) == (severity, None)
    exported = (await api.call("GET", "/tickets/B7-PT-03.md")).text
    assert exported == document.replace("P7 (dire)", severity)


async def test_the_document_may_end_it_too(api: Api, document: str) -> None:
    await take(api, document)

    item = await take(api, document.replace("P7 (dire)", "`P3`"))

    assert item["result"] == "updated"
    ticket = await api.get("/tickets/B7-PT-03")
    assert (ticket["severity"], ticket["severity_raw"]) == ("P3", None)
