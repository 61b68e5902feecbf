"""Two hundred agents claim, review, move, patch and file at once: what must hold afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.support.api import Api, ticket_body

pytestmark = pytest.mark.anyio

AGENTS = 200
SPECIALISTS = ("drl", "pytorch", "codereview", "human")
TICKETS = 24
HOT = 8
"""So many tickets are patched and moved, each by many agents."""
BUSY = (409, 412)
"""What somebody is told who comes second: a step that was taken, a version that has passed."""


@dataclass
class Done:
    """What the agents were told that they did."""

    leased: list[tuple[str, str]] = field(default_factory=list)
    """(specialist, key)"""
    reviews: list[str] = field(default_factory=list)
    commits: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    versions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    filed: list[str] = field(default_factory=list)


async def test_nothing_is_lost_and_nothing_is_done_twice(api: Api, database: str) -> None:
    accounts = [
        await api.account(f"agent-{n}", "maintainer", speaks_for=SPECIALISTS) for n in range(4)
    ]
    items = [{"ref": str(n), **ticket_body(batch=9)} for n in range(TICKETS)]
    answer = await api.call("POST", "/tickets:batch", json={"items": items}, expect=200)
    keys = [item["key"] for item in answer.json()["items"]]
    start = (await api.get("/changes?limit=200"))["last"]
    done = Done()

    agents = [_Agent(api, accounts[n % 4], n, keys, done) for n in range(AGENTS)]
    await asyncio.gather(*(agent.work() for agent in agents))

    every = [*keys, *done.filed]
    tickets = {key: await api.get(f"/tickets/{key}") for key in every}
    # Leases are exclusive: no two agents held one ticket for one specialist.
    assert max(Counter(done.leased).values()) == 1
    # Every review that was answered is there, current, and once.
    assert len(done.leased) == len(done.reviews) == len(set(done.reviews))
    shown = [(r["specialist"], key, r["id"]) for key in every for r in tickets[key]["reviews"]]
    assert {(specialist, key) for specialist, key, _ in shown} == set(done.leased)
    assert sorted(id_ for *_, id_ in shown) == sorted(done.reviews)
    with psycopg.connect(database) as connection:
        left = connection.execute("SELECT count(*) FROM review_leases").fetchone()
    assert left == (0,)
    # No edit overwrote another, and each took a version of its own: none is missing, none twice.
    for key in keys:
        assert set(tickets[key]["commits"]) == done.commits[key]
        assert sorted(done.versions[key]) == list(range(2, tickets[key]["version"] + 1))
    assert sum(map(len, done.versions.values())) > HOT
    # Keys were minted without a gap.
    assert sorted(done.filed) == [f"B10-DRL-{n:02}" for n in range(1, len(done.filed) + 1)]
    _check_history(await _changes(api, start), done, tickets)


def _check_history(
    events: Sequence[Mapping[str, Any]], done: Done, tickets: Mapping[str, Mapping[str, Any]]
) -> None:
    """The history tells every change once, and the last word of each field is what is shown."""
    assert len({event["id"] for event in events}) == len(events)
    told = Counter(event["action"] for event in events)
    assert told["ticket.filed"] == len(done.filed)
    assert told["review.recorded"] == len(done.reviews)
    edits = told["ticket.edited"] + told["ticket.moved"]
    assert edits == sum(map(len, done.versions.values()))
    for field_name in ("status", "commits"):
        seen: dict[str, Any] = {}
        for event in events:
            if field_name in event["changes"] and event["ticket"] in tickets:
                old, new = event["changes"][field_name]
                assert seen.get(event["ticket"], old) == old, "a change is missing in between"
                seen[event["ticket"]] = new
        assert all(tickets[key][field_name] == value for key, value in seen.items())


async def _changes(api: Api, since: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := (await api.get(f"/changes?limit=200&since={since}"))["items"]:
        found += page
        since = page[-1]["id"]
    return found


@dataclass
class _Agent:
    """One of many, each with an account that others use as well."""

    api: Api
    account: str
    number: int
    keys: Sequence[str]
    done: Done

    async def work(self) -> None:
        """Do everything that this agent does."""
        await self._review()
        key = self.keys[self.number // 4 % HOT]
        if self.number % 4 == 0:
            await self._name_a_commit(key)
        elif self.number % 4 == 1:
            await self._move(key)
        elif self.number % 4 == 2:
            filed = await self._call("POST", "/tickets", json=ticket_body(batch=10), expect=201)
            self.done.filed.append(filed.json()["key"])

    async def _review(self) -> None:
        specialist = SPECIALISTS[self.number % len(SPECIALISTS)]
        body = {"specialist": specialist, "count": 1}
        answer = await self._call("POST", "/review-queue/claim", json=body, expect=200)
        for leased in answer.json()["items"]:
            key = leased["ticket"]["key"]
            self.done.leased.append((specialist, key))
            review = {"specialist": specialist, "verdict": "NEUTRAL"}
            told = await self._call("POST", f"/tickets/{key}/reviews", json=review, expect=201)
            self.done.reviews.append(told.json()["id"])

    async def _name_a_commit(self, key: str) -> None:
        """Add a commit to those that the ticket names, and again on top of what others did."""
        mine = f"{self.number:07x}"
        for _ in range(2):
            read = await self._call("GET", f"/tickets/{key}", expect=200)
            body = {"commits": [*read.json()["commits"], mine]}
            headers = {"If-Match": read.headers["etag"]}
            answer = await self._call("PATCH", f"/tickets/{key}", json=body, headers=headers)
            if answer.is_success:
                self.done.commits[key].add(mine)
                self.done.versions[key].append(answer.json()["version"])
                return
            assert answer.status_code in BUSY, answer.text

    async def _move(self, key: str) -> None:
        to = ("investigating", "open", "fix-in-progress")[self.number // 4 % 3]
        answer = await self._call("POST", f"/tickets/{key}/transitions", json={"to": to})
        if answer.is_success:
            self.done.versions[key].append(answer.json()["version"])
        else:
            assert answer.status_code in BUSY, answer.text

    async def _call(
        self, method: str, path: str, *, expect: int | None = None, **options: Any
    ) -> Any:
        for _ in range(5):
            answer = await self.api.call(method, path, as_=self.account, **options)
            # All connections were taken for long: an overloaded machine says so, and no more.
            if answer.status_code != 503:
                break
        assert expect in (None, answer.status_code), (answer.status_code, answer.text)
        return answer
