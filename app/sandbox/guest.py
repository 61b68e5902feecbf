"""The guest: the process in which pytest runs a suite that may be hostile.

Forked by the supervisor. It closes what it inherited, enters the cage, and only then imports
anything of the arm and collects it; ``jobs`` then forks the tests from it. From then on nothing it
says is trusted; see ``reports`` for how it is read.
"""

from __future__ import annotations

import ast
import gc
import importlib.machinery
import importlib.util
import itertools
import os
import random
import select
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .channel import Channel
from .isolation import cage
from .order import COMPILER, Order, files_of
from .seeds import Seeds

REFUSED = 125
"""Exit status when the cage did not close."""

_PLUGINS_LEFT_OUT = (
    "faulthandler",
    "pastebin",
    "setuponly",
    "setupplan",
    "stepwise",
    "terminalprogress",
    "unraisableexception",
)
"""They write where an arm cannot, or do nothing for it but take time to load. None has fixtures."""


@dataclass(frozen=True)
class Ends:
    """The guest's descriptors."""

    report: int
    """A pipe for what it says of its start and of the collection."""
    output: int
    """A pipe for what is printed outside tests."""
    lifeline: int
    """Readable once the supervisor is gone."""
    jobs: int
    """A socket on which the supervisor hands over jobs."""


def main(order: Order, ends: Ends) -> NoReturn:
    """Do what `order` says and exit."""
    status = REFUSED
    try:
        status = _main(order, ends)
    except BaseException:  # nothing may unwind into the supervisor's stack
        sys.excepthook(*sys.exc_info())
    finally:
        _flush()
        os._exit(status)


def _main(order: Order, ends: Ends) -> int:
    if "session" in order.layers:
        os.setsid()
    _reset_signals()
    os.umask(0o022)
    report, lifeline, jobs = _keep_only(ends)
    channel = Channel(report, order.token)
    environment = describe()
    try:
        place = cage.enter(order)
    except cage.LayerFailed as failure:
        channel.send("refused", layer=failure.layer, reason=failure.reason)
        return REFUSED
    if select.select([lifeline], [], [], 0)[0]:
        return REFUSED  # the supervisor went before it could be watched
    os.close(lifeline)
    channel.send("hello", layers=list(order.layers), environment=dict(environment))
    if not order.root:
        return 0
    gc.disable()  # until the arm is collected
    _settle(order, place)
    return run_pytest(order, place, channel, socket.socket(fileno=jobs))


@cache
def describe() -> Mapping[str, str]:
    """The environment that a result depends on; looked up once, by the zygote for its children."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    uname = os.uname()
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "torch": torch,
        "platform": f"{sys.platform}-{uname.machine}",
    }


def run_pytest(order: Order, place: cage.Place, channel: Channel, jobs: socket.socket) -> int:
    """Have pytest collect the arm and run jobs; return the exit status."""
    import pytest

    from .jobs import Forks
    from .reporting import Reporter

    files = [place.root / name for name in files_of(order.node_ids) or order.suites]
    arguments: list[str] = [
        *plugin_arguments(place.root, place.scratch, order.settings),
        # Of what the project adds to each call only that which an arm can obey.
        "-oaddopts=",
        *order.options,
        # Nor is an option of a plugin that is not loaded an error.
        "-ostrict_config=false",
        "-Wignore:Unknown config option:pytest.PytestConfigWarning",
        *(argument for name in order.plugins for argument in ("-p", _plugin(name))),
        *(str(file) for file in files if file.exists()),
    ]
    reporter = Reporter(order, place.root, channel)
    if all(not file.exists() for file in files):
        # Without arguments pytest would run whatever lies in the working folder.
        return int(pytest.ExitCode.NO_TESTS_COLLECTED)
    _parse_files_once()
    seeds = Seeds(order.seed)
    status = int(pytest.main(arguments, plugins=[reporter, Forks(reporter, seeds, jobs)]))
    _flush()
    return status


def _plugin(name: str) -> str:
    """The module of a plugin that is named by its entry point, its module or its package."""
    for found in entry_points(group="pytest11"):
        if name in (found.name, found.module, found.module.partition(".")[0]):
            return found.module
    return name


def _parse_files_once() -> None:
    """Have pytest parse a file once for all failures in it, not anew for each.

    Of a file of 3000 lines that takes longer than the test.
    """
    from _pytest._code import code, source

    plain = source.getstatementrange_ast

    @lru_cache(maxsize=16)
    def parsed(text: str) -> ast.AST:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, "source", "exec")

    def statement_range(
        lineno: int, lines: Any, assertion: bool = False, astnode: ast.AST | None = None
    ) -> tuple[ast.AST, int, int]:
        tree = parsed(str(lines)) if astnode is None else astnode
        return plain(lineno, lines, assertion, tree)

    for module in (code, source):
        setattr(module, plain.__name__, statement_range)


def plugin_arguments(root: Path, scratch: Path, settings: str = "pytest.ini") -> list[str]:
    """How pytest is called: nothing from outside the arm, nothing written outside the scratch."""
    return [
        *(argument for name in _PLUGINS_LEFT_OUT for argument in ("-p", f"no:{name}")),
        "--continue-on-collection-errors",
        "-q",
        f"--rootdir={root}",
        f"--confcutdir={root}",
        f"-c{root / settings}",
        f"--basetemp={scratch / 'pytest'}",
        f"-ocache_dir={scratch / 'cache'}",
    ]


class ArmFinder:
    """Lets the names that an arm holds be imported from that arm only.

    Otherwise a patch that takes ``kasmina/__init__.py`` away would have an installed copy tested.
    """

    def __init__(self, places: Mapping[str, Path]) -> None:
        """`places` are the names with the folders to look in."""
        self._places = {name: str(place) for name, place in places.items()}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a top-level module of the arm; leave the others to those who come after."""
        if path is not None or name not in self._places:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, [self._places[name]], target)
        if found is None:
            raise ModuleNotFoundError(f"the arm has no module {name!r}", name=name)
        return found


def _settle(order: Order, place: cage.Place) -> None:
    """Working folder, environment and import path, as the suite shall find them."""
    os.chdir(place.scratch)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    one = str(order.threads)
    os.environ.clear()
    os.environ.update(kept, OMP_NUM_THREADS=one, MKL_NUM_THREADS=one)
    os.environ.update(COMPILER)
    os.environ.update(order.env)
    os.environ.update(
        HOME=str(place.scratch),
        TMPDIR=str(place.scratch),
        USER="arm",
        LOGNAME="arm",
        PYTHONDONTWRITEBYTECODE="1",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    # A process that is spawned imports this one's program, which is out of the arm's sight.
    sys.modules["__main__"] = ModuleType("__main__")
    tempfile.tempdir = None  # the zygote may have looked it up for itself
    sys.dont_write_bytecode = True
    folders = [str(place.root)]
    if order.import_root:
        folders.insert(0, str(place.root / order.import_root))
    sys.path[:0] = folders
    # A Python that a test starts shall find the package, too.
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    for name in order.modules:
        if name in sys.modules:
            raise ImportError(f"{name} has the name of a module that is loaded already")
    places = {name: place.root / path for name, path in order.modules.items()}
    sys.meta_path.insert(0, ArmFinder(places))
    # The zygote has imported torch already, in a process that must stay single-threaded.
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(order.threads)


def _keep_only(ends: Ends) -> tuple[int, int, int]:
    """Close every descriptor but the standard ones and these, which get random numbers."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(ends.output, 1)
    os.dup2(ends.output, 2)
    taken = {ends.report, ends.output, ends.lifeline, ends.jobs}
    free = [number for number in range(64, 200) if number not in taken]
    numbers = sorted(random.SystemRandom().sample(free, 3))
    for kept, number in zip((ends.report, ends.lifeline, ends.jobs), numbers, strict=True):
        os.dup2(kept, number, inheritable=False)
    for low, high in itertools.pairwise((2, *numbers, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(low + 1, high)
    report, lifeline, jobs = numbers
    return report, lifeline, jobs


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue  # closed or replaced by a test
