"""Blind reviewing: no face shows others' verdicts before the reviewer's own is in.

Everything that can be read is read twice by a blind reviewer, before and after others have spoken;
it must be the same, to the letter.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mcp.client.client import Client

from app.config import PROJECT_ROOT
from app.domain.audit import START, AuditEvent
from app.domain.exports import EXPORTS
from app.main import documented_routes
from app.mcp.inside import Inside
from app.mcp.server import make_server
from app.services.sight import look_as
from app.web.pages import ROUTERS
from tests.support.api import Api, ticket_body
from tests.support.blind import blind_and_seeing, review, steady
from tests.support.decisions import close, decide
from tests.support.pages import Visitor, visiting

pytestmark = pytest.mark.anyio

OWN, THEIRS, UNSPOKEN, IMPORTED = "B2-DRL-71", "B2-DRL-72", "B2-DRL-73", "B4-CR-02"
MARKS = ("mark-objection", "mark-refinement", "mark-first", "mark-answer")
QUERIES = {
    "/tickets": [
        "",
        *(f"?verdict={word}" for word in ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")),
        *(f"?{flag}={way}" for flag in ("closable", "objected") for way in ("true", "false")),
        "?reviewer=drl",
        "?reviewer=drl&verdict=OBJECT&count=true",
        "?q=scale",
        "?q=mark",
        *(f"?sort={order}" for order in ("severity", "-updated", "key", "strength")),
    ],
    "/changes": ["", "?mine=true", "?limit=200"],
    "/exports": [
        *(f"?format={name}" for name in EXPORTS),
        "?format=csv&objected=true",
        "?format=sarif&suppressed=omit",
        "?format=markdown&verdict=OBJECT",
    ],
    "/calibration": ["", "?by=account", "?by=model", "?by=domain"],
    "/reviewers": ["", "?by=account"],
    "/tickets/{key}": ["", "?include=source"],
    "/tickets/{key}/gate": ["", "?resolution=not-a-bug", "?resolution=fixed"],
    "/tickets/{key}/reviews": ["", "?all=true"],
    "/review-queue": ["", "?specialist=codereview"],
    "/review/{key}": ["?as=codereview&keys=" + OWN],
}
UNSTEADY = {
    "/events": "a stream; it gives what /changes gives",
    "/tickets/{key}/changes": "a stream of the page; it gives what the history gives, see below",
    "/me/tokens": "tells when a token was used",
    "/workers": "tells of heartbeats",
}
"""What is not read here, and why."""
NAMES = {"targets": "kasmina", "accounts": "eve", "patches": "fix"}
IDS: dict[str, str] = {}
"""Of what the fixture makes, by the word before an id in an address."""
OF_PROCESS = re.compile(r"process_|findings_(http|database)_|#")
"""Metrics that differ each time, and are of no ticket."""


@pytest.fixture
async def audit(api: Api, database: str) -> Api:
    """Tickets without verdicts, of which runs show something; one came with a document."""
    await blind_and_seeing(api)
    place = {"path": "kasmina/blend_ops.py", "start_line": 5, "end_line": 9}
    await api.file(key=OWN, as_="eve", title="scale ignores its factor", locations=[place])
    await api.file(key=THEIRS, title="scale returns its input")
    await api.file(key=UNSPOKEN, title="scale is slow")
    node = {"node_id": "tests/verification/test_b2_drl_02.py"}
    view = {"name": "objected", "filters": {"verdict": ["OBJECT"]}, "shared": True}
    order = {"kind": "assess", "ticket": OWN, "specialist": "pytorch"}
    made = [
        await api.call("POST", path, json=body, expect=201)
        for path, body in (
            (f"/tickets/{OWN}/tests", node),
            ("/views", view),
            ("/work-orders", order),
        )
    ]
    IDS["tests"], IDS["views"], IDS["work-orders"] = (str(one.json()["id"]) for one in made)
    IDS["runs"] = decide(database, OWN, "reproduced", asked="1 hour")
    decide(database, THEIRS, "proven", asked="1 hour")
    close(database, THEIRS, "not-a-bug")
    return api


async def speak(api: Api) -> None:
    """Let others give every kind of verdict."""
    for key in (OWN, THEIRS):
        await review(api, key, "drl", "ENDORSE", rationale="mark-first", provenance={"model": "m"})
        objection = await review(api, key, "drl", "OBJECT", rationale="mark-objection")
        path = f"/tickets/{key}/reviews/{objection}/answer"
        answer = {"resolution": "overruled", "reason": "mark-answer"}
        await api.call("POST", path, json=answer, expect=200)
        await review(api, key, "drl", "OBJECT", rationale="mark-objection", claim="false")
        amendment = {"severity": "P4"}
        await review(
            api, key, "pytorch", "REFINE", rationale="mark-refinement", amendment=amendment
        )


async def everything(api: Api, visitor: Visitor) -> dict[str, str]:
    """Whatever the API and the pages let the blind reviewer read, by address."""
    found = {}
    for path in _paths(documented_routes(), "/api/v1"):
        for address in _addresses(path):
            answer = await api.call("GET", address, as_="eve")
            found[f"/api/v1{address}"] = steady(answer)
    markdown = {"Accept": "text/markdown"}
    for key in (OWN, THEIRS):
        answer = await api.call("GET", f"/tickets/{key}", as_="eve", headers=markdown)
        found[f"{key} as Markdown"] = answer.text
    headers = {"Authorization": f"Bearer {api.tokens['eve']}"}
    metrics = (await api.client.get("/metrics", headers=headers)).text.splitlines()
    found["/metrics"] = "\n".join(line for line in metrics if not OF_PROCESS.match(line))
    for path in _paths([route for router in ROUTERS for route in router.routes], ""):
        for address in _addresses(path):
            found[address] = steady(await visitor.client.get(address))
    return found


def _paths(routes: Any, prefix: str) -> list[str]:
    paths = [route.path.removeprefix(prefix) for route in routes if "GET" in route.methods]
    return [path for path in paths if path not in UNSTEADY]


def _addresses(path: str) -> list[str]:
    keys = (OWN, THEIRS) if "{key}" in path else ("",)
    filled = re.sub(
        r"([\w-]+)/{(name|id)}",
        lambda found: f"{found[1]}/{NAMES.get(found[1]) or IDS.get(found[1], '0' * 8)}",
        path,
    )
    return [
        filled.replace("{key}", key) + query for key in keys for query in QUERIES.get(path, [""])
    ]


async def by_tools(api: Api) -> dict[str, str]:
    """Whatever the tools for agents let the blind reviewer read."""
    headers = [(b"authorization", f"Bearer {api.tokens['eve']}".encode()), (b"host", b"test")]
    app = api.client._transport.app  # type: ignore[attr-defined]  # the transport's own
    found = {}
    async with Client(make_server(lambda _request: Inside(app, headers))) as client:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("find", {}),
            ("find", {"q": "scale"}),
            ("source", {}),
            ("find", {"q": "mark"}),
            ("claim_work", {}),
            ("run_result", {"id": IDS["runs"]}),
            ("file", {**ticket_body(title="scale ignores its factor"), "dry_run": True}),
        ]
        for key in (OWN, THEIRS):
            calls += [("show", {"key": key}), ("show", {"key": key, "source": True})]
            calls += [("gate", {"key": key}), ("gate", {"key": key, "resolution": "not-a-bug"})]
        calls += [("move", {"key": OWN, "to": "closed", "resolution": "fixed"})]
        for tool, arguments in calls:
            result = await client.call_tool(tool, arguments)
            found[f"{tool} {arguments}"] = str(result.structured_content)
        for key in (OWN, THEIRS):
            read = await client.read_resource(f"finding://{key}")
            found[f"finding://{key}"] = str(read.contents)
    return found


def differing(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


async def test_what_a_blind_reviewer_follows_is_what_its_history_shows(audit: Api) -> None:
    await speak(audit)
    # Behind what is hidden, so that it would be in between.
    await audit.call("POST", f"/tickets/{OWN}/notes", json={"body": "Later."}, expect=201)
    history = (await audit.get(f"/tickets/{OWN}/history", as_="eve"))["items"]
    everything = (await audit.get(f"/tickets/{OWN}/history"))["items"]
    look_as(await audit.factory.accounts.authenticate(audit.tokens["eve"], None))
    try:
        followed = audit.factory.changes.follow_ticket(OWN, 0)
        told = [await anext(followed) for _ in history]
        await followed.aclose()
        stream = audit.factory.changes.follow(START, mine=None)
        of_all = [event async for event in _until(stream, "note.added")]
    finally:
        look_as(None)

    assert [event.action for event in told if event] == [event["action"] for event in history]
    assert len(history) < len(everything)
    of_own = [event.action for event in of_all if event.ticket == OWN]
    assert of_own == [event["action"] for event in history]


async def _until(
    stream: AsyncIterator[AuditEvent | None], action: str
) -> AsyncIterator[AuditEvent]:
    """Events up to the first of an action."""
    async for event in stream:
        if event is not None:
            yield event
        if event is not None and event.action == action:
            return


async def test_nothing_that_a_blind_reviewer_reads_tells_what_others_said(audit: Api) -> None:
    api = audit
    async with visiting(api, "eve") as visitor:
        before = await everything(api, visitor) | await by_tools(api)
        await speak(api)
        after = await everything(api, visitor) | await by_tools(api)

        assert differing(before, after) == {}
        assert len(after) > 100
        assert not [name for name, text in after.items() if any(mark in text for mark in MARKS)]

        for key in (OWN, THEIRS):
            body = {"verdict": "NEUTRAL", "rationale": "mine"}
            await api.call("POST", f"/tickets/{key}/reviews", as_="eve", json=body, expect=201)
        ways = ("", "/reviews", "/history", ".md")
        addresses = [
            *(f"/api/v1/tickets/{OWN}{way}" for way in ways),
            *("/api/v1/exports?format=markdown", "/api/v1/stats", "/api/v1/calibration"),
            *(f"/tickets/{OWN}", f"/tickets/{OWN}/history"),
        ]
        bearer = {"Authorization": f"Bearer {api.tokens['eve']}"}
        figures = {"/api/v1/stats", "/api/v1/calibration"}

        async def read(where: str) -> str:
            headers = bearer if where.startswith("/api/") else None
            return steady(await visitor.client.get(where, headers=headers))

        seen = await by_tools(api) | {where: await read(where) for where in addresses}
        # Figures that took long to read are kept for a while.
        async with asyncio.timeout(90):
            while old := [where for where in figures if seen[where] == after[where]]:
                await asyncio.sleep(0.1)
                seen |= {where: await read(where) for where in old}

    told = {name for name, text in seen.items() if any(mark in text for mark in MARKS)}
    assert {*addresses, f"finding://{OWN}"} - figures <= told


async def test_what_a_blind_reviewer_changes_answers_without_others_verdicts(audit: Api) -> None:
    api = audit
    await speak(api)
    calls: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
        ("PATCH", f"/tickets/{OWN}", lambda: {"assignee": "eve"}),
        ("POST", f"/tickets/{OWN}/notes", lambda: {"body": "a note"}),
        ("POST", f"/tickets/{OWN}/relations", lambda: {"key": THEIRS, "kind": "related"}),
        ("POST", f"/tickets/{OWN}/transitions", lambda: {"to": "investigating"}),
        ("POST", "/review-queue/claim", lambda: {"count": 5, "minutes": 5}),
        ("PUT", f"/tickets/{OWN}/testability", lambda: {"state": "testable"}),
    ]
    for method, path, body in calls:
        etag = (await api.call("GET", f"/tickets/{OWN}", as_="eve")).headers["ETag"]
        options = {"headers": {"If-Match": etag}, "json": body()}
        answer = await api.call(method, path, as_="eve", **options)
        assert answer.status_code < 300, (path, answer.text)
        assert not any(mark in answer.text for mark in MARKS), path
    ticket = await api.get(f"/tickets/{OWN}", as_="eve")
    assert ticket["verdicts_hidden"]
    assert (ticket["reviews"], ticket["consensus"]["OBJECT"]) == ([], 0)
    gate = {one["name"]: one for one in await api.get(f"/tickets/{OWN}/gate", as_="eve")}
    assert "until yours is in" in gate["objections"]["explanation"]
    following = await api.get(f"/tickets/{THEIRS}/gate?resolution=fixed", as_="eve")
    assert following[1]["remedy"][0]["body"]["verdict"] == "<verdict>"

    # Others' reviews cannot be asked for one by one.
    objection = (await api.get(f"/tickets/{OWN}/reviews"))["items"][0]["id"]
    answer = {"resolution": "withdrawn", "reason": "x"}
    path = f"/tickets/{OWN}/reviews/{objection}"
    await api.call("POST", f"{path}/answer", as_="eve", json=answer, expect=404)
    await api.call("POST", f"{path}/confirm", as_="eve", json={}, expect=404)


async def test_what_a_document_says_of_reviews_is_hidden_with_them(audit: Api) -> None:
    api = audit
    content = (PROJECT_ROOT / "examples/markdown/fixed/B4-CR-02.md").read_bytes()
    sent = {"content": content, "headers": {"Content-Type": "text/markdown"}}
    await api.call("POST", "/imports", **sent, expect=200)

    for path in ("", ".md", "/document", "/reviews", "/history"):
        text = (await api.call("GET", f"/tickets/{IMPORTED}{path}", as_="eve")).text
        assert "counted twice" not in text, (path, text)
    assert "counted twice" in (await api.call("GET", f"/tickets/{IMPORTED}.md")).text
    async with visiting(api, "eve") as visitor:
        page = await visitor.see(f"/tickets/{IMPORTED}")
    assert "review blind" in page


async def test_a_specialist_can_be_blind_and_a_maintainer_cannot(audit: Api) -> None:
    api = audit
    await speak(api)
    blind = await api.call("PATCH", "/specialists/codereview", json={"blind": True}, expect=200)
    assert blind.json()["blind"]
    await api.account("sam", "reviewer", speaks_for=("codereview", "drl"))
    await api.account("mia", "maintainer", speaks_for=("codereview",))

    assert (await api.get("/me", as_="sam"))["blind_as"] == ["codereview"]
    assert (await api.get(f"/tickets/{OWN}", as_="sam"))["reviews"] == []
    assert len((await api.get(f"/tickets/{OWN}", as_="mia"))["reviews"]) == 2
    body = {"specialist": "codereview", "verdict": "NEUTRAL", "rationale": ""}
    await api.call("POST", f"/tickets/{OWN}/reviews", as_="sam", json=body, expect=201)
    assert len((await api.get(f"/tickets/{OWN}", as_="sam"))["reviews"]) == 3

    for change in ({"role": "maintainer"}, {"role": "admin"}):
        refused = await api.call("PATCH", "/accounts/eve", json=change, expect=422)
        assert refused.json()["errors"][0]["pointer"] == "/blind"
    new = {"name": "max", "role": "maintainer", "blind": True}
    await api.call("POST", "/accounts", json=new, expect=422)
    await api.call("PATCH", "/specialists/nobody", json={"blind": True}, expect=404)
