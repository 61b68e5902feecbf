"""Runs the verification suite against many copies of the package, one forked process for each.

Reads a JSON list of jobs from standard input, each with a directory ``arm`` (holding ``kasmina``
and ``tests/verification``) and a file ``report``, and writes every test's outcomes to that file.
Importing torch costs seconds and a fork costs milliseconds, so this process imports what a run
needs, and the children share it. It never imports the package under test, and never computes: a
parent that had run a parallel operation would leave its children waiting for threads that do not
exist in them.
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

INI = "[pytest]\naddopts = -p no:cacheprovider -p no:logging -p no:warnings --assert=plain\n"
"""Without what only serves the reader of a failure: here the outcome alone counts."""
FOREIGN = ("kasmina", "test_", "conftest")


class Recorder:
    """A pytest plugin that keeps each test's findings and the outcome of each of its phases."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            keys = [key for mark in item.iter_markers("finding") for key in mark.args]
            self.tests[item.nodeid] = {"findings": keys, "phases": {}}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid]["phases"][report.when] = report.outcome


def run_suite(arm: Path, report: Path) -> None:
    """Run the suite of one arm in this process, which is a child made for it."""
    os.chdir(arm)
    sys.path.insert(0, str(arm))
    torch.set_num_threads(1)
    (arm / "own.ini").write_text(INI)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    recorder = Recorder()
    arguments = ["-q", "--rootdir", str(arm), "-c", str(arm / "own.ini"), "tests/verification"]
    status = pytest.main(arguments, plugins=[recorder])
    modules = [name for name in sys.modules if not name.startswith(FOREIGN)]
    outcome = {"status": int(status), "tests": recorder.tests, "modules": modules}
    report.write_text(json.dumps(outcome))


def fork(arm: Path, report: Path) -> None:
    """Run one arm in a child and wait for it; what went wrong in there is missing in the report."""
    child = os.fork()
    if child == 0:
        try:
            run_suite(arm, report)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def adopt_modules(report: Path) -> None:
    """Import what the first child had to import, so that the later ones find it done."""
    for name in json.loads(report.read_text())["modules"]:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except ImportError:  # made at run time, or an optional part that is not there
                continue
    gc.freeze()


def require_single_thread() -> None:
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise SystemExit(f"the driver has {threads} threads, a forked child could hang")


def main() -> None:
    sys.dont_write_bytecode = True
    jobs = [(Path(job["arm"]), Path(job["report"])) for job in json.load(sys.stdin)]
    for number, (arm, report) in enumerate(jobs):
        require_single_thread()
        fork(arm, report)
        if number == 0:
            adopt_modules(report)


if __name__ == "__main__":
    main()
