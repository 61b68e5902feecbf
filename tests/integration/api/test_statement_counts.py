"""No route sends more statements to the database when it has more to tell."""

from __future__ import annotations

import pytest

from tests.integration.api.test_imports import doc, take_all
from tests.support.api import Api
from tests.support.statements import sent_statements

pytestmark = pytest.mark.anyio

ROUTES = (
    "/tickets",
    "/tickets?count=true&sort=key",
    "/tickets?q=factor&sort=severity",
    "/tickets/KAS-1",
    "/tickets/KAS-1/history",
    "/tickets/KAS-1/notes",
    "/tickets/KAS-1/reviews?all=true",
    "/tickets/KAS-1/similar",
    "/tickets/KAS-1/tests",
    "/changes",
    "/changes?mine=true",
    "/runs",
    "/tests",
    "/me",
)


async def test_no_route_sends_more_statements_when_it_returns_more(api: Api) -> None:
    async def counts() -> dict[str, int]:
        found = {}
        for route in ROUTES:
            with sent_statements() as seen:
                await api.get(route)
            found[route] = len(seen)
        return found

    await api.file(key="KAS-1", locations=[{"path": "a.py", "start_line": 1}])
    await counts()  # what is done once, such as noting that the token is in use
    few = await counts()
    for n in range(12):
        key = (await api.file(locations=[{"path": "a.py", "start_line": n + 1}]))["key"]
        relation = {"key": key, "kind": "related"}
        for path, body in (
            ("notes", {"body": "seen"}),
            ("relations", relation),
            ("reviews", {"specialist": "drl", "verdict": "ENDORSE", "rationale": ""}),
        ):
            await api.call("POST", f"/tickets/KAS-1/{path}", json=body, expect=201)
    many = await counts()

    assert many == few
    assert max(few.values()) <= 6
    assert (few["/me"], few["/tickets/KAS-1"], few["/tickets"]) == (1, 2, 2)


async def test_filing_more_parts_is_as_many_statements(api: Api) -> None:
    async def count(parts: int) -> int:
        with sent_statements() as seen:
            await api.file(
                batch=9,  # of which no test of the suite claims a key
                sections=[{"heading": f"Part {n}", "body": "Text."} for n in range(parts)],
                locations=[{"path": f"{n}.py", "start_line": 1} for n in range(parts)],
                checklist=[{"text": f"Step {n}"} for n in range(parts)],
            )
        return len(seen)

    await count(1)
    # The token, one for similar tickets, the ticket under its key with all its parts.
    assert await count(40) == await count(2) == 3


async def test_a_check_is_triggered_by_as_many_statements_whatever_is_linked(api: Api) -> None:
    async def count(key: str) -> int:
        with sent_statements() as seen:
            await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
        return len(seen)

    await api.call("POST", "/tests/sync", expect=200)
    for key in ("B2-CR-01", "B2-DRL-10"):
        await api.file(key=key, batch=2, domains=["kasmina"])
    await count("B2-CR-01")

    assert await count("B2-DRL-10") == await count("B2-CR-01") <= 14


async def test_a_changed_document_is_followed_by_ten_statements(api: Api) -> None:
    async def count(number: int, text: str) -> int:
        section = f"## System Context\n\n{text}"
        files = {f"triaged/B9-PT-{n:02d}.md": doc(f"B9-PT-{n:02d}", section) for n in range(number)}
        with sent_statements() as seen:
            await take_all(api, files)
        return len(seen)

    await count(3, "It drips.")
    alone = await count(1, "It leaks.")

    assert await count(3, "It pours.") - alone == 2 * 10
