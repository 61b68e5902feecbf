"""Documents in: what becomes of each, and what is never overwritten."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import anyio
import psycopg
import pytest

from app.database import libpq_url
from tests.support.api import Api
from tests.unit.formats.markdown_samples import (
    LAYOUTS,
    METADATA,
    VERIFICATION,
    finding,
    with_row,
)

pytestmark = pytest.mark.anyio

ZIP = {"Content-Type": "application/zip"}
PATH = "triaged/B7-PT-03.md"


def doc(key: str = "B7-PT-03", *sections: str, **rows: str) -> str:
    """A document; rows of its metadata are given by name."""
    metadata = with_row(METADATA, "Ticket ID", f"`{key}`")
    for name, value in rows.items():
        metadata = with_row(metadata, name, value)
    return finding(*sections, metadata=metadata)


def archive(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    return out.getvalue()


async def take(
    api: Api, document: str | bytes, path: str | None = PATH, query: str = ""
) -> dict[str, Any]:
    """Import one document and return what became of it."""
    headers = {"Content-Type": "text/markdown"} | ({"X-Source-Path": path} if path else {})
    content = document.encode() if isinstance(document, str) else document
    answer = await api.call(
        "POST", f"/imports?{query}", content=content, headers=headers, expect=200
    )
    (item,) = answer.json()["items"]
    return dict(item)


async def take_all(api: Api, files: dict[str, str | bytes], query: str = "") -> list[Any]:
    answer = await api.call(
        "POST", f"/imports?{query}", content=archive(files), headers=ZIP, expect=200
    )
    return list(answer.json()["items"])


async def edit(api: Api, key: str, **changes: Any) -> None:
    etag = (await api.call("GET", f"/tickets/{key}")).headers["etag"]
    await api.call("PATCH", f"/tickets/{key}", json=changes, headers={"If-Match": etag}, expect=200)


async def markdown(api: Api, key: str) -> str:
    return (await api.call("GET", f"/tickets/{key}.md", expect=200)).text


async def test_a_document_becomes_a_ticket_and_comes_back_as_the_same_bytes(api: Api) -> None:
    document = doc("B7-PT-03", LAYOUTS["9 C"], VERIFICATION)

    item = await take(api, document)

    ticket = await api.get("/tickets/B7-PT-03")
    assert (item["result"], item["key"], item["source_path"]) == ("created", "B7-PT-03", PATH)
    assert (ticket["severity"], ticket["batch"], ticket["agent"]) == ("P2", 7, "pytorch")
    assert ticket["reported_on"] == "2025-03-01"
    assert {r["specialist"]: r["verdict"] for r in ticket["reviews"]} == {
        "drl": "ENDORSE",
        "pytorch": "NEUTRAL",
        "codereview": "OBJECT",
    }
    assert [i["done"] for i in ticket["checklist"]] == [False, True]
    assert await markdown(api, "B7-PT-03") == document
    history = (await api.get("/tickets/B7-PT-03/history"))["items"]
    assert [event["action"] for event in history] == ["ticket.imported"]


async def test_accept_asks_for_the_document(api: Api) -> None:
    await take(api, doc())

    answer = await api.call("GET", "/tickets/B7-PT-03", headers={"Accept": "text/markdown"})

    assert answer.headers["content-type"].startswith("text/markdown")
    assert answer.text == doc()
    assert answer.headers["etag"] == '"1"'


async def test_a_new_ticket_shows_what_is_known_of_it(api: Api) -> None:
    await take(api, doc("B2-DRL-10", Domain="`kasmina`"), "triaged/B2-DRL-10.md")
    await take(api, doc("B7-PT-03", Domain="`kasmina/blend`"))
    await take(api, doc("B7-PT-04"), "triaged/B7-PT-04.md")

    found = {
        item["key"]: item["evidence"]["state"] for item in (await api.get("/tickets"))["items"]
    }

    assert found == {"B2-DRL-10": "unverified", "B7-PT-03": "none", "B7-PT-04": "not-covered"}


async def test_an_unchanged_document_changes_nothing(api: Api) -> None:
    await take(api, doc())

    again = await take(api, doc())

    assert again["result"] == "unchanged"
    assert len((await api.get("/tickets/B7-PT-03/history"))["items"]) == 1
    assert (await api.get("/tickets/B7-PT-03"))["version"] == 1


async def test_a_changed_document_is_an_audited_edit(api: Api) -> None:
    await take(api, doc())

    item = await take(api, doc(Severity="`P0`", Status="`wont-fix`"))

    ticket = await api.get("/tickets/B7-PT-03")
    assert item["result"] == "updated"
    assert item["changes"]["severity"] == ["P2", "P0"]
    assert item["changes"]["status"] == ["open", "wont-fix (wont-fix)"]
    assert (ticket["severity"], ticket["status"], ticket["resolution"]) == (
        "P0",
        "wont-fix",
        "wont-fix",
    )
    event = (await api.get("/tickets/B7-PT-03/history"))["items"][-1]
    assert (event["action"], event["changes"]["severity"]) == ("ticket.imported", ["P2", "P0"])


async def test_what_was_decided_here_is_not_overwritten(api: Api) -> None:
    await take(api, doc())
    await edit(api, "B7-PT-03", severity="P1", title="Pump runs dry at night")
    newer = doc(Severity="`P0`", Agent="`drl`")

    failed = await take(api, newer)
    skipped = await take(api, newer, query="on_conflict=skip")
    kept = await api.get("/tickets/B7-PT-03")
    taken = await take(api, newer, query="on_conflict=update")

    ticket = await api.get("/tickets/B7-PT-03")
    assert failed["result"] == "conflict"
    assert "severity" in failed["reason"]
    assert failed["changes"] == {"severity": ["P1", "P0"]}
    assert failed["line"] == newer.split("\n").index("| **Severity** | `P0` |") + 1
    assert skipped["result"] == "unchanged"
    assert (kept["severity"], kept["agent"]) == ("P1", "pytorch")
    assert taken["result"] == "updated"
    assert (ticket["severity"], ticket["agent"], ticket["title"]) == (
        "P0",
        "drl",
        "Pump runs dry at night",  # changed here only: it stays whoever wins
    )


async def test_what_only_one_side_changed_needs_no_decision(api: Api) -> None:
    await take(api, doc())
    await edit(api, "B7-PT-03", severity="P1")
    newer = doc(Agent="`drl`")

    item = await take(api, newer)

    ticket = await api.get("/tickets/B7-PT-03")
    assert (item["result"], ticket["severity"], ticket["agent"]) == ("updated", "P1", "drl")
    assert await markdown(api, "B7-PT-03") == newer.replace("`P2`", "`P1`")


async def test_an_edit_changes_only_its_lines_in_the_export(api: Api) -> None:
    document = doc("B7-PT-03", LAYOUTS["1 A"], VERIFICATION)
    await take(api, document)
    item = (await api.get("/tickets/B7-PT-03"))["checklist"][0]
    etag = (await api.call("GET", "/tickets/B7-PT-03")).headers["etag"]

    await api.call(
        "PATCH",
        f"/tickets/B7-PT-03/checklist/{item['id']}",
        json={"done": True},
        headers={"If-Match": etag},
        expect=200,
    )
    await edit(api, "B7-PT-03", severity="P1")

    expected = document.replace("`P2`", "`P1`").replace("- [ ] Start the", "- [x] Start the")
    assert await markdown(api, "B7-PT-03") == expected


async def test_a_review_given_here_is_added_in_the_layout_of_the_others(api: Api) -> None:
    document = doc("B7-PT-03", LAYOUTS["7 C"])
    await take(api, document)
    review = {"verdict": "REFINE", "rationale": "Once more.", "specialist": "drl"}

    await api.call("POST", "/tickets/B7-PT-03/reviews", json=review, expect=201)

    after = await markdown(api, "B7-PT-03")
    (line,) = set(after.split("\n")) - set(document.split("\n"))
    assert line.endswith("| REFINE | Once more. |")
    assert "ENDORSE" in after  # what was superseded was said nevertheless
    assert (await take(api, after))["result"] == "updated"
    assert await markdown(api, "B7-PT-03") == after
    assert len((await api.get("/tickets/B7-PT-03/reviews?all=true"))["items"]) == 4


async def test_reviewers_that_nobody_knows_are_kept(api: Api) -> None:
    bare = "## Cross-Review\n\n| Verdict | **ENDORSE** |\n|---|---|\n\nYes, {}."
    odd = "## Cross-Review (Tide Watch)\n\n| Verdict | `NOT A BUG` |\n|---|---|\n\nNo."
    document = doc("B7-PT-03", bare.format("one"), bare.format("two"), odd)

    item = await take(api, document)

    ticket = await api.get("/tickets/B7-PT-03")
    assert any("unknown verdict" in warning for warning in item["warnings"])
    assert sorted((r["specialist"], r["verdict"]) for r in ticket["reviews"]) == [
        ("tide-watch", "OTHER"),
        ("unknown", "ENDORSE"),
        ("unknown", "ENDORSE"),
    ]
    assert ticket["consensus"]["missing"] == ["drl", "pytorch", "codereview", "human"]
    names = {s["name"] for s in (await api.get("/specialists"))["items"]}
    assert names.isdisjoint({"unknown", "tide-watch"})
    assert await markdown(api, "B7-PT-03") == document


async def test_a_fix_note_states_no_more_than_it_did(api: Api) -> None:
    note = (
        "# Fix: Pump runs dry\n\n## Resolution Summary\n\n| Field | Value |\n|---|---|\n"
        "| **Ticket ID** | `B-METRIC-01` |\n| **Status** | `fixed` |\n"
        "| **Fix Date** | 2025-03-04 |\n\n## Fix Applied\n\nA valve.\n"
    )
    await take(api, note, "fixed/B-METRIC-01.md")

    said = await api.get("/tickets/B-METRIC-01/document")
    ticket = await api.get("/tickets/B-METRIC-01")

    assert (said["severity"], said["batch"], said["agent"], said["summary"]) == (None,) * 4
    assert (ticket["status"], ticket["resolution"]) == ("closed", "fixed")
    await edit(api, "B-METRIC-01", sections=[{"heading": "Fix Applied", "body": "Two valves."}])
    assert await markdown(api, "B-METRIC-01") == note.replace("A valve.", "Two valves.")


async def test_words_that_the_tracker_does_not_know_stay_in_the_document(api: Api) -> None:
    label = "- [x] Code quality / maintainability"
    document = doc(Status="`closed`", Severity="`P9`").replace(
        "- [ ] Legacy code policy violation", label
    )

    await take(api, document)
    ticket = await api.get("/tickets/B7-PT-03")
    await edit(api, "B7-PT-03", categories=["correctness", "test-gap"])

    after = await markdown(api, "B7-PT-03")
    assert (ticket["status"], ticket["resolution"]) == ("closed", None)
    assert after == document.replace("- [ ] Test coverage gap", "- [x] Test coverage gap")


async def test_relations_wait_for_their_tickets(api: Api) -> None:
    related = "## Related Findings\n\n- B7-PT-03: itself\n- B7-PT-04: later\n- B99-DRL-01: never"
    document = doc("B7-PT-03", related)
    back = doc("B7-PT-04", "## Related Findings\n\n- B7-PT-03: seen from there")

    await take(api, document)
    before = (await api.get("/tickets/B7-PT-03"))["relations"]
    await take(api, back, "triaged/B7-PT-04.md")
    await api.file(key="B99-DRL-01")

    after = (await api.get("/tickets/B7-PT-03"))["relations"]
    assert before == []
    assert [(r["key"], r["note"]) for r in after] == [
        ("B7-PT-04", "seen from there"),
        ("B99-DRL-01", "never"),
    ]
    assert await markdown(api, "B7-PT-03") == document
    assert await markdown(api, "B7-PT-04") == back


async def test_a_document_does_not_take_the_original_from_a_duplicate(api: Api) -> None:
    table = (
        "## Related Findings\n\n| Ticket ID | Relationship | Notes |\n|---|---|---|\n"
        "| `B7-PT-04` | `duplicate` | same |"
    )
    await take(api, doc("B7-PT-04"), "triaged/B7-PT-04.md")
    document = doc("B7-PT-03", table)
    await take(api, document)
    step = {"to": "closed", "resolution": "duplicate"}
    await api.call("POST", "/tickets/B7-PT-03/transitions", json=step, expect=200)

    item = await take(api, doc("B7-PT-03"))

    assert item["result"] == "conflict"
    assert "B7-PT-03 is closed as a duplicate" in item["reason"]
    shown = (await api.get("/tickets/B7-PT-03"))["relations"]
    assert [(r["kind"], r["key"]) for r in shown] == [("duplicate-of", "B7-PT-04")]


async def test_two_that_call_each_other_duplicates_both_come_in(api: Api) -> None:
    table = (
        "## Related Findings\n\n| Ticket ID | Relationship | Notes |\n|---|---|---|\n"
        "| `{}` | `duplicate` | same |"
    )
    one, two = doc("A-1", table.format("A-2")), doc("A-2", table.format("A-1"))

    items = await take_all(api, {"triaged/A-1.md": one, "triaged/A-2.md": two})

    assert [item["result"] for item in items] == ["created", "created"]
    assert (await markdown(api, "A-1"), await markdown(api, "A-2")) == (one, two)


async def test_folder_and_status_are_separate_facts(api: Api) -> None:
    path = "fixed/B7-PT-03.md"

    item = await take(api, doc(), path)
    drifted = await api.get("/tickets?drift=true")
    taken = await take(api, doc(), path, "disposition=folder")

    ticket = await api.get("/tickets/B7-PT-03")
    assert any(w.startswith("drift: ") for w in item["warnings"])
    assert [t["key"] for t in drifted["items"]] == ["B7-PT-03"]
    assert taken["changes"]["status_from"] == ["document", "folder"]
    assert (ticket["status"], ticket["resolution"]) == ("closed", "fixed")
    assert (await api.get("/tickets?drift=true"))["items"] == []
    assert len((await api.get("/tickets?drift=false"))["items"]) == 1
    assert await markdown(api, "B7-PT-03") == doc()  # the document's own word is not edited
    assert (await take(api, doc(), path, "disposition=folder"))["result"] == "unchanged"


async def test_a_move_to_another_folder_is_recognised(api: Api) -> None:
    await take(api, doc())

    item = await take(api, doc(), "fixed/B7-PT-03.md")

    assert (item["result"], item["key"]) == ("updated", "B7-PT-03")
    assert "moved" in item["warnings"]
    assert item["changes"]["source_path"] == [PATH, "fixed/B7-PT-03.md"]
    assert (await api.get("/tickets/B7-PT-03/document"))["source_path"] == "fixed/B7-PT-03.md"


async def test_an_id_that_stands_twice_is_kept_twice_if_wanted(api: Api) -> None:
    files: dict[str, str | bytes] = {
        "fixed/B7-PT-03.md": doc(Status="`fixed`"),
        "not-a-bug/B7-PT-03.md": doc(Status="`invalid`", Created="2025-04-01"),
    }

    refused = await take_all(api, files)
    kept = await take_all(api, files, "on_conflict=suffix")
    again = await take_all(api, files, "on_conflict=suffix")

    assert [item["result"] for item in refused] == ["created", "conflict"]
    assert refused[1]["line"] == 9
    assert [(item["key"], item["result"]) for item in kept] == [
        ("B7-PT-03", "unchanged"),
        ("B7-PT-03~2", "created"),
    ]
    assert {item["result"] for item in again} == {"unchanged"}
    assert (await api.get("/tickets/B7-PT-03~2/document"))["id"] == "B7-PT-03"
    exported = await api.call("GET", "/exports?format=markdown", expect=200)
    with zipfile.ZipFile(io.BytesIO(exported.content)) as back:
        assert {name: back.read(name).decode() for name in back.namelist()} == files


async def test_twins_of_equal_title_in_one_import_are_no_move(api: Api) -> None:
    files: dict[str, str | bytes] = {
        "fixed/B7-PT-03.md": doc(),
        "not-a-bug/B7-PT-03.md": doc() + "\n## Notes\n\nMore.\n",
    }

    await take_all(api, files, "on_conflict=suffix")
    again = await take_all(api, files, "on_conflict=suffix")

    assert {item["result"] for item in again} == {"unchanged"}


async def test_a_path_that_holds_another_ticket_now_is_a_conflict(api: Api) -> None:
    await take(api, doc())

    item = await take(api, doc("B7-PT-09"), query="on_conflict=update")

    assert (item["result"], item["key"]) == ("conflict", "B7-PT-03")
    assert "B7-PT-09" in item["reason"]


async def test_a_ticket_born_here_follows_its_document_only_when_told(api: Api) -> None:
    filed = await api.file(key="B2-DRL-50", severity="P2", reported_on="2026-01-02")
    exported = await markdown(api, "B2-DRL-50")

    same = await take(api, exported, None)
    edited = exported.replace("| `P2` |", "| `P0` |")
    refused = await take(api, edited, None)
    taken = await take(api, edited, None, "on_conflict=update")

    assert same["result"] == "unchanged"
    assert refused["result"] == "conflict"
    assert taken["result"] == "updated"
    after = await api.get("/tickets/B2-DRL-50")
    assert (after["severity"], after["title"]) == ("P0", filed["title"])


async def test_a_dry_run_reports_everything_and_leaves_nothing(api: Api) -> None:
    await take(api, doc())
    await api.file(key="A-9")

    items = await take_all(
        api,
        {PATH: doc(Severity="`P0`"), "triaged/A-1.md": doc("A-1"), "fixed/A-9.md": doc("A-9")},
        "dry_run=true",
    )

    assert [item["result"] for item in items] == ["updated", "created", "conflict"]
    assert items[0]["changes"]["severity"] == ["P2", "P0"]
    assert (await api.get("/tickets/B7-PT-03"))["severity"] == "P2"
    await api.call("GET", "/tickets/A-1", expect=404)


async def test_many_come_as_a_form(api: Api) -> None:
    files = [
        ("files", ("fixed/A-1.md", doc("A-1").encode(), "text/markdown")),
        ("files", ("fixed/A-2.md", b"# no ticket", "text/markdown")),
        ("files", ("../A-3.md", doc("A-3").encode(), "text/markdown")),
    ]

    answer = await api.call("POST", "/imports", files=files, expect=200)

    results = [(i["source_path"], i["result"]) for i in answer.json()["items"]]
    assert results == [
        ("fixed/A-1.md", "created"),
        ("fixed/A-2.md", "rejected"),
        ("../A-3.md", "rejected"),
    ]


GOOD = doc("A-1")
LINES = GOOD.split("\n")
NESTED = "## Notes\n\n" + "- " * 10_000 + "x"
BAD: dict[str, tuple[str | bytes, str, int]] = {
    "not UTF-8": (GOOD.encode().replace(b"starts", b"st\xe4rts"), "not UTF-8", 55),
    "50 MB": (b"#" * 50_000_000, "more than 1048576 bytes", 1),
    "no ticket": ("# Read me\n\nHello.\n", "GET /api/v1/template", 1),
    "two titles": (GOOD + "\n# Finding Ticket: Another\n", "a second title", len(LINES) + 1),
    "an open fence": (GOOD.replace("start()\n```", "start()\n\n## Notes"), "never closed", 57),
    "nested lists": (GOOD + "\n" + NESTED, "nested more than", len(LINES) + 3),
    "a long key": (doc("A-" + "1" * 60), "longer than 40", 9),
    "a long title": (GOOD.replace("Pump runs dry", "Pump " * 300), "longer than 1000", 1),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_says_why_and_where_and_the_others_go_on(
    api: Api, name: str
) -> None:
    content, reason, line = BAD[name]

    item, good = await take_all(api, {"triaged/A-1.md": content, PATH: doc()})

    assert (item["result"], item["key"]) == ("rejected", None)
    assert reason in item["reason"]
    assert item["line"] == line
    assert good["result"] == "created"
    assert (await api.get("/tickets?count=true"))["total"] == 1


WARNED: dict[str, tuple[str | bytes, str]] = {
    "a BOM": (b"\xef\xbb\xbf" + GOOD.encode(), "line 1: begins with a byte order mark"),
    "CRLF": (GOOD.replace("\n", "\r\n"), "line 1: lines end with CRLF"),
    "a table without end": (
        GOOD.replace("| 2025-03-02 |", "| 2025-03-02 |\nand on"),
        "line 18: the table has no end",
    ),
    "an unknown verdict": (
        doc("A-1", "## Cross-Review (DRL)\n\n**Verdict:** MAYBE\n\nWell."),
        "unknown verdict 'MAYBE'",
    ),
    "another file name": (doc("A-7"), "line 9: Ticket ID A-7 contradicts the file name A-1"),
}


@pytest.mark.parametrize("name", WARNED)
async def test_what_is_odd_is_told_by_line_and_comes_back_to_the_byte(api: Api, name: str) -> None:
    content, warning = WARNED[name]

    item = await take(api, content, "triaged/A-1.md")

    assert item["result"] == "created"
    assert any(warning in w and w.startswith("line ") for w in item["warnings"])
    back = (await api.call("GET", f"/tickets/{item['key']}.md", expect=200)).content
    assert back == (content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../A-1.md", "'..'"),
        ("fixed/../../A-1.md", "'..'"),
        ("/etc/A-1.md", "absolute"),
        ("C:\\A-1.md", "absolute"),
        ("..\\A-1.md", "'..'"),
        ("fixed/A-1.exe", "not a Markdown file"),
    ],
)
async def test_an_entry_that_leads_elsewhere_is_refused_alone(
    api: Api, path: str, reason: str
) -> None:
    item, good = await take_all(api, {path: doc("A-1"), PATH: doc()})

    assert (item["result"], good["result"]) == ("rejected", "created")
    assert reason in item["reason"]


async def test_a_zip_bomb_is_refused_before_anything_is_filed(api: Api) -> None:
    bomb = archive({PATH: doc(), "big.md": b"\0" * (201 << 20)})
    # What the archive says of the sizes is not believed.
    size = struct.pack("<I", 201 << 20)
    lying = bomb.replace(size, struct.pack("<I", 10))

    refused = await api.call("POST", "/imports", content=bomb, headers=ZIP)
    assert refused.status_code == 413
    assert (await api.get("/tickets?count=true"))["total"] == 0

    answer = await api.call("POST", "/imports", content=lying, headers=ZIP, expect=200)
    assert [item["result"] for item in answer.json()["items"]] == ["created", "rejected"]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/zip"}, b"PK no archive", 422),
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "text/markdown", "X-Source-Path": "../x.md"}, b"x", 422),
        ({"Content-Type": "multipart/form-data"}, b"x", 422),
    ],
)
async def test_a_body_that_is_no_import_is_a_problem(
    api: Api, headers: dict[str, str], content: bytes, status: int
) -> None:
    await api.call("POST", "/imports", content=content, headers=headers, expect=status)


async def test_imports_are_for_maintainers(api: Api) -> None:
    await api.account("rita", "reviewer")

    answer = await api.call("POST", "/imports", as_="rita", content=b"x")

    assert answer.status_code == 403


async def test_an_import_that_is_sent_twice_under_a_key_is_answered_the_same(api: Api) -> None:
    headers = {"Content-Type": "text/markdown", "Idempotency-Key": "import-once-1"}
    first = await api.call("POST", "/imports", content=doc().encode(), headers=headers, expect=200)
    again = await api.call("POST", "/imports", content=doc().encode(), headers=headers, expect=200)

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_form_of_documents_under_a_key_is_read_once(api: Api) -> None:
    """The key takes the body in first, and the form is read from what it keeps."""
    part = 'Content-Disposition: form-data; name="files"; filename="B9-CR-01.md"'
    content = f"--x\r\n{part}\r\n\r\n{doc()}\r\n--x--\r\n".encode()
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Idempotency-Key": "form-once-1",
    }
    sent: dict[str, Any] = {"content": content, "headers": headers}
    with anyio.fail_after(20):
        first = await api.call("POST", "/imports", expect=200, **sent)
        again = await api.call("POST", "/imports", expect=200, **sent)

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_document_that_is_too_large_by_now_is_followed_all_the_same(
    api: Api, database: str
) -> None:
    await take(api, doc())
    large = (
        doc() + "\n## Appendix\n\n" + "- a\n" * 51_000
    )  # as taken by a version without the limit
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute(
            "UPDATE ticket_documents SET content = %s, digest = %s", [large.encode(), "of old"]
        )

    exported = await markdown(api, "B7-PT-03")
    item = await take(api, doc(Severity="`P0`"))

    assert "B7-PT-03" in exported
    assert (item["result"], item["changes"]["severity"][1]) == ("updated", "P0")


async def test_a_document_of_more_parts_than_a_ticket_has_is_refused(api: Api) -> None:
    item = await take(api, doc() + "".join(f"## Part {n}\n\nText.\n\n" for n in range(2001)))

    assert item["result"] == "rejected"
    assert "2,002 sections, and a ticket has at most 2,000; split it" in item["reason"]


async def test_what_changed_in_a_document_of_many_sections_is_told_in_brief(api: Api) -> None:
    sections = "".join(f"## Part {n}\n\n{'word ' * 100}\n\n" for n in range(300))
    await take(api, doc() + sections)
    changed = sections.replace("## Part 7\n\nword", "## Part 7\n\nsome other word")

    item = await take(api, doc() + changed + "## One more\n\nText.\n")

    before, after = item["changes"]["sections"]
    assert item["result"] == "updated"
    assert [part["heading"] for part in before] == ["Part 7"]
    assert [part["heading"] for part in after] == ["Part 7", "One more"]
    assert len(json.dumps(item)) < 4000
    shown = (await api.get("/tickets/B7-PT-03"))["sections"]
    assert [part["heading"] for part in shown][-1] == "One more"
    assert sum("some other word" in part["body"] for part in shown) == 1
