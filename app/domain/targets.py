"""Targets: packages whose findings are tracked and run."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

BUNDLED = "kasmina"
"""The target of a fresh installation."""
EXAMPLE = "meters"
"""The target that comes with the examples; no ticket belongs to it but by its domain."""

MOST_FILES = 20_000
"""Of one target: packages, suite and further files together."""
MOST_FILE_BYTES = 64 << 20
MOST_BYTES = 512 << 20
"""Of all its files together."""


@dataclass(frozen=True)
class Interpreter:
    """What a fork server is started with: arms of equal ones share it."""

    python: str = ""
    """Path of the interpreter; empty: the service's own."""
    preload: tuple[str, ...] = ()
    """Modules that are imported ahead of the forks, outside the cage."""


@dataclass(frozen=True)
class PytestSettings:
    """How pytest is set up in an arm."""

    file: str = ""
    """Name of the project's settings file, at its root; empty: the service's own settings."""
    options: tuple[str, ...] = ()
    """Of the project's ``addopts`` those that an arm obeys."""
    plugins: tuple[str, ...] = ()
    """Plugins to load."""
    python_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    """Patterns of the files that hold tests."""


@dataclass(frozen=True)
class Target:
    """What is tested: package folders and a suite, below a project root."""

    name: str
    root: Path
    """The project's root; node ids and patch paths are relative to it."""
    packages: tuple[str, ...] = (BUNDLED,)
    """Folders, or files of one module, that hold the code under test, relative to root."""
    suites: tuple[str, ...] = ("tests/verification",)
    """The folders of the suite, relative to root."""
    domains: tuple[str, ...] = (BUNDLED,)
    """Ticket domains that this target covers, sub-domains included; ``*`` stands for all."""
    import_root: str = ""
    """The folder that goes on ``sys.path``, relative to root; empty: root itself."""
    files: tuple[str, ...] = ()
    """Globs of further files that an arm needs, relative to root."""
    pytest: PytestSettings = field(default_factory=PytestSettings)
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of an arm."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Prefixes in tickets' locations, and the folder below root that each stands for."""
    others: tuple[str, ...] = ("suite",)
    """What a proof also runs: ``suite``, ``files``, ``none``, or globs of test files."""
    interpreter: Interpreter = field(default_factory=Interpreter)
    test_s: float | None = None
    """Deadline of a test in seconds; None: the service's."""
    arm_s: float | None = None
    """Deadline of an arm in seconds; None: the service's."""
    others_s: float = 60.0
    """Where the other tests take longer, in seconds, only the files of the linked ones are run."""
    memory_bytes: int | None = None
    """What an arm's processes may hold together; None: the service's limit."""
    git_dir: Path | None = None
    """The git folder that its history is read from; None: it has no history."""
    revision: str | None = None
    """The branch or commit that is in force; None: the files of the folder are."""
    below: str = ""
    """Where root lies in the repository's tree; empty: at its top."""

    def modules(self) -> dict[str, str]:
        """Return the top-level modules that an arm holds, each with its folder below root."""
        base = PurePosixPath(self.import_root)
        found = {}
        for package in self.packages:
            path = PurePosixPath(package)
            inside = path.relative_to(base) if path.is_relative_to(base) else path
            first = inside.parts[0]
            found[first.removesuffix(".py")] = self.import_root
        for suite in self.suites:
            top = PurePosixPath(suite).parts[0]
            if base.parts[:1] != (top,):
                found.setdefault(top, "")
        return found

    @property
    def suite(self) -> str:
        """The first folder of the suite: tests that are handed in are laid into it."""
        return self.suites[0]

    def runs_beside(self, path: str, linked: Container[str]) -> bool:
        """Tell whether a proof of tests in the files `linked` also runs the tests of `path`."""
        match self.others:
            case ("none",):
                return False
            case ("suite",):
                return True
            case ("files",):
                return path in linked
            case globs:
                return any(fnmatchcase(path, glob) for glob in globs)


@dataclass(frozen=True)
class TargetFiles:
    """What a target holds, by path relative to its root."""

    package: Mapping[str, bytes]
    suite: Mapping[str, bytes]
    files: Mapping[str, bytes]
    """Further ones that an arm needs."""
    shipped: frozenset[str] = frozenset()
    """Digests of the defect patches that the suite itself ships."""
    pytest: PytestSettings | None = None
    """How pytest is set up, where its settings are read with the files; None: as the entry says."""

    def excess(self) -> str | None:
        """Return in words why this is more than an arm may hold, or None."""
        everything: tuple[Mapping[str, bytes], ...] = (self.package, self.suite, self.files)
        if sum(map(len, everything)) > MOST_FILES:
            return f"it holds more than {MOST_FILES} files; name the folders of the code alone"
        if sum(len(data) for some in everything for data in some.values()) > MOST_BYTES:
            return f"its files have more than {MOST_BYTES >> 20} MiB together"
        return None


@dataclass(frozen=True)
class Placement:
    """Which target a ticket belongs to."""

    covered: Mapping[str, tuple[str, ...]]
    """The domains of each target, by name."""
    unknown: Callable[[str, Sequence[str]], tuple[str, ...]] = field(
        default=lambda _target, _commits: (), compare=False
    )
    """Which commits a git target does not have; may read files. Of a folder all are believed."""

    @property
    def only(self) -> str | None:
        """The only target there is, or the only one that covers all; None: there is none such.

        That of the examples does not count.
        """
        names = tuple(name for name in self.covered if name != EXAMPLE)
        if len(names) != 1:
            names = tuple(name for name, own in self.covered.items() if "*" in own)
        return names[0] if len(names) == 1 else None

    def of(self, domains: Iterable[str]) -> str | None:
        """Return the target of a ticket with these domains, by longest prefix.

        Without domains it is the only target's. None: no target covers it.
        """
        given = tuple(domains)
        if not given:
            return self.only
        best, length = None, -1
        for name, own in self.covered.items():
            for one in own:
                size = 0 if one == "*" else len(one)
                if size > length and covers((one,), given):
                    best, length = name, size
        return best


def covers(own: Iterable[str], domains: Iterable[str]) -> bool:
    """Tell whether one of a ticket's `domains` is among a target's `own`, or below one of them.

    A ticket without domains is covered: it can only have been placed with the only target.
    """
    of_target, of_ticket = tuple(own), tuple(domains)
    if not of_ticket or "*" in of_target:
        return bool(of_target)
    return any(
        domain == one or domain.startswith(f"{one}/") for domain in of_ticket for one in of_target
    )


def only_bundled() -> Placement:
    """Return the placement of an installation that declares no target."""
    return Placement({BUNDLED: (BUNDLED,)})
