"""How large the pages are and how long the service takes over them, beside the API's own routes.

``python benchmarks/pages.py [--rounds N] [--tickets N]``

Starts a service of its own, loads the example tickets and more, proves some, and asks for each page
and for the JSON route that holds the same data in turns, so that what else the machine does falls
on both alike. Given are the median of the whole answer and the processor time of the service's
process, each with its ratio to the route beside it. Charts are drawn here, cold and from memory.
Prints Markdown; the exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402  # the project need not be installed

from app.domain.evidence import EvidenceState  # noqa: E402  # see above
from app.domain.figures import Figures, SpecialistFigures, TicketCount, Week  # noqa: E402  # see above
from app.domain.reviews import GIVEN_VERDICTS  # noqa: E402  # see above
from app.domain.tickets import Severity, Status  # noqa: E402  # see above
from app.web.charts import _svg, charts  # noqa: E402  # see above
from tests.support.service import Service, running_service  # noqa: E402  # see above

KEY = "B2-DRL-10"
DEFECTS = PROJECT / "tests" / "verification" / "defects"
MOST_BYTES = 100_000
MOST_CHART_MS = 5.0
MOST_FIRST_MS = 500.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Pair:
    """A page and the routes of the API that hold the same data."""

    name: str
    page: str
    routes: Sequence[str]
    limit: float | None = None
    """So many times the routes' time the page may take; None: nothing was promised."""
    bytes: int = 0
    took: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "routes": []})
    processor: dict[str, float] = field(default_factory=lambda: {"page": 0.0, "routes": 0.0})

    def ms(self, side: str) -> float:
        """Median of the whole answer, in milliseconds."""
        return statistics.median(self.took[side]) * 1000

    @property
    def ratio(self) -> float:
        """Page to routes, by median."""
        return self.ms("page") / self.ms("routes")

    @property
    def processor_ratio(self) -> float:
        """Page to routes, by the service's processor time."""
        return self.processor["page"] / max(self.processor["routes"], _TICK_S)


class Caller:
    """A browser and a client of the API, each over one kept connection."""

    def __init__(self, service: Service) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=60)
        self._token = service.admin_token
        self._stat = Path(f"/proc/{service.process.pid}/stat")
        body = urlencode({"token": self._token})
        origin = {"Origin": service.url, "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/login", body, origin)
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = answer.getheader("Set-Cookie", "").partition(";")[0]

    def get(self, path: str) -> bytes:
        """Return a page or an answer of the API, which must be there."""
        headers = (
            {"Authorization": f"Bearer {self._token}"}
            if path.startswith("/api/")
            else {"Cookie": self._cookie, "Accept": "text/html"}
        )
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {content[:300]!r}")
        return content

    def processor_s(self) -> float:
        """Return the processor time that the service's process has used."""
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def measure(self, pair: Pair, rounds: int) -> None:
        """Ask for a page and its routes in turns, in stretches long enough for the clock."""
        pair.bytes = len(self.get(pair.page))
        for route in pair.routes:
            self.get(route)
        for _ in range(5):
            for side, paths in (("page", [pair.page]), ("routes", pair.routes)):
                before = self.processor_s()
                for _ in range(max(1, rounds // 5)):
                    started = time.perf_counter()
                    for path in paths:
                        self.get(path)
                    pair.took[side].append(time.perf_counter() - started)
                pair.processor[side] += self.processor_s() - before


def fill(client: httpx.Client, tickets: int) -> str:
    """File a ticket with everything on it, proven, and as many plain ones; return its run."""
    fence = "```python\nfor n in range(3):\n    blend(n)\n```"
    sections = [
        {"heading": f"Part {n}", "body": f"It is **so**, see `f()`:\n\n{fence}\n\n- a\n- b"}
        for n in range(4)
    ]
    full = {"key": KEY, "title": "blend_multiply ties two gradients", "severity": "P2", "batch": 2,
            "agent": "drl", "summary": "Leaving `seed_input` out ties them.",
            "domains": ["kasmina"], "sections": sections,
            "locations": [{"path": "kasmina/blend_ops.py", "start_line": 59}],
            "checklist": [{"text": "every caller names it"}, {"text": "it is shown"}]}  # fmt: skip
    client.post("/tickets", json=full).raise_for_status()
    for specialist, verdict in (("pytorch", "ENDORSE"), ("codereview", "REFINE")):
        review = {"specialist": specialist, "verdict": verdict, "rationale": "Read; **so** it is.",
                  "proposed_severity": "P3"}  # fmt: skip
        client.post(f"/tickets/{KEY}/reviews", json=review).raise_for_status()
    client.post(f"/tickets/{KEY}/notes", json={"body": "Seen in *two* places."}).raise_for_status()
    for n in range(tickets):
        plain = {**full, "key": f"B3-DRL-{n + 1:02d}", "batch": 3, "severity": f"P{n % 5}"}
        client.post("/tickets", json=plain).raise_for_status()
    for n, patch in enumerate(sorted(DEFECTS.glob(f"{KEY}*.patch")), 1):
        path = f"/tickets/{KEY}/patches/defect{f'-{n}' if n > 1 else ''}"
        content = {"Content-Type": "text/x-diff"}
        client.put(path, content=patch.read_bytes(), headers=content).raise_for_status()
    run = client.post(f"/tickets/{KEY}/runs", json={"kind": "proof"}).raise_for_status().json()
    done = client.get(f"/runs/{run['id']}?wait=60").raise_for_status().json()
    print(f"The ticket's proof: {done['outcome']}.\n", file=sys.stderr)
    return str(run["id"])


def pairs(run: str) -> list[Pair]:
    """Return what is measured."""
    api, ticket = "/api/v1", f"/tickets/{KEY}"
    names = [f"defect-{n}" for n in range(2, len(list(DEFECTS.glob(f"{KEY}*.patch"))) + 1)]
    patches = [f"{api}{ticket}/patches/{name}" for name in ("defect", *names)]
    shown = [f"{api}{ticket}", f"{api}{ticket}/notes", f"{api}/runs/{run}", *patches]
    return [
        Pair("ticket, beside the routes of all that it shows", ticket, shown, 2.5),
        Pair("ticket, beside the ticket's route alone", ticket, [f"{api}{ticket}"], 2.5),
        Pair("list of 50", "/tickets", [f"{api}/tickets?limit=50&count=true"], 3.0),
        Pair("list of 50, filtered", "/tickets?severity=P1&status=open",
             [f"{api}/tickets?limit=50&count=true&severity=P1&status=open"], 3.0),
        Pair("run", f"/runs/{run}", [f"{api}/runs/{run}"]),
        Pair("history", f"{ticket}/history", [f"{api}{ticket}/history"]),
        Pair("edit", f"{ticket}/edit", [f"{api}{ticket}"]),
        Pair("home", "/", [f"{api}/stats?weeks=12"]),
        Pair("review", "/review", [f"{api}/review-queue?specialist=drl"]),
        Pair("file", "/file", [f"{api}/template"]),
        Pair("runs", "/runs", [f"{api}/runs?limit=50"]),
        Pair("tests", "/tests", [f"{api}/tests?limit=200"]),
        Pair("report", "/report", [f"{api}/stats?weeks=12"]),
    ]  # fmt: skip


def first_charts_ms(folder: Path) -> float:
    """Return the milliseconds of the first start page after a start on data that is there."""
    with running_service(folder, {"FINDINGS_LOG_LEVEL": "warning"}) as service:
        caller = Caller(service)
        started = time.perf_counter()
        caller.get("/")
        return (time.perf_counter() - started) * 1000


def chart_times() -> tuple[float, float]:
    """Return the milliseconds of drawing all charts: the first time, and from memory."""
    figures = Figures(
        tickets=tuple(
            TicketCount(True, severity.value, status.value, state.value, False, None, 7)
            for severity in Severity
            for status in Status
            for state in EvidenceState
        ),
        weeks=tuple(
            Week(date(2026, 1, 5) + timedelta(weeks=n), 9 - n % 5, n % 4) for n in range(12)
        ),
        specialists={
            name: SpecialistFigures({verdict.value: 5 for verdict in GIVEN_VERDICTS})
            for name in ("drl", "pytorch", "codereview", "human")
        },
        contradicted=(),
        targets=(),
    )
    charts(figures)  # loads the library
    _svg.cache_clear()
    times = []
    for _ in range(20):
        started = time.perf_counter()
        charts(replace(figures))  # the very same are not drawn again
        times.append((time.perf_counter() - started) * 1000)
    return times[0], statistics.median(times[1:])


def show(found: Sequence[Pair]) -> list[str]:
    """Print the table, and return which limits were not kept."""
    print("| page | KB | median ms | beside it ms | ratio | processor ratio | limit |")
    print("|---|---|---|---|---|---|---|")
    broken = []
    for pair in found:
        limit = f"{pair.limit} ×" if pair.limit else ""
        print(
            f"| {pair.name} | {pair.bytes / 1000:.0f} | {pair.ms('page'):.1f} "
            f"| {pair.ms('routes'):.1f} | {pair.ratio:.1f} | {pair.processor_ratio:.1f} | {limit} |"
        )
        if pair.page != "/report" and pair.bytes >= MOST_BYTES:
            broken.append(f"{pair.page} has {pair.bytes} bytes")
        if pair.limit and min(pair.ratio, pair.processor_ratio) > pair.limit:
            broken.append(f"{pair.name}: {pair.ratio:.1f} × instead of {pair.limit}")
    return broken


def main() -> None:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--tickets", type=int, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with running_service(Path(folder), {"FINDINGS_LOG_LEVEL": "warning"}) as service:
            with service.client() as client:
                run = fill(client, options.tickets)
            caller, found = Caller(service), pairs(run)
            for pair in found:
                caller.measure(pair, options.rounds)
            broken = show(found)
        first = first_charts_ms(Path(folder))
    cold, warm = chart_times()
    print(f"\nAll charts of the start page: {cold:.0f} ms when drawn, {warm:.2f} ms from memory.")
    print(f"The start page right after a start: {first:.0f} ms.")
    if first > MOST_FIRST_MS:
        broken.append(f"the first start page takes {first:.0f} ms")
    if warm > MOST_CHART_MS:
        broken.append(f"charts from memory take {warm:.1f} ms")
    for told in broken:
        print(f"Not kept: {told}", file=sys.stderr)
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
