"""How fast the API is, beside the bare driver with the same statements and an empty route.

``python -m benchmarks.api [--sizes 10000 100000] [--million] [--seconds 3] [--data DIR]``

For each size a database is loaded; then two server processes (``findings serve``, no worker) and
two bare ones share it. Every scenario is measured at both, one right after the other, so that what
else the machine does falls on both alike. Absolute figures drift, ratios hold. Prints Markdown.

With ``--data`` the databases stay in that folder (of a short path) and are used again the next
time. With ``--orders`` each filter is also listed in each order, and the slowest are printed.

With ``--beside DIR`` nothing bare is measured but another checkout of the project, with its own
``.venv``: both load a database of their own, and take turns at each scenario for some rounds. What
counts is the ratio of a round; its median and range are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pickle
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from app.config import load_settings
from app.database import migrate
from app.domain.filters import ORDERS, TicketFilter
from app.embedded import EmbeddedCluster
from app.factory import Factory
from benchmarks import api_data
from benchmarks.api_load import Figures

Statements = list[tuple[str, list[Any]]]
API = "/api/v1"
_KEYS = 200
_FILED = 2000
_DEEP_PAGE = 1000

BARE_FILING = [
    "INSERT INTO tickets (key, sort_key, title, severity, batch, agent, summary, domains,"
    " domain_paths, created_by, search) SELECT 'BARE-' || n, 'BARE-' || n, %(title)s, 'P2', 99,"
    " 'drl', %(summary)s, '{kasmina}', '{kasmina}', %(by)s,"
    " setweight(to_tsvector('english', %(title)s), 'A') ||"
    " setweight(to_tsvector('english', %(summary)s), 'B') FROM nextval('bare_keys') AS n",
    "INSERT INTO ticket_sections (id, ticket_id, position, heading, body)"
    " VALUES (gen_random_uuid(), currval('tickets_id_seq'), 0, 'Part', %(body)s)",
    "INSERT INTO ticket_locations (id, ticket_id, position, path, start_line)"
    " VALUES (gen_random_uuid(), currval('tickets_id_seq'), 0, %(path)s, 7)",
    "INSERT INTO checklist_items (id, ticket_id, position, text)"
    " VALUES (gen_random_uuid(), currval('tickets_id_seq'), 0, 'Callers pass it')",
    "INSERT INTO audit_events (ticket_id, actor_id, action, changes)"
    " VALUES (currval('tickets_id_seq'), %(by)s, 'ticket.filed', '{}')",
]
"""What filing cannot do without: one ticket with three parts and its audit event (1 + 3 + 1).

The service files the same ticket; besides, it looks for similar ones, mints a key without gap,
and answers with the whole ticket.
"""

AIMS = {"show": 0.4, "list, first page": 0.4, "list, page 1000": 0.4, "file": 0.33}
"""Shares of the bare driver that are aimed at."""


@dataclass(frozen=True)
class Scenario:
    """A request to be measured, and the bare statements behind it."""

    name: str
    requests: list[str]
    statements: Statements = field(default_factory=list)


def main() -> None:
    """Measure, and print."""
    options = _options()
    sizes = [*options.sizes, *([1_000_000] if options.million else [])]
    folder = Path(tempfile.mkdtemp(prefix="fnd-", dir="/tmp"))  # a short path
    data = options.data or folder
    data.mkdir(mode=0o700, exist_ok=True)
    cluster = EmbeddedCluster(data)
    cluster.start()
    try:
        for size in sizes:
            if options.beside:
                _measure_beside(cluster, folder, size, options)
            else:
                _measure_size(cluster, folder, size, options)
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--million", action="store_true", help="a million tickets as well")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--data", type=Path, help="keep the databases here, and use them again")
    parser.add_argument("--orders", action="store_true", help="each filter in each order as well")
    parser.add_argument("--only", nargs="+", help="names of scenarios")
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turns")
    parser.add_argument("--rounds", type=int, default=5, help="of turns with the other checkout")
    return parser.parse_args()


def _measure_size(
    cluster: EmbeddedCluster, folder: Path, size: int, options: argparse.Namespace
) -> None:
    url, taken = _loaded_database(cluster, size)
    print(f"\n### {size:,} tickets ({taken})\n", flush=True)
    if options.orders:
        asyncio.run(_measure_orders(url))
    with contextlib.ExitStack() as stack:
        service = [stack.enter_context(_service(folder, url, n)) for n in range(2)]
        _wait(service, "/readyz")
        scenarios = _scenarios(url, size, service[0], options.seconds)
        plans = folder / f"plans-{size}"
        plans.write_bytes(pickle.dumps({f"/{n}": s.statements for n, s in enumerate(scenarios)}))
        bare = [stack.enter_context(_bare(url, plans)) for _ in range(2)]
        _wait(bare, "/ready")
        print("| | req/s | p50 ms | p95 ms | p99 ms | bare req/s | bare p50 ms | share | aim |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for n, scenario in enumerate(scenarios):
            if not options.only or scenario.name in options.only:
                _measure(n, scenario, service, bare, options)


def _measure_beside(
    cluster: EmbeddedCluster, folder: Path, size: int, options: argparse.Namespace
) -> None:
    """Measure this checkout and another one in turns, each at a database of its own."""
    other = options.beside.resolve()
    url, _ = _loaded_database(cluster, size)
    beside = _database_of(other, cluster, size)
    with contextlib.ExitStack() as stack:
        own = [stack.enter_context(_service(folder, url, n)) for n in range(2)]
        theirs = [stack.enter_context(_service(folder, beside, n, other)) for n in range(2)]
        _wait(own + theirs, "/readyz")
        print(f"\n### {size:,} tickets, beside {other.name}, {options.rounds} rounds\n")
        print(
            "| | req/s | beside req/s | ratio | from | to |\n|---|---|---|---|---|---|", flush=True
        )
        for scenario in _scenarios(url, size, own[0], options.seconds):
            if not options.only or scenario.name in options.only:
                _take_turns(scenario, own, theirs, options)


def _take_turns(
    scenario: Scenario, own: list[int], theirs: list[int], options: argparse.Namespace
) -> None:
    for ports in (own, theirs):  # the first second compiles and connects
        _load(ports, scenario.requests, options)
    rounds = []
    for n in range(options.rounds):
        found = {}
        for ports in (own, theirs) if n % 2 else (theirs, own):
            found[ports[0]] = _load(ports, scenario.requests, options)
        rounds.append((found[own[0]], found[theirs[0]]))
    ratios = sorted(mine.per_second / other.per_second for mine, other in rounds)
    mine, other = (
        statistics.median(f.per_second for f in side) for side in zip(*rounds, strict=True)
    )
    wrong = sum(figures.wrong for pair in rounds for figures in pair)
    print(
        f"| {scenario.name} | {mine:.0f} | {other:.0f} | {statistics.median(ratios):.2f} "
        f"| {ratios[0]:.2f} | {ratios[-1]:.2f} |" + (f" {wrong} failed" if wrong else ""),
        flush=True,
    )


def _database_of(checkout: Path, cluster: EmbeddedCluster, size: int) -> str:
    """Return the URL of a database that another checkout loads, which may have another schema."""
    name = f"bench_{size}_beside"
    url = _url_of(cluster, name)
    with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return url
        connection.execute(f"CREATE DATABASE {name} OWNER findings")
    program = (
        "import sys; from app.database import migrate; from benchmarks import api_data; "
        "migrate(sys.argv[1]); api_data.load(sys.argv[1], int(sys.argv[2]))"
    )
    python = checkout / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", program, url, str(size)], cwd=checkout, check=True)
    return url


def _measure(
    n: int, scenario: Scenario, service: list[int], bare: list[int], options: argparse.Namespace
) -> None:
    _load(service, scenario.requests, options)  # the first second compiles and connects
    own = _load(service, scenario.requests, options)
    row = f"| {scenario.name} | {own.per_second:.0f} | {own.p50_ms:.1f} | {own.p95_ms:.1f} "
    row += f"| {own.p99_ms:.1f} "
    if scenario.statements or scenario.name.startswith("empty"):
        floor = _load(bare, [f"GET /{n} HTTP/1.1\r\nHost: localhost\r\n\r\n"], options)
        share = own.per_second / floor.per_second
        row += f"| {floor.per_second:.0f} | {floor.p50_ms:.1f} | {share:.0%} "
        aim = AIMS.get(scenario.name)
        met = "" if aim is None else f"{aim:.0%}: {'met' if share >= aim else 'not met'} "
        row += f"| {met}|"
    else:
        row += "| | | | |"
    print(row + (f" {own.wrong} failed" if own.wrong else ""), flush=True)


def _scenarios(url: str, size: int, port: int, seconds: float) -> list[Scenario]:
    keys = [api_data.key(n) for n in range(0, size, max(1, size // _KEYS))][:_KEYS]
    rare, common = api_data.word(3000), api_data.word(2)
    words = api_data.Words(2)
    recorded = asyncio.run(_recorded(url, keys, rare, common))
    recorded[f"list, page {min(_DEEP_PAGE, size // 100)}"] = recorded.pop("list, deep page")
    page = min(_DEEP_PAGE, size // 100)  # in the middle of a small database
    deep = _deep_cursor(port, 50 * page)
    lists = {
        "list, first page": "",
        f"list, page {page}": f"&cursor={deep}",
        "filter": "&severity=P1&status=open",
        "q, rare word": f"&q={rare}",
        "q, common word": f"&q={common}",
        "q, common and rare": f"&q={common}+{rare}",
        "q and filter": f"&q={common}&severity=P0",
    }
    return [
        Scenario("empty route", [_get("/healthz")]),
        Scenario("who am I (token only)", [_get(f"{API}/me")], recorded["token"]),
        Scenario("show", [_get(f"{API}/tickets/{key}") for key in keys], recorded["show"]),
        *(
            Scenario(name, [_get(f"{API}/tickets?limit=50{query}")], recorded[name])
            for name, query in lists.items()
        ),
        Scenario(
            "similar", [_get(f"{API}/tickets/{k}/similar") for k in keys], recorded["similar"]
        ),
        Scenario("stats", [_get(f"{API}/stats")]),
        Scenario("domains", [_get(f"{API}/domains")]),
        Scenario("review", [_post(f"{API}/tickets/{key}/reviews", _review(words)) for key in keys]),
        Scenario(
            "file", [_post(f"{API}/tickets", _ticket(n, words)) for n in range(_FILED)], _filing()
        ),
    ]


async def _recorded(url: str, keys: list[str], rare: str, common: str) -> dict[str, Statements]:
    """Return the statements that the service's own methods send, with their parameters."""
    factory = Factory(load_settings(data_dir="/nonexistent"), url)
    found: dict[str, Statements] = {}
    current: Statements = []

    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, params: Any = None, **rest: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if text != ";":  # the library's question whether the connection lives
            current.append((text, [params]))
        return await execute(self, query, params, **rest)

    async def record(name: str, method: Any, *args: Any, **options: Any) -> None:
        await method(*args, **options)  # asks for statistics, of which a service knows
        current.clear()
        await method(*args, **options)
        found[name] = list(current)

    psycopg.AsyncCursor.execute = noted  # type: ignore[method-assign]  # to read along
    page = factory.tickets.page
    deep = await page(TicketFilter(), "-created", after=None, limit=200)
    await record("token", factory.accounts.authenticate, api_data.SECRET, None)
    await record("show", factory.tickets.show, keys[0])
    ((sql, (values,)),) = found["show"]
    found["show"] = [(sql, [[key if v == keys[0] else v for v in values] for key in keys])]
    filters = {
        "list, first page": TicketFilter(),
        "filter": TicketFilter(severity=("P1",), status=("open",)),
        "q, rare word": TicketFilter(q=rare),
        "q, common word": TicketFilter(q=common),
        "q, common and rare": TicketFilter(q=f"{common} {rare}"),
        "q and filter": TicketFilter(q=common, severity=("P0",)),
    }
    for label, wanted in filters.items():
        await record(label, page, wanted, "-created", after=None, limit=50)
    after = deep.next_position
    await record("list, deep page", page, TicketFilter(), "-created", after=after, limit=50)
    await record("similar", factory.tickets.similar, keys[0])
    psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]
    await factory.close()
    return found


FILTERS: dict[str, dict[str, Any]] = {
    "severity": {"severity": ("P0",)},
    "status": {"status": ("closed",)},
    "resolution": {"resolution": ("fixed",)},
    "batch": {"batch": (999,)},
    "agent": {"agent": ("pioneer",)},
    "domain": {"domain": ("tolaria",)},
    "category": {"category": ("dead-code",)},
    "verdict": {"verdict": ("OBJECT",)},
    "evidence": {"evidence": ("unverified",)},
    "stale": {"stale": True},
    "closable": {"closable": True},
    "drift": {"drift": True},
    "assignee": {"assignee": ("first",)},
    "created_by": {"created_by": ("nobody",)},
    "two severities and a status": {"severity": ("P0", "P1"), "status": ("closed",)},
    "agent and domain": {"agent": ("pioneer",), "domain": ("tolaria",)},
}
"""Each filter with a value that only the oldest tickets have, or none: the newest never match."""


async def _measure_orders(url: str) -> None:
    factory = Factory(load_settings(data_dir="/nonexistent"), url)
    took = []
    for name, values in FILTERS.items():
        for order in ORDERS:
            best = float("inf")
            for _ in range(3):
                started = time.perf_counter()
                await factory.tickets.page(TicketFilter(**values), order, after=None, limit=50)
                best = min(best, time.perf_counter() - started)
            took.append((best * 1000, name, order))
    await factory.close()
    took.sort(reverse=True)
    print("| filter that only old tickets meet | order | best of 3, ms |\n|---|---|---|")
    for ms, name, order in took[:8]:
        print(f"| {name} | {order} | {ms:.1f} |")
    print(f"| median of {len(took)} | | {took[len(took) // 2][0]:.1f} |\n", flush=True)


def _filing() -> Statements:
    words = api_data.Words(1)
    parameters = [
        {"title": words.text(8), "summary": words.text(180), "body": words.text(20),
         "path": f"package/module_{n % 500}.py", "by": api_data.ACCOUNT}
        for n in range(_FILED)
    ]  # fmt: skip
    return [(sql, parameters) for sql in BARE_FILING]


def _ticket(n: int, words: api_data.Words) -> dict[str, Any]:
    return {
        "title": words.text(8),
        "severity": "P2",
        "batch": 100 + n % 40,
        "agent": "drl",
        "summary": words.text(180),
        "domains": ["kasmina"],
        "sections": [{"heading": "Part", "body": words.text(20)}],
        "locations": [{"path": f"package/module_{n % 500}.py", "start_line": 7}],
        "checklist": [{"text": "Callers pass it"}],
    }


def _review(words: api_data.Words) -> dict[str, Any]:
    return {"specialist": "human", "verdict": "ENDORSE", "rationale": words.text(20)}


def _deep_cursor(port: int, depth: int) -> str:
    cursor = ""
    for _ in range(depth // 200):
        page = _fetch(port, f"{API}/tickets?limit=200{cursor}")
        cursor = f"&cursor={page['next_cursor']}"
    return cursor.removeprefix("&cursor=")


def _fetch(port: int, path: str) -> Any:
    request = urllib.request.Request(  # a server of our own
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {api_data.SECRET}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # see above
        return json.load(answer)


def _get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\n{_COMMON}\r\n"


def _post(path: str, body: Any) -> str:
    text = json.dumps(body)
    head = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_COMMON}{head}\r\n{text}"


_COMMON = f"Host: localhost\r\nAuthorization: Bearer {api_data.SECRET}\r\n"


def _load(ports: list[int], requests: list[str], options: argparse.Namespace) -> Figures:
    job = {
        "ports": ports,
        "requests": requests,
        "connections": options.connections,
        "seconds": options.seconds,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_load"],
        input=json.dumps(job).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Figures(**json.loads(done.stdout))


def _loaded_database(cluster: EmbeddedCluster, size: int) -> tuple[str, str]:
    """Return the URL of a database with so many tickets, and how long it took to load."""
    name = f"bench_{size}"
    with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if there.fetchone():
            url = _url_of(cluster, name)
            migrate(url)
            return url, "loaded before"
        connection.execute(f"CREATE DATABASE {name} OWNER findings")
    started = time.perf_counter()
    url = _fresh_database(cluster, name)
    api_data.load(url, size)
    return url, f"loaded in {time.perf_counter() - started:.0f} s"


def _fresh_database(cluster: EmbeddedCluster, name: str) -> str:
    url = _url_of(cluster, name)
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE bare_keys")
    return url


def _url_of(cluster: EmbeddedCluster, name: str) -> str:
    url = cluster.service_url.rpartition("/")[0] + f"/{name}"
    if "?" in cluster.service_url:
        url = cluster.service_url.replace("/findings?", f"/{name}?")
    return url


@contextlib.contextmanager
def _service(folder: Path, url: str, n: int, checkout: Path | None = None) -> Iterator[int]:
    data_dir = folder / f"serve-{urlsplit(url).path.strip('/')}-{n}"
    data_dir.mkdir(mode=0o700)
    port = _free_port()
    environment = os.environ | {
        "DATABASE_URL": url,
        "FINDINGS_WORKERS": "0",
        "FINDINGS_PORT": str(port),
        "FINDINGS_DATA_DIR": str(data_dir),
        "FINDINGS_LOG_LEVEL": "warning",
        "FINDINGS_REQUESTS_PER_MINUTE": "10000000",
    }
    python = sys.executable if checkout is None else str(checkout / ".venv" / "bin" / "python")
    with _process([python, "-m", "app.cli", "serve"], environment, checkout):
        yield port


@contextlib.contextmanager
def _bare(url: str, plans: Path) -> Iterator[int]:
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.api_bare", str(port), url, str(plans)]
    with _process(command, dict(os.environ)):
        yield port


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], folder: Path | None = None
) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(ports: list[int], path: str) -> None:
    deadline = time.monotonic() + 120
    for port in ports:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}"):
                    break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


if __name__ == "__main__":
    main()
