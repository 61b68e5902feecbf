"""Input that is refused: each refusal names the field and the remedy, and nothing is stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from anyio import from_thread, to_thread
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.api import Api, running_api, ticket_body
from tests.support.shared import Shared

pytestmark = pytest.mark.anyio

KEY = "B2-DRL-10"
TICKET = f"/tickets/{KEY}"
NODE_ID = "tests/verification/test_b2_drl_10.py"
COUNTED = "tickets reviews notes test_links ticket_patches runs audit_events accounts tokens texts"


@pytest.fixture(scope="module")
async def shared_api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    """One application for the file: a call that is refused changes nothing for the next."""
    async with running_api(module_database, shared=shared) as found:
        await found.account("rob", "reviewer", speaks_for=("drl", "pytorch"))
        await found.account("tom", "reporter")
        await found.file(key=KEY, checklist=[{"text": "callers pass it"}], external_ref="audit-7")
        yield found


@pytest.fixture
async def api(shared_api: Api) -> AsyncIterator[Api]:
    """The application; afterwards it must hold what it held before."""
    before = await _counts(shared_api)
    yield shared_api
    assert await _counts(shared_api) == before


async def _counts(api: Api) -> tuple[int, ...]:
    each = ", ".join(f"(SELECT count(*) FROM {table})" for table in COUNTED.split())
    async with api.factory.engine.connect() as connection:
        return tuple((await connection.exec_driver_sql(f"SELECT {each}")).one())


def _error(answer: httpx.Response, pointer: str) -> dict[str, Any]:
    """The one entry of a refusal that names `pointer`."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code == 422, answer.text
    assert problem["type"] == "/problems/invalid-input"
    assert problem["request_id"] == answer.headers["x-request-id"]
    found = [error for error in problem["errors"] if error["pointer"] == pointer]
    assert len(found) == 1, problem["errors"]
    entry: dict[str, Any] = found[0]
    return entry


# --- words and shapes of bodies ------------------------------------------------------------------

TICKETS: list[tuple[dict[str, Any], str, str]] = [
    ({"severity": "P7"}, "/severity", "P0, P1, P2, P3, P4"),
    ({"categories": ["dead-code", "speed"]}, "/categories/1", "performance"),
    ({"relations": [{"key": "A-1", "kind": "likes"}]}, "/relations/0/kind", "duplicate-of"),
    ({"relations": [{"key": "b2"}]}, "/relations/0/key", "should look like B2-DRL-10"),
    ({"relations": [{"key": "B2-DRL-99"}]}, "/relations/0/key", "no ticket 'B2-DRL-99'"),
    ({"key": "b2_drl_10"}, "/key", "should look like B2-DRL-10"),
    ({"key": "B2-DRL-10~2"}, "/key", "should look like B2-DRL-10"),
    ({"key": f"A-{'1' * 40}"}, "/key", "40"),
    ({"agent": "DRL"}, "/agent", "lower-case"),
    ({"agent": "somebody"}, "/agent", "give a key"),
    ({"domains": ["kasmina//x"]}, "/domains/0", "joined by /"),
    ({"batch": "2"}, "/batch", "integer"),
    ({"batch": -1}, "/batch", "greater than or equal to 0"),
    ({"batch": 2.5}, "/batch", "integer"),
    ({"batch": True}, "/batch", "integer"),
    ({"batch": 10**30}, "/batch", ""),
    ({"title": " "}, "/title", "blank"),
    ({"title": "two\nlines"}, "/title", "single line"),
    ({"title": "x" * 301}, "/title", "300"),
    ({"summary": "bell\x07"}, "/summary", "U+0007"),
    ({"reported_on": "yesterday"}, "/reported_on", "date"),
    ({"reported_on": "2026-02-30"}, "/reported_on", "date"),
    ({"reported_on": "2026-01-31T00:00:00Z"}, "/reported_on", "like 2026-01-31"),
    ({"reported_on": 0}, "/reported_on", "like 2026-01-31"),
    ({"sections": [{"heading": "h"}]}, "/sections/0/body", "required"),
    ({"checklist": [{"text": "x", "done": "no"}]}, "/checklist/0/done", "boolean"),
    ({"locations": [{}]}, "/locations/0", "at least one of path, symbol and note"),
    ({"locations": [{"path": "a", "start_line": 9, "end_line": 2}]}, "/locations/0", "swap them"),
    ({"locations": [{"path": "a", "end_line": 2}]}, "/locations/0", "needs a start_line"),
    ({"locations": [{"path": "a", "start_line": 0}]}, "/locations/0/start_line", "equal to 1"),
    ({"title": None}, "/title", "string"),
    ({"domains": ["kasmina"] * 21}, "/domains", "20"),
]


@pytest.mark.parametrize(("fields", "pointer", "detail"), TICKETS)
async def test_a_ticket_is_refused(
    api: Api, fields: dict[str, Any], pointer: str, detail: str
) -> None:
    answer = await api.call("POST", "/tickets", json=ticket_body(**fields))

    assert detail in json.dumps(_error(answer, pointer), ensure_ascii=False)


async def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    answer = await api.call("POST", "/tickets", json={"severity": "P9", "batch": "x"})

    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert {"/severity", "/batch", "/title", "/agent", "/summary"} <= pointers


NEAR = [
    ({"severity": "p2"}, "/severity", "P2"),
    ({"categories": ["performence"]}, "/categories/0", "performance"),
    ({"sevirity": "P2"}, "/sevirity", "severity"),
    ({"locations": [{"path": "a", "startline": 2}]}, "/locations/0/startline", "start_line"),
]


@pytest.mark.parametrize(("fields", "pointer", "meant"), NEAR)
async def test_the_nearest_word_is_offered(
    api: Api, fields: dict[str, Any], pointer: str, meant: str
) -> None:
    entry = _error(await api.call("POST", "/tickets", json=ticket_body(**fields)), pointer)

    assert entry["did_you_mean"] == meant
    assert meant in entry["allowed"]


REVIEWS: list[tuple[dict[str, Any], str, str]] = [
    ({"verdict": "endorse"}, "/verdict", '"did_you_mean": "ENDORSE"'),
    ({"verdict": "OTHER"}, "/verdict", "ENDORSE, NEUTRAL, REFINE, OBJECT"),
    ({"verdict": "OBJECT", "rationale": ""}, "/rationale", "OBJECT needs a rationale"),
    ({"verdict": "REFINE", "rationale": " \n"}, "/rationale", "REFINE needs a rationale"),
    ({"specialist": "surgeon"}, "/specialist", '"pytorch"'),
    ({"specialist": None}, "/specialist", "say which specialist"),
    ({"claim": "maybe"}, "/claim", "not-checked"),
    ({"fix": "good"}, "/fix", "disagree"),
    ({"proposed_severity": "high"}, "/proposed_severity", "P4"),
    ({"ticket_version": 99}, "/ticket_version", "no version 99 yet"),
    ({"evidence": [{"kind": "hearsay"}]}, "/evidence/0", "code"),
    ({"evidence": [{"kind": "link", "url": "javascript:alert(1)"}]}, None, "url"),  # type: ignore[list-item]
    ({"raitonale": "x"}, "/raitonale", '"did_you_mean": "rationale"'),
]


@pytest.mark.parametrize(("fields", "pointer", "detail"), REVIEWS)
async def test_a_review_is_refused(
    api: Api, fields: dict[str, Any], pointer: str | None, detail: str
) -> None:
    body = {"specialist": "drl", "verdict": "ENDORSE", "rationale": "It is so.", **fields}

    answer = await api.call("POST", f"{TICKET}/reviews", as_="rob", json=body)

    assert answer.status_code == 422, answer.text
    found = answer.json()["errors"] if pointer is None else _error(answer, pointer)
    assert detail in json.dumps(found)


async def test_a_reviewer_speaks_only_for_its_own_specialists(api: Api) -> None:
    body = {"specialist": "human", "verdict": "ENDORSE"}

    answer = await api.call("POST", f"{TICKET}/reviews", as_="rob", json=body, expect=403)

    assert answer.json()["needs"] == "speaks_for human, or maintainer"
    assert answer.json()["you"] == "rob (reviewer)"


# --- what does not exist, and what is taken ------------------------------------------------------

MISSING = [
    ("GET", "/tickets/B9-DRL-99", "no ticket 'B9-DRL-99'"),
    ("GET", "/tickets/b2_drl_10", "keys look like B2-DRL-10"),
    ("GET", "/tickets/nonsense", "keys look like B2-DRL-10"),
    ("GET", f"/tickets/A-{'1' * 60}", "keys look like B2-DRL-10"),
    ("GET", "/tickets/B2-DRL-10/nothing", "nothing at"),
    ("POST", "/tickets/B9-DRL-99/notes", "no ticket"),
    ("POST", "/tickets/B9-DRL-99/reviews", "no ticket"),
    ("POST", "/tickets/B9-DRL-99/tests", "no ticket"),
    ("POST", "/tickets/B9-DRL-99/runs", "no ticket"),
    ("PUT", "/tickets/B9-DRL-99/patches/fix", "no ticket"),
    ("GET", f"{TICKET}/patches/fix", "no patch 'fix'"),
    ("DELETE", f"{TICKET}/patches/fix", "no patch 'fix'"),
    ("DELETE", f"{TICKET}/tests/0190f3a0-0000-7000-8000-000000000000", "no linked test"),
    ("DELETE", f"{TICKET}/tests/nonsense", "no linked test"),
    ("GET", "/runs/0190f3a0-0000-7000-8000-000000000000", "no run"),
    ("GET", "/runs/nonsense", "no run 'nonsense'"),
    ("POST", "/runs/0190f3a0-0000-7000-8000-000000000000/cancel", "no run"),
    ("GET", "/accounts/nobody/tokens", "no account named 'nobody'"),
    ("POST", "/accounts/nobody/tokens", "no account named 'nobody'"),
    ("DELETE", "/accounts/tom/tokens/nonsense", "no token"),
    ("GET", "/nothing", "nothing at"),
]
BODIES: dict[str, Any] = {
    "notes": {"json": {"body": "x"}},
    "reviews": {"json": {"verdict": "ENDORSE", "specialist": "drl"}},
    "tests": {"json": {"node_id": NODE_ID}},
    "runs": {"json": {"kind": "check"}},
    "tokens": {"json": {}},
    "cancel": {},
}
PATCH = """\
--- a/kasmina/isolation.py
+++ b/kasmina/isolation.py
@@ -1,1 +1,1 @@
-no such line
+another
"""
AS_DIFF = {"Content-Type": "text/x-diff"}
AS_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("method", "path", "detail"), MISSING)
async def test_what_does_not_exist_is_not_found(
    api: Api, method: str, path: str, detail: str
) -> None:
    options = BODIES.get(path.rpartition("/")[2], {}) if method == "POST" else {}
    if method == "PUT":
        patch = (await _package_patch(api)).encode()
        options = {"content": patch, "headers": AS_DIFF}

    answer = await api.call(method, path, expect=404, **options)

    assert answer.json()["type"] == "/problems/not-found"
    assert detail in answer.json()["detail"]


async def test_keys_are_taken_in_lower_case(api: Api) -> None:
    typed = KEY.lower()

    assert (await api.get(f"/tickets/{typed}"))["key"] == KEY
    assert (await api.get(f"/tickets/{typed}/gate"))[0]["name"] == "evidence"
    assert (await api.get(f"/runs?ticket={typed}"))["items"] == []
    taken = await api.call("POST", "/tickets", json=ticket_body(key=typed), expect=409)
    assert taken.json()["key"] == KEY
    known = {"relations": [{"key": typed, "kind": "related"}]}
    await api.call("POST", "/tickets?dry_run=true", json=ticket_body(**known), expect=200)
    named = {"keys": [typed], "to": "investigating", "dry_run": True}
    moved = await api.call("POST", "/transitions:batch", json=named, expect=200)
    assert [item["key"] for item in moved.json()["items"]] == [KEY]


async def test_a_taken_key_is_named(api: Api) -> None:
    answer = await api.call("POST", "/tickets", json=ticket_body(key=KEY), expect=409)

    problem = answer.json()
    assert problem["type"] == "/problems/already-taken"
    assert KEY in problem["detail"] and problem["key"] == KEY


async def test_a_taken_reference_names_the_ticket_that_has_it(api: Api) -> None:
    body = ticket_body(external_ref="audit-7")

    answer = await api.call("POST", "/tickets", json=body, expect=409)

    assert (answer.json()["key"], answer.json()["external_ref"]) == (KEY, "audit-7")


async def test_a_test_that_does_not_exist_is_refused_with_the_nearest(api: Api) -> None:
    body = {"node_id": "tests/verification/test_b2_drl_01.py"}

    entry = _error(await api.call("POST", f"{TICKET}/tests", json=body), "/node_id")

    assert entry["did_you_mean"].startswith("tests/verification/test_b2_")
    assert "/api/v1/tests" in entry["detail"]


async def test_a_run_of_a_test_that_is_not_linked_is_refused(api: Api) -> None:
    body = {"kind": "check", "tests": ["tests/verification/test_kas_21.py::x"]}

    entry = _error(await api.call("POST", f"{TICKET}/runs", json=body), "/tests/0")

    assert all(name.startswith(NODE_ID) for name in entry["allowed"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"kind": "guess"}, "/kind"),
        ({"kind": "check", "repeat": 0}, "/repeat"),
        ({"kind": "check", "repeat": 11}, "/repeat"),
        ({"kind": "check", "tests": []}, "/tests"),
        ({"kind": "check", "force": "yes"}, "/force"),
        ({}, "/kind"),
    ],
)
async def test_a_run_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    _error(await api.call("POST", f"{TICKET}/runs", json=fields), pointer)


# --- queries and headers -------------------------------------------------------------------------

QUERIES = [
    ("/tickets?severty=P1", "/severty", '"did_you_mean": "severity"'),
    ("/tickets?severity=p1", "/severity/0", '"did_you_mean": "P1"'),
    ("/tickets?status=done", "/status/0", "wont-fix"),
    ("/tickets?evidence=good", "/evidence/0", "proven"),
    ("/tickets?verdict=OTHER", "/verdict/0", "OBJECT"),
    ("/tickets?sort=age", "/sort", "-created"),
    ("/tickets?limit=0", "/limit", "equal to 1"),
    ("/tickets?limit=201", "/limit", "200"),
    ("/tickets?limit=many", "/limit", "digits only"),
    ("/tickets?limit=1_0", "/limit", "digits only"),
    ("/tickets?limit=%2B5", "/limit", "digits only"),
    ("/tickets?limit=5.0", "/limit", "digits only"),
    ("/tickets?limit=%205", "/limit", "digits only"),
    ("/tickets?limit=%D9%A3", "/limit", "digits only"),
    ("/tickets?limit=" + "9" * 4400, "/limit", "integer"),
    ("/tickets?batch=1e1", "/batch/0", "digits only"),
    ("/stats?weeks=%2B4", "/weeks", "digits only"),
    ("/tickets?batch=two", "/batch/0", "digits only"),
    ("/tickets?q=%00", "/q", "NUL"),
    ("/tickets?agent=%00", "/agent", "NUL"),
    ("/tickets?cursor=abc", "/cursor", "not made by this service"),
    ("/tickets?cursor=", "/cursor", "not made by this service"),
    ("/tickets?cursor=%C3%A4", "/cursor", "not made by this service"),
    ("/tickets?limit=1&limit=2", "/limit", "may be given once"),
    ("/tickets?sort=key&sort=key", "/sort", "may be given once"),
    (f"{TICKET}?full=1", "/full", "known are include"),
    ("/me?full=1", "/full", "this call takes none"),
    ("/runs?outcome=nice", "/outcome/0", "proven"),
    ("/runs/0190f3a0-0000-7000-8000-000000000000?wait=61", "/wait", "60"),
    ("/tests?limit=x", "/limit", "digits only"),
]


@pytest.mark.parametrize(("path", "pointer", "detail"), QUERIES)
async def test_a_query_is_refused(api: Api, path: str, pointer: str, detail: str) -> None:
    entry = _error(await api.call("GET", path), pointer)

    assert entry["in"] == "query"
    assert detail in json.dumps(entry)


@pytest.mark.parametrize("path", ["/tickets/B2%00", "/accounts/a%00b/tokens", "/runs/%00"])
async def test_a_nul_in_a_path_is_refused(api: Api, path: str) -> None:
    answer = await api.call("GET", path)

    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("raw", ["%ED%A0%80", "%FF%FE", "%C0%80"])
async def test_bytes_that_are_no_text_are_refused_or_found_nowhere(api: Api, raw: str) -> None:
    for path in (f"/tickets/{raw}", f"/accounts/{raw}/tokens", f"{TICKET}/patches/{raw}"):
        assert (await api.call("GET", path)).status_code in (404, 422)
    found = await api.call("GET", f"/tickets?q={raw}&agent={raw}")
    assert found.status_code in (200, 422)


async def test_a_cursor_serves_the_query_it_was_made_for_only(api: Api) -> None:
    first = await api.get("/tests?limit=1")
    cursor = first["next_cursor"]

    entry = _error(await api.call("GET", f"/runs?limit=1&cursor={cursor}"), "/cursor")
    assert "other filters or another order" in entry["detail"]
    await api.get(f"/tests?limit=3&cursor={cursor}")


async def test_a_review_without_the_rationale_it_needs_names_the_field(api: Api) -> None:
    body = {"specialist": "drl", "verdict": "OBJECT"}

    answer = await api.call("POST", f"{TICKET}/reviews", as_="rob", json=body)

    assert "needs a rationale" in _error(answer, "/rationale")["detail"]


@pytest.mark.parametrize("words", ["", " ", "%20%09"])
async def test_a_search_without_words_narrows_nothing(api: Api, words: str) -> None:
    found = await api.get(f"/tickets?q={words}")

    assert [item["key"] for item in found["items"]] == [KEY]


@pytest.mark.parametrize("at", [0, 8, 20, -1])
async def test_a_cursor_that_was_tampered_with_is_refused(api: Api, at: int) -> None:
    cursor = (await api.get("/tests?limit=1"))["next_cursor"]
    place = at % len(cursor)
    changed = "B" if cursor[place] == "A" else "A"

    changes = (cursor[:place] + changed + cursor[place + 1 :], cursor[:-4], cursor + "AAAA")
    for bad in (*changes, f"{cursor}=", f"{cursor}%0A", f"{cursor[0]}.{cursor[1:]}"):
        answer = await api.call("GET", f"/tests?cursor={bad}")
        assert "start again without one" in _error(answer, "/cursor")["detail"]


WORDS = st.text(st.characters(codec="utf-8"), max_size=40) | st.lists(
    st.sampled_from(
        ['"', "-", "or", "(", ")", "'", ":*", "&", "|", "!", "<->", "\\", "%", "a", " "]
    )
).map("".join)
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "q": WORDS,
        "domain": WORDS,
        "agent": WORDS,
        "batch": st.integers() | WORDS,
        "cursor": WORDS,
        "limit": st.integers() | WORDS,
        "sort": st.sampled_from(["key", "-created", "severity", "-updated", "created", "age"]),
    },
)


async def test_whatever_a_query_says_it_is_answered_or_refused(api: Api) -> None:
    async def ask(path: str, query: dict[str, Any]) -> None:
        answer = await api.call("GET", path, params=query)
        assert answer.status_code in (200, 422), (query, answer.text)

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(query=QUERY, place=WORDS)
    def check(query: dict[str, Any], place: str) -> None:
        from_thread.run(ask, "/tickets", query)
        from_thread.run(ask, "/changes", {"since": place})

    await to_thread.run_sync(check)


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), ('"7"', 412), ("1", 412), ('W/"1"', 412), ("nonsense", 412), ("", 412)],
)
async def test_an_edit_without_the_present_etag_is_refused(
    api: Api, if_match: str | None, status: int
) -> None:
    headers = {} if if_match is None else {"If-Match": if_match}

    answer = await api.call("PATCH", TICKET, json={"title": "x"}, headers=headers, expect=status)

    assert answer.json()["etag"] == answer.headers["etag"] == '"1"'


ELSEWHERE = [
    ("DELETE", "/tickets", "GET, HEAD, POST"),
    ("OPTIONS", TICKET, "GET, HEAD, PATCH"),
    ("GET", "/review-queue/claim", "POST"),
    ("HEAD", "/review-queue/claim", "POST"),
    ("PATCH", f"{TICKET}/patches/fix", "GET, HEAD, PUT, DELETE"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), ELSEWHERE)
async def test_a_method_that_a_path_has_not_is_told_those_it_has(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = await api.call(method, path, expect=405)

    assert answer.headers["allow"] == allowed
    assert answer.headers["content-type"] == "application/problem+json"
    assert method == "HEAD" or allowed in answer.json()["detail"]


@pytest.mark.parametrize("path", [TICKET, "/tickets?limit=1", "/tickets/B9-X-9", "/events", "/me"])
async def test_head_is_answered_as_get_without_the_body(api: Api, path: str) -> None:
    answer = await api.call("HEAD", path)

    assert answer.content == b""
    if path != "/events":  # a stream has no end that could be waited for
        got = await api.call("GET", path)
        assert answer.status_code == got.status_code
        for name in ("content-type", "content-length", "etag"):
            assert answer.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/tickets/", f"{TICKET}/", "/me/"])
async def test_a_slash_too_many_is_no_redirect(api: Api, path: str) -> None:
    answer = await api.call("GET", path, expect=404)

    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("body", "pointer"), [({"force": True}, "/force"), (["all"], ""), ("now", "")]
)
async def test_a_call_that_takes_no_body_refuses_one(api: Api, body: Any, pointer: str) -> None:
    _error(await api.call("POST", "/tests/sync", json=body), pointer)


async def test_a_patch_may_come_under_the_name_of_merge_patches(api: Api) -> None:
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": '"1"'}

    await api.call("PATCH", TICKET, content=b"{}", headers=headers, expect=200)
    await api.call("POST", "/tickets", content=b"{}", headers=headers, expect=415)


# --- bodies as such ------------------------------------------------------------------------------

NOT_JSON = [
    b"",
    b"{",
    b"[1,]",
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": 1} trailing',
    b"\xff\xfe{}",
    b'{"title": "\xed\xa0\x80"}',
    rb'{"title": "\ud800"}',
    b"[" * 2000,
]


@pytest.mark.parametrize("content", NOT_JSON)
async def test_a_body_that_is_no_json_is_refused(api: Api, content: bytes) -> None:
    answer = await api.call("POST", "/tickets", content=content, headers=AS_JSON)

    assert answer.status_code == 422, answer.text
    assert "JSON" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"null", b"3"])
async def test_a_body_that_is_no_object_is_refused(api: Api, content: bytes) -> None:
    await api.call("POST", "/tickets", content=content, headers=AS_JSON, expect=422)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (ticket_body(title="a\x00b"), "/title"),
        (ticket_body(sections=[{"heading": "h", "body": "\x00"}]), "/sections/0/body"),
        (ticket_body(**{"x\x00": 1}), ""),
    ],
)
async def test_a_nul_in_a_body_is_refused(api: Api, body: dict[str, Any], pointer: str) -> None:
    entry = _error(await api.call("POST", "/tickets", json=body), pointer)

    assert "NUL" in entry["detail"]


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b'{"title": "a", "severity": "P1", "title" : "b"}', "/title"),
        (b'{"title": "\\"title\\":", "ti\\u0074le": "b"}', "/title"),
        (b'{"sections": [{}, {"a/b": [1, 2], "a\\/b": 1}]}', "/sections/1/a~1b"),
    ],
)
async def test_a_name_that_stands_twice_is_refused(api: Api, content: bytes, pointer: str) -> None:
    answer = await api.call("POST", "/tickets", content=content, headers=AS_JSON)

    assert "twice" in _error(answer, pointer)["detail"]


async def test_a_text_may_hold_what_looks_like_names(api: Api) -> None:
    body = ticket_body(title='{"a": 1, "a": 2}', severity="P7", sections=[{}, {}])

    errors = (await api.call("POST", "/tickets", json=body)).json()["errors"]

    assert not [error for error in errors if "twice" in error["detail"]]
    assert "/severity" in {error["pointer"] for error in errors}


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_another_media_type_is_refused(api: Api, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}

    answer = await api.call("POST", "/tickets", content=b"{}", headers=headers, expect=415)

    assert "application/json" in answer.json()["detail"]


async def test_a_body_that_is_announced_as_too_large_is_refused(api: Api) -> None:
    body = ticket_body(sections=[{"heading": "h", "body": "x" * (2 << 20)}])

    answer = await api.call("POST", "/tickets", json=body, expect=413)

    assert str(2 << 20) in answer.json()["detail"]


async def test_a_body_that_grows_too_large_is_refused_on_the_way(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b" " * (1 << 16)

    await api.call("POST", "/tickets", content=endless(), headers=AS_JSON, expect=413)

    assert sent < 3 << 20


# --- patches -------------------------------------------------------------------------------------


def _diff(body: str, path: str = "kasmina/isolation.py", header: str = "") -> str:
    return f"{header}--- a/{path}\n+++ b/{path}\n{body}"


ONE = "@@ -1,1 +1,1 @@\n-x\n+y\n"
PATCHES = {
    "empty": ("", "empty"),
    "not a diff": ("please apply this\n", "not part of a unified diff"),
    "does not apply": (PATCH, "make the patch anew"),
    "no such file": (_diff(ONE, "kasmina/nothing.py"), "not there to be changed"),
    "outside": (_diff(ONE, "app/main.py"), "outside kasmina/"),
    "dot dot": (_diff(ONE, "kasmina/../app/main.py"), "`..`"),
    "absolute": ("--- /etc/x.py\n+++ /etc/x.py\n" + ONE, "relative to the project"),
    "not python": (_diff(ONE, "kasmina/py.typed"), "only .py files"),
    "renames": (
        "diff --git a/kasmina/a.py b/kasmina/b.py\nsimilarity index 90%\n"
        "rename from kasmina/a.py\nrename to kasmina/b.py\n",
        "renames are refused",
    ),
    "renames without git": ("--- a/kasmina/a.py\n+++ b/kasmina/b.py\n" + ONE, "renames"),
    "binary": (
        "diff --git a/kasmina/x.py b/kasmina/x.py\nGIT binary patch\nliteral 3\nKcmZ\n",
        "binary patches are refused",
    ),
    "mode": (
        "diff --git a/kasmina/x.py b/kasmina/x.py\nold mode 100644\nnew mode 100755\n",
        "file modes are refused",
    ),
    "symlink": (
        "diff --git a/kasmina/x.py b/kasmina/x.py\nnew file mode 120000\n"
        "--- /dev/null\n+++ b/kasmina/x.py\n@@ -0,0 +1 @@\n+/etc/passwd\n",
        "symbolic links are refused",
    ),
    "submodule": (
        "diff --git a/kasmina/x.py b/kasmina/x.py\nnew file mode 160000\n"
        "--- /dev/null\n+++ b/kasmina/x.py\n@@ -0,0 +1 @@\n+Subproject commit 1\n",
        "submodules are refused",
    ),
    "nul": (_diff("@@ -1,1 +1,1 @@\n-x\n+\x00\n"), "NUL"),
}


@pytest.mark.parametrize("case", PATCHES)
async def test_a_patch_is_refused(api: Api, case: str) -> None:
    text, reason = PATCHES[case]

    answer = await api.call("PUT", f"{TICKET}/patches/fix", content=text, headers=AS_DIFF)

    assert reason in _error(answer, "")["detail"]


async def test_a_patch_that_is_no_text_is_refused(api: Api) -> None:
    answer = await api.call(
        "PUT", f"{TICKET}/patches/fix", content=b"--- a\n\xff\n", headers=AS_DIFF
    )

    assert "not UTF-8" in _error(answer, "")["detail"]


@pytest.mark.parametrize("size", [(256 << 10) + 1, 50 << 20])
async def test_a_patch_that_is_too_large_is_refused(api: Api, size: int) -> None:
    answer = await api.call(
        "PUT", f"{TICKET}/patches/fix", content=b"x" * size, headers=AS_DIFF, expect=413
    )

    assert str(256 << 10) in answer.json()["detail"]


async def test_a_patch_of_another_media_type_is_refused(api: Api) -> None:
    answer = await api.call("PUT", f"{TICKET}/patches/fix", json={"patch": "x"}, expect=415)

    assert "text/x-diff" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["Fix", "defect-1", "repair"])
async def test_a_patch_of_another_name_is_refused(api: Api, name: str) -> None:
    answer = await api.call("PUT", f"{TICKET}/patches/{name}", content=PATCH, headers=AS_DIFF)

    assert "take fix, defect, defect-2" in _error(answer, "/name")["detail"]


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        ("Bearer fnd_unknown", "not known here"),
        ("Bearer fnd_\x7f", "not known here"),
        ("Bearer \xe4\xf6", "not known here"),
        ("Bearer ", "Send a token"),
        ("Basic YWRtaW46eA==", "Send a token"),
        ("fnd_unknown", "Send a token"),
    ],
)
async def test_a_token_that_is_none_is_refused(api: Api, authorization: str, detail: str) -> None:
    headers = {"Authorization": authorization.encode("latin-1")}

    answer = await api.client.get("/api/v1/me", headers=headers)

    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == "Bearer"
    assert detail in answer.json()["detail"]


async def _package_patch(api: Api) -> str:
    """A patch that does apply to the package."""
    path = api.factory.settings.target_root / "kasmina" / "isolation.py"
    first, *_ = path.read_text().split("\n")
    second = path.read_text().split("\n")[1]
    return _diff(f"@@ -1,2 +1,3 @@\n {first}\n+# seen\n {second}\n")
