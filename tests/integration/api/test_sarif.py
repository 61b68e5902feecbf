"""Reports of scanners in: each result a ticket, and the same one at every later report."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.anyio

SARIF = {"Content-Type": "application/sarif+json"}
REAL = Path(__file__).parents[2] / "support" / "sarif"


def real(name: str) -> dict[str, Any]:
    """A report that a scanner made, of that version."""
    found: dict[str, Any] = json.loads((REAL / f"{name}.sarif").read_text())
    return found


def result(rule: str = "R1", line: int = 5, code: str = "x = 1", **more: Any) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "message": {"text": "The pump never stops."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "pump/run.py"},
                    "region": {"startLine": line, "snippet": {"text": code}},
                }
            }
        ],
        **more,
    }


def report(*results: Any, tool: str = "pumplint", **run: Any) -> dict[str, Any]:
    driver = {"name": tool, "version": "1.0", "rules": [{"id": "R1"}, {"id": "R2"}]}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(results), **run}],
    }


OK: dict[str, Any] = {"invocations": [{"executionSuccessful": True}]}


async def take(api: Api, given: Any, query: str = "", *, expect: int = 200) -> list[dict[str, Any]]:
    content = given if isinstance(given, bytes) else json.dumps(given).encode()
    answer = await api.call(
        "POST", f"/imports?format=sarif{query}", content=content, headers=SARIF, expect=expect
    )
    items: list[dict[str, Any]] = answer.json().get("items", [])
    return items


def results(items: list[dict[str, Any]]) -> list[str]:
    return [item["result"] for item in items if item["key"]]


async def test_each_producers_report_becomes_tickets_and_stays_them(api: Api) -> None:
    for file in sorted(REAL.glob("*.sarif")):
        given = real(file.stem)
        count = len(given["runs"][0]["results"])

        first = await take(api, given, "&root=/home/ci/check")
        again = await take(api, given, "&root=/home/ci/check")

        assert results(first) == ["created"] * count, file.name
        assert results(again) == ["unchanged"] * count, file.name
        assert [i["key"] for i in again] == [i["key"] for i in first]
        for item in first:
            if item["key"]:
                ticket = await api.get(f"/tickets/{item['key']}")
                assert not ticket["locations"][0]["path"].startswith("home/"), file.name


async def test_a_result_says_where_what_and_how_grave(api: Api) -> None:
    items = await take(api, real("bandit-1.9.4"), "&batch=7")

    ticket = await api.get(f"/tickets/{items[2]['key']}")
    listed = await api.get("/tickets?scanner=bandit&rule=B602")

    assert ticket["key"] == "B7-BANDIT-03"
    assert ticket["title"].startswith("B602: subprocess call with shell=True")
    assert (ticket["severity"], ticket["agent"], ticket["status"]) == ("P2", "bandit", "open")
    assert ticket["categories"] == ["defensive-programming"]
    assert [item["key"] for item in listed["items"]] == [ticket["key"]]
    # Its snippet is a line of another statement, and is not taken for the code.
    assert "% command" not in json.dumps(ticket["sections"])


async def test_what_a_result_leaves_out_is_taken_from_its_rule(api: Api) -> None:
    given = report({"ruleIndex": 1, "message": {"id": "m", "arguments": ["seven"]}})
    given["runs"][0]["tool"]["driver"]["rules"][1] = {
        "id": "R2",
        "messageStrings": {"m": {"text": "There are {0}."}},
        "defaultConfiguration": {"level": "error"},
    }
    given["runs"][0]["results"] += [{"ruleId": "R9", "message": {"text": "a"}}, {"ruleIndex": 99}]

    items = await take(api, given)

    first, second, third = [await api.get(f"/tickets/{item['key']}") for item in items]
    assert (first["title"], first["severity"]) == ("R2: There are seven.", "P2")
    assert second["severity"] == "P3"
    assert third["title"].startswith("unnamed-rule")
    assert "ruleIndex 99" in items[2]["warnings"][0]


async def test_a_finding_that_moved_is_the_same_ticket(api: Api) -> None:
    (first,) = await take(api, report(result(line=5)))

    (moved,) = await take(api, report(result(line=50)))

    assert (moved["key"], moved["result"]) == (first["key"], "updated")
    assert moved["changes"] == {"location": ["pump/run.py:5", "pump/run.py:50"]}
    ticket = await api.get(f"/tickets/{first['key']}")
    assert ticket["locations"][0]["start_line"] == 50


async def test_a_location_that_people_changed_stays(api: Api) -> None:
    (first,) = await take(api, report(result(line=5)))
    ticket = await api.call("GET", f"/tickets/{first['key']}", expect=200)
    place = {"id": ticket.json()["locations"][0]["id"], "start_line": 7, "end_line": 8}
    await api.call(
        "PATCH",
        f"/tickets/{first['key']}",
        json={"locations": [place]},
        headers={"If-Match": ticket.headers["etag"]},
        expect=200,
    )

    await take(api, report(result(line=50)))

    ticket = await api.get(f"/tickets/{first['key']}")
    assert ticket["locations"][0]["start_line"] == 7


async def test_two_equal_lines_are_two_tickets(api: Api) -> None:
    same = {"fingerprints": {"x/v1": "always this"}}
    twice = report(result(line=5, **same), result(line=6, **same))

    first = await take(api, twice)
    again = await take(api, report(result(line=15, **same), result(line=16, **same)))

    assert results(first) == ["created", "created"]
    assert results(again) == ["updated", "updated"]
    assert [i["key"] for i in first] == [i["key"] for i in again]


async def test_a_result_that_names_a_ticket_is_that_ticket(api: Api) -> None:
    ticket = await api.file()
    named = result(workItemUris=[f"{api.factory.settings.url}/tickets/{ticket['key']}"])

    first = await take(api, report(named))
    again = await take(api, report(named))

    assert [(i["key"], i["result"]) for i in first + again] == [
        (ticket["key"], "updated"),
        (ticket["key"], "unchanged"),
    ]
    after = await api.get(f"/tickets/{ticket['key']}")
    assert after["title"] == ticket["title"]


async def test_what_a_complete_run_lacks_is_noted_and_not_closed(api: Api) -> None:
    one, _ = await take(api, report(result(), result("R9", code="y = 2"), **OK))

    silent = await take(api, report(**OK))
    crashed = await take(
        api, report(invocations=[{"executionSuccessful": False}]), "&complete=true"
    )
    complete = await take(api, report(**OK), "&complete=true")

    assert results(silent) == results(crashed) == []
    assert "did not succeed" in crashed[0]["warnings"][0]
    # Of R9 the tool says nothing: it may not have looked for it.
    assert [(i["key"], i["changes"]) for i in complete] == [
        (one["key"], {"reported": [True, False]})
    ]
    ticket = await api.get(f"/tickets/{one['key']}")
    assert ticket["status"] == "open"
    assert ticket["reviews"][0]["rationale"] == "Not reported any more by pumplint 1.0."
    listed = await api.get("/tickets?reported=false")
    assert [item["key"] for item in listed["items"]] == [one["key"]]
    again = await take(api, report(result(), **OK), "&complete=true")
    assert again[0]["changes"]["reported"] == [False, True]


async def test_suppressions_are_reviews(api: Api) -> None:
    silenced = {"kind": "external", "status": "accepted", "justification": "Only in tests."}
    given = report(result(suppressions=[silenced]), result("R2", suppressions=[]))

    first, second = await take(api, given)

    ticket = await api.get(f"/tickets/{first['key']}")
    (review,) = ticket["reviews"]
    assert (review["verdict"], ticket["status"]) == ("OBJECT", "open")
    assert review["rationale"].endswith("Only in tests.")
    assert (await api.get(f"/tickets/{second['key']}"))["reviews"] == []


async def test_passes_and_absent_results_are_no_findings(api: Api) -> None:
    items = await take(
        api, report(result(kind="pass"), result(baselineState="absent"), result(kind="review"), 7)
    )

    assert [(i["result"], bool(i["key"])) for i in items] == [
        ("unchanged", False),
        ("unchanged", False),
        ("created", True),
        ("rejected", False),
    ]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("a/../b.py", "b.py"),
        ("../../etc/passwd", None),
        ("file:///C:/src/a%20b.c", "C:/src/a b.c"),
        ("file:///opt/src/kasmina/slot.py", "kasmina/slot.py"),
        ("file:///home/ci/check/x.py", "x.py"),
        ("C:\\src\\a.c", "C:/src/a.c"),
    ],
)
async def test_uris_become_paths_below_the_root(api: Api, uri: str, path: str | None) -> None:
    given = report(result())
    place = given["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    place["artifactLocation"] = {"uri": uri, "uriBaseId": "NOT_DEFINED"}

    (item,) = await take(api, given, "&root=/home/ci/check")

    ticket = await api.get(f"/tickets/{item['key']}")
    assert [place["path"] for place in ticket["locations"]] == ([path] if path else [])


async def test_indices_that_lead_nowhere_or_in_circles_harm_nothing(api: Api) -> None:
    bases = {"A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}}
    artifacts = [{"location": {"index": 1}}, {"location": {"index": 0}}]
    places = [{"index": 0}, {"index": 77}, {"index": -1}, {"uri": "x.py", "uriBaseId": "A"}]
    found = [
        {"ruleId": f"R{n}", "locations": [{"physicalLocation": {"artifactLocation": place}}]}
        for n, place in enumerate(places)
    ]

    items = await take(api, report(*found, originalUriBaseIds=bases, artifacts=artifacts))

    assert results(items) == ["created"] * 4
    ticket = await api.get(f"/tickets/{items[3]['key']}")
    assert ticket["locations"][0]["path"] == "b/a/x.py"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"version": "2.0.0", "runs": []}',
        b'{"version": "2.1.0"}',
        b'{"version": "2.1.0", "runs": 3}',
        b'{"version": "2.1.0", "runs": [{"results": [{"ruleId": "R1"',
        b'{"version": "2.1.0", "runs": [{"tool": ' + b"[" * 100_000,
        b'{"runs.item.results.item": {}, "version": "2.1.0", "runs": []}',
    ],
)
async def test_what_is_no_sarif_is_refused_whole(api: Api, body: bytes) -> None:
    answer = await api.call(
        "POST", "/imports?format=sarif", content=body, headers=SARIF, expect=422
    )

    assert "SARIF" in answer.text or "JSON" in answer.text
    assert (await api.get("/tickets"))["items"] == []


async def test_five_hundred_locations_and_texts_of_every_kind_are_bounded(api: Api) -> None:
    place = result()["locations"][0]
    text = "nul \x00, half \ud800 and long " + "x" * 100_000
    given = report(result(locations=[place] * 500, message={"text": text}, ruleId="r" * 999))

    (item,) = await take(api, given)

    assert item["warnings"] == ["it has 500 locations; the first 200 are kept"]
    ticket = await api.get(f"/tickets/{item['key']}")
    assert len(ticket["locations"]) == 200
    assert "nul , half ? and long" in ticket["summary"]


async def test_two_runs_of_one_tool_are_both_taken(api: Api) -> None:
    given = report(result(), **OK)
    given["runs"].append(copy.deepcopy(report(result("R2", code="z = 3"), **OK)["runs"][0]))

    first = await take(api, given, "&complete=true")
    again = await take(api, given, "&complete=true")

    assert results(first) == ["created", "created"]
    assert results(again) == ["unchanged", "unchanged"]


async def test_two_runs_of_one_tool_over_two_folders_are_not_mixed_up(api: Api) -> None:
    given = report(result(), **OK)
    other = result()
    place = other["locations"][0]["physicalLocation"]
    place["artifactLocation"] = {"uri": "valve/run.py"}
    given["runs"].append(report(other, **OK)["runs"][0])

    first = await take(api, given)
    again = await take(api, given)

    assert results(first) == ["created", "created"]
    assert results(again) == ["unchanged", "unchanged"]


async def test_what_two_runs_of_one_file_both_say_is_one_ticket(api: Api) -> None:
    given = report(result(), **OK)
    given["runs"].append(copy.deepcopy(given["runs"][0]))

    first = await take(api, given)
    again = await take(api, given)

    assert results(first) == ["created", "unchanged"]
    assert first[0]["key"] == first[1]["key"]
    assert results(again) == ["unchanged", "unchanged"]


async def test_one_file_at_once_twice_makes_no_ticket_twice(api: Api) -> None:
    given = report(*(result(line=n, code=f"x = {n}") for n in range(1, 30)))

    both = await asyncio.gather(take(api, given), take(api, given))

    assert sorted(results(both[0] + both[1])) == ["created"] * 29 + ["unchanged"] * 29


async def test_a_dry_run_leaves_nothing(api: Api) -> None:
    items = await take(api, report(result()), "&dry_run=true")

    assert results(items) == ["created"]
    assert (await api.get("/tickets"))["items"] == []
