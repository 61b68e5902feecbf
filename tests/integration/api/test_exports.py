"""Tickets out: as documents and as tables."""

from __future__ import annotations

import csv
import difflib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy.pool import QueuePool

import app
from app.formats import tracked
from app.formats.markdown import TicketFacts, canonical, facts, parse, write
from tests.support.api import Api, running_api
from tests.support.shared import Shared
from tests.unit.formats.markdown_samples import finding
from tests.unit.formats.test_markdown_identity import STATES, TICKETS

pytestmark = pytest.mark.anyio

ROOT = Path(app.__file__).parents[1]
FOLDER = Path(os.environ.get("TICKETS_DIR", ROOT / "../shared/tickets")).resolve()
VISIBLE = FOLDER / "visible"
real_tickets = pytest.mark.skipif(
    not VISIBLE.is_dir(),
    reason=f"no tickets in {FOLDER}; set TICKETS_DIR to a folder with visible/",
)
EXAMPLES = ROOT / "examples" / "markdown"


def documents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.md")}


async def take_all(api: Api, files: dict[str, bytes], query: str = "") -> list[dict[str, Any]]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    answer = await api.call(
        "POST",
        f"/imports?{query}",
        content=out.getvalue(),
        headers={"Content-Type": "application/zip"},
        expect=200,
    )
    return list(answer.json()["items"])


async def export(api: Api, query: str = "") -> dict[str, bytes]:
    answer = await api.call("GET", f"/exports?format=markdown{query}", expect=200)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as back:
        assert back.testzip() is None
        return {name: back.read(name) for name in back.namelist()}


def check(script: str, *arguments: str | Path) -> None:
    command = [sys.executable, str(FOLDER / script), *map(str, arguments), "--split", "visible"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@real_tickets
async def test_real_tickets_go_through_the_service_without_loss(api: Api, tmp_path: Path) -> None:
    files = documents(VISIBLE)
    items = await take_all(api, files, "on_conflict=suffix")
    again = await take_all(api, files, "on_conflict=suffix")
    said, back = tmp_path / "said", tmp_path / "back"
    said.mkdir()
    for number, item in enumerate(items):
        document = await api.get(f"/tickets/{item['key']}/document")
        (said / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    exported = await export(api)
    for path, content in exported.items():
        (back / path).parent.mkdir(parents=True, exist_ok=True)
        (back / path).write_bytes(content)

    assert {item["result"] for item in items} == {"created"}
    assert {item["result"] for item in again} == {"unchanged"}
    assert exported == files
    check("check_import.py", said)
    check("check_roundtrip.py", VISIBLE, back)


@real_tickets
async def test_an_edit_of_a_real_ticket_changes_its_line_only(api: Api) -> None:
    files = documents(VISIBLE)
    items = await take_all(api, files)
    for item in items:
        etag = (await api.call("GET", f"/tickets/{item['key']}")).headers["etag"]
        await api.call(
            "PATCH",
            f"/tickets/{item['key']}",
            json={"severity": "P0"},
            headers={"If-Match": etag},
            expect=200,
        )

    for path, content in (await export(api)).items():
        before, after = (text.decode().split("\n") for text in (files[path], content))
        diff = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        assert [line for line in diff if line[0] == "+"] in (["+ | **Severity** | `P0` |"], [])
        assert len(diff) <= 2, path


def generated() -> dict[str, tuple[TicketFacts, bytes]]:
    """Documents of generated tickets by their keys."""
    found: list[TicketFacts] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TICKETS, STATES)
    def gather(ticket: TicketFacts, state: tuple[str, str | None]) -> None:
        key = f"GEN-{len(found)}"
        found.append(replace(ticket, key=key, status=state[0], resolution=state[1]))

    gather()
    return {ticket.key: (canonical(ticket), write(ticket)) for ticket in found}


async def test_generated_tickets_survive_two_services(
    api: Api, other_database: str, shared: Shared
) -> None:
    tickets = generated()
    files = {f"notes/{key}.md": content for key, (_, content) in tickets.items()}

    items = await take_all(api, files)
    exported = await export(api)
    async with running_api(other_database, shared=shared) as other:
        await take_all(other, exported)
        again = await export(other)
        for key, (stated, _) in tickets.items():
            held = tracked.of_ticket(await other.factory.tickets.show(key))
            assert tracked.differing(held, tracked.held(stated)) == (), stated

    assert {item["result"] for item in items} == {"created"}
    assert exported == files
    assert again == files


async def test_the_examples_come_in_whole_and_go_out_whole(api: Api) -> None:
    files = documents(EXAMPLES)

    items = await take_all(api, files)

    assert {item["result"] for item in items} == {"created"}
    odd = {item["source_path"]: item["warnings"] for item in items if item["warnings"]}
    assert list(odd) == ["fixed/B4-HU-04.md"]
    assert await export(api) == files
    assert set(await export(api, "&severity=P1")) == {"triaged/B4-DRL-01.md"}


async def test_a_ticket_born_here_is_written_where_its_like_would_lie(api: Api) -> None:
    open_one = (await api.file())["key"]
    other = (await api.file())["key"]
    step = {"to": "wont-fix", "resolution": "wont-fix", "reason": "No."}
    await api.call("POST", f"/tickets/{other}/transitions", json=step, expect=200)
    await take_all(api, {f"triaged/{open_one}.md": finding().encode()})

    paths = set(await export(api))

    assert paths == {
        f"triaged/{open_one}.md",
        f"triaged/{open_one} (filed here).md",
        f"wontfix/{other}.md",
    }


async def test_a_table_opens_in_a_spreadsheet_without_harm(api: Api) -> None:
    await api.file(title="=HYPERLINK(1)", summary='says "a, b"', domains=["kasmina", "tolaria"])

    answer = await api.call("GET", "/exports?format=csv", expect=200)

    assert answer.content.startswith(b"\xef\xbb\xbfkey,")
    assert "attachment" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert (row["title"], row["summary"], row["domains"]) == (
        "'=HYPERLINK(1)",
        'says "a, b"',
        "kasmina; tolaria",
    )


async def test_an_unknown_format_or_filter_is_a_problem(api: Api) -> None:
    await api.call("GET", "/exports?format=xml", expect=422)
    await api.call("GET", "/exports?sevrity=P0", expect=422)


async def test_documents_are_there_for_readers_and_404_for_none(api: Api) -> None:
    await api.account("rea", "reader")
    key = (await api.file())["key"]

    await api.call("GET", f"/tickets/{key}.md", as_="rea", expect=200)
    await api.call("GET", f"/tickets/{key}/document", as_="rea", expect=200)
    await api.call("GET", "/exports", as_="rea", expect=200)
    await api.call("GET", "/tickets/X-99.md", expect=404)
    await api.call("GET", "/tickets/nonsense.md", expect=404)


async def test_a_ticket_filed_here_makes_an_equal_one_elsewhere(
    api: Api, other_database: str, shared: Shared
) -> None:
    other_key = (await api.file(key="A-2"))["key"]
    filed = await api.file(
        key="A-1",
        title="pipes | and `ticks`",
        reported_on="2026-01-02",
        domains=["kasmina", "kasmina/blend"],
        categories=["test-gap", "correctness"],
        locations=[
            {"path": "kasmina/a.py", "start_line": 3, "end_line": 9, "symbol": "f()"},
            {"path": "kasmina/b.py", "note": "the caller"},
        ],
        sections=[
            {"heading": "Detailed Description", "body": "## not a section\n\n```\n---\n```"},
            {"heading": "Summary", "body": "| a | b |\n|---|---|"},
        ],
        checklist=[{"text": "first"}, {"text": "- [ ] second", "done": True}],
        reports=[{"file": "r.md", "section": "s"}],
        relations=[{"key": other_key, "kind": "blocks", "note": "because"}],
        assignee="ada",
    )
    review = {"verdict": "REFINE", "rationale": "A.\n\n## B", "specialist": "pytorch"}
    await api.call("POST", "/tickets/A-1/reviews", json=review, expect=201)
    files = await export(api)

    async with running_api(other_database, shared=shared) as other:
        items = await take_all(other, files)
        found = await other.get("/tickets/A-1")
        again = await export(other)

    assert {item["result"] for item in items} == {"created"}
    parts = ("sections", "locations", "checklist")
    same = (
        *("title", "severity", "status", "batch", "agent", "summary"),
        *("domains", "assignee", "reported_on", "reports"),
    )
    assert {name: found[name] for name in same} == {name: filed[name] for name in same}
    assert sorted(found["categories"]) == sorted(filed["categories"])
    for name in parts:
        bare = [{k: v for k, v in part.items() if k != "id"} for part in filed[name]]
        assert [{k: v for k, v in part.items() if k != "id"} for part in found[name]] == bare
    assert [(r["key"], r["kind"], r["note"]) for r in found["relations"]] == [
        ("A-2", "blocks", "because")
    ]
    assert [(r["verdict"], r["rationale"]) for r in found["reviews"]] == [("REFINE", "A.\n\n## B")]
    assert again == files


async def test_a_ticket_that_was_filed_here_keeps_all_of_its_summary_and_its_reference(
    api: Api,
) -> None:
    summary = "It leaks.\n\nAt each call:\n\n```python\n## no heading\n\nleak()\n```"
    sections = [
        {"heading": "Location", "body": "Not a *table*."},
        {"heading": "Fix #", "body": "x"},
    ]
    ticket = await api.file(summary=summary, external_ref="JIRA-7", sections=sections)
    path = f"/tickets/{ticket['key']}"

    document = (await api.call("GET", f"{path}.md", expect=200)).text

    assert "**One-line summary:** It leaks.\n" in document
    assert f"## Summary <!-- section -->\n\n{summary}\n" in document
    assert "| **External Ref** | `JIRA-7` |" in document
    stated = facts(parse(document.encode()))
    assert [(s.heading, s.body) for s in stated.sections] == [
        ("Summary", summary),
        ("Location", "Not a *table*."),
        ("Fix #", "x"),
    ]
    kind = {"Content-Type": "text/markdown"}
    again = await api.call("POST", "/imports", content=document, headers=kind, expect=200)
    assert [item["result"] for item in again.json()["items"]] == ["unchanged"]
    shown = await api.get(path)
    assert (shown["summary"], shown["external_ref"]) == (summary, "JIRA-7")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_an_export_of_which_only_the_head_is_asked_holds_no_connection(
    api: Api, form: str
) -> None:
    await api.file()
    await api.get("/tickets")
    pool = api.factory.engine.pool
    assert isinstance(pool, QueuePool)
    before = pool.checkedout()

    for _ in range(4):  # more than may be read at once
        answer = await api.call("HEAD", f"/exports?format={form}", expect=200)
        assert answer.content == b""
        assert pool.checkedout() == before
