"""Migrations make the schema that the code expects, on the embedded server and on another one."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, pool, select, text

from app.config import PROJECT_ROOT
from app.database import (
    head_revision,
    known_revisions,
    migrate,
    require_head,
    sqlalchemy_url,
)
from app.domain.search import search_query
from app.domain.similarity import features, similarity_keys
from app.errors import StartupError
from app.schema import metadata
from app.schema.tickets import tickets
from app.storage.tickets.readiness import waived

HEAD = head_revision()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def store_at(database: str, revision: str, *statements: str) -> None:
    """Store rows in the schema of an earlier revision, beside an account."""
    migrate(database, revision)
    account = "INSERT INTO accounts (id, name, role) VALUES (gen_random_uuid(), 'a', 'reader')"
    with connected(database) as connection:
        for statement in (account, *statements):
            connection.execute(text(statement))


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")  # ours, unknown to the library
def test_models_and_migrations_agree(empty_database: str) -> None:
    migrate(empty_database)

    with connected(empty_database) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _object, name, kind, *_: (
                    not (kind == "table" and str(name).startswith("procrastinate_"))
                ),
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_models_alone_make_the_same_schema(empty_database: str) -> None:
    """Checks, index definitions, defaults and generated columns, which the library skips."""
    migrate(empty_database)
    with connected(empty_database) as connection:
        migrated = tables(connection, "public")
        connection.execute(text("CREATE SCHEMA models"))
        connection.execute(text("SET search_path TO models"))
        metadata.create_all(connection)
        modelled = tables(connection, "models")

    assert {line for line in migrated if not _is_of_others(line)} == modelled


def test_down_leaves_nothing_and_up_works_again(empty_database: str) -> None:
    migrate(empty_database)
    with connected(empty_database) as connection:
        made = everything(connection)

    assert migrate(empty_database, "base") == (HEAD, None)
    with connected(empty_database) as connection:
        assert {line for line in everything(connection) if "alembic_version" not in line} == set()
    assert migrate(empty_database) == (None, HEAD)
    with connected(empty_database) as connection:
        assert everything(connection) == made


def test_every_revision_can_be_taken_back_alone(empty_database: str) -> None:
    for revision in reversed(known_revisions()):
        migrate(empty_database, revision)
        with connected(empty_database) as connection:
            made = everything(connection)
        migrate(empty_database, "-1")
        migrate(empty_database, revision)
        with connected(empty_database) as connection:
            assert everything(connection) == made


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)

    assert migrate(empty_database) == (HEAD, HEAD)


def test_an_older_schema_is_refused_with_the_remedy(empty_database: str) -> None:
    migrate(empty_database, "0001")

    with pytest.raises(StartupError, match=f"at 0001, but this version needs {HEAD}") as refused:
        require_head(empty_database)
    assert refused.value.remedy == "Run: findings migrate"


def test_an_empty_database_is_refused_with_the_remedy(empty_database: str) -> None:
    with pytest.raises(StartupError, match="at nothing") as refused:
        require_head(empty_database)
    assert refused.value.remedy == "Run: findings migrate"


@pytest.mark.parametrize("action", [require_head, migrate])
def test_a_newer_schema_is_refused_with_the_remedy(
    empty_database: str, action: Callable[[str], object]
) -> None:
    migrate(empty_database)
    with connected(empty_database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StartupError, match="newer than this version") as refused:
        action(empty_database)
    assert "Start the newer version" in refused.value.remedy


def test_tickets_that_are_there_get_the_keys_by_which_alike_ones_find_them(
    empty_database: str,
) -> None:
    store_at(
        empty_database,
        "0003",
        "INSERT INTO tickets (key, sort_key, title, severity, batch, agent, summary,"
        " created_by) SELECT n, n, 'Number ' || n || ' drops momentum', 'P2', 1, 'drl',"
        " 'Said of ' || n, id FROM accounts, unnest(ARRAY['one', 'two']) AS n",
    )

    migrate(empty_database)

    with connected(empty_database) as connection:
        rows = connection.execute(
            text(
                "SELECT title, summary, array_agg(k.key ORDER BY k.key) FROM tickets"
                " JOIN ticket_similarity_keys AS k ON k.ticket_id = id GROUP BY id"
            )
        ).all()
    assert len(rows) == 2
    for title, summary, keys in rows:
        assert keys == sorted(similarity_keys(features(title, summary, ())))


def test_tickets_that_are_there_are_found_by_the_same_words_as_new_ones(
    empty_database: str,
) -> None:
    store_at(
        empty_database,
        "0007",
        "INSERT INTO tickets (key, sort_key, title, severity, batch, agent, summary,"
        " commits, created_by) SELECT 'K-1', 'k', 'Drops ops/blend.py:7', 'P2', 1, 'drl',"
        " 'It doesn''t hold', ARRAY['64dd86bb00'], id FROM accounts",
        "INSERT INTO ticket_sections (id, ticket_id, position, heading, body)"
        " SELECT gen_random_uuid(), id, 0, 'Fix', 'Call functional.pad' FROM tickets",
    )

    migrate(empty_database)

    for q in ("blend.py:7", "doesn't", "64dd86b", "functional.pad", "K-1"):
        with connected(empty_database) as connection:
            found = connection.execute(
                text("SELECT key FROM tickets WHERE search @@ websearch_to_tsquery('english', :q)"),
                {"q": search_query(q)},
            ).all()
        assert len(found) == 1, q


def test_tickets_that_were_closed_on_a_commit_alone_are_listed_as_closed_without_evidence(
    empty_database: str,
) -> None:
    store_at(
        empty_database,
        "0006",
        "INSERT INTO tickets (key, sort_key, title, severity, batch, agent, summary,"
        " created_by, status, resolution, evidence_state, closure, commits)"
        " SELECT n, n, 't', 'P2', 1, 'drl', 's', id, 'closed', 'fixed', n,"
        """ '{"by": "max", "reason": "merged", "overridden": []}', '{4f2a9c1}'"""
        " FROM accounts, unnest(ARRAY['not-covered', 'proven']) AS n",
    )

    migrate(empty_database)

    with connected(empty_database) as connection:
        listed = connection.execute(
            select(tickets.c.key, tickets.c.closure["waiver"].astext).where(waived())
        ).all()
    said = "Closed on a commit alone, when no waiver was asked for yet: merged"
    assert listed == [("not-covered", said)]


def test_the_queue_is_that_of_the_locked_library() -> None:
    lock = (PROJECT_ROOT / "requirements.lock").read_text()
    locked = re.search(r"^procrastinate==(\S+)$", lock, re.MULTILINE)
    migrations = sorted((PROJECT_ROOT / "migrations/versions").glob("*.py"))
    stated = [found["PROCRASTINATE"] for found in map(_run, migrations) if "PROCRASTINATE" in found]

    assert locked and stated and stated[-1] == locked[1]


def _run(path: Path) -> dict[str, object]:
    return runpy.run_path(str(path))


def tables(connection: Connection, schema: str) -> set[str]:
    """Tables with all that belongs to them, without functions and triggers: models have none."""
    kinds = ("table ", "column ", "index ", "constraint ")
    return {line for line in everything(connection, schema) if line.startswith(kinds)}


def _is_of_others(line: str) -> bool:
    return "procrastinate_" in line or "alembic_version" in line


def everything(connection: Connection, schema: str = "public") -> set[str]:
    """All that is defined in `schema`, each thing in a line, without the schema's name."""
    found = connection.scalars(text(_EVERYTHING), {"schema": schema})
    return {line.replace(f"{schema}.", "") for line in found}


_EVERYTHING = """
SELECT 'table ' || relname FROM pg_class
  WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p', 'v')
UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attname,
    format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
    pg_get_expr(adbin, adrelid))
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p')
    AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = CAST(:schema AS text)
UNION ALL SELECT concat_ws(' ', 'constraint', conname, conrelid::regclass,
    pg_get_constraintdef(oid))
  FROM pg_constraint
  WHERE connamespace = CAST(:schema AS regnamespace) AND contype <> 'n'
UNION ALL SELECT 'type ' || typname FROM pg_type
  WHERE typnamespace = CAST(:schema AS regnamespace) AND typtype IN ('e', 'd')
UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc
  WHERE pronamespace = CAST(:schema AS regnamespace)
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger
  JOIN pg_class ON pg_class.oid = tgrelid
  WHERE relnamespace = CAST(:schema AS regnamespace) AND NOT tgisinternal
"""


def test_what_the_first_editions_rules_decided_becomes_stale_and_closed_stays_closed(
    empty_database: str,
) -> None:
    store_at(
        empty_database,
        "0005",
        "INSERT INTO tickets (key, sort_key, title, severity, batch, agent, summary,"
        " status, resolution, evidence_state, decision, created_by)"
        " SELECT v.key, v.key, 't', 'P2', 1, 'drl', 's', v.status, v.resolution, v.state,"
        " v.decision::jsonb, id FROM accounts, (VALUES"
        " ('K-1', 'closed', 'fixed', 'proven', '{\"state\": \"proven\"}'),"
        " ('K-2', 'open', NULL, 'passing', '{\"state\": \"passing\"}'),"
        " ('K-3', 'open', NULL, 'none', NULL))"
        " AS v (key, status, resolution, state, decision)",
    )

    migrate(empty_database)

    with connected(empty_database) as connection:
        rows = connection.execute(
            text(
                "SELECT key, status, evidence_state, evidence_stale, evidence_stale_reason"
                " FROM tickets ORDER BY key"
            )
        ).all()
    assert [tuple(row) for row in rows] == [
        ("K-1", "closed", "proven", True, "rules changed"),
        ("K-2", "open", "passing", True, "rules changed"),
        ("K-3", "open", "none", False, None),
    ]
