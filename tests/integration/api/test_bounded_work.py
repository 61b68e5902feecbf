"""What a caller may cost: answers and work have a bound, whatever comes in."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any
from urllib.parse import urlencode

import pytest

from app.errors import MOST_ERRORS
from tests.integration.api.test_sarif import report, result
from tests.support.api import Api, running_api, ticket_body
from tests.support.shared import Shared
from tests.unit.formats.markdown_samples import finding

pytestmark = pytest.mark.anyio

MANY = 10_000


@pytest.fixture(scope="module")
async def api(module_database: str, shared: Shared) -> AsyncIterator[Api]:
    async with running_api(module_database, shared=shared) as found:
        yield found


# --- problems ------------------------------------------------------------------------------------


def unknown_keys(n: int) -> dict[str, int]:
    return {f"k{i}": 1 for i in range(n)}


BODIES: dict[str, tuple[str, Any, int]] = {
    "unknown keys": ("/me/tokens", unknown_keys(MANY), MANY),
    "unknown keys of a call without fields": ("/tickets/B1-DRL-01/claim", unknown_keys(40), 40),
    "unknown keys inside": (
        "/tickets",
        ticket_body(sections=[{"heading": "h", "body": "b", **unknown_keys(MANY)}]),
        MANY,
    ),
    "wrong items": ("/tickets", ticket_body(checklist=[{"text": " "}] * 30), 30),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_problem_tells_the_first_twenty_and_how_many_more(api: Api, case: str) -> None:
    path, body, wrong = BODIES[case]

    answer = await api.call("POST", path, json=body)
    if answer.status_code == 404:  # whichever call takes no body
        answer = await api.call("POST", "/tests/sync", json=body)

    problem = answer.json()
    assert answer.status_code == 422, problem
    assert len(problem["errors"]) == MOST_ERRORS
    assert problem["more"] == wrong - MOST_ERRORS
    assert problem["detail"].endswith(f"; and {problem['more']:,} more")
    assert len(answer.content) < 20_000


async def test_a_few_errors_are_all_told(api: Api) -> None:
    answer = await api.call("POST", "/me/tokens", json=unknown_keys(MOST_ERRORS), expect=422)

    assert len(answer.json()["errors"]) == MOST_ERRORS
    assert "more" not in answer.json()


async def test_unknown_query_parameters_are_told_alike(api: Api) -> None:
    query = urlencode(unknown_keys(1000))

    answer = await api.call("GET", f"/tickets?{query}", expect=422)

    assert len(answer.json()["errors"]) == MOST_ERRORS
    assert answer.json()["more"] == 1000 - MOST_ERRORS


async def test_each_item_of_a_batch_has_a_bound_of_its_own(api: Api) -> None:
    items = [{"ref": f"r{n}", **ticket_body(**unknown_keys(500))} for n in range(3)]

    answer = await api.call("POST", "/tickets:batch", json={"items": items}, expect=200)

    for item in answer.json()["items"]:
        assert len(item["problem"]["errors"]) == MOST_ERRORS
        assert item["problem"]["more"] == 500 - MOST_ERRORS


# --- moments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.999999-14:00",
        "0001-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "253402300800",
        "1e300",
        "-1e300",
        "infinity",
    ],
)
async def test_a_moment_outside_the_calendar_is_refused(api: Api, moment: str) -> None:
    body = {"label": "x", "expires_at": moment}

    for path in ("/me/tokens", "/accounts/admin/tokens"):
        answer = await api.call("POST", path, json=body, expect=422)
        assert answer.json()["errors"][0]["pointer"] == "/expires_at"


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00"])
async def test_the_last_moment_of_the_calendar_is_taken(api: Api, moment: str) -> None:
    body = {"label": "x", "expires_at": moment}

    made = (await api.call("POST", "/me/tokens", json=body, expect=201)).json()

    assert made["expires_at"].startswith("9999-12-31T")
    api.tokens["late"] = made["token"]
    await api.get("/me/tokens", as_="late")
    await api.call("POST", "/me/tokens", as_="late", json={}, expect=201)


# --- forms ---------------------------------------------------------------------------------------

BOUNDARY = "BBBBBBBBBBBBBBBBBBBB"
PART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a.md"\r\n\r\n'
    "# Finding Ticket: t\n\r\n"
).encode()
END = f"--{BOUNDARY}--".encode()
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.mark.parametrize(
    "body",
    [
        PART,
        PART + END[:-1],
        PART + END[:-2],
        PART.rstrip() + END,
        PART + PART,
        PART + PART[:60],
        b"",
    ],
)
async def test_a_form_without_its_end_is_refused(api: Api, body: bytes) -> None:
    answer = await api.call("POST", "/imports", content=body, headers=FORM, expect=422)

    assert f"closing boundary '--{BOUNDARY}--' is missing" in answer.json()["detail"]


@pytest.mark.parametrize("cut", range(1, len(END) + 3, 3))
async def test_an_end_that_comes_in_pieces_is_found(api: Api, cut: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = PART + END + b"\r\nepilogue"
        place = len(PART) - 2 + cut
        yield whole[:place]
        yield whole[place:]

    answer = await api.call("POST", "/imports", content=pieces(), headers=FORM, expect=200)

    assert len(answer.json()["items"]) == 1


# --- characters that nobody sees -----------------------------------------------------------------

UNSEEN = ["\x80", "\x85", "\x9b", "\x9f", "\u202a", "\u202e", "\u2066", "\u2069"]


@pytest.mark.parametrize("character", UNSEEN)
async def test_one_line_holds_nothing_that_makes_it_look_like_another(
    api: Api, character: str
) -> None:
    text = f"a{character}b"
    for pointer, path, body in (
        ("/title", "/tickets", ticket_body(title=text)),
        ("/assignee", "/tickets", ticket_body(assignee=text)),
        ("/sections/0/heading", "/tickets", ticket_body(sections=[{"heading": text, "body": ""}])),
        ("/locations/0/path", "/tickets", ticket_body(locations=[{"path": text}])),
        ("/external_ref", "/tickets", ticket_body(external_ref=text)),
        ("/label", "/me/tokens", {"label": text}),
        ("/display_name", "/accounts", {"name": "x", "role": "reader", "display_name": text}),
    ):
        answer = await api.call("POST", path, json=body, expect=422)
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], body


async def test_names_in_any_script_are_taken(api: Api) -> None:
    for title in ("التحقق من المقياس", "בדיקה של test", "e\u0301 \u200d \u00a0 ü"):
        assert (await api.file(title=title))["title"] == title.strip()


# --- threads --------------------------------------------------------------------------------------

READERS = {
    "markdown": (
        "POST",
        "/imports?format=markdown",
        "text/markdown",
        (finding() + "\n\n## System Context\n\n" + "- an item\n" * 20_000).encode(),
        "formats/markdown/blocks.py",
    ),
    "sarif": (
        "POST",
        "/imports?format=sarif",
        "application/sarif+json",
        json.dumps(report(*(result(line=n) for n in range(600)))).encode(),
        "formats/sarif/reader.py",
    ),
    "junit": (
        "POST",
        "/imports?format=junit",
        "application/xml",
        b"<testsuite>" + b'<testcase classname="a.b" name="c"/>' * 6_000 + b"</testsuite>",
        "formats/junit/reader.py",
    ),
    "patch": (
        "PUT",
        "/tickets/{key}/patches/defect",
        "text/x-diff",
        b"".join(
            b"--- a/kasmina/%d.py\n+++ b/kasmina/%d.py\n@@ -1 +1 @@\n-a\n+b\n" % (n, n)
            for n in range(3_000)
        ),
        "domain/diff_parser.py",
    ),
}


@pytest.mark.parametrize("reader", READERS)
async def test_what_reads_much_does_not_run_on_the_thread_that_answers(
    api: Api, reader: str
) -> None:
    key = (await api.file(domains=["kasmina"]))["key"]
    method, path, kind, body, file = READERS[reader]
    here: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            here.add(frame.f_code.co_filename.rpartition("/app/")[2])

    sys.setprofile(note)
    try:
        path, headers = path.format(key=key), {"Content-Type": kind}
        answer = await api.call(method, path, content=body, headers=headers)
    finally:
        sys.setprofile(None)

    assert answer.status_code in (200, 422), answer.text
    assert any(name.startswith("api/") for name in here)
    assert file not in here
