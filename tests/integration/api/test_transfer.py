"""Everything out as lines of JSON, and into another installation."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from app.database import libpq_url
from app.schema import metadata
from app.storage.lines import KINDS, LEFT_OUT
from tests.integration.api.test_sarif import take
from tests.support.api import Api, running_api, ticket_body
from tests.support.shared import Shared
from tests.unit.formats.markdown_samples import LAYOUTS, finding

pytestmark = pytest.mark.anyio

LINES = {"Content-Type": "application/x-ndjson"}


def tables() -> dict[str, list[str]]:
    """Every table that is exported, with the columns to compare."""
    return {
        name: [c.name for c in table.columns if c.name != "xid"]
        for name, table in metadata.tables.items()
        if name not in LEFT_OUT
    }


def contents(url: str, *, admin: str) -> dict[str, list[str]]:
    """The rows of all exported tables as text; the first admin's id is written as ``admin``."""
    found = {}
    with psycopg.connect(libpq_url(url)) as connection:
        for name in tables():
            rows = connection.execute(
                f"SELECT (to_jsonb(t) - 'xid')::text FROM {name} t"
            ).fetchall()
            found[name] = sorted(row[0].replace(admin, "admin") for row in rows)
    return found


def without_own(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out what an installation does by itself, and the note of the import."""
    kept = dict(found)
    events = [json.loads(row) for row in found["audit_events"]]
    kept["audit_events"] = [
        json.dumps(event, sort_keys=True)
        for event in sorted(events, key=lambda event: event["id"])
        if (event["ticket_id"] or event["actor_id"]) and event["action"] != "export.restored"
    ]
    kept["accounts"] = [row for row in found["accounts"] if json.loads(row)["id"] != "admin"]
    return kept


async def admin_id(api: Api) -> str:
    async with api.factory.unit.read() as stores:
        account = await stores.accounts.find("admin")
    assert account is not None
    return str(account.id)


async def export(api: Api, query: str = "", *, as_: str = "admin") -> bytes:
    answer = await api.call("GET", f"/exports?format=jsonl{query}", as_=as_, expect=200)
    return answer.content


async def restore(api: Api, lines: bytes, *, expect: int = 200, query: str = "") -> Any:
    path = f"/imports?format=jsonl{query}"
    answer = await api.call("POST", path, content=lines, headers=LINES, expect=expect)
    return answer.json()


async def fill(api: Api) -> None:
    """Something of everything."""
    await api.account("ada", "reviewer", speaks_for=("pytorch", "codereview"))
    await api.account("bob", "reporter")
    document = finding(
        LAYOUTS["1 A dated"], "## Related Findings\n\n- B9-PT-99: not here\n- B2-DRL-10: here"
    )
    await api.call(
        "POST",
        "/imports",
        content=document.encode(),
        headers={"Content-Type": "text/markdown", "X-Source-Path": "fixed/B7-PT-03.md"},
        expect=200,
    )
    report = {"tool": {"driver": {"name": "Bandit"}}, "results": [{"ruleId": "B602"}]}
    await api.call(
        "POST",
        "/imports?format=sarif",
        json={"version": "2.1.0", "runs": [report]},
        expect=200,
    )
    ticket = await api.file(
        as_="bob",
        key="B2-DRL-10",
        categories=["api-contract"],
        locations=[{"path": "kasmina/blend_ops.py", "start_line": 59, "end_line": 94}],
        sections=[{"heading": "Detailed Description", "body": "Tab\tand\r\nline \u2028 end."}],
        checklist=[{"text": "callers pass it"}],
        reports=[{"file": "report.md", "section": "B2-10"}],
        reported_on="2026-01-02",
    )
    item = ticket["checklist"][0]["id"]
    objection = {"verdict": "OBJECT", "rationale": "No.", "specialist": "pytorch", "claim": "false"}
    path = "/tickets/B2-DRL-10"
    given = await api.call("POST", f"{path}/reviews", as_="ada", json=objection, expect=201)
    answered = {"resolution": "overruled", "reason": "It was run."}
    await api.call("POST", f"{path}/reviews/{given.json()['id']}/answer", json=answered, expect=200)
    again = {"verdict": "ENDORSE", "rationale": "Now I see it.", "specialist": "pytorch"}
    await api.call("POST", f"{path}/reviews", as_="ada", json=again, expect=201)
    await api.call("POST", f"{path}/notes", json={"body": "A remark."}, expect=201)
    told = {"source": "ci", "results": [{"node_id": "t.py::test_a", "outcome": "failed"}]}
    await api.call("POST", f"{path}/external-results", as_="bob", json=told, expect=201)
    catalogue = (await api.get("/tests?limit=200"))["items"]
    test = next(t for t in catalogue if "B2-DRL-10" not in t["findings"])
    link = {"node_id": test["node_id"], "purpose": "guards", "checklist_item": item}
    await api.call("POST", f"{path}/tests", as_="ada", json=link, expect=201)
    other = (await api.file(domains=["simic"]))["key"]
    waived = {
        "to": "closed",
        "resolution": "fixed",
        "commits": ["4f2a9c1"],
        "waiver": {"reason": "Wording."},
    }
    approval = {"verdict": "ENDORSE", "rationale": "Yes.", "specialist": "pytorch"}
    await api.call("POST", f"/tickets/{other}/reviews", as_="ada", json=approval, expect=201)
    await api.call("POST", f"/tickets/{other}/transitions", json=waived, expect=200)
    await api.call(
        "POST", f"{path}/relations", json={"key": other, "kind": "blocks", "note": "n"}, expect=201
    )
    await api.call("POST", f"{path}/transitions", json={"to": "investigating"}, expect=200)


async def run_once(api: Api) -> None:
    key = "B2-DRL-10"
    asked = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    run = await api.get(f"/runs/{asked.json()['id']}?wait=60")
    assert run["status"] == "finished"


async def test_an_export_makes_an_empty_installation_equal(
    api_with_worker: Api, database: str, other_database: str, shared: Shared
) -> None:
    api = api_with_worker
    await fill(api)
    await run_once(api)
    admin = await admin_id(api)
    before: dict[str, Any] = {}
    # The worker stores by itself what it sees of targets.
    while before != (before := without_own(contents(database, admin=admin))):
        lines = await export(api)

    async with running_api(other_database, shared=shared) as other:
        report = await restore(other, lines)
        after = without_own(contents(other_database, admin=await admin_id(other)))
        again = await export(other)
        (waived,) = (await other.get("/tickets?waived=true"))["items"]

    assert waived["evidence"]["closed_without"] == {"by": "admin", "reason": "Wording."}
    assert [item["result"] for item in report["items"]] == ["created"] * 4
    for name in before:
        assert after[name] == before[name], name
    full = ("runs", "run_arms", "run_events", "reviews", "notes", "test_links", "ticket_documents")
    assert all(before[name] for name in (*full, "pending_relations", "audit_events"))
    assert len(again.splitlines()) == len(lines.splitlines()) + 1  # the note of the import


async def test_what_is_restored_goes_on_working(
    api: Api, other_database: str, shared: Shared
) -> None:
    await fill(api)
    lines = await export(api)
    document = (await api.call("GET", "/tickets/B7-PT-03.md")).content

    async with running_api(other_database, shared=shared) as other:
        await restore(other, lines)
        found = await other.get("/tickets?q=callers")
        shown = await other.get("/tickets/B2-DRL-10")
        filed = await other.file(batch=2)
        title = shown["title"]
        like = await other.call("POST", "/tickets?dry_run=true", json=ticket_body(title=title))
        same = (await other.call("GET", "/tickets/B7-PT-03.md")).content
        mine = await api.file(batch=2)

    there = await api.get("/tickets?q=callers")
    assert [item["key"] for item in found["items"]] == [item["key"] for item in there["items"]]
    assert found["items"]
    assert shown == {**await api.get("/tickets/B2-DRL-10")}
    assert filed["key"] == mine["key"]
    assert "B2-DRL-10" in [item["key"] for item in like.json()["similar"]]
    assert same == document


async def test_tickets_that_moved_are_known_by_exports_from_where_they_were(
    api: Api, other_database: str, shared: Shared
) -> None:
    filed = await api.file()
    lines = await export(api)
    report = (await api.call("GET", "/exports?format=sarif")).content
    with psycopg.connect(libpq_url(other_database)) as connection:  # it has the template's id
        connection.execute("UPDATE installations SET id = gen_random_uuid()")

    async with running_api(other_database, shared=shared) as other:
        await restore(other, lines)
        taken = await take(other, json.loads(report))
        (told,) = (await other.call("GET", "/exports?format=sarif")).json()["runs"][0]["results"]

    (item,) = taken
    assert (item["key"], item["result"]) == (filed["key"], "updated")
    assert told["properties"]["findings/installation"] not in report.decode()


async def test_an_export_joins_tickets_that_are_here(
    api: Api, other_database: str, shared: Shared
) -> None:
    await fill(api)
    lines = await export(api)

    async with running_api(other_database, shared=shared) as other:
        await other.account("ada", "reader")
        key = (await other.file(batch=50))["key"]
        await restore(other, lines)
        history = await other.get("/tickets/B2-DRL-10/history?limit=200")
        role = next(a for a in (await other.get("/accounts"))["items"] if a["name"] == "ada")[
            "role"
        ]
        assert (await other.get(f"/tickets/{key}"))["key"] == key
        assert (await other.get("/tickets?count=true"))["total"] == 5

    mine = await api.get("/tickets/B2-DRL-10/history?limit=200")
    assert [e["action"] for e in history["items"]] == [e["action"] for e in mine["items"]]
    assert role == "reader"  # an import gives nobody rights


async def test_a_key_that_is_here_makes_the_whole_import_fail(api: Api) -> None:
    await fill(api)
    lines = await export(api)
    before = (await api.get("/tickets?count=true"))["total"]

    problem = await restore(api, lines, expect=409)

    assert "Line " in problem["detail"]
    assert (await api.get("/tickets?count=true"))["total"] == before


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: lines[:-1], "its last line is missing"),
        (lambda lines: [*lines[:-2], lines[-1]], "lines are missing"),
        (lambda lines: lines[1:], "not the beginning"),
        (lambda lines: [lines[0], b"{", *lines[1:]], "line 2 is not JSON"),
        (lambda lines: [lines[0], b'{"kind":"magic"}', *lines[1:]], "no known kind"),
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]], "version 9"),
        (
            lambda lines: [
                line.replace(b'"severity": "P2"', b'"severity": "P9"') for line in lines
            ],
            "does not fit",
        ),
        (
            lambda lines: [line.replace(b'["api-contract"]', b'["magic"]') for line in lines],
            "unknown category",
        ),
    ],
)
async def test_a_spoilt_export_is_refused_by_line_and_leaves_nothing(
    api: Api, other_database: str, spoil: Any, reason: str, shared: Shared
) -> None:
    await api.file(categories=["api-contract"])
    lines = (await export(api)).splitlines()

    async with running_api(other_database, shared=shared) as other:
        problem = await restore(other, b"\n".join(spoil(lines)), expect=422)
        total = (await other.get("/tickets?count=true"))["total"]

    assert reason in problem["errors"][0]["detail"]
    assert "line " in problem["errors"][0]["detail"]
    assert total == 0


async def test_a_dry_run_leaves_nothing(api: Api, other_database: str, shared: Shared) -> None:
    await api.file()
    lines = await export(api)

    async with running_api(other_database, shared=shared) as other:
        report = await restore(other, lines, query="&dry_run=true")
        total = (await other.get("/tickets?count=true"))["total"]

    assert [item["result"] for item in report["items"]] == ["created"]
    assert total == 0


async def test_no_export_holds_a_secret(api: Api) -> None:
    await fill(api)

    lines = (await export(api)).decode()

    assert "digest_is" not in lines
    for name, token in api.tokens.items():
        assert token not in lines, name
    kinds = {json.loads(line)["kind"] for line in lines.split("\n") if line}
    assert kinds <= {"export", "end", *KINDS}


async def test_only_admins_see_accounts_and_take_exports_in(api: Api) -> None:
    await fill(api)
    await api.account("max", "maintainer")

    lines = (await export(api, as_="max")).splitlines()
    refused = await api.call(
        "POST", "/imports?format=jsonl", as_="max", content=b"\n".join(lines), headers=LINES
    )

    assert refused.status_code == 403
    assert json.loads(lines[0])["complete"] is False
    assert "account" not in {json.loads(line)["kind"] for line in lines}


async def test_a_filtered_export_holds_what_belongs_to_its_tickets(api: Api) -> None:
    await fill(api)

    lines = [json.loads(line) for line in (await export(api, "&agent=pytorch")).splitlines()]

    tickets = [line["ticket"] for line in lines if line["kind"] == "ticket"]
    assert [ticket["key"] for ticket in tickets] == ["B7-PT-03"]
    assert {e["audit"]["ticket_id"] for e in lines if e["kind"] == "audit"} == {tickets[0]["id"]}
    assert not [line for line in lines if line["kind"] == "relation"]


def test_every_table_is_exported_or_left_out_on_purpose() -> None:
    exported = {kind.table.name for kind in KINDS.values()}
    exported |= {part.table.name for kind in KINDS.values() for part in kind.parts}

    assert exported.isdisjoint(LEFT_OUT)
    assert exported | set(LEFT_OUT) == set(metadata.tables)


NEW_IN_SECOND_EDITION = {
    "target": ("test_files", "support_digest", "environments"),
    "ticket": ("evidence_doubt", "evidence_stale_reason"),
    "run": ("compared", "not_comparable", "without_assertion", "authors"),
}


async def test_an_export_of_the_first_edition_is_taken_and_its_evidence_is_stale(
    api_with_worker: Api, other_database: str, shared: Shared
) -> None:
    api = api_with_worker
    await fill(api)
    await run_once(api)
    lines = [json.loads(line) for line in (await export(api)).splitlines()]
    for line in lines:
        for name in NEW_IN_SECOND_EDITION.get(line.get("kind"), ()):
            del line[line["kind"]][name]
        line.pop("tallies", None)
        for arm in line.get("arms", ()):
            del arm["hints"], arm["uses"]
        if line.get("kind") == "ticket" and line["ticket"]["decision"]:
            del line["ticket"]["decision"]["rules"]

    async with running_api(other_database, shared=shared) as other:
        await restore(other, "".join(json.dumps(line) + "\n" for line in lines).encode())
        evidence = (await other.get("/tickets/B2-DRL-10"))["evidence"]
        (run,) = (await other.get("/runs"))["items"]

    assert (evidence["stale"], evidence["stale_reason"]) == (True, "rules changed")
    assert "rules changed" in evidence["sentence"]
    assert run["outcome"] == "passed"
