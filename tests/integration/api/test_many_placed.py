"""Thousands of tickets come in step with a target by statements that each do a bounded part."""

from __future__ import annotations

import psycopg
import pytest

from app.database import libpq_url
from tests.support.api import Api
from tests.support.statements import sent_statements

pytestmark = pytest.mark.anyio

MANY = 3000
BOUNDED = """
CREATE FUNCTION bounded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM changed) > 1000 THEN
        RAISE EXCEPTION 'one statement changed % tickets', (SELECT count(*) FROM changed);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bounded AFTER UPDATE ON tickets REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION bounded();
"""
COPIES = """
INSERT INTO tickets (key, sort_key, title, severity, status, batch, agent, summary, domains,
    domain_paths, search, created_by)
SELECT 'X-' || n, 'X-' || n, title, severity, status, batch, agent, summary, domains,
    domain_paths, search, created_by
FROM tickets, generate_series(1, %s) n WHERE key = 'KAS-9'
"""


async def test_thousands_of_tickets_come_in_step_by_parts(api: Api, database: str) -> None:
    await api.file(key="KAS-9", domains=["kasmina"])
    linked = (await api.file(key="KAS-10", domains=["kasmina"]))["key"]
    (test, *_) = (await api.get("/tests?limit=1"))["items"]
    await api.call(
        "POST", f"/tickets/{linked}/tests", json={"node_id": test["node_id"]}, expect=201
    )
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute(COPIES, [MANY])
        connection.execute("UPDATE tickets SET target = NULL, evidence_state = 'not-covered'")
        connection.execute(BOUNDED)

    with sent_statements() as placing:
        await api.factory.catalogues.place_all()
    placed = await api.get("/tickets?target=kasmina&evidence=none&count=true&limit=1")
    with psycopg.connect(libpq_url(database)) as connection:
        connection.execute("DROP TRIGGER bounded ON tickets")
        connection.execute("UPDATE tickets SET evidence_state = 'not-covered'")
        connection.execute(BOUNDED.partition("$$;")[2])
    with sent_statements() as syncing:
        await api.call("POST", "/tests/sync", expect=200)

    with psycopg.connect(libpq_url(database)) as connection:
        query = "SELECT target, evidence_state, count(*) FROM tickets GROUP BY 1, 2 ORDER BY 2"
        found = connection.execute(query).fetchall()
    assert placed["total"] == 1000  # at least
    assert found == [("kasmina", "none", MANY + 1), ("kasmina", "unverified", 1)]
    assert max(len(placing), len(syncing)) < MANY / 20
