"""Finding tickets by their words."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from app.database import libpq_url
from tests.support.api import Api
from tests.support.statements import sent_statements

pytestmark = pytest.mark.anyio


async def found(api: Api, q: str, **filters: Any) -> list[str]:
    page = await api.get("/tickets", params={"q": q, "sort": "key", **filters})
    return [item["key"] for item in page["items"]]


@pytest.fixture
async def three(api: Api) -> Api:
    await api.file(
        key="KAS-1",
        title="blend_multiply couples gradients",
        summary="The host becomes its own seed input.",
        severity="P1",
        locations=[
            {
                "path": "kasmina/blend_ops.py",
                "start_line": 59,
                "symbol": "BlendAlgorithm.multiply()",
            }
        ],
    )
    await api.file(
        key="KAS-2",
        title="Checkpoint drops the optimiser",
        summary="Loading warns about nothing.",
        sections=[
            {"heading": "Detailed Description", "body": "The momentum buffers vanish silently."},
            {"heading": "Fix", "body": "Store `optimizer.state_dict()` in tools/checkpoint.py."},
        ],
    )
    await api.file(key="KAS-3", title="Gradients leak", summary="The seed input keeps a graph.")
    return api


@pytest.mark.parametrize(
    ("q", "keys"),
    [
        ("gradients", ["KAS-1", "KAS-3"]),
        ("gradient", ["KAS-1", "KAS-3"]),
        ("gradients couples", ["KAS-1"]),
        ("gradients or momentum", ["KAS-1", "KAS-2", "KAS-3"]),
        ("gradients -couples", ["KAS-3"]),
        ('"seed input"', ["KAS-1", "KAS-3"]),
        ('"input seed"', []),
        ('gradients -"host becomes"', ["KAS-3"]),
        ("KAS-2", ["KAS-2"]),
        ("momentum", ["KAS-2"]),
        ('"buffers vanish"', ["KAS-2"]),
        ("fix", ["KAS-2"]),
        ("kasmina/blend_ops.py", ["KAS-1"]),
        ("kasmina/blend_ops", ["KAS-1"]),
        ("blend_ops.py", ["KAS-1"]),
        ("blend_ops", ["KAS-1"]),
        ("BlendAlgorithm", ["KAS-1"]),
        ("algorithm", ["KAS-1"]),
        ("BlendAlgorithm.multiply", ["KAS-1"]),
        ("blend_multiply", ["KAS-1"]),
        ("checkpoint.py", ["KAS-2"]),
        ("state_dict", ["KAS-2"]),
        ("nowhere", []),
        ("the", []),
    ],
)
async def test_words_are_found_wherever_they_stand(three: Api, q: str, keys: list[str]) -> None:
    assert await found(three, q) == keys


async def test_words_are_one_filter_among_others(three: Api) -> None:
    assert await found(three, "gradients", severity="P1") == ["KAS-1"]
    assert await found(three, "gradients", severity=["P0", "P2"]) == ["KAS-3"]
    assert await found(three, "gradients", status="closed") == []
    counted = await three.get("/tickets?q=gradients&count=true")
    assert (counted["total"], counted["total_is"]) == (2, "exact")


async def test_an_edit_changes_what_is_found(three: Api) -> None:
    async def edit(version: int, **fields: Any) -> None:
        headers = {"If-Match": f'"{version}"'}
        await three.call("PATCH", "/tickets/KAS-3", json=fields, headers=headers, expect=200)

    await edit(1, title="Memory grows")
    after_title = await found(three, "leak"), await found(three, "memory")
    await edit(2, sections=[{"heading": "Notes", "body": "A walrus appears."}])
    after_sections = await found(three, "walrus"), await found(three, "memory")
    await edit(3, locations=[{"path": "kasmina/slot.py"}], sections=[])
    after_places = await found(three, "slot"), await found(three, "walrus")

    assert after_title == ([], ["KAS-3"])
    assert after_sections == (["KAS-3"], ["KAS-3"])
    assert after_places == (["KAS-3"], [])


async def test_pages_of_a_search_follow_each_other_in_every_order(api: Api) -> None:
    keys = [(await api.file(title=f"needle {n}", severity=f"P{n % 5}"))["key"] for n in range(7)]
    for n in range(3):
        await api.file(title=f"hay {n}")

    for sort in ("-created", "created", "-updated", "severity", "key"):
        seen: list[str] = []
        cursor = None
        while True:
            params: dict[str, Any] = {"q": "needle", "sort": sort, "limit": 2}
            page = await api.get("/tickets", params=params | ({"cursor": cursor} if cursor else {}))
            seen += [item["key"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        plain = await api.get("/tickets", params={"sort": sort, "limit": 200})
        assert seen == [item["key"] for item in plain["items"] if item["key"] in keys]


async def test_a_document_of_any_size_is_filed_and_found_by_its_beginning(api: Api) -> None:
    # Hyphenated words and addresses count several times; long runs of them are the worst.
    nasty = " ".join(f"\U0001f980a{n}-b{n}-c{n}/{n}.example.com/x{n}" for n in range(5000))
    sections = [{"heading": f"Part {n}", "body": nasty[:199_000]} for n in range(4)]
    places = [{"path": "/".join(["ä" * 3] * 250), "symbol": "Ä.b" * 150} for _ in range(200)]

    key = (await api.file(summary="walrus " + "w" * 3990, sections=sections, locations=places))[
        "key"
    ]

    assert await found(api, "walrus") == [key]
    assert await found(api, '"Part 0"') == [key]


@pytest.mark.parametrize(
    "q", ["'", '"', "-", "- -", "((", "a & | !", "\\", ":*", "a:*b", "<->", "😀", "x" * 500, "-a"]
)
async def test_no_query_is_an_error(api: Api, q: str) -> None:
    await api.file()

    await found(api, q)
    await api.get("/tickets", params={"q": q, "count": "true"})


async def test_old_tickets_with_frequent_words_are_looked_up_not_walked_to(api: Api) -> None:
    """A page is found by few statements, whether the words are among the newest or not."""
    for n in range(3):
        await api.file(title=f"needle {n}")
    with sent_statements() as seen:
        await api.get("/tickets?q=needle&limit=2")
        walked = [s for s in seen if "FROM tickets" in s]
        seen.clear()
        await api.get("/tickets?q=needle&limit=50")
        looked_up = [s for s in seen if "FROM tickets" in s]

    assert (len(walked), len(looked_up)) == (1, 2)
    assert "MATERIALIZED" in looked_up[1]


@pytest.mark.parametrize(
    ("q", "keys"),
    [
        ("blend_ops.py:59", ["KAS-1"]),
        ("kasmina", ["KAS-1"]),
        ("optimizer.state_dict", ["KAS-2"]),
        ("state_dict.optimizer", []),
        ("KAS-2", ["KAS-2"]),
        ("Checkpöint", ["KAS-2"]),
        ("blendalgorithm", ["KAS-1"]),
        ("algorithm multiply", ["KAS-1"]),
        ('"momentum buffers" silently', ["KAS-2"]),
        ("& | !", []),
    ],
)
async def test_what_tools_print_is_found(three: Api, q: str, keys: list[str]) -> None:
    assert await found(three, q) == keys


async def test_what_reviews_and_notes_say_is_not_searched(three: Api) -> None:
    review = {"specialist": "drl", "verdict": "OBJECT", "rationale": "A flywheel, no pump."}
    await three.call("POST", "/tickets/KAS-1/reviews", json=review, expect=201)
    await three.call("POST", "/tickets/KAS-1/notes", json={"body": "A flywheel."}, expect=201)

    assert await found(three, "flywheel") == []


async def test_the_checklist_the_resolution_and_its_commits_are_searched(api: Api) -> None:
    await api.file(key="KAS-9", checklist=[{"text": "The kernel doesn't alias its buffers"}])
    commit = "64dd86bb1f2e3d4c5b6a79880123456789abcdef"

    assert await found(api, "doesn't") == ["KAS-9"]
    answer = await api.call("GET", "/tickets/KAS-9.md", expect=200)
    steps = {"checklist": [{"text": "Watch the résumé"}]}
    etag = {"If-Match": answer.headers["ETag"]}
    await api.call("PATCH", "/tickets/KAS-9", json=steps, headers=etag, expect=200)
    assert await found(api, "doesn't") == []
    assert await found(api, "resume") == ["KAS-9"]
    document = answer.text.replace("KAS-9", "KAS-10")
    document += f"\n---\n\n## Resolution\n\n**Commits:** `{commit}`\n"
    kind = {"Content-Type": "text/markdown"}
    await api.call("POST", "/imports", content=document, headers=kind, expect=200)
    for q in (commit, commit[:12], commit[:7]):
        assert await found(api, q) == ["KAS-10"]


HOSTILE = {
    "hyphens": "a-" * 90_000,
    "dots": "a." * 90_000,
    "slashes": "a/" * 90_000,
    "addresses": "a@b." * 45_000,
    "schemes": "http://" * 25_000,
    "numbers": "1.2e" * 45_000,
    "underscores": "a_" * 90_000,
    "one word": "x" * 190_000,
    "entities": "&amp;" * 38_000,
    "tags": "<a " * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_chain_of_words_makes_a_filing_fail(api: Api, name: str) -> None:
    ticket = await api.file(sections=[{"heading": name, "body": HOSTILE[name]}])

    assert await found(api, name) == [ticket["key"]]


QUERIES = ["a-" * 150, "(" * 300, '"' * 300, "' or", "-" * 300, "or or", "\0", "\ud800", "a:*"]


@pytest.mark.parametrize("q", QUERIES)
@pytest.mark.parametrize(
    "path",
    [
        "/tickets",
        "/exports?format=markdown",
        "/exports?format=csv",
        "/exports?format=jsonl",
        "/similar",
    ],
)
async def test_any_query_is_answered_or_refused(api: Api, path: str, q: str) -> None:
    await api.file()
    text = q.encode("utf-8", "surrogatepass")

    answer = await api.call("GET", path, params={"q": text})

    assert answer.status_code in (200, 404, 422), answer.text


@pytest.mark.parametrize("format", ["markdown", "csv", "jsonl"])
async def test_a_stream_that_cannot_begin_is_a_problem(
    api: Api, format: str, database: str
) -> None:
    await api.file(title="word")
    async with await psycopg.AsyncConnection.connect(libpq_url(database)) as other:
        await other.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        asked = asyncio.create_task(
            api.call("GET", "/exports", params={"format": format, "q": "word"})
        )
        # The server gives up in the same way over what it is told to and what takes too long.
        while not asked.done():
            # Within a transaction the server shows what it saw when it was first asked.
            await other.execute("SELECT pg_stat_clear_snapshot()")
            await other.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            await asyncio.wait([asked], timeout=0.05)
        answer = await asked

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (503, "/problems/took-too-long")
    assert "Narrow the search" in problem["detail"]
