"""Databases for the benchmark of the API: tickets with parts and reviews, loaded by COPY."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from app.domain.keys import sort_key
from app.domain.similarity import features, similarity_keys

SECRET = "fnd_benchmark-token-that-opens-only-a-throw-away-database"  # noqa: S105  # says so
ACCOUNT = UUID(int=1)
VOCABULARY = 20_000
_PHRASES, _PHRASE = 100_000, 4
"""So many phrases of so many words."""
REVIEWS = 2
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_SPECIALISTS = ("drl", "pytorch", "codereview")
_VERDICTS = ("ENDORSE", "NEUTRAL", "REFINE", "OBJECT")


class Words:
    """Words of a vocabulary in which the n-th is used 1/n as often as the first (Zipf).

    Texts are put together out of phrases that are drawn once: a million of them take minutes less.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # nothing secret
        weights = [1 / (n + 1) for n in range(VOCABULARY)]
        words = [word(n) for n in range(VOCABULARY)]
        drawn = self._random.choices(words, weights, k=_PHRASES * _PHRASE)
        self._phrases = [
            " ".join(drawn[n : n + _PHRASE]) for n in range(0, _PHRASES * _PHRASE, _PHRASE)
        ]

    def text(self, length: int) -> str:
        """Return `length` words, of which there are always whole phrases."""
        return " ".join(self._random.choices(self._phrases, k=max(1, length // _PHRASE)))


def word(n: int) -> str:
    """Return the n-th word of the vocabulary; letters only, so that it is one word everywhere."""
    letters = ""
    n += 7
    while n:
        n, rest = divmod(n, 20)
        letters += "bcdfghjklmnpqrtvwxza"[rest] + "aeiou"[rest % 5]
    return "q" + letters


def key(n: int) -> str:
    """Return the key of the n-th ticket."""
    return f"B{n % 40 + 1}-DRL-{n // 40 + 1:02d}"


_OLDEST = """
UPDATE tickets SET assignee = 'first', agent = 'pioneer', batch = 999, domains = '{tolaria}',
    domain_paths = '{tolaria}', categories = '{dead-code}', severity = 'P0',
    evidence_state = 'unverified', evidence_stale = true, status = 'closed', resolution = 'fixed'
WHERE id <= %s
"""
"""The oldest tickets have what no other has: a list of these finds nothing among the newest."""


def load(url: str, size: int) -> None:
    """Fill an empty database at head with `size` tickets."""
    words = Words(size)
    with psycopg.connect(url) as connection:
        account = _accounts(connection)
        connection.execute("DROP INDEX ix_tickets_search")
        connection.execute("CREATE TEMP TABLE loaded (LIKE tickets INCLUDING DEFAULTS)")
        columns = (
            "id, key, sort_key, title, severity, status, batch, agent, summary, domains, "
            "domain_paths, categories, created_by, created_at, updated_at, evidence_state"
        )
        with connection.cursor().copy(f"COPY loaded ({columns}) FROM STDIN") as copy:
            for row in _tickets(words, size, account):
                copy.write_row(row)
        connection.execute(
            f"INSERT INTO tickets ({columns}, search) OVERRIDING SYSTEM VALUE "  # noqa: S608
            f"SELECT {columns}, setweight(to_tsvector('english', key || ' ' || title), 'A') || "
            "setweight(to_tsvector('english', summary), 'B') FROM loaded"
        )
        connection.execute(_OLDEST, [max(60, size // 1000)])
        connection.execute("SELECT setval(pg_get_serial_sequence('tickets', 'id'), %s)", [size])
        connection.execute(
            "INSERT INTO key_counters SELECT batch, 'DRL', count(*) FROM tickets GROUP BY batch"
        )
        _keys(connection)
        _parts(connection, words, size)
        _reviews(connection, words, size, account)
        connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
        connection.execute(
            "CREATE INDEX ix_tickets_search ON tickets USING gin (search)"
            " WITH (gin_pending_list_limit = 1024)"
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _accounts(connection: psycopg.Connection) -> UUID:
    account = ACCOUNT
    connection.execute(
        "INSERT INTO accounts (id, name, role) VALUES (%s, 'bench', 'maintainer')", [account]
    )
    connection.execute(
        "INSERT INTO tokens (id, account_id, digest, label) VALUES (%s, %s, sha256(%s), 'bench')",
        [UUID(int=2), account, SECRET.encode()],
    )
    return account


def _tickets(words: Words, size: int, account: UUID) -> Iterator[tuple[object, ...]]:
    for n in range(size):
        at = _EPOCH + timedelta(seconds=n)
        title, summary = words.text(8), words.text(180)
        yield (
            n + 1,
            key(n),
            sort_key(key(n)),
            title,
            f"P{min(4, n % 100 // 20)}",
            ("open", "investigating", "in-review")[n % 3],
            n % 40 + 1,
            "drl",
            summary,
            ["kasmina"],
            ["kasmina"],
            ["correctness"],
            account,
            at,
            at,
            "none",
        )


def _keys(connection: psycopg.Connection) -> None:
    """Store what alike tickets find each other by."""
    connection.execute(
        "ALTER TABLE ticket_similarity_keys DROP CONSTRAINT pk_ticket_similarity_keys"
    )
    rows = connection.execute("SELECT id, title, left(summary, 400) FROM tickets ORDER BY id")
    with connection.cursor().copy(
        "COPY ticket_similarity_keys (ticket_id, key) FROM STDIN"
    ) as copy:
        for ticket_id, title, summary in rows:
            for key in similarity_keys(features(title, summary, ())):
                copy.write_row((ticket_id, key))
    connection.execute(
        "ALTER TABLE ticket_similarity_keys"
        " ADD CONSTRAINT pk_ticket_similarity_keys PRIMARY KEY (key, ticket_id)"
    )


def _parts(connection: psycopg.Connection, words: Words, size: int) -> None:
    with connection.cursor().copy(
        "COPY ticket_sections (id, ticket_id, position, heading, body) FROM STDIN"
    ) as copy:
        for n in range(size):
            for part in range(2):
                copy.write_row(
                    (UUID(int=n * 4 + part), n + 1, part, f"Part {part}", words.text(20))
                )
    with connection.cursor().copy(
        "COPY ticket_locations (id, ticket_id, position, path, start_line, end_line, symbol)"
        " FROM STDIN"
    ) as copy:
        for n in range(size):
            line = n * 37 % 2000 + 1
            path, symbol = f"package/module_{n % 500}.py", f"function_{n % 5000}"
            copy.write_row((UUID(int=n), n + 1, 0, path, line, line + 20, symbol))
    with connection.cursor().copy(
        "COPY checklist_items (id, ticket_id, position, text) FROM STDIN"
    ) as copy:
        for n in range(size):
            copy.write_row((UUID(int=n), n + 1, 0, "Every caller passes it explicitly"))


def _reviews(connection: psycopg.Connection, words: Words, size: int, account: UUID) -> None:
    with connection.cursor().copy(
        "COPY reviews (id, ticket_id, specialist, author_id, verdict, rationale, evidence,"
        " ticket_version, content_version) FROM STDIN"
    ) as copy:
        for n in range(size):
            for m in range(REVIEWS):
                copy.write_row(
                    (
                        UUID(int=n * 4 + m),
                        n + 1,
                        _SPECIALISTS[m],
                        account,
                        _VERDICTS[(n + m) % 4],
                        words.text(20),
                        json.dumps([]),
                        1,
                        1,
                    )
                )
