"""What tests of kasmina miss, whether plain pytest agrees, and how fast mutants go.

``python benchmarks/strength.py survivors [--suite tests/unit/kasmina] [--most N] [--path FILE]
    [--touched]``
    Mutants that a whole suite does not notice, as diffs.
``python benchmarks/strength.py agree [--most 200]``
    Each diff applied to a copy of the project, where cold ``python -m pytest`` must agree on killed
    or survived: the independent check of the engine.
``python benchmarks/strength.py compare [--most 6]``
    Mutants a second beside cosmic-ray 8.7 (local distributor) and mutmut 3.8, torch on one thread,
    each in an environment of its own. The other tool makes mutants of one file and runs them by
    some tests; then this engine runs the same ones by the same tests, and how they end is compared.
    Of cosmic-ray's the first ``--most``; the rate of mutmut is the one that it prints, without its
    preparations. Ratios hold, absolute times drift.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from app.domain import diffs  # noqa: E402 - see above
from app.domain.mutated import changed_lines  # noqa: E402 - see above
from app.domain.runs import TestMode, TestOutcome  # noqa: E402 - see above
from app.domain.strength import (  # noqa: E402 - the project need not be installed
    Change,
    MutantOutcome,
    MutantResult,
    MutatedFunction,
    spread,
)
from app.domain.strength import Mutant as Made  # noqa: E402 - see above
from app.domain.targets import Target  # noqa: E402 - see above
from app.mutation import maker  # noqa: E402 - see above
from app.sandbox.arms import ArmStore  # noqa: E402 - see above
from app.sandbox.interface import (  # noqa: E402 - see above
    ArmStatus,
    Limits,
    PreparedArm,
    Sandbox,
    SandboxMode,
)
from app.sandbox.zygote import ZygoteSandbox  # noqa: E402 - see above
from app.worker.executed_lines import Lines, executed_lines  # noqa: E402 - see above
from app.worker.mutants import judge  # noqa: E402 - see above
from app.worker.passes import Sessions, file_of  # noqa: E402 - see above

_QUICK_S = 0.2
_FEW = 2
LIMITS = Limits(per_test_s=60.0, per_arm_s=300.0)
_KEEP_SOME = """
import sqlite3, sys
c = sqlite3.connect("cosmic.sqlite")
ids = [row[0] for row in c.execute("select job_id from work_items order by job_id")]
for one in ids[int(sys.argv[1]):]:
    for table in ("mutation_specs", "work_items"):
        c.execute("delete from " + table + " where job_id = ?", (one,))
c.commit()
"""
_OF_COSMIC_RAY = """
import json, sqlite3, sys
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
rows = sqlite3.connect("cosmic.sqlite").execute(
    "select operator_name, operator_args, occurrence, lower(test_outcome)"
    " from mutation_specs natural join work_results"
)
source = open(sys.argv[1]).read()
made = []
for name, own, number, outcome in rows:
    operator = get_operator(name)(**json.loads(json.loads(own)))
    made.append((mutate_code(source, operator, number), outcome == "killed"))
print(json.dumps(made))
"""
_OF_MUTMUT = """
import json, pathlib, sys
from mutmut.mutation.diff_apply import apply_mutant
path, made = pathlib.Path(sys.argv[1]), []
before = path.read_bytes()
for meta in pathlib.Path("mutants").rglob("*.meta"):
    for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
        if code in (0, 1):  # pytest's; the others were not run, or not to their end
            apply_mutant(name)
            made.append((path.read_text(), code == 1))
            path.write_bytes(before)
print(json.dumps(made))
"""
COSMIC_RAY, MUTMUT = "cosmic-ray==8.7.0", "mutmut==3.8.1"


@dataclass
class Bench:
    """A suite of the package, collected, with the lines that its tests execute."""

    target: Target
    sandbox: Sandbox
    arm: PreparedArm
    tests: list[str]
    files: dict[str, bytes]
    lines: dict[str, Lines] | None
    took: dict[str, float]
    """Seconds that each test takes, beside the others."""

    def mutants(self, most: int, *, touched: bool = False) -> list[Made]:
        """At most so many mutants of executed lines, spread over the functions."""
        lines = _touched(self.files) if touched else {path: [(1, 10**6)] for path in self.files}
        functions = [
            MutatedFunction(path, "<module>", first, last)
            for path, spans in lines.items()
            for first, last in spans
        ]
        executed: dict[str, set[int]] | None = None
        if self.lines is not None:
            executed = {path: set() for path in self.files}
            for own in self.lines.values():
                for path, found in own.items():
                    executed[path] |= found
        made, _ = maker.make(self.target.interpreter, self.files, functions, executed)
        return spread(made, most)

    async def result(self, mutant: Made) -> MutantResult:
        """How the suite ends on a mutant: the tests that execute its line, then all.

        Quick ones of few files first, collected without the others: most mutants are killed by
        them.
        """
        first = [
            name
            for name in self.tests
            if self.lines and mutant.line in self.lines[name].get(mutant.path, ())
        ]
        quick = {name for name in self.tests if self.took.get(name, 0.0) < _QUICK_S}
        ready = [name for name in first if name in quick]
        files = Counter(file_of(name) for name in ready).most_common(_FEW)
        few = [name for name in ready if file_of(name) in dict(files)]
        changes = {mutant.path: mutant.change.apply(self.files[mutant.path])}
        if few and len(few) < len(self.tests):
            found = await judge(self.sandbox, self.arm, changes, [few], LIMITS)
            if found.outcome is not MutantOutcome.SURVIVED:
                return found
        passes = [ready, [name for name in self.tests if name in quick], first, self.tests]
        wanted = [some for n, some in enumerate(passes) if some and some not in passes[:n]]
        return await judge(self.sandbox, self.arm, changes, wanted, LIMITS)

    async def result_in_run(self, mutant: Made) -> MutantResult:
        """How the tests end on a mutant as in a run: those that execute its line, then all."""
        own = self.lines or {}
        first = [
            name for name in self.tests if mutant.line in own.get(name, {}).get(mutant.path, ())
        ]
        passes = [first, self.tests] if 0 < len(first) < len(self.tests) else [self.tests]
        changes = {mutant.path: mutant.change.apply(self.files[mutant.path])}
        return await judge(self.sandbox, self.arm, changes, passes, LIMITS)

    async def results(
        self,
        mutants: Sequence[Made],
        ask: Callable[[Made], Awaitable[MutantResult]] | None = None,
    ) -> list[MutantResult]:
        """How the suite ends on each, as many at once as there are cores."""
        ask = ask or self.result
        waiting = iter(enumerate(mutants))
        found: dict[int, MutantResult] = {}

        async def work() -> None:
            for at, mutant in waiting:
                found[at] = await ask(mutant)

        async with asyncio.TaskGroup() as group:
            for _ in range(os.cpu_count() or 1):
                group.create_task(work())
        return [found[at] for at in range(len(mutants))]


def _touched(files: Mapping[str, bytes]) -> dict[str, list[tuple[int, int]]]:
    """The lines that a shipped defect touches, by path."""
    found: dict[str, set[int]] = {}
    before: dict[str, diffs.Content] = dict(files)
    for place in sorted((PROJECT / "tests/verification/defects").glob("*.patch")):
        patch = diffs.parse(place.read_text())
        if not set(patch.paths) <= files.keys():
            continue
        after = diffs.apply(before, patch)
        for path in patch.paths:
            old, new = (str(one, "utf-8") for one in (files[path], bytes(after[path])))  # type: ignore[arg-type]
            found.setdefault(path, set()).update(changed_lines(old, new))
    return {path: [(line, line) for line in sorted(lines)] for path, lines in found.items()}


async def bench(folder: Path, suite: str, paths: Iterable[str], tests: Sequence[str] = ()) -> Bench:
    """Collect a suite and record the lines that its tests execute in some files."""
    # What the conftest above the unit tests imports.
    shared = () if suite.endswith("verification") else ("tests/support/*.py",)
    target = Target("kasmina", PROJECT, suites=(suite,), files=shared)
    sandbox = ZygoteSandbox(folder / "scratch", SandboxMode.STRICT)
    arm = ArmStore(folder / "arms").prepare(target)
    found = await Sessions.open(sandbox, arm, list(tests), LIMITS)
    names = [test.node_id for session in found.all for test in session.tests.tests]
    if not names:
        raise SystemExit(f"no test was collected: {found.all[0].tests.errors}")
    took: dict[str, float] = {}
    for session, group in found.groups(names):
        report = await session.run(group, seed=1, mode=TestMode.TOGETHER)
        took |= {one.node_id: one.duration_s for one in report.results}
        failed = [one.node_id for one in report.results if one.outcome is TestOutcome.FAILED]
        if failed or report.status is not ArmStatus.COMPLETED:
            raise SystemExit(f"the suite does not pass as it is: {failed or report.reason}")
    await found.close()
    wanted = sorted(paths) or sorted(
        str(path.relative_to(PROJECT)) for path in (PROJECT / "kasmina").glob("*.py")
    )
    files = {path: (PROJECT / path).read_bytes() for path in wanted}
    lengths = {path: data.count(b"\n") + 1 for path, data in files.items()}
    lines = await executed_lines(sandbox, arm, names, lengths, LIMITS)
    return Bench(target, sandbox, arm, names, files, lines, took)


async def survivors(folder: Path, options: argparse.Namespace) -> int:
    """Print what a suite misses."""
    found = await bench(folder, options.suite, options.path)
    mutants = found.mutants(options.most, touched=options.touched)
    began = time.perf_counter()
    results = await found.results(mutants)
    took = time.perf_counter() - began
    ended = [result.outcome for result in results]
    for mutant, result in zip(mutants, results, strict=True):
        if result.outcome is not MutantOutcome.KILLED:
            print(f"{result.outcome}  {mutant.operator}  {mutant.function}  {result.how or ''}")
            print(mutant.diff)
    counts = {word.value: ended.count(word) for word in MutantOutcome if ended.count(word)}
    print(f"{len(mutants)} mutants, {counts}, {len(mutants) / took:.1f} a second")
    await found.sandbox.close()
    return 0


async def agree(folder: Path, options: argparse.Namespace) -> int:
    """Compare each result with cold pytest in a copy of the project."""
    found = await bench(folder, options.suite, options.path)
    mutants = found.mutants(options.most)
    results = await found.results(mutants)
    await found.sandbox.close()
    copy = copy_of(folder / "copy", found)
    differ = compared = 0
    for mutant, result in zip(mutants, results, strict=True):
        if result.outcome not in (MutantOutcome.KILLED, MutantOutcome.SURVIVED):
            continue
        apply(copy, mutant.diff)
        killed = cold(copy, found.target.suites[0]) != 0
        apply(copy, mutant.diff, "-R")
        compared += 1
        if killed is not (result.outcome is MutantOutcome.KILLED):
            differ += 1
            print(f"pytest says {'killed' if killed else 'survived'}, the engine {result}")
            print(mutant.diff)
    print(f"{compared - differ} of {compared} agree")
    return int(differ > 0)


async def compare(folder: Path, options: argparse.Namespace) -> int:
    """Print mutants a second, here and by others, each on the mutants of the other."""
    path = (options.path or ["kasmina/blend_ops.py"])[0]
    test = "tests/verification/test_b2_drl_10.py"
    found = await bench(folder, options.suite, [path], [test])
    copy = copy_of(folder / "copy", found)
    cosmic_ray, mutmut = (_environment(folder, one) for one in (COSMIC_RAY, MUTMUT))
    runs = {
        COSMIC_RAY: _cosmic_ray(cosmic_ray, copy, path, test, options.most),
        MUTMUT: _mutmut(mutmut, copy, path, test),
    }
    print("same mutants, same tests    mutants   a second: theirs   here   times   end alike")
    for name, (rate, theirs) in runs.items():
        mutants = [_of(path, found.files[path], text.encode()) for text, _ in theirs]
        await found.results(mutants[:2])  # the fork server is warm
        began = time.perf_counter()
        results = await found.results(mutants, found.result_in_run)
        here = len(mutants) / (time.perf_counter() - began)
        killed = [result.outcome is not MutantOutcome.SURVIVED for result in results]
        alike = sum(own is other for own, (_, other) in zip(killed, theirs, strict=True))
        figures = f"{len(mutants):>7}{rate:>19.2f}{here:>7.2f}{here / rate:>8.1f}{alike:>12}"
        print(f"{name:<28}{figures}")
    await found.sandbox.close()
    return 0


def _of(path: str, before: bytes, after: bytes) -> Made:
    """A mutant that another tool made, as the first line in which it differs."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    line = next((n for n, (old, new) in enumerate(pairs, 1) if old != new), 1)
    return Made("", path, line, "", "", Change(path, 0, len(before), after.decode()), "")


def copy_of(place: Path, found: Bench) -> Path:
    """A copy of package and suite, with a setting for pytest and git to apply diffs."""
    for folder in (*found.target.packages, *found.target.suites):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / folder, place / folder, ignore=ignored)
    (place / "pytest.ini").write_text("[pytest]\nmarkers = finding: tickets\npythonpath = .\n")
    return place


def apply(copy: Path, diff: str, *options: str) -> None:
    """Apply a diff to a copy."""
    command = ["git", "apply", "--whitespace=nowarn", *options, "-"]
    subprocess.run(command, input=diff.encode(), cwd=copy, check=True)


def cold(copy: Path, suite: str) -> int:
    """What plain pytest in a process of its own exits with."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", suite]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False)
    return done.returncode


def _environment(folder: Path, package: str) -> Path:
    """An environment that has `package` and sees what this one has; its Python."""
    place = folder / package.partition("=")[0]
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    site = next((place / "lib").glob("python*/site-packages"))
    ours = Path(os.__file__).parent  # the standard library's; ours is found by the interpreter
    paths = [path for path in sys.path if path.endswith("site-packages")] or [str(ours)]
    (site / "ours.pth").write_text("\n".join(paths) + "\n")
    subprocess.run([python, "-m", "pip", "install", "-q", package], check=True)
    return python


Theirs = tuple[float, list[tuple[str, bool]]]
"""Mutants a second, and of each the file's text and whether it was killed."""


def _cosmic_ray(python: Path, copy: Path, path: str, test: str, most: int) -> Theirs:
    """What cosmic-ray makes of the first mutants of a file."""
    settings = (
        f'[cosmic-ray]\nmodule-path = "{path}"\ntimeout = 60.0\nexcluded-modules = []\n'
        f'test-command = "{python} -m pytest -x -q -p no:cacheprovider {test}"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
    )
    (copy / "cosmic.toml").write_text(settings)
    tool = str(python.with_name("cosmic-ray"))
    run = {"cwd": copy, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, "capture_output": True}
    subprocess.run([tool, "init", "cosmic.toml", "cosmic.sqlite"], check=True, **run)  # type: ignore[call-overload]
    subprocess.run([python, "-c", _KEEP_SOME, str(most)], check=True, **run)  # type: ignore[call-overload]
    began = time.perf_counter()
    subprocess.run([tool, "exec", "cosmic.toml", "cosmic.sqlite"], check=True, **run)  # type: ignore[call-overload]
    took = time.perf_counter() - began
    told = subprocess.run([python, "-c", _OF_COSMIC_RAY, path], check=True, **run)  # type: ignore[call-overload]
    made = json.loads(told.stdout)
    return len(made) / took, made


def _mutmut(python: Path, copy: Path, path: str, test: str) -> Theirs:
    """What mutmut makes of a file."""
    (copy / "setup.cfg").write_text(
        f"[mutmut]\nsource_paths = kasmina\nonly_mutate = {path}\n"
        f"pytest_add_cli_args_test_selection = {test}\nalso_copy = tests\n    pytest.ini\n"
    )
    run = {"cwd": copy, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, "capture_output": True}
    command = [python, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1)]
    done = subprocess.run(command, check=False, **run)  # type: ignore[call-overload]
    rate = re.search(rb"([0-9.]+) mutations/second", done.stdout)
    if rate is None or not float(rate[1]):
        raise SystemExit(f"mutmut ran no mutant: {done.stdout[-800:]}{done.stderr[-800:]}")
    told = subprocess.run([python, "-c", _OF_MUTMUT, path], check=True, **run)  # type: ignore[call-overload]
    return float(rate[1]), json.loads(told.stdout)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("survivors", "agree", "compare"))
    parser.add_argument("--suite", default="tests/verification")
    parser.add_argument("--path", action="append", default=[], help="a file; repeatable")
    parser.add_argument(
        "--touched", action="store_true", help="lines that a shipped defect touches"
    )
    parser.add_argument("--most", type=int, help="mutants: 200, or 6 beside cosmic-ray")
    options = parser.parse_args()
    options.most = options.most or (6 if options.what == "compare" else 200)
    what = {"survivors": survivors, "agree": agree, "compare": compare}[options.what]
    with tempfile.TemporaryDirectory(prefix="strength-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  # the guest is another user
        return asyncio.run(what(Path(folder), options))


if __name__ == "__main__":
    raise SystemExit(main())
