"""What runs and people decided of tickets, written into the database as they leave it."""

from __future__ import annotations

from uuid import uuid4

import psycopg


def decide(database: str, key: str, decided: str | None, *, asked: str = "0 hours") -> str:
    """Add a finished run that decided the evidence of a ticket, and return its id.

    It was asked for so long from now.
    """
    run_id = str(uuid4())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (id, ticket_id, target, kind, status, outcome, requested_by, plan,"
            " package_digest, plan_key, decided, queued_at, finished_at)"
            " SELECT %s, id, 'kasmina', 'check', 'finished', 'failed', created_by, '{}', 'a', 'b',"
            " %s, now() + CAST(%s AS interval), now() FROM tickets WHERE key = %s",
            [run_id, decided, asked, key],
        )
    return run_id


def set_columns(database: str, key: str, **columns: str) -> None:
    """Change columns of a ticket."""
    with psycopg.connect(database, autocommit=True) as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE tickets SET {name} = %s WHERE key = %s", [value, key])


def close(database: str, key: str, resolution: str) -> None:
    """Close a ticket."""
    set_columns(database, key, status="closed", resolution=resolution)
