"""Verdicts from before anything was run, against what runs then showed."""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.decisions import close, decide, set_columns
from tests.support.pages import visiting

pytestmark = pytest.mark.anyio

Row = Mapping[str, Any]


async def review(
    api: Api, key: str, specialist: str, verdict: str, *, as_: str = "admin", **fields: Any
) -> None:
    body = {"specialist": specialist, "verdict": verdict, "rationale": "x", **fields}
    await api.call("POST", f"/tickets/{key}/reviews", as_=as_, json=body, expect=201)


async def some_history(api: Api, database: str) -> None:
    """Three dozen tickets with every fate, and verdicts from before and after their runs."""
    await api.account("ada", "reviewer", speaks_for=("drl", "pytorch"))
    fates: list[tuple[str | None, str | None]] = [
        ("reproduced", None),
        ("proven", "fixed"),
        ("proven", "not-a-bug"),
        ("fix-ready", "not-a-bug"),
        ("passing", None),
        (None, None),
    ]
    words = itertools.cycle(["ENDORSE", "OBJECT", "ENDORSE", "NEUTRAL", "REFINE"])
    for number, (decided, resolution) in enumerate(fates * 6):
        domains = ["kasmina"] if number % 3 else ["kasmina", "tolaria"]
        key = (await api.file(domains=domains))["key"]
        model = {"model": f"model-{number % 2}"}
        await review(api, key, "drl", next(words), as_="ada", provenance=model)
        await review(api, key, "pytorch", next(words), as_="ada", provenance={"tool": "mcp"})
        await review(api, key, "codereview", "OBJECT", claim="not-checked")
        if number % 4 == 0:  # changed their mind before anything was run
            await review(api, key, "codereview", "OBJECT", claim="true")
        decide(database, key, decided)
        if decided:
            decide(database, key, "passing")
        if number % 2:  # and after
            await review(api, key, "drl", "ENDORSE", as_="ada")
        if resolution:
            close(database, key, resolution)
        if number == 1:
            set_columns(database, key, evidence_state="unverified")


def by_hand(lines: list[dict[str, Any]], by: str) -> list[Row]:
    """The table, computed from the lines of an export alone."""
    of = {
        kind: [line for line in lines if line["kind"] == kind]
        for kind in ("account", "ticket", "run")
    }
    names = {line["account"]["id"]: line["account"]["name"] for line in of["account"]}
    runs: dict[int, list[Any]] = defaultdict(list)
    for line in of["run"]:
        if line["run"]["decided"]:
            runs[line["run"]["ticket_id"]].append(line["run"])
    numbers: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in of["ticket"]:
        decided = runs[line["ticket"]["id"]]
        truth = _truth({run["decided"] for run in decided}, line["ticket"])
        if truth is None:
            continue
        first = min(run["queued_at"] for run in decided)
        last = {}
        for one in sorted(line["reviews"], key=lambda one: one["created_at"]):
            if one["created_at"] < first:
                last[one["specialist"]] = one
        for one in last.values():
            held = {"true": True, "false": False}.get(one["claim"])
            if one["claim"] is None:
                held = {"ENDORSE": True, "OBJECT": False}.get(one["verdict"])
            place = 2 if held is None else 0 if held is truth else 1
            for who in _who(one, line["ticket"], names, by):
                numbers[who][place] += 1
    return [_row(who, *found) for who, found in sorted(numbers.items())]


def _truth(decided: set[str], ticket: Row) -> bool | None:
    found = bool(decided & {"reproduced", "fix-ready", "regressed"})
    if ticket["evidence_state"] == "unverified" or not (found or "proven" in decided):
        return None
    if ticket["resolution"] == "not-a-bug":
        return None if found else False
    return True


def _who(review: Row, ticket: Row, names: Mapping[str, str], by: str) -> Iterator[str]:
    match by:
        case "specialist":
            yield review["specialist"]
        case "account":
            yield names[review["author_id"]]
        case "model":
            if model := (review["provenance"] or {}).get("model"):
                yield model
        case "domain":
            yield from ticket["domains"]


def _row(who: str, right: int, wrong: int, abstained: int) -> Row:
    n = right + wrong
    low = high = None
    if n >= 10:
        # The two solutions p of (right/n - p)^2 = z^2 p (1 - p) / n.
        z2 = 1.959963984540054**2
        a, b, c = 1 + z2 / n, -(2 * right / n + z2 / n), (right / n) ** 2
        root = math.sqrt(b * b - 4 * a * c)
        low, high = pytest.approx((-b - root) / (2 * a)), pytest.approx((-b + root) / (2 * a))
    row = {"n": n, "right": right, "wrong": wrong, "abstained": abstained}
    return {"who": who, **row, "low": low, "high": high}


async def test_the_table_is_what_an_export_says(api: Api, database: str) -> None:
    await some_history(api, database)
    export = await api.call("GET", "/exports?format=jsonl", expect=200)
    lines = [json.loads(line) for line in export.text.splitlines()]

    for by in ("specialist", "account", "model", "domain"):
        answer = await api.get(f"/calibration?by={by}")
        assert answer["items"] == by_hand(lines, by), by
    by_specialist = (await api.get("/calibration"))["items"]
    assert {row["who"] for row in by_specialist} == {"drl", "pytorch", "codereview"}
    assert any(row["low"] is not None for row in by_specialist)
    assert all(row["right"] and row["wrong"] for row in by_specialist if row["who"] == "drl")
    await api.call("GET", "/calibration?by=mood", expect=422)
    async with visiting(api) as visitor:
        page = await visitor.see("/reviewers?by=model")
        assert "model-0" in page and "too few to say" in page


async def test_verdicts_weigh_alike_however_often_their_author_was_wrong(
    api: Api, database: str
) -> None:
    await api.account("ada", "reviewer", speaks_for=("pytorch",))
    for _ in range(12):
        key = (await api.file())["key"]
        await review(api, key, "pytorch", "OBJECT", as_="ada")
        decide(database, key, "reproduced")
    assert (await api.get("/calibration"))["items"][0]["wrong"] == 12

    key = (await api.file())["key"]
    await review(api, key, "pytorch", "ENDORSE", as_="ada")

    gate = {one["name"]: one["state"] for one in await api.get(f"/tickets/{key}/gate")}
    assert gate["endorsement"] == "SATISFIED"


async def test_a_ticket_tells_what_is_odd_about_its_verdicts(api: Api, database: str) -> None:
    key = (await api.file())["key"]
    await review(api, key, "pytorch", "OBJECT")
    assert (await api.get(f"/tickets/{key}"))["signals"] == []
    await review(api, key, "codereview", "OBJECT")

    assert (await api.get(f"/tickets/{key}"))["signals"] == ["unanimous-not-executed"]
    async with visiting(api) as visitor:
        assert "unanimous and not executed" in await visitor.see(f"/tickets/{key}")
