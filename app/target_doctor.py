"""What ``findings target doctor`` looks at: whether a target can be run, and what is missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.config import Settings
from app.diagnosis import Diagnosis
from app.domain.revisions import RevisionRefused
from app.domain.targets import Target, TargetFiles
from app.errors import StartupError
from app.sandbox.arms import ArmStore, read_target
from app.sandbox.digests import FolderError
from app.sandbox.interface import Collection, PreparedArm, SandboxMode
from app.sandbox.subprocess_arm import SubprocessSandbox
from app.targets.file import read
from app.targets.history import History
from app.targets.interpreters import InterpreterFailed, ask, require_pytest

_MOST_REVISIONS = 200
_LOADED = """
import re, sys
from importlib import metadata

# torch takes seconds to import: only where a name can be one that it, or pytest, brings.
wanted, known = set(sys.argv[1:]), set(sys.stdlib_module_names)
left, seen = ["pytest", "torch"], set()
by_name = {}
for module, names in metadata.packages_distributions().items():
    for name in names:
        by_name.setdefault(name.lower().replace("_", "-"), set()).add(module)
while left:
    name = left.pop().lower().replace("_", "-")
    if name not in seen:
        seen.add(name)
        known |= by_name.get(name, set())
        try:
            left += [re.match(r"[\\w.-]+", one).group() for one in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            pass
if not wanted & known:
    sys.exit()
import pytest, _pytest.main, _pytest.python, _pytest.unittest, _pytest.doctest, unittest.mock
try:
    import torch
except ImportError:
    pass
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def examine(settings: Settings, name: str) -> list[Diagnosis]:
    """Look at a target; what cannot be looked at is a finding, never an exception.

    Raises:
        StartupError: no target has this name, or its entry is wrong.
    """
    path = settings.targets_file
    declared = read(path, settings.target)
    target = declared.targets.get(name)
    if target is None:
        reason = declared.reason(name)
        raise StartupError(
            reason or f"There is no target {name} in {path}.",
            remedy=f"Correct {path}." if reason else f"Known are {', '.join(declared.targets)}.",
        )
    return list(_examine(settings, target, declared.targets.values()))


def _examine(
    settings: Settings, target: Target, everything: Iterable[Target]
) -> Iterator[Diagnosis]:
    try:
        history = History(target) if target.git_dir else None
        if history is not None:
            yield from _repository(target, history)
        if history is None or target.revision is None:
            read_files = read_target(target)
        else:
            commit = history.in_force() or ""
            found = history.describe(commit)
            yield Diagnosis("revision", True, f"{target.revision}: {found.short} {found.subject}")
            read_files = history.read(None, commit)
    except (FolderError, RevisionRefused, OSError) as error:
        yield Diagnosis("files", False, str(error))
        return
    yield Diagnosis(
        "files",
        True,
        f"{len(read_files.package)} of the package, {len(read_files.suite)} of the suite, "
        f"{len(read_files.files)} further",
    )
    yield from _neighbours(target, everything)
    python = target.interpreter.python or sys.executable
    try:
        installed = ask(python)
        require_pytest(installed)
    except InterpreterFailed as failure:
        yield Diagnosis("interpreter", False, str(failure))
        return
    versions = f"Python {installed.python}, pytest {installed.distributions['pytest']}"
    yield Diagnosis("interpreter", True, f"{python}: {versions}")
    missing = [name for name in target.pytest.plugins if not _is_plugin(name, python)]
    for name in missing:
        yield Diagnosis("plugin", False, f"{name} is not installed there; install it, or leave out")
    modules = target.modules()
    clashes = _loaded_by_pytest(python, modules) & modules.keys()
    for clash in sorted(clashes):
        told = f"{clash} is the name of a module that pytest or torch loads; it cannot be tested"
        yield Diagnosis("name", False, told)
    if missing or clashes:
        return
    yield from _collection(settings, target, read_files)


def _repository(target: Target, history: History) -> Iterator[Diagnosis]:
    """What of its history can be used."""
    runs = "the files of the work tree are run, committed or not"
    if target.revision is not None:
        runs = f"{target.revision} is run, read from the object store; nothing is fetched"
    try:
        tip = history.in_force() or history.resolve("HEAD")
    except RevisionRefused as refused:
        if target.revision is not None:
            raise
        yield Diagnosis("repository", True, f"{target.git_dir}: {runs}; {refused}")
        return
    yield Diagnosis("repository", True, f"{target.git_dir}: {runs}")
    found = history.condition()
    if found.cut_off:
        told = (
            f"shallow clone: history ends at {_some(found.cut_off)}, whose parents are not here, "
            "and so do proofs from history and bisections; git fetch --unshallow"
        )
        yield Diagnosis("history", False, told, needed=False)
    if found.is_partial:
        told = "partial clone: what it left out is not fetched when it is wanted; clone it whole"
        yield Diagnosis("history", False, told, needed=False)
    if found.rewritten is not None:
        told = (
            f"{target.revision or 'HEAD'} was written anew: {found.rewritten.after[:10]} does not "
            f"follow {found.rewritten.before[:10]}; what was fixed there is not opened again by "
            "sweeps until its tickets name commits that are here"
        )
        yield Diagnosis("history", False, told, needed=False)
    looked, lacking = history.lacking(tip, _MOST_REVISIONS)
    if lacking:
        told = f"{len(lacking)} of the newest {looked} revisions cannot be run, such as "
        told += "{}: {}".format(*next((c[:10], why) for c, why in lacking.items()))
        yield Diagnosis("objects", False, told, needed=False)
    yield from _submodules(target, history, tip)


def _some(commits: Iterable[str]) -> str:
    named = sorted(commit[:10] for commit in commits)
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return f"{', '.join(named[:3])}{more}"


def _submodules(target: Target, history: History, tip: str) -> Iterator[Diagnosis]:
    if target.revision is not None and (found := history.submodules(tip)):
        told = f"submodules are left out: {', '.join(found[:5])}; what lies there is not found"
        yield Diagnosis("submodules", True, told, needed=False)


def _neighbours(target: Target, everything: Iterable[Target]) -> Iterator[Diagnosis]:
    for other in everything:
        if other.name == target.name:
            continue
        if other.root != target.root and other.root.is_relative_to(target.root):
            told = f"{other.name} lies inside its root; of that only the folders named are used"
            yield Diagnosis("neighbour", True, told, needed=False)


def _is_plugin(name: str, python: str) -> bool:
    code = (
        "import sys; from importlib import metadata, util; n = sys.argv[1]; "
        "sys.exit(not (util.find_spec(n.partition('.')[0]) or any(n == e.name for e in "
        "metadata.entry_points(group='pytest11'))))"
    )
    command = [python, "-P", "-s", "-c", code, name]
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def _loaded_by_pytest(python: str, modules: Iterable[str]) -> set[str]:
    """What pytest and torch load, where any of `modules` can be among it; else nothing."""
    command = [python, "-P", "-s", "-c", _LOADED, *modules]
    answer = subprocess.run(command, capture_output=True, check=False, cwd="/", text=True)
    return set(answer.stdout.split())


def _collection(settings: Settings, target: Target, files: TargetFiles) -> Iterator[Diagnosis]:
    with tempfile.TemporaryDirectory(prefix="findings-") as folder:
        root = Path(folder)
        root.chmod(0o711)
        (root / "scratch").mkdir(mode=0o711)
        arm = ArmStore(root / "arms").prepare(target, read=files)
        collection = asyncio.run(_collect(settings, target, arm, root / "scratch"))
    for error in collection.errors:
        yield Diagnosis("collection", False, error.strip())
    for warning in collection.warnings[:5]:
        yield Diagnosis("warning", False, warning.strip().splitlines()[0], needed=False)
    if not collection.errors or collection.tests:
        enough = bool(collection.tests)
        told = "no test; write one into the suite"
        if target.revision is not None:
            told = "no test; commit one into the suite, or hand tests in with tickets"
        if enough:
            told = f"{len(collection.tests)} tests"
        needed = not collection.errors and target.revision is None
        yield Diagnosis("tests", enough, told, needed=needed)


async def _collect(
    settings: Settings, target: Target, arm: PreparedArm, scratch: Path
) -> Collection:
    mode = settings.sandbox or SandboxMode.RELAXED
    # Without a fork server, which takes longer to start than one collection does.
    sandbox = SubprocessSandbox(scratch, mode, hidden=lambda: (settings.data_dir, target.root))
    try:
        return await sandbox.collect(arm)
    finally:
        await sandbox.close()
