"""The filing form: checked without being filed, beside what is like it, filled by a document."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.pages import fields_of, said_by, visiting
from tests.unit.formats.markdown_samples import METADATA, finding, with_row

pytestmark = pytest.mark.anyio

DOCUMENT = finding(metadata=with_row(METADATA, "Ticket ID", "`B7-PT-03`"))


async def test_a_finding_is_checked_without_being_filed(api: Api) -> None:
    other = await api.file(title="the gate hands out the amplitude of the old device")

    async with visiting(api) as visitor:
        form = fields_of(await visitor.see("/file"), "/file")
        form |= {"title": "the gate hands out an amplitude of another device", "summary": "So."}
        checked = await visitor.send("/file", {**form, "trial": "true"})
        wrong = await visitor.send("/file", {**form, "batch": "x", "trial": "true"})

    assert "Nothing is filed yet" in checked.text
    assert other["key"] in checked.text
    assert 'value="What happens"' in checked.text  # the template's headings are still there
    assert wrong.status_code == 422
    assert (await api.get("/tickets"))["items"][0]["key"] == other["key"]


async def test_what_is_like_a_finding_is_shown_while_it_is_written(api: Api) -> None:
    key = (await api.file(title="<b>gate</b> hands out the amplitude of the old device"))["key"]
    await api.account("rita", "reader")
    query = "/file/similar?title=gate+hands+out+amplitude+of+another+device&summary=%00"

    async with visiting(api) as visitor:
        html = await visitor.see(query)
        none = await visitor.see("/file/similar?title=zebra&summary=")
    async with visiting(api, "rita") as reader:
        await reader.see(query, expect=403)

    assert key in html
    assert "&lt;b&gt;gate" in html
    assert "No ticket is like it" in none


async def test_a_document_fills_the_form_and_stores_nothing(api: Api) -> None:
    await api.account("rob", "reporter")

    async with visiting(api, "rob") as visitor:
        filled = await visitor.send("/file/document", {"document": DOCUMENT})
        unreadable = await visitor.send("/file/document", {"document": "# no <ticket>"})
        empty = await visitor.send("/file/document", {"document": " "})
        form = fields_of(filled.text, "/file")
        nothing = (await api.get("/tickets"))["items"]
        filed = await visitor.send("/file", form)

    assert "Nothing is filed yet" in filled.text
    assert nothing == []
    assert (unreadable.status_code, empty.status_code) == (422, 422)
    assert "line 1" in unreadable.text
    assert "no &lt;ticket&gt;" in unreadable.text
    assert (filed.headers["location"], said_by(filed)) == ("/tickets/B7-PT-03", "filed")
    assert (await api.get("/tickets/B7-PT-03"))["title"] == form["title"]


async def test_an_import_shows_first_what_would_happen(api: Api) -> None:
    await api.account("ada", "reviewer", speaks_for=("pytorch",))
    document = {"document": DOCUMENT, "source_path": "triaged/B7-PT-03.md"}

    async with visiting(api, "ada") as visitor:
        refused = await visitor.send("/file/import", document)
    async with visiting(api) as visitor:
        tried = await visitor.send("/file/import", document)
        nothing = (await api.get("/tickets"))["items"]
        form = fields_of(tried.text, "/file/import")
        done = await visitor.send("/file/import", {**form, "go": "true"})
        page = await visitor.see(done.headers["location"])
        unreadable = await visitor.send("/file/import", {"document": "none", "go": "true"})

    assert refused.status_code == 403
    assert "B7-PT-03 would be created" in tried.text
    assert nothing == []
    assert "The document is taken in." in page
    assert (await api.get("/tickets/B7-PT-03"))["status"] == "open"
    assert "cannot be read as a ticket" in unreadable.text
