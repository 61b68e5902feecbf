"""Tickets out as SARIF, and what of a scanner's report comes back as it was."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api.test_sarif import REAL, real, report, result, take
from tests.support.api import Api

pytestmark = pytest.mark.anyio


async def exported(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = await api.call("GET", f"/exports?format=sarif{query}", expect=200)
    assert answer.headers["content-type"] == "application/sarif+json"
    (run,) = answer.json()["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for found in run["results"]:
        assert rules[found["ruleIndex"]] == found["ruleId"]
    results: list[dict[str, Any]] = run["results"]
    return results


async def close(api: Api, key: str, **step: Any) -> None:
    await api.call("POST", f"/tickets/{key}/transitions", json=step, expect=200)


async def test_what_a_scanner_reported_goes_out_with_its_rule_and_fingerprints(api: Api) -> None:
    for name in sorted(path.stem for path in REAL.glob("*.sarif")):
        await take(api, real(name))

    found = await exported(api)

    given = [r for path in REAL.glob("*.sarif") for r in real(path.stem)["runs"][0]["results"]]
    assert sorted(r["ruleId"] for r in found) == sorted(r["ruleId"] for r in given)
    prints = [r["fingerprints"] for r in given if "fingerprints" in r]
    assert sorted(map(str, prints)) == sorted(
        str(r["fingerprints"]) for r in found if "fingerprints" in r
    )


async def test_suppressions_come_back_and_decisions_become_some(api: Api) -> None:
    silenced = {"kind": "inSource", "status": "accepted", "justification": "Only in tests."}
    first, _second = await take(api, report(result(suppressions=[silenced]), result("R2")))
    refuted, refused = (await api.file())["key"], (await api.file())["key"]
    await close(api, refused, to="wont-fix", resolution="wont-fix", reason="It is meant so.")

    by_key = {r["properties"]["findings/key"]: r for r in await exported(api)}
    kept = {r["properties"]["findings/key"] for r in await exported(api, "&suppressed=omit")}

    assert by_key[first["key"]]["suppressions"] == [silenced]
    (decision,) = by_key[refused]["suppressions"]
    assert decision == {
        "kind": "external",
        "status": "accepted",
        "justification": "wont-fix: It is meant so.",
    }
    assert "suppressions" not in by_key[refuted]
    assert kept == set(by_key) - {first["key"], refused}


async def test_an_export_imported_again_names_its_own_tickets(api: Api) -> None:
    await take(api, report(result(), result("R2", code="y")))
    filed = await api.file(locations=[{"path": "kasmina/slot.py", "symbol": "SeedSlot"}])
    answer = await api.call("GET", "/exports?format=sarif", expect=200)

    first = await take(api, answer.json())
    again = await take(api, answer.json())

    assert [item["result"] for item in first] == ["updated"] * 3
    assert [item["result"] for item in again] == ["unchanged"] * 3
    assert filed["key"] in {item["key"] for item in first}
    assert (await api.get("/tickets?count=true"))["total"] == 3
    # Rules are still those of the scanner that found it.
    assert {r["ruleId"] for r in await exported(api)} >= {"R1", "R2"}


async def test_a_key_of_another_installation_is_no_ticket_here(api: Api) -> None:
    filed = await api.file()
    answer = await api.call("GET", "/exports?format=sarif", expect=200)
    (told,) = answer.json()["runs"][0]["results"]
    own = told["properties"]["findings/installation"]
    foreign = json.loads(answer.text.replace(own, str(uuid4())))

    (taken,) = await take(api, foreign)
    (again,) = await take(api, foreign)

    assert told["workItemUris"][0].endswith(f"/tickets/{filed['key']}")
    assert (taken["result"], taken["key"] == filed["key"]) == ("created", False)
    assert (again["result"], again["key"]) == ("unchanged", taken["key"])


@pytest.mark.parametrize("same", [True, False])
async def test_an_export_without_an_id_names_a_ticket_by_its_title_too(
    api: Api, *, same: bool
) -> None:
    filed = await api.file(title="The pump leaks at its seal")
    answer = await api.call("GET", "/exports?format=sarif", expect=200)
    given = answer.json()
    (told,) = given["runs"][0]["results"]
    del told["properties"]["findings/installation"]
    if not same:
        told["properties"]["findings/title"] = "The valve sticks"

    (taken,) = await take(api, given)

    assert (taken["key"] == filed["key"]) is same


async def test_an_address_of_another_service_names_no_ticket(api: Api) -> None:
    filed = await api.file()
    elsewhere = f"http://elsewhere.example/tickets/{filed['key']}"

    (taken,) = await take(api, report(result(workItemUris=[elsewhere])))

    assert taken["result"] == "created"


async def test_one_ticket_is_a_report_of_one_result(api: Api) -> None:
    ticket = await api.file(severity="P4", categories=["dead-code"])

    answer = await api.call("GET", f"/tickets/{ticket['key']}.sarif", expect=200)

    (found,) = answer.json()["runs"][0]["results"]
    assert (found["ruleId"], found["level"], found["rank"]) == ("dead-code", "note", 20.0)
    assert found["workItemUris"][0].endswith(f"/tickets/{ticket['key']}")
    assert found["properties"]["findings/evidence"]["state"] == "none"
    assert found["properties"]["findings/gate"]["evidence"] == "UNSATISFIED"
    await api.call("GET", "/tickets/B9-XX-99.sarif", expect=404)
