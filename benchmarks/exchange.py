"""How long imports and exports take, and how much memory a large export needs.

``python benchmarks/exchange.py [--documents 300] [--results 25000] [--tickets 100000]``

The service runs in this process, with an embedded database of its own. Documents are written by the
service's own format, about five kilobytes each, or taken from a folder. Times are wall clock and
processor time of this process; the database's own processor time comes on top of the latter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from app.config import load_settings  # noqa: E402 - the project need not be installed
from app.database import migrate  # noqa: E402
from app.domain.scanning import Home  # noqa: E402
from app.embedded import EmbeddedCluster  # noqa: E402
from app.factory import Factory  # noqa: E402
from app.formats.markdown import (  # noqa: E402
    ChecklistEntry,
    Location,
    ReviewText,
    SectionText,
    TicketFacts,
    write,
)
from app.formats.sarif.reader import RunReader  # noqa: E402
from app.formats.sarif.stream import heads, results  # noqa: E402
from app.main import create_app  # noqa: E402

WORDS = [
    "gate",
    "blend",
    "seed",
    "host",
    "gradient",
    "alpha",
    "slot",
    "curve",
    "norm",
    "drift",
    "buffer",
    "stage",
    "kernel",
    "graft",
    "epoch",
    "tensor",
]
FOLDERS = ("triaged", "fixed", "wontfix", "not-a-bug")


@dataclass
class Client:
    """The application, and the token to speak to it with."""

    http: httpx.AsyncClient
    token: str

    async def send(self, method: str, path: str, **options: object) -> httpx.Response:
        """Make a call that must succeed."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}  # type: ignore[dict-item]
        answer = await self.http.request(method, f"/api/v1{path}", headers=headers, **options)  # type: ignore[arg-type]
        if answer.status_code != 200:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer


@contextlib.asynccontextmanager
async def service(folder: Path) -> AsyncIterator[tuple[Client, Factory]]:
    """The application on a fresh database."""
    cluster = EmbeddedCluster(folder)
    cluster.start()
    try:
        migrate(cluster.service_url)
        settings = load_settings(
            data_dir=folder, database_url=cluster.service_url, log_level="error"
        )
        factory = Factory(settings, cluster.service_url)
        ready = asyncio.Event()

        async def mark_ready() -> None:
            ready.set()

        app = create_app(factory, on_ready=mark_ready)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://bench", timeout=600
            ) as http:
                await ready.wait()  # the catalogue is read beside, which would be measured
                yield Client(http, (folder / "admin-token").read_text().strip()), factory
    finally:
        cluster.stop()


def prose(chance: random.Random, words: int) -> str:
    """Sentences without a meaning."""
    return " ".join(chance.choice(WORDS) for _ in range(words)) + "."


def document(number: int, chance: random.Random) -> bytes:
    """A ticket of common size: six sections, three reviews, a check-list."""
    reviews = tuple(
        ReviewText(who, chance.choice(("ENDORSE", "NEUTRAL", "OBJECT")), prose(chance, 40))
        for who in ("drl", "pytorch", "codereview")
    )
    return write(
        TicketFacts(
            key=f"B{number // 90 + 1}-DRL-{number % 90 + 1:02d}",
            title=prose(chance, 8),
            severity=f"P{chance.randrange(5)}",
            batch=number // 90 + 1,
            agent="drl",
            domains=("garden", "garden/pump"),
            created=date(2025, 3, 1),
            updated=date(2025, 3, 2),
            locations=(Location("garden/pump.py", 10, 30, "Pump.start()"),),
            summary=prose(chance, 15),
            categories=("correctness", "test-gap"),
            sections=tuple(
                SectionText(heading, "\n\n".join(prose(chance, 30) for _ in range(4)))
                for heading in ("Detailed Description", "Recommended Fix", "System Context")
            ),
            checklist=tuple(ChecklistEntry(prose(chance, 6)) for _ in range(3)),
            reviews=reviews,
        )
    )


def generated(count: int) -> dict[str, bytes]:
    """Documents by their paths."""
    chance = random.Random(1)  # noqa: S311 - nothing to guess
    made = (document(number, chance) for number in range(count))
    return {f"{FOLDERS[n % 4]}/{_key(data)}.md": data for n, data in enumerate(made)}


def _key(data: bytes) -> str:
    return data.split(b"**Ticket ID** | `", 1)[1].split(b"`", 1)[0].decode()


def from_folder(folder: Path, count: int) -> dict[str, bytes]:
    """Documents of a folder, taken again under other ids until there are enough."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.md")
    }
    if not found:
        raise SystemExit(f"{folder} holds no documents")
    documents: dict[str, bytes] = {}
    for number in range(count):
        path, data = list(found.items())[number % len(found)]
        key, turn = _key(data), number // len(found)
        other = f"{key}{turn:02d}" if turn else key
        documents[path.replace(key, other)] = data.replace(
            f"**Ticket ID** | `{key}`".encode(), f"**Ticket ID** | `{other}`".encode()
        )
    return documents


def zipped(documents: dict[str, bytes]) -> bytes:
    """An archive in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in documents.items():
            archive.writestr(path, data)
    return out.getvalue()


@contextlib.contextmanager
def measured(name: str) -> Iterator[None]:
    """Print how long the block takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(
        f"{name:<46} {time.perf_counter() - wall:7.2f} s wall"
        f" {time.process_time() - cpu:7.2f} s cpu",
        flush=True,
    )


async def documents_in_and_out(client: Client, documents: dict[str, bytes]) -> None:
    """Import many documents by one call, again, and export them."""
    archive, count = zipped(documents), len(documents)
    headers = {"Content-Type": "application/zip"}
    size = sum(map(len, documents.values())) / max(count, 1) / 1024
    print(f"{count} documents of {size:.1f} KiB on average")
    with measured(f"import of {count} documents, one call"):
        report = await client.send("POST", "/imports", content=archive, headers=headers)
    results = {item["result"] for item in report.json()["items"]}
    if results != {"created"}:
        raise SystemExit(f"the import did not go as it should: {results}")
    with measured("the same again, nothing changed"):
        await client.send("POST", "/imports", content=archive, headers=headers)
    with measured("the same again as a dry run from the folder"):
        query = "/imports?dry_run=true&disposition=folder&on_conflict=update"
        await client.send("POST", query, content=archive, headers=headers)
    with measured("export as Markdown"):
        answer = await client.send("GET", "/exports?format=markdown")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as back:
        if {name: back.read(name) for name in back.namelist()} != documents:
            raise SystemExit("the export differs from what was imported")
    with measured("export as JSON Lines"):
        await client.send("GET", "/exports?format=jsonl")
    changed = zipped({path: _changed(data) for path, data in documents.items()})
    with measured("import of all of them changed"):
        report = await client.send("POST", "/imports", content=changed, headers=headers)
    results = {item["result"] for item in report.json()["items"]}
    if results != {"updated"}:
        raise SystemExit(f"the changed documents were not taken: {results}")


def _changed(data: bytes) -> bytes:
    """A document with another sentence in its description."""
    heading = b"## Detailed Description\n\n"
    return data.replace(heading, heading + b"It was seen again. ")


def scanner_report(count: int) -> bytes:
    """A report of so many results, three to a file, with the code of each."""
    chance = random.Random(2)  # noqa: S311 - nothing to guess
    results = [
        {
            "ruleId": f"R{n % 90}",
            "level": ("note", "warning", "error")[n % 3],
            "message": {"text": prose(chance, 12)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"garden/part_{n // 300}/pump_{n // 3}.py"},
                        "region": {
                            "startLine": n % 3 * 40 + 7,
                            "startColumn": 5,
                            "endColumn": 40,
                            "snippet": {"text": f"    {prose(chance, 6)}  # {n}"},
                        },
                    },
                    "logicalLocations": [{"fullyQualifiedName": f"Pump.step_{n % 7}"}],
                }
            ],
            "partialFingerprints": {"primaryLocationLineHash": f"{n * 7919:016x}:1"},
        }
        for n in range(count)
    ]
    rules = [{"id": f"R{n}", "shortDescription": {"text": prose(chance, 9)}} for n in range(90)]
    driver = {"name": "Pumplint", "version": "1.0", "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]}, indent=1).encode()


async def results_in_and_out(client: Client, count: int) -> None:
    """Import the results of a scanner, again, and export them."""
    body = scanner_report(count)
    headers = {"Content-Type": "application/sarif+json"}
    print(f"{count} results of a scanner, {len(body) / 2**20:.0f} MiB")
    with measured("reading alone"):
        file = io.BytesIO(body)
        (head,) = heads(file)
        reader = RunReader(head, None, frozenset(), lambda _: None, Home(""))
        read = sum(reader.read(result) is not None for result in results(file))
    if read != count:
        raise SystemExit(f"{read} of {count} results were read")
    for name in ("import of the results", "the same again, nothing changed"):
        before = _peak()
        with measured(name):
            await client.send("POST", "/imports?format=sarif", content=body, headers=headers)
        print(f"  peak memory grew by {_peak() - before:.1f} MiB, the answer included")
    with measured("export as SARIF"):
        await client.send("GET", "/exports?format=sarif")


async def large_export(client: Client, factory: Factory, tickets: int) -> None:
    """Export ever more tickets, and watch the memory of this process."""
    made = 0
    for wanted in (tickets // 10, tickets):
        await _copy_tickets(factory, made, wanted)
        made = wanted
        before = _peak()
        size = 0
        with measured(f"export of {wanted} tickets as JSON Lines"):
            # Drained as it comes: the client of this process would gather the whole answer.
            actor = await factory.accounts.authenticate(client.token, None)
            from app.domain.filters import TicketFilter

            async for piece in factory.transfer.lines(actor, TicketFilter()):
                size += len(piece)
        print(f"  {size / 2**20:.0f} MiB; peak memory grew by {_peak() - before:.1f} MiB")


async def _copy_tickets(factory: Factory, start: int, end: int) -> None:
    """Fill the database with copies of its first ticket, by the database itself."""
    from sqlalchemy import text

    from app.schema import metadata

    names = [
        c.name
        for c in metadata.tables["tickets"].columns
        if c.name not in ("id", "key", "sort_key")
    ]
    columns = ", ".join(f'"{name}"' for name in names)
    parts = {"ticket_sections": "heading, body", "checklist_items": "text, done"}
    async with factory.engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(
            text(
                f"INSERT INTO tickets (key, sort_key, {columns})"  # noqa: S608 - own names
                f" SELECT 'X-' || n, 'X-' || lpad(n::text, 9, '0'), {columns}"
                " FROM generate_series(CAST(:start AS int) + 1, CAST(:end AS int)) n,"
                " (SELECT * FROM tickets ORDER BY id LIMIT 1) t"
            ),
            {"start": start, "end": end},
        )
        for table, copied in parts.items():
            await connection.execute(
                text(
                    f"INSERT INTO {table} (id, ticket_id, position, {copied})"  # noqa: S608 - own names
                    f" SELECT gen_random_uuid(), t.id, p.position, {copied} FROM tickets t,"
                    f" (SELECT * FROM {table} WHERE ticket_id = (SELECT min(id) FROM tickets)) p"
                    f" WHERE t.key LIKE 'X-%' AND NOT EXISTS"
                    f" (SELECT 1 FROM {table} o WHERE o.ticket_id = t.id)"
                )
            )
        await connection.execute(text("ANALYZE"))


def _peak() -> float:
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="fnd-", dir="/tmp") as folder:
        async with service(Path(folder)) as (client, factory):
            count = arguments.documents
            documents = (
                from_folder(arguments.folder, count) if arguments.folder else generated(count)
            )
            await documents_in_and_out(client, documents)
            if arguments.results:
                await results_in_and_out(client, arguments.results)
            if arguments.tickets:
                await large_export(client, factory, arguments.tickets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=300, help="So many by one call.")
    parser.add_argument("--tickets", type=int, default=0, help="So many in the large export.")
    parser.add_argument("--results", type=int, default=0, help="So many of a scanner.")
    parser.add_argument("--folder", type=Path, help="Documents to take, instead of made ones.")
    asyncio.run(run(parser.parse_args()))
