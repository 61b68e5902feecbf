"""What has had its time goes, once, and nothing else does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import psycopg
import pytest

from app.database import libpq_url
from app.domain.monitoring import SWEPT
from app.services.housekeeping import ARMS_AT_ONCE
from app.storage.housekeeping import BATCH
from tests.support.api import Api, running_api

pytestmark = pytest.mark.anyio

NODE_ID = "tests/verification/test_b2_drl_10.py"

SEED = """
UPDATE runs SET status = 'finished', outcome = 'passed', finished_at = now() - interval '181 days'
    WHERE id = %(old)s;
INSERT INTO run_arms (run_id, position, name, package_digest, results)
    SELECT %(old)s, n, n::text, '', '[]' FROM generate_series(1, %(arms)s) n;
INSERT INTO run_events (run_id, attempt, seq, kind, data)
    SELECT %(old)s, 1, n, 'log', '{}' FROM generate_series(1, %(many)s) n;
INSERT INTO review_leases (ticket_id, specialist, account_id, expires_at)
    SELECT t.id, s.name, a.id, now() + (s.offset_h || ' hours')::interval
    FROM (SELECT id FROM tickets LIMIT 1) t, (SELECT id FROM accounts LIMIT 1) a,
         (VALUES ('drl', -1), ('pytorch', 1)) s (name, offset_h);
INSERT INTO sessions (digest, account_id, expires_at)
    SELECT sha256(h::text::bytea), a.id, now() + (h || ' hours')::interval
    FROM (SELECT id FROM accounts LIMIT 1) a, (VALUES (-1), (1)) v (h);
INSERT INTO login_codes (digest, account_id, expires_at)
    SELECT sha256(h::text::bytea), a.id, now() + (h || ' hours')::interval
    FROM (SELECT id FROM accounts LIMIT 1) a, (VALUES (-1), (1)) v (h);
INSERT INTO kept_answers (scope, request, account_id, status, headers, body, created_at)
    SELECT h::text::bytea, '', a.id, 201, '{}', '', now() - (h || ' hours')::interval
    FROM (SELECT id FROM accounts LIMIT 1) a, (VALUES (25), (23)) v (h);
INSERT INTO test_tallies (target, node_id, package_digest, test_digest, environment, passes,
        failures, flips, since_flip, bundled, last, updated_at)
    SELECT t.name, 't.py::a', v.days::text, '', '', 1, 0, 0, 1, v.bundled, '{}',
        now() - (v.days || ' days')::interval
    FROM targets t, (VALUES (401, true), (61, false), (62, true)) v (days, bundled);
INSERT INTO suite_results (target, package_digest, suite_digest, environment, path, node_ids,
        updated_at)
    SELECT t.name, '', '', '', v.days::text, '{}', now() - (v.days || ' days')::interval
    FROM targets t, (VALUES (8), (6)) v (days);
INSERT INTO mutant_results (content, tests, environment, outcome, took_s, updated_at)
    SELECT v.days::text, '', '', 'killed', 0, now() - (v.days || ' days')::interval
    FROM (VALUES (61), (59)) v (days);
INSERT INTO revision_looks (tree, tests, environment, glances, arms, updated_at)
    SELECT v.days::text, '', '', '[]', 1, now() - (v.days || ' days')::interval
    FROM (VALUES (181), (179)) v (days);
INSERT INTO run_mutants (run_id, position, digest, path, line, operator, function, change, diff,
        outcome)
    SELECT %(old)s, v.n, v.n::text, 'a.py', 1, '+', 'f', '{"start": 0, "end": 1, "text": "-"}',
        '-a', v.outcome FROM (VALUES (1, 'killed'), (2, 'survived')) v (n, outcome);
INSERT INTO sweeps (id, target, package_digest, suite_digest, status, finished_at)
    SELECT gen_random_uuid(), t.name, v.days::text, '', 'finished',
        now() - (v.days || ' days')::interval
    FROM targets t, (VALUES (182), (181)) v (days);
INSERT INTO sweep_items (sweep_id, ticket_id, seq, verdict, at)
    SELECT s.id, t.id, 1, 'held', s.finished_at FROM sweeps s, (SELECT id FROM tickets LIMIT 1) t;
"""

REMOVED = {
    "run events": BATCH + 5,
    "outputs of runs": ARMS_AT_ONCE + 1,
    "diffs of mutants": 1,
    "sweeps": 1,
    "idempotency keys": 1,
    "leases": 1,
    "sessions": 1,
    "login codes": 1,
    "tallies of tests": 2,
    "results of suites": 1,
    "results of mutants": 1,
    "looks at revisions": 1,
}


async def seed(api: Api, database: str) -> None:
    """Two runs, one of them long ended with many events; one thing expired and one not of each."""
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE_ID}, expect=201)
    old, _ = [
        (await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)).json()
        for _ in range(2)
    ]
    # One event of the old run is there already, from when it was asked for.
    with psycopg.connect(libpq_url(database)) as connection:
        psycopg.ClientCursor(connection).execute(
            SEED, {"old": old["id"], "many": BATCH + 4, "arms": ARMS_AT_ONCE + 1}
        )


def left(database: str) -> dict[str, int]:
    tables = (
        "run_events",
        "kept_answers",
        "review_leases",
        "sessions",
        "login_codes",
        "test_tallies",
        "suite_results",
        "mutant_results",
        "revision_looks",
        "sweeps",
        "sweep_items",
        "run_mutants WHERE diff <> ''",
    )
    with psycopg.connect(libpq_url(database)) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in tables
        }


async def test_what_has_had_its_time_goes_once(api: Api, database: str) -> None:
    await seed(api, database)

    first = await api.factory.housekeeping.sweep()
    second = await api.factory.housekeeping.sweep()

    assert first == REMOVED
    assert second == dict.fromkeys(REMOVED, 0)
    assert left(database) == dict.fromkeys(left(database), 1)


async def test_two_that_sweep_at_once_remove_and_count_each_thing_once(
    api: Api, database: str
) -> None:
    await seed(api, database)

    done = await asyncio.gather(*(api.factory.housekeeping.sweep() for _ in range(4)))
    done.append(await api.factory.housekeeping.sweep())

    assert {kind: sum(one[kind] for one in done) for kind in REMOVED} == REMOVED
    totals = (await api.factory.monitoring.readings()).counters[SWEPT]
    assert totals == {(kind,): number for kind, number in REMOVED.items()}


PRINTED = {
    "traceback": "Traceback …",
    "stdout": "printed",
    "log": "logged",
    "warnings": ["a warning"],
    "properties": [["name", "value"]],
}
ENDED = {
    "node_id": NODE_ID,
    "outcome": "failed",
    "phase": "call",
    "message": "assert 1 == 2",
    "cause": "assertion",
    "skipped_subtests": ["one"],
}
END = """
UPDATE runs SET status = 'finished', outcome = 'failed', started_at = now(),
    finished_at = now() - make_interval(days => %(days)s) WHERE id = %(run)s;
INSERT INTO run_arms (run_id, position, name, package_digest, results)
    VALUES (%(run)s, 0, 'bundled', '', %(results)s);
"""


async def ended(api: Api, database: str, key: str, days: int) -> str:
    """A run of a ticket that printed something and ended so long ago."""
    answer = await api.call("POST", f"/tickets/{key}/runs", json={"kind": "check"}, expect=202)
    run = str(answer.json()["id"])
    results = json.dumps([{**ENDED, **PRINTED}])
    with psycopg.connect(libpq_url(database)) as connection:
        psycopg.ClientCursor(connection).execute(
            END, {"run": run, "days": days, "results": results}
        )
    return run


async def test_what_tests_printed_goes_unless_somebody_relies_on_it(
    api: Api, database: str
) -> None:
    key = (await api.file())["key"]
    await api.call("POST", f"/tickets/{key}/tests", json={"node_id": NODE_ID}, expect=201)
    old, decides, cited, young = [
        await ended(api, database, key, days) for days in (181, 181, 181, 179)
    ]
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute(
            "UPDATE tickets SET decision = jsonb_build_object('run', %s::text) WHERE key = %s",
            [decides, key],
        )
    review = {
        "specialist": "pytorch",
        "verdict": "ENDORSE",
        "rationale": "Seen.",
        "evidence": [{"kind": "run", "id": cited}],
    }
    await api.call("POST", f"/tickets/{key}/reviews", json=review, expect=201)

    assert (await api.factory.housekeeping.sweep())["outputs of runs"] == 1
    assert (await api.factory.housekeeping.sweep())["outputs of runs"] == 0

    for run in (decides, cited, young):
        assert (await api.get(f"/runs/{run}"))["arms"][0]["results"][0].items() >= PRINTED.items()
    shown = await api.get(f"/runs/{old}")
    (result,) = shown["arms"][0]["results"]
    assert result.items() >= ENDED.items()
    assert [result[name] for name in PRINTED] == [None, None, None, [], []]
    assert shown["hints"] == ["What its tests printed was removed 180 days after its end."]


async def test_a_sweep_and_the_mutants_that_somebody_relies_on_stay(
    api: Api, database: str
) -> None:
    await seed(api, database)
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute("UPDATE sweep_items SET reopened = true")
        connection.execute(
            "INSERT INTO ticket_strength (ticket_id, run_id, figures, package_digest, links_digest)"
            " SELECT ticket_id, id, '{}', '', '' FROM runs WHERE outcome = 'passed'"
        )

    removed = await api.factory.housekeeping.sweep()

    assert (removed["sweeps"], removed["diffs of mutants"]) == (0, 0)


@pytest.fixture
async def sweeping(database: str) -> AsyncIterator[Api]:
    async with running_api(database, workers=1, housekeeping_every_s=1) as api:
        yield api


async def test_workers_do_it_by_themselves(sweeping: Api, database: str) -> None:
    await seed(sweeping, database)

    async with asyncio.timeout(60):
        while left(database)["sessions"] > 1:  # the worker is not notified of it
            await asyncio.sleep(0.1)
