"""The targets of this process, read again when the file that declares them changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app.domain.revisions import RevisionRefused
from app.domain.targets import Placement, Target
from app.errors import StartupError
from app.targets.adding import add_copy
from app.targets.file import Declared, Problem, read
from app.targets.history import History


class Registry:
    """What the file declares now."""

    def __init__(self, path: Path, bundled: Target) -> None:
        """Read the file.

        Raises:
            StartupError: it is there and is no TOML.
        """
        self._path = path
        self._histories: dict[str, tuple[Target, History]] = {}
        self._bundled = bundled
        self._seen = self._look()
        self._take(read(path, bundled))

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets by name, the bundled one first unless an entry replaces it."""
        return self._declared.targets

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that cannot be used."""
        return self._declared.problems

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all targets, those with a wrong entry too."""
        wrong = (problem.name for problem in self.problems if problem.name)
        return tuple(dict.fromkeys([*self.targets, *wrong]))

    @property
    def placement(self) -> Placement:
        """Which target a ticket belongs to."""
        return self._placement

    def reason(self, name: str) -> str | None:
        """Return why a target that is named cannot be used, if it is so."""
        return self._declared.reason(name)

    def refresh(self) -> bool:
        """Read the file again when it has changed; tell whether it has.

        While it is no TOML, what it declared before stays.
        """
        now = self._look()
        if now == self._seen:
            return False
        self._seen = now
        try:
            self._take(read(self._path, self._bundled))
        except StartupError as error:
            broken = Problem("", f"{error.detail} What it declared before is in force.")
            kept = tuple(problem for problem in self.problems if problem.name)
            self._take(replace(self._declared, problems=(*kept, broken)))
        return True

    def add_copy(self, repository: Path) -> None:
        """Write an entry for a copy of `repository`, unless its name has one.

        Raises:
            StartupError: the file, or the copy beside it, cannot be written.
        """
        if repository.stem not in self.names:
            add_copy(repository, self._path)

    def _take(self, declared: Declared) -> None:
        self._declared = declared
        covered = {name: target.domains for name, target in declared.targets.items()}
        self._placement = Placement(covered, self._unknown_commits)

    def _unknown_commits(self, name: str, commits: Sequence[str]) -> tuple[str, ...]:
        target = self.targets.get(name)
        if target is None or target.revision is None:
            return ()
        try:
            known = self._histories.get(name)
            if known is None or known[0] != target:
                known = self._histories[name] = target, History(target)
            return tuple(one for one in commits if known[1].known(one) is None)
        except RevisionRefused:
            return ()  # while it cannot be read, nothing is held against them

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)
