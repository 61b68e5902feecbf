"""Break an installation on purpose, for as long as asked, and count what came out of it.

    .venv/bin/python benchmarks/soak.py --seconds 600 --seed 7
    .venv/bin/python benchmarks/soak.py --seconds 600 --disk 400      # as root: disk full too

Starts a web host with its own PostgreSQL and two workers as processes, and restarts each that
ends, as systemd would. Clients file tickets, review them and trigger runs, and repeat each
request under its idempotency key until it is acknowledged. Meanwhile web, worker, zygote and
PostgreSQL are killed (SIGKILL) or halted (SIGSTOP) at random, PostgreSQL is restarted, others take
all its connections, and, where the data directory has a small disk of its own, the disk is filled.
In the end everything that was acknowledged must be there, once; every run must have finished,
once; and no lease, arm or process may be left. Exit code 1 when not.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.embedded import EmbeddedCluster
from app.embedded.postmaster import running_postmaster
from app.sandbox.workdir import sweep_orphans

ROOT = Path(__file__).resolve().parents[1]
NODE_IDS = (
    "tests/verification/test_b2_drl_10.py",
    "tests/verification/test_b2_cr_10.py",
    "tests/verification/test_kas_08.py",
)
SILENCE_S = 3
"""After which a worker counts as lost: short, so that halting one for longer is a fault."""
HALT_S = 4.0
CLIENTS = 3
_SUBREAPER = 36
_PIECE = 1 << 16


@dataclass
class Tally:
    """What was asked for, and what was found in the end."""

    faults: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    tickets: dict[str, str] = field(default_factory=dict)
    """Keys by external reference."""
    reviews: list[tuple[str, str]] = field(default_factory=list)
    """Ticket and id."""
    runs: list[tuple[str, str]] = field(default_factory=list)
    """Ticket and id."""
    outcomes: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Everything that is not as it must be."""

    def text(self) -> str:
        """Return it in a few lines."""
        return "\n".join(
            [
                f"faults        {dict(self.faults)}",
                f"acknowledged  {len(self.tickets)} tickets, {len(self.reviews)} reviews, "
                f"{len(self.runs)} runs; {self.retries} requests had to be repeated",
                f"runs          {dict(self.outcomes)}, attempts {dict(self.attempts)}",
                *(f"WRONG         {item}" for item in self.wrong),
                "nothing was lost" if not self.wrong else f"{len(self.wrong)} things are wrong",
            ]
        )


class Installation:
    """A web host with its own PostgreSQL, and two workers, each restarted when it ends."""

    def __init__(self, folder: Path, data_dir: Path | None = None) -> None:
        self.data_dir = data_dir or folder / "data"
        self.temporary = folder / "tmp"
        self._logs = folder
        for made in (self.data_dir, self.temporary):
            made.mkdir(mode=0o711, exist_ok=True)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Installation:
        """Start everything and wait until it serves."""
        self._start("web")
        self.wait_ready()
        for name in ("worker-1", "worker-2"):
            self._start(name)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything as its operator would."""
        self._ending.set()
        self._keeper.join()
        for name in ("worker-1", "worker-2", "web"):
            process = self._processes[name]
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._processes.values():
            process.wait(90)

    def wait_ready(self) -> None:
        """Wait until requests are served."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"not ready: see {self._logs}/web.log")

    def pid(self, part: str) -> int | None:
        """Return the process of a part: web, worker-1, worker-2, zygote or postgres."""
        if part == "postgres":
            found = running_postmaster(self.data_dir / "pg")
            return None if found is None else found.pid
        if part == "zygote":
            workers = {p.pid for n, p in self._processes.items() if n != "web"}
            return next(_children(workers, "zygote_main"), None)
        process = self._processes[part]
        return process.pid if process.poll() is None else None

    def _start(self, name: str) -> None:
        environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith("FINDINGS_")},
            "FINDINGS_DATA_DIR": str(self.data_dir),
            "FINDINGS_PORT": str(self.port),
            "FINDINGS_WORKERS": "0" if name == "web" else "2",
            "FINDINGS_WORKER_SILENCE_S": str(SILENCE_S),
            "FINDINGS_LOG_FORMAT": "json",
            "TMPDIR": str(self.temporary),
        }
        environment.pop("DATABASE_URL", None)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve" if name == "web" else "worker"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._ending.wait(0.2):
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    self._start(name)


class Client:
    """Repeats each request under its key until somebody acknowledges it."""

    def __init__(self, place: Installation, tally: Tally) -> None:
        token = (place.data_dir / "admin-token").read_text().strip()
        self._http = httpx.Client(
            base_url=f"{place.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        self._tally = tally

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, however often it takes."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self._until_answered(lambda: self._http.post(path, json=body, headers=key))

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer, however often it takes."""
        return self._until_answered(lambda: self._http.get(path))

    def _until_answered(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                answer = send()
                again = answer.status_code >= 500 or "Retry-After" in answer.headers
                if not again:
                    answer.raise_for_status()
                    found: dict[str, Any] = answer.json()
                    return found
            self._tally.retries += 1
            time.sleep(0.2)
        raise RuntimeError("nobody answered in two minutes")


def load(place: Installation, tally: Tally, number: int, ending: threading.Event) -> None:
    """File, review and run until told to end; what was begun is brought to its end."""
    client, choose = Client(place, tally), random.Random(number)  # noqa: S311  # no secret
    while not ending.is_set():
        reference = uuid.uuid4().hex
        ticket = client.post(
            "/tickets",
            {
                "title": f"soak {reference}",
                "severity": "P3",
                "batch": 9,
                "agent": "drl",
                "summary": "Filed while things break.",
                "domains": ["kasmina"],
                "external_ref": reference,
            },
        )
        key = ticket["key"]
        tally.tickets[reference] = key
        client.post("/review-queue/claim", {"specialist": "pytorch", "keys": [key]})
        review = {"specialist": "pytorch", "verdict": "ENDORSE", "rationale": "It is so."}
        tally.reviews.append((key, client.post(f"/tickets/{key}/reviews", review)["id"]))
        client.post(f"/tickets/{key}/tests", {"node_id": choose.choice(NODE_IDS)})
        for _ in range(2):
            run = client.post(f"/tickets/{key}/runs", {"kind": "check", "force": True})
            tally.runs.append((key, run["id"]))
        ending.wait(0.3)


Fault = Callable[[Installation, threading.Event], bool]
"""Does its harm and, where it lasts, ends it; false when there was nothing to harm."""


def _signalled(part: str, *numbers: signal.Signals) -> Fault:
    def fault(place: Installation, ending: threading.Event) -> bool:
        pid = place.pid(part)
        if pid is None:
            return False
        for number in numbers:
            if number is signal.SIGCONT:
                ending.wait(HALT_S)
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return False
        return True

    return fault


def _take_all_connections(place: Installation, ending: threading.Event) -> bool:
    url = EmbeddedCluster(place.data_dir).service_url
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(1000):
                held.enter_context(psycopg.connect(url, connect_timeout=2))
        ending.wait(HALT_S)
    return True


def _fill_disk(place: Installation, ending: threading.Event) -> bool:
    filler = place.data_dir / "filler"
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(_PIECE))
        ending.wait(HALT_S)
    finally:
        filler.unlink(missing_ok=True)
    return True


PARTS = ("web", "worker-1", "worker-2", "zygote", "postgres")
FAULTS: dict[str, Fault] = {
    **{f"kill {part}": _signalled(part, signal.SIGKILL) for part in PARTS},
    **{f"halt {part}": _signalled(part, signal.SIGSTOP, signal.SIGCONT) for part in PARTS},
    "restart postgres": _signalled("postgres", signal.SIGINT),
    "take all connections": _take_all_connections,
}
FILL_DISK = "fill the disk"


def break_things(
    place: Installation,
    tally: Tally,
    faults: Mapping[str, Fault],
    choose: random.Random,
    ending: threading.Event,
) -> None:
    """Every second or so, do one kind of harm."""
    pending: list[str] = []
    while not ending.wait(choose.uniform(0.5, 2.0)):
        if not pending:  # each in turn, in an order of its own, so that none is left out
            pending = list(faults)
            choose.shuffle(pending)
        name = pending.pop()
        if faults[name](place, ending):
            tally.faults[name] += 1


def examine(client: Client, tally: Tally, patience_s: float) -> None:
    """Compare what was acknowledged with what is there."""
    deadline = time.monotonic() + patience_s
    for key, run_id in tally.runs:
        run = client.get(f"/runs/{run_id}?wait=10")
        while run["status"] in ("queued", "running") and time.monotonic() < deadline:
            run = client.get(f"/runs/{run_id}?wait=10")
        tally.outcomes[str(run["outcome"] or run["status"])] += 1
        tally.attempts[run["attempt"]] += 1
        if run["status"] != "finished":
            tally.wrong.append(f"run {run_id} of {key} is {run['status']}: {run['reason']}")
    for reference, key in tally.tickets.items():
        ticket = client.get(f"/tickets/{key}")
        if ticket["external_ref"] != reference:
            tally.wrong.append(f"{key} is another ticket than the one acknowledged")
        there = {review["id"] for review in ticket["reviews"]}
        tally.wrong += [f"{key} lost {r}" for k, r in tally.reviews if k == key and r not in there]
        events = client.get(f"/tickets/{key}/history?limit=200")["items"]
        ended = Counter(
            event["changes"]["run"][1] for event in events if event["action"] == "run.finished"
        )
        for k, run_id in tally.runs:
            if k == key and ended[run_id] != 1:
                tally.wrong.append(f"run {run_id} of {key} finished {ended[run_id]} times")
    filed = client.get("/tickets?batch=9&count=true&limit=1")["total"]
    if filed < 1000 and filed != len(tally.tickets):  # counted exactly up to there
        tally.wrong.append(f"{filed} tickets are there, {len(tally.tickets)} were acknowledged")


LEFT_OVER = {
    "lease": "SELECT count(*) FROM review_leases",
    "unfinished run": "SELECT count(*) FROM runs WHERE status <> 'finished'",
    "job of the queue": "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
}


def examine_database(url: str, tally: Tally) -> None:
    """Look for what nobody ended, after giving it a moment."""
    for what, query in LEFT_OVER.items():
        for _ in range(100):
            with psycopg.connect(url) as connection:
                ((number,),) = connection.execute(query.encode()).fetchall()
            if not number:
                break
            time.sleep(0.1)
        else:
            tally.wrong.append(f"{number} of this left: {what}")


def soak(
    seconds: float,
    seed: int,
    *,
    patience_s: float = 120.0,
    data_dir: Path | None = None,
    small_disk: bool = False,
) -> Tally:
    """Break things for so long, then look; the tally says what is wrong.

    `data_dir` may be one that a service left; on a `small_disk` of its own, that is filled too.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)  # orphans come to this process, and are counted
    tally, ending, calm = Tally(), threading.Event(), threading.Event()
    faults = {**FAULTS, FILL_DISK: _fill_disk} if small_disk else FAULTS
    with tempfile.TemporaryDirectory(prefix="fnd-soak-", dir="/tmp") as folder:  # short for sockets
        Path(folder).chmod(0o711)
        before = set(_children({os.getpid()}))
        with Installation(Path(folder), data_dir) as place:
            loads = [
                threading.Thread(target=load, args=(place, tally, n, ending), daemon=True)
                for n in range(CLIENTS)
            ]
            breaker = threading.Thread(
                target=break_things,
                args=(place, tally, faults, random.Random(seed), calm),  # noqa: S311  # no secret
                daemon=True,
            )
            for thread in (*loads, breaker):
                thread.start()
            time.sleep(seconds)
            calm.set()
            breaker.join()
            ending.set()
            for thread in loads:
                thread.join(patience_s)
                if thread.is_alive():
                    tally.wrong.append("a client was not answered any more")
            place.wait_ready()
            examine(Client(place, tally), tally, patience_s)
            examine_database(EmbeddedCluster(place.data_dir).service_url, tally)
            temporary = place.temporary
        left = _left_over(before)
        tally.wrong += [f"a process is left: {item}" for item in left]
        _age(temporary)
        sweep_orphans(temporary)
        tally.wrong += [f"a folder is left: {p.name}" for p in temporary.glob("findings-work-*")]
    return tally


def _left_over(before: set[int]) -> list[str]:
    """Return the processes that nobody ended, after giving them a moment."""
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = set(_children({os.getpid()})) - before
        if not left:
            return []
        time.sleep(0.1)
    return [f"{pid} {_command_of(pid)}" for pid in left]


def _age(folder: Path) -> None:
    for path in folder.glob("findings-work-*"):
        os.utime(path, (1, 1))


def _children(parents: set[int], word: str = "") -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) in parents and word in _command_of(int(entry.name)):
                yield int(entry.name)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _with_a_small_disk(megabytes: int) -> int:
    """Run this again where only its processes see the disk."""
    with tempfile.TemporaryDirectory(prefix="fnd-disk-", dir="/tmp") as folder:
        mount = f"mount -t tmpfs -o size={megabytes}m,mode=0711 none {folder}"
        again = shlex.join([sys.executable, *sys.argv, "--mounted", folder])
        command = ["unshare", "--mount", "sh", "-c", f"{mount} && {again}"]
        return subprocess.run(command, check=False).returncode


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long things break")
    parser.add_argument("--seed", type=int, default=1, help="of the order in which they break")
    parser.add_argument(
        "--disk",
        type=int,
        metavar="MB",
        help="give the data directory a disk of this size in memory, and fill it now and then",
    )
    parser.add_argument("--mounted", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.disk and not given.mounted:
        return _with_a_small_disk(given.disk)
    tally = soak(
        given.seconds, given.seed, data_dir=given.mounted, small_disk=given.mounted is not None
    )
    print(tally.text())
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
