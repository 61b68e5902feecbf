"""Figures over all tickets, and opinions that did not stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app.services import figures
from tests.support.api import Api
from tests.support.decisions import close, decide, set_columns

pytestmark = pytest.mark.anyio


async def _review(api: Api, key: str, specialist: str, verdict: str, **fields: Any) -> str:
    body = {"specialist": specialist, "verdict": verdict, "rationale": "x", **fields}
    answer = await api.call("POST", f"/tickets/{key}/reviews", json=body, expect=201)
    found: str = answer.json()["id"]
    return found


async def test_tickets_are_counted_by_their_words_and_by_whether_they_can_be_run(
    api: Api, database: str
) -> None:
    first = (await api.file(severity="P0"))["key"]
    await api.file(severity="P3")
    await api.file(severity="P3", domains=["tolaria"])
    set_columns(database, first, evidence_state="proven", status="in-review")

    stats = await api.get("/stats")

    assert stats["tickets"] == 3
    assert stats["severity"] == {"P0": 1, "P1": 0, "P2": 0, "P3": 2, "P4": 0}
    assert (stats["status"]["open"], stats["status"]["in-review"]) == (2, 1)
    assert (stats["evidence"]["proven"], stats["evidence"]["not-covered"]) == (1, 1)
    covered, other = stats["covered"], stats["not_covered"]
    assert (covered["tickets"], covered["severity"]["P3"]) == (2, 1)
    assert (other["tickets"], other["severity"]["P3"], other["evidence"]["none"]) == (1, 1, 0)


async def test_weeks_without_anything_are_there_too(api: Api, database: str) -> None:
    keys = [(await api.file())["key"] for _ in range(3)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE tickets SET created_at = now() - interval '2 weeks' WHERE key = %s", keys[:1]
        )
        for old, new in (("open", "closed"), ("closed", "open"), ("in-review", "wont-fix")):
            connection.execute(
                "INSERT INTO audit_events (action, changes) VALUES ('ticket.moved',"
                " jsonb_build_object('status', jsonb_build_array(%s::text, %s::text)))",
                [old, new],
            )

    weeks = (await api.get("/stats?weeks=3"))["weeks"]

    monday = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday())
    assert weeks == [
        {"week": str(monday - timedelta(weeks=2)), "opened": 1, "closed": 0},
        {"week": str(monday - timedelta(weeks=1)), "opened": 0, "closed": 0},
        {"week": str(monday), "opened": 2, "closed": 2},
    ]
    assert len((await api.get("/stats"))["weeks"]) == 26
    await api.call("GET", "/stats?weeks=105", expect=422)


async def test_closing_a_ticket_counts_in_its_week(api: Api) -> None:
    key = (await api.file(domains=["tolaria"]))["key"]
    step = {"to": "wont-fix", "reason": "not worth it"}
    await api.call("POST", f"/tickets/{key}/transitions", json=step, expect=200)

    assert (await api.get("/stats?weeks=1"))["weeks"][0]["closed"] == 1


async def test_opinions_are_set_against_what_became_of_the_claim(api: Api, database: str) -> None:
    reproduced, refuted, undecided, both = [(await api.file())["key"] for _ in range(4)]
    await _review(api, reproduced, "drl", "ENDORSE")
    wrong_objection = await _review(api, reproduced, "pytorch", "OBJECT", claim="false")
    await _review(api, reproduced, "codereview", "OBJECT", claim="true", fix="disagree")
    wrong_endorsement = await _review(api, refuted, "pytorch", "ENDORSE")
    await _review(api, refuted, "drl", "NEUTRAL", claim="not-checked")
    for key in (undecided, both):
        await _review(api, key, "pytorch", "OBJECT")
    run_id = decide(database, reproduced, "reproduced")
    decide(database, undecided, "passing")
    decide(database, both, "fix-ready")
    for key in (refuted, both):
        close(database, key, "not-a-bug")

    stats = await api.get("/stats")

    newest, older = stats["contradicted"]
    assert (newest["review"], newest["ticket"]) == (wrong_endorsement, refuted)
    assert (newest["claim_was"], newest["because"]) == ("refuted", "not-a-bug")
    assert (newest["run"], newest["verdict"]) == (None, "ENDORSE")
    assert (older["review"], older["specialist"]) == (wrong_objection, "pytorch")
    assert (older["claim_was"], older["because"]) == ("confirmed", "reproduced")
    assert (older["run"], older["links"]["run"]) == (run_id, f"/api/v1/runs/{run_id}")
    assert (await api.get(older["links"]["reviews"].removeprefix("/api/v1")))["items"]
    verdicts = stats["verdicts"]
    assert verdicts["pytorch"]["verdicts"]["OBJECT"] == 3
    stood = {name: (f["upheld"], f["contradicted"]) for name, f in verdicts.items()}
    assert stood == {"drl": (1, 0), "pytorch": (0, 2), "codereview": (1, 0)}


async def test_a_ticket_closed_as_fixed_confirms_its_claim(api: Api, database: str) -> None:
    key = (await api.file())["key"]
    await _review(api, key, "drl", "OBJECT", claim="false")
    close(database, key, "fixed")

    (item,) = (await api.get("/stats"))["contradicted"]

    assert (item["claim_was"], item["because"], item["run"]) == ("confirmed", "fixed", None)


async def test_superseded_and_outdated_opinions_are_held_against_nobody(
    api: Api, database: str
) -> None:
    changed_mind, changed_text = (await api.file())["key"], (await api.file())["key"]
    await _review(api, changed_mind, "drl", "OBJECT")
    await _review(api, changed_mind, "drl", "ENDORSE")
    await _review(api, changed_text, "drl", "OBJECT")
    await api.call(
        "PATCH", f"/tickets/{changed_text}", json={"title": "x"}, headers={"If-Match": '"1"'}
    )
    for key in (changed_mind, changed_text):
        decide(database, key, "reproduced")

    stats = await api.get("/stats")

    assert stats["contradicted"] == []
    figures = stats["verdicts"]["drl"]
    assert (figures["outdated"], figures["upheld"], figures["contradicted"]) == (1, 1, 0)
    assert (figures["verdicts"]["ENDORSE"], figures["verdicts"]["OBJECT"]) == (1, 0)


async def _domains(api: Api) -> list[str]:
    return [item["name"] for item in (await api.get("/domains"))["items"]]


async def test_figures_that_take_long_are_kept_for_a_while_and_others_only_till_a_change(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.file(domains=["first"])
    assert "first" in await _domains(api)
    await api.file(domains=["second"])
    assert "second" in await _domains(api)

    monkeypatch.setattr(figures, "_CHEAP_S", -1.0)
    monkeypatch.setattr(figures, "_KEPT_TIMES", 1e9)
    await api.file(domains=["third"])
    assert "third" in await _domains(api)
    await api.file(domains=["fourth"])
    assert "fourth" not in await _domains(api)
