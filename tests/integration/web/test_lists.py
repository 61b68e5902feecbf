"""Lists whose tickets are changed together, settled one by one, or taken away as files."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pytest
from sqlalchemy import select, update

from app.domain import lifecycle
from app.domain.exports import EXPORTS
from app.domain.figures import Figures
from app.domain.tickets import Status
from app.formats.markdown import DISPOSITIONS, agrees
from app.schema.documents import ticket_documents
from app.schema.tickets import tickets
from app.storage.drift import drifted
from tests.support.api import Api, ticket_body
from tests.support.pages import fields_of, said_by, visiting
from tests.unit.formats.markdown_samples import METADATA, finding, with_row

pytestmark = pytest.mark.anyio


def document(key: str, status: str) -> str:
    metadata = with_row(METADATA, "Ticket ID", f"`{key}`")
    return finding(metadata=with_row(metadata, "Status", f"`{status}`"))


async def take(api: Api, path: str, status: str) -> str:
    key = path.rpartition("/")[2].removesuffix(".md")
    headers = {"Content-Type": "text/markdown", "X-Source-Path": path}
    content = document(key, status).encode()
    answer = await api.call("POST", "/imports", content=content, headers=headers, expect=200)
    assert answer.json()["items"][0]["result"] == "created"
    return key


async def test_the_chosen_tickets_take_a_step_after_it_was_tried(api: Api) -> None:
    one, two, final = [(await api.file())["key"] for _ in range(3)]
    body = {"to": "closed", "resolution": "not-a-bug", "reason": "no", "override": True}
    await api.call("POST", f"/tickets/{final}/transitions", json=body, expect=200)
    form = {"key": [one, two, final], "to": "in-review", "reason": "all at once"}

    async with visiting(api) as visitor:
        await visitor.see("/tickets")
        nothing = await visitor.send("/tickets/moves", {"to": "investigating"})
        form["to"] = "fix-in-progress"
        tried = await visitor.send("/tickets/moves", {**form, "trial": "true"})
        before = await api.get(f"/tickets/{one}")
        again = fields_of(tried.text, "/tickets/moves")
        done = await visitor.send("/tickets/moves", {**again, "key": [one, two]})

    assert nothing.status_code == 422
    assert "2 of 3 tickets would change" in tried.text
    assert before["status"] == "open"
    assert again["to"] == "fix-in-progress"
    assert "2 of 2 tickets changed" in done.text
    statuses = [(await api.get(f"/tickets/{key}"))["status"] for key in (one, two, final)]
    assert statuses == ["fix-in-progress", "fix-in-progress", "closed"]


async def test_what_is_closed_without_evidence_says_so_in_the_list_and_on_its_page(
    api: Api,
) -> None:
    key = (await api.file(domains=["simic"]))["key"]
    await api.account("ada", "reviewer", speaks_for=("pytorch",))
    review = {"verdict": "ENDORSE", "rationale": "Right."}
    await api.call("POST", f"/tickets/{key}/reviews", as_="ada", json=review, expect=201)
    form = {"to": "closed:fixed", "commits": "4f2a9c1", "version": "1"}
    many = {"key": key, "to": "closed:fixed", "waiver": "a <b>word</b>", "trial": "true"}

    async with visiting(api) as visitor:
        await visitor.see("/tickets")
        tried = await visitor.send("/tickets/moves", many)
        refused = await visitor.send(f"/tickets/{key}/transitions", form)
        done = await visitor.send(
            f"/tickets/{key}/transitions", {**form, "waiver": "a <b>word</b>"}
        )
        listed = await visitor.see("/tickets?waived=true")
        shown = await visitor.see(f"/tickets/{key}")
        table = await visitor.see("/tickets.csv?waived=true")

    assert "commit: No commit is named" in tried.text
    assert (refused.status_code, done.status_code) == (409, 303)
    assert "A maintainer gives a waiver" in refused.text
    for html in (listed, shown):
        assert "closed without evidence" in html
        assert "a &lt;b&gt;word&lt;/b&gt;" in html
    assert "admin: a <b>word</b>" in table


async def test_a_reader_is_offered_no_changes_and_a_reviewer_none_that_need_more(
    api: Api,
) -> None:
    key = (await api.file())["key"]
    await api.account("rita", "reader")
    await api.account("ada", "reviewer", speaks_for=("pytorch",))

    async with visiting(api, "rita") as visitor:
        assert 'name="key"' not in await visitor.see("/tickets")
        refused = await visitor.send("/tickets/moves", {"key": key, "to": "investigating"})
    async with visiting(api, "ada") as visitor:
        html = await visitor.see("/tickets")

    assert refused.status_code == 403
    assert 'value="investigating"' in html
    assert 'value="closed:fixed"' not in html


async def test_each_disagreement_is_settled_by_folder_or_by_document(api: Api) -> None:
    by_folder = await take(api, "fixed/B7-PT-03.md", "open")
    by_status = await take(api, "old/fixed/B7-PT-04.md", "open")
    skipped = await take(api, "wontfix/B7-PT-05.md", "open")
    await take(api, "triaged/B7-PT-06.md", "open")

    async with visiting(api) as visitor:
        html = await visitor.see("/drift")
        rest = await visitor.see(f"/drift?after={by_status}")
        for key, word in ((by_folder, "folder"), (by_status, "document")):
            answer = await visitor.send(f"/drift/{key}", {"word": word})
            assert (answer.headers["location"], said_by(answer)) == ("/drift", "settled")
        again = await visitor.send(f"/drift/{by_folder}", {"word": "folder"})
        wrong = await visitor.send(f"/drift/{skipped}", {"word": "mine"})

    assert "3 disagree" in html
    shown = [f'href="/tickets/{key}"' in rest for key in (by_folder, by_status, skipped)]
    assert shown == [False, False, True]
    assert (again.status_code, wrong.status_code) == (409, 422)
    settled = await api.get(f"/tickets/{by_folder}")
    assert (settled["status"], settled["resolution"]) == ("closed", "fixed")
    assert (await api.get(f"/tickets/{by_status}"))["status"] == "open"
    left = await api.get("/tickets?drift=true")
    assert [ticket["key"] for ticket in left["items"]] == [skipped]
    archive = await api.call("GET", "/exports", expect=200)
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert {"fixed/B7-PT-03.md", "old/triaged/B7-PT-04.md"} <= set(names)
    # The next import of the same file finds nothing new: the folder's word is known.
    headers = {"Content-Type": "text/markdown", "X-Source-Path": "fixed/B7-PT-03.md"}
    content = document(by_folder, "open").encode()
    same = await api.call(
        "POST", "/imports?disposition=folder", content=content, headers=headers, expect=200
    )
    assert same.json()["items"][0]["result"] == "unchanged"


async def test_only_a_maintainer_settles(api: Api) -> None:
    key = await take(api, "fixed/B7-PT-03.md", "open")
    await api.account("ada", "reviewer", speaks_for=("pytorch",))

    async with visiting(api, "ada") as visitor:
        html = await visitor.see("/drift")
        answer = await visitor.send(f"/drift/{key}", {"word": "folder"})

    assert key in html
    assert "<button name=" not in html
    assert answer.status_code == 403


async def test_list_and_triage_mean_the_same_by_a_disagreement(api: Api) -> None:
    await take(api, "fixed/B7-PT-03.md", "fixed")
    states = [
        (status.value, resolution and resolution.value)
        for status in Status
        for resolution in lifecycle.RESOLUTIONS.get(status, (None,))
    ]
    cases = [(folder, *state) for folder in DISPOSITIONS for state in states]
    listed = {}
    async with api.factory.engine.connect() as connection:
        for folder, status, resolution in cases:
            await connection.execute(update(ticket_documents).values(folder=folder))
            await connection.execute(update(tickets).values(status=status, resolution=resolution))
            listed[folder, status, resolution] = await connection.scalar(
                select(drifted()).select_from(tickets)
            )
        await connection.rollback()

    assert listed == {case: not agrees(*case) for case in cases}


async def test_what_is_shown_can_be_taken_away_in_each_format(api: Api) -> None:
    shown = (await api.file(severity="P1"))["key"]
    other = (await api.file(severity="P3"))["key"]

    async with visiting(api) as visitor:
        html = await visitor.see("/tickets?severity=P1")
        files = {
            export.suffix: (
                await visitor.client.get(f"/tickets{export.suffix}?severity=P1")
            ).content
            for export in EXPORTS.values()
        }
        unknown = await visitor.client.get("/tickets.xml")

    for suffix, content in files.items():
        assert f'href="/tickets{suffix}?severity=P1"' in html
        assert content
    assert unknown.status_code == 404
    rows = list(csv.DictReader(io.StringIO(files[".csv"].decode("utf-8-sig"))))
    assert [row["key"] for row in rows] == [shown]
    lines = [json.loads(line) for line in files[".jsonl"].splitlines()]
    assert [line["ticket"]["key"] for line in lines if line["kind"] == "ticket"] == [shown]
    assert zipfile.ZipFile(io.BytesIO(files[".zip"])).namelist() == [f"triaged/{shown}.md"]
    assert other.encode() not in b"".join(files.values())


async def test_the_start_page_counts_objections_until_they_are_answered(api: Api) -> None:
    key = (await api.file())["key"]
    review = {"verdict": "OBJECT", "rationale": "Not so.", "specialist": "pytorch"}
    made = await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)

    async with visiting(api) as visitor:
        before = await visitor.see("/tickets?objected=true")
        home = await visitor.see("/")
        answer = {"resolution": "overruled", "reason": "It is."}
        path = f"/tickets/{key}/reviews/{made.json()['id']}/answer"
        await api.call("POST", path, json=answer, expect=200)
        after = await visitor.see("/tickets?objected=true")
        home_after = await visitor.see("/")

    assert key in before
    assert key not in after
    assert "<b>1</b>objections to answer" in home
    assert "<b>0</b>objections to answer" in home_after


async def test_figures_are_kept_while_nothing_changes(api: Api) -> None:
    async def kept() -> Figures:
        """Those that come twice; while a transaction is open none are kept."""
        before = None
        for _ in range(50):
            now = await api.factory.figures.show(weeks=4)
            if now is before:
                return now
            before = now
        raise AssertionError("never from memory")

    await api.file()
    first = await kept()
    await api.file()
    second = await kept()

    assert sum(one.tickets for one in first.tickets) == 1
    assert sum(one.tickets for one in second.tickets) == 2


async def test_a_verdict_of_one_specialist_is_not_that_of_another(api: Api) -> None:
    keys = [(await api.file())["key"] for _ in range(2)]
    for key, (one, other) in zip(
        keys, (("ENDORSE", "NEUTRAL"), ("NEUTRAL", "ENDORSE")), strict=True
    ):
        for specialist, verdict in (("pytorch", one), ("codereview", other)):
            body = {"verdict": verdict, "specialist": specialist}
            await api.call("POST", f"/tickets/{key}/reviews", json=body, expect=201)

    async with visiting(api) as visitor:
        html = await visitor.see("/tickets?verdict=ENDORSE&reviewer=pytorch")
        home = await visitor.see("/")

    assert [f'href="/tickets/{key}"' in html for key in keys] == [True, False]
    assert "/tickets?verdict=ENDORSE&amp;reviewer=pytorch" in home


async def test_headers_sort_and_a_key_leads_to_its_ticket(api: Api) -> None:
    grave = (await api.file(severity="P0"))["key"]
    mild = (await api.file(severity="P4"))["key"]

    async with visiting(api) as visitor:
        html = await visitor.see("/tickets?severity=P0&severity=P4")
        by_severity = await visitor.see("/tickets?severity=P0&severity=P4&sort=severity")
        exact = await visitor.client.get(f"/tickets?q=+{grave.lower()}+")
        words = await visitor.client.get(f"/tickets?q={grave}&severity=P4")
        unknown = await visitor.client.get("/tickets?q=B9-XX-99")

    assert 'href="/tickets?severity=P0&amp;severity=P4&amp;sort=severity"' in html
    assert by_severity.count('aria-sort="ascending"') == 1
    assert by_severity.index(grave) < by_severity.index(mild)
    assert (exact.status_code, exact.headers["location"]) == (303, f"/tickets/{grave}")
    assert (words.status_code, unknown.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/tickets", 8), ("/tests", 5), ("/accounts", 5), ("/targets", 5), ("/views", 2)],
)
async def test_a_list_goes_by_each_of_its_headers_and_backwards(
    api: Api, path: str, headers: int
) -> None:
    await api.file()
    await api.call("POST", "/views", json={"name": "Grave", "filters": {"severity": ["P0"]}})

    async with visiting(api) as visitor:
        html = await visitor.see(path)
        links = set(re.findall(rf'<th scope="col"[^>]*><a href="({path}\?sort=[^"]+)"', html))
        assert len(links) == headers
        for link in links:
            first = await visitor.see(link)
            (way, back) = re.findall(rf'aria-sort="([a-z]+)"><a href="({path}\?[^"]+)"', first)[0]
            second = await visitor.see(back)
            (other,) = re.findall(r'aria-sort="([a-z]+)"', second)
            assert {way, other} == {"ascending", "descending"}, link


async def test_many_tickets_are_edited_together(api: Api) -> None:
    mine = (await api.file())["key"]
    await api.account("ada", "reporter")
    own = (await api.call("POST", "/tickets", as_="ada", json=ticket_body(), expect=201)).json()

    async with visiting(api, "ada") as visitor:
        form = {"key": [mine, own["key"]], "assignee": "bob", "severity": "P1", "domains": "x y"}
        done = await visitor.send("/tickets/edits", {**form, "back": "/tickets?batch=1"})
        nothing = await visitor.send("/tickets/edits", {"key": [mine]})

    assert "1 of 2 tickets changed" in done.text
    assert "was filed by somebody else" in done.text
    assert 'href="/tickets?batch=1"' in done.text
    assert nothing.status_code == 422
    edited = await api.get(f"/tickets/{own['key']}")
    assert (edited["assignee"], edited["severity"], edited["domains"]) == ("bob", "P1", ["x", "y"])
    assert (await api.get(f"/tickets/{mine}"))["assignee"] is None
