"""Databases that are lent to one test after the other.

To make and drop a database takes longer than most tests. So one that comes back is emptied of what
its test wrote and lent again. It is then row for row what its template is, and so are its
sequences. One in which anything else was changed (a table, a trigger, a setting, the planner's
statistics), or that grew large, is dropped, and the next test gets a new one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import psycopg

from tests.support.cluster import Server, clone_database, database_url, drop_database

ROLE = "findings"
LASTING = "lasting"
"""A name of connections that stay open between two tests, as long as their database does."""
_numbers = itertools.count()

_TABLES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.oid >= 16384 ORDER BY c.oid
"""
_SEQUENCES = """
SELECT quote_literal(quote_ident(schemaname) || '.' || quote_ident(sequencename)) || ', '
    || coalesce(last_value, start_value) || ', ' || (last_value IS NOT NULL)
FROM pg_sequences ORDER BY 1
"""
_STATE = """
SELECT string_agg(part, ' ') FROM (
    SELECT 'class ' || md5(string_agg(concat_ws(',', oid, xmin, reltuples), ' ' ORDER BY oid))
        FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT 'column ' || md5(
            string_agg(concat_ws(',', attrelid, attnum, xmin), ' ' ORDER BY attrelid, attnum))
        FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL SELECT 'function ' || md5(string_agg(concat_ws(',', oid, xmin), ' ' ORDER BY oid))
        FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'trigger ' || md5(string_agg(concat_ws(',', oid, xmin), ' ' ORDER BY oid))
        FROM pg_trigger
    UNION ALL SELECT 'constraint ' || md5(string_agg(concat_ws(',', oid, xmin), ' ' ORDER BY oid))
        FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT 'schema ' || count(*) FROM pg_namespace
    UNION ALL SELECT 'type ' || count(*) FROM pg_type
    UNION ALL SELECT 'statistics ' || count(*) FROM pg_statistic WHERE starelid >= 16384
    UNION ALL SELECT 'setting ' || count(*) FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()
    UNION ALL SELECT 'limit ' || datconnlimit FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'size ' || CASE WHEN pg_database_size(current_database()) > 32 * 1024 * 1024
        THEN 'large' ELSE 'small' END
) AS parts (part)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND (application_name <> %(lasting)s OR state <> 'idle')
"""


class DatabasePool:
    """Copies of one template on one server."""

    def __init__(self, server: Server, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[_Lendable] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Give the service's URL of a database that is as the template is, for the block."""
        found = self._free.pop() if self._free else self._clone()
        try:
            yield database_url(self._server.service_url, found.name)
        finally:
            if self._restore(found):
                self._free.append(found)
            else:
                found.connection.close()
                drop_database(self._server.admin_url, found.name)

    def _clone(self) -> _Lendable:
        self._rows  # noqa: B018  # nobody can be connected to the template while it is copied
        name = _clone(self._server, self._template)
        connection = self._connect(name)
        return _Lendable(name, connection, _state(connection))

    def _restore(self, lent: _Lendable) -> bool:
        """Make the rows those of the template; False if that would not be enough."""
        try:
            with lent.connection.transaction():
                lent.connection.execute("SET LOCAL lock_timeout = '10s'")
                lent.connection.execute(_END_OTHERS, {"lasting": f"findings {LASTING}"})
                if _state(lent.connection) != lent.state:
                    return False
                self._rows.restore(lent.connection)
        except psycopg.Error:
            return False
        return True

    @cached_property
    def _rows(self) -> _Rows:
        with self._connect(self._template) as connection:
            return _Rows(connection)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(database_url(self._server.admin_url, name), autocommit=True)


@contextlib.contextmanager
def fresh_database(server: Server, template: str) -> Iterator[str]:
    """Make a copy of a template for the block and give its name."""
    name = _clone(server, template)
    yield name
    drop_database(server.admin_url, name)


def _clone(server: Server, template: str) -> str:
    name = f"case_{os.getpid()}_{next(_numbers)}"
    clone_database(server.admin_url, template, name, owner=ROLE)
    return name


@dataclass(frozen=True)
class _Lendable:
    """A database, the connection that empties it and what it was but for its rows."""

    name: str
    connection: psycopg.Connection
    state: str


class _Rows:
    """The rows of a template, and how far its sequences are."""

    def __init__(self, connection: psycopg.Connection) -> None:
        tables = [name for (name,) in connection.execute(_TABLES)]
        self._rows = {name: rows for name in tables if (rows := _copy_out(connection, name))}
        self._empty = "; ".join(
            [
                "SET LOCAL session_replication_role = replica",  # no triggers, no foreign keys
                *(f"DELETE FROM {name}" for name in tables),
                *(f"SELECT setval({values})" for (values,) in connection.execute(_SEQUENCES)),
            ]
        )

    def restore(self, connection: psycopg.Connection) -> None:
        """Make the rows of a copy the same."""
        connection.execute(self._empty.encode())
        for name, rows in self._rows.items():
            with connection.cursor().copy(f"COPY {name} FROM STDIN".encode()) as copy:
                copy.write(rows)


def _copy_out(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
        return b"".join(bytes(part) for part in copy)


def _state(connection: psycopg.Connection) -> str:
    row = connection.execute(_STATE).fetchone()
    assert row is not None
    return str(row[0])
