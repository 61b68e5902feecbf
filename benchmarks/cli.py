"""How long commands take to start, beside ``python -c pass`` and beside another build of them.

    python benchmarks/cli.py                              # this build
    python benchmarks/cli.py --against ../old/.venv/bin/python ../old
    python benchmarks/cli.py --check                      # exit code 1 above 10 times `pass`

Each program is started in turn with the others, so that all of them meet the same load; what is
said is the median of their times. The calls go to a service in this process that answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 10.0
"""A command may take so many times `python -c pass`."""

TAB_S = 0.2
"""How long a completion may take."""
TAB = ("Tab",)

COMMANDS = (
    ("--help",),
    ("--version",),
    ("ticket", "list"),
    ("ticket", "list", "--help"),
    ("ticket", "show", "B2-DRL-10"),
    ("review", "add", "B2-DRL-10", "--verdict", "ENDORSE"),
    ("run", "list"),
    ("whoami",),
    ("serve", "--help"),
)

TICKET = {
    "key": "B2-DRL-10",
    "title": "scale ignores its factor",
    "severity": "P2",
    "status": "open",
    "evidence": {"state": "proven"},
    "consensus": {"ENDORSE": 1},
}


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # name of http.server
        listed = self.path.partition("?")[0].endswith(("tickets", "runs"))
        content = json.dumps({"items": [TICKET] * 50} if listed else TICKET).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:  # name of http.server
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    """Measure, print a table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", nargs=2, metavar=("PYTHON", "FOLDER"))
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "FINDINGS_URL": f"http://127.0.0.1:{server.server_port}",
        "FINDINGS_TOKEN": "fnd_benchmark",
    }
    builds = {"this": (sys.executable, ROOT)}
    if given.against:
        builds["other"] = (given.against[0], Path(given.against[1]).resolve())
    programs = {("pass", ()): ([sys.executable, "-c", "pass"], ROOT)}
    for name, (python, folder) in builds.items():
        # As the installed script does it; `-m` would look for the module first.
        code = "import sys; from app.cli.main import run; sys.exit(run())"
        programs |= {(name, words): ([python, "-c", code, *words], folder) for words in COMMANDS}
    asked = {"COMP_WORDS": "findings ticket show B2", "COMP_CWORD": "B2"}
    asking = environment | asked | {"_FINDINGS_COMPLETE": "bash_complete"}
    programs["this", TAB] = programs["this", ("--version",)]
    taken: dict[tuple[str, tuple[str, ...]], list[float]] = {key: [] for key in programs}
    for _ in range(given.rounds):
        for key, (command, folder) in programs.items():
            around = asking if key[1] == TAB else environment
            taken[key].append(_seconds(command, folder, around))
    return _report({key: statistics.median(times) for key, times in taken.items()}, given.check)


def _seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(  # our own command
        command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


def _report(medians: dict[tuple[str, tuple[str, ...]], float], check: bool) -> int:
    bare = medians["pass", ()]
    print(f"python -c pass: {bare * 1000:.0f} ms")
    worst = 0.0
    for words in COMMANDS:
        mine, other = medians["this", words], medians.get(("other", words))
        worst = max(worst, mine / bare)
        beside = f"  {other * 1000:4.0f} ms before, {other / mine:.1f} x" if other else ""
        line = f"findings {' '.join(words)}"
        print(f"{line:<52} {mine * 1000:4.0f} ms  {mine / bare:4.1f} x pass{beside}")
    tab = medians["this", TAB]
    print(f"{'a Tab behind findings ticket show B2':<52} {tab * 1000:4.0f} ms")
    return int(check and (worst > LIMIT or tab > TAB_S))


if __name__ == "__main__":
    sys.exit(main())
