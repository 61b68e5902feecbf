"""What a git target holds at a revision, read from the object store.

Trees are cached by their ids, so a commit that does not touch them costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from pygit2.enums import FileMode

from app.domain.cache import Cache
from app.domain.revisions import ObjectMissing, Revision, RevisionRefused
from app.domain.targets import PytestSettings, Target, TargetFiles
from app.targets.blobs import Blob, Blobs, plain_name
from app.targets.pytest_settings import SettingsError, settings_in
from app.targets.repository import Condition, Repository

DEFECTS = "defects"
"""The folder of a suite that holds its defect patches; no part of an arm."""

_MOST_FURTHER = 5000
_MOST_DIFF_BYTES = 400_000
_KEPT_READS = 8


@dataclass(frozen=True)
class FileDiff:
    """What changed in one file between two revisions."""

    path: str
    text: str
    """A unified diff; empty where there was no room for it."""


class History:
    """The history of one target. Methods read files: call them in a thread; any thread may."""

    def __init__(self, target: Target) -> None:
        """Open its repository.

        Raises:
            RevisionRefused: it has none, or it cannot be opened.
        """
        if target.git_dir is None:
            raise RevisionRefused(
                f"{target.name} is a folder and has no revisions; only a git repository has"
            )
        self._target = target
        self._repo = Repository(target.git_dir)
        self._blobs = Blobs(self._repo, target.below)
        self._reads = Cache[TargetFiles](_KEPT_READS)

    # --- revisions -----------------------------------------------------------------------------

    def in_force(self) -> str | None:
        """Return the commit that is in force; None where the files of a folder are.

        Raises:
            RevisionRefused: the branch is not there.
        """
        name = self._target.revision
        if name is None:
            return None
        try:
            return self._repo.resolve(name)
        except RevisionRefused as refused:
            raise RevisionRefused(
                f"revision {name!r}, which is to be in force: {refused}"
            ) from None

    def resolve(self, name: str) -> str:
        """Return the id of the commit that is named so; see `Repository.resolve`."""
        return self._repo.resolve(name)

    def known(self, name: str) -> str | None:
        """Return the id of the commit that a ticket names, or None where there is none."""
        try:
            return self._repo.resolve(name)
        except RevisionRefused:
            return None

    def describe(self, commit: str) -> Revision:
        """Return what is told of a commit; see `Repository.describe`."""
        return self._repo.describe(commit)

    def first_parent(self, commit: str) -> str:
        """Return a commit's first parent; see `Repository.first_parent`."""
        return self._repo.first_parent(commit)

    def is_ancestor(self, earlier: str, later: str) -> bool | None:
        """Tell whether a commit comes before another; see `Repository.is_ancestor`."""
        return self._repo.is_ancestor(earlier, later)

    def condition(self) -> Condition:
        """Return what of its repository is missing or odd; see `Repository.condition`."""
        return self._repo.condition(self._target.revision or "HEAD")

    def walk(self, tip: str) -> tuple[str, ...]:
        """Return a commit and all its ancestors; see `Repository.walk`."""
        return self._repo.walk(tip)

    def package_tree(self, commit: str) -> str | None:
        """Return what tells what arms of a commit hold; None where packages are missing.

        Raises:
            RevisionRefused: an object is missing.
        """
        if self._target.files:
            return self._blobs.root_tree(commit)
        found = self._package_ids(commit)
        return None if None in found else " ".join(map(str, found))

    def lacking(self, tip: str, most: int) -> tuple[int, dict[str, str]]:
        """Look whether what packages hold is there, at a commit and up to `most` in all before it.

        Returns:
            How many commits were looked at, and those that lack an object, each with the reason.
        """
        there: set[str] = set()
        lacking: dict[str, str] = {}
        commits = self.walk(tip)[:most]
        for commit in commits:
            try:
                for name in self._target.packages:
                    for blob in self._blobs.at(commit, name):
                        if blob.id not in there:
                            self._repo.size(blob.id)
                            there.add(blob.id)
            except ObjectMissing as missing:
                lacking[commit] = str(missing)
            except RevisionRefused:
                continue  # it can be read, and never be an arm
        return len(commits), lacking

    def submodules(self, commit: str) -> list[str]:
        """Return the paths of the submodules at the top of a commit's tree and one level below.

        Raises:
            RevisionRefused: an object is missing.
        """
        found: list[str] = []
        for one in self._repo.entries(self._blobs.root_tree(commit)):
            inside = self._repo.entries(one.id) if one.is_folder else []
            name = plain_name(one.name)
            found += [name] if one.mode == FileMode.COMMIT else []
            found += [
                f"{name}/{plain_name(two.name)}" for two in inside if two.mode == FileMode.COMMIT
            ]
        return found

    def touches(self, commit: str) -> bool:
        """Tell whether a commit changes the packages against its first parent.

        Raises:
            RevisionRefused: an object is missing.
        """
        parents = self._repo.describe(commit).parents
        if not parents:
            return any(self._package_ids(commit))
        return self._package_ids(parents[0]) != self._package_ids(commit)

    def diff(self, before: str, after: str) -> list[FileDiff]:
        """Return what changed in the packages between two commits, as far as there is room.

        Raises:
            RevisionRefused: an object is missing.
        """
        tops = [f"{self._blobs.prefix}{name}" for name in self._target.packages]

        def is_of_package(path: str) -> bool:
            return any(path == top or path.startswith(f"{top}/") for top in tops)

        found: list[FileDiff] = []
        room = _MOST_DIFF_BYTES
        for path, text in self._repo.diffs(before, after, is_of_package):
            own = path.removeprefix(self._blobs.prefix)
            fits = len(text) <= room
            found.append(FileDiff(own, text if fits else ""))
            room -= len(text) if fits else 0
        return found

    # --- files ---------------------------------------------------------------------------------

    def read(self, revision: str | None, in_force: str) -> TargetFiles:
        """Return what an arm is made of: packages of a revision, and the suite in force.

        Data files that the entry names beside the packages are those of the revision; what lies
        above the suite and the project's settings come with the suite.

        Args:
            revision: id of a commit; None for that in force.
            in_force: id of the commit whose suite is used.

        Raises:
            RevisionRefused: something of it is missing, or cannot be part of an arm.
        """
        of_package = in_force if revision is None else revision
        key = f"{self._repo.tree(of_package)} {self._repo.tree(in_force)}"
        known = self._reads.get(key)
        if known is None:
            known = self._read(of_package, in_force)
            self._reads.put(key, known)
        return known

    def read_beside(self, revision: str, here: TargetFiles) -> TargetFiles:
        """Return the packages of a revision beside a suite that lies in a folder.

        Raises:
            RevisionRefused: something of it is missing, or cannot be part of an arm.
        """
        read = replace(here, package=self._packages(revision))
        _check_size(read)
        return read

    def _packages(self, revision: str) -> dict[str, bytes]:
        inside = tuple(f"{name}/" for name in self._target.suites)
        blobs = [
            blob
            for name in self._target.packages
            for blob in self._required(revision, name)
            if not blob.path.startswith(inside)
        ]
        return self._blobs.contents(revision, blobs)

    def _read(self, revision: str, in_force: str) -> TargetFiles:
        target = self._target
        suite_blobs: dict[str, Blob] = {}
        defects: dict[str, Blob] = {}
        for name in target.suites:
            inside = len(PurePosixPath(name).parts)
            for one in self._blobs.at(in_force, name):
                where = defects if DEFECTS in _folders(one)[inside:] else suite_blobs
                where[one.path] = one
        suite = self._blobs.contents(in_force, suite_blobs.values())
        package = self._packages(revision)
        beside = self._matching(revision, lambda path: not self._is_of_suite(path))
        package.update(
            self._blobs.contents(revision, [one for one in beside if one.path not in package])
        )
        settings, further = self._above_suite(in_force)
        further.update(self._blobs.contents(in_force, self._matching(in_force, self._is_of_suite)))
        read = TargetFiles(
            package=package,
            suite=suite,
            files={
                path: data
                for path, data in further.items()
                if path not in suite and path not in package
            },
            shipped=frozenset(
                hashlib.sha256(self._blobs.content(one)).hexdigest()
                for one in defects.values()
                if one.path.endswith(".patch")
            ),
            pytest=settings,
        )
        _check_size(read)
        return read

    def blob(self, path: str, revision: str) -> bytes | None:
        """Return a file of a revision; None where there is none.

        Raises:
            RevisionRefused: an object is missing, or it is too large.
        """
        found = self._blobs.at(revision, path)
        if len(found) != 1 or found[0].path != path or found[0].is_link:
            return None
        return self._blobs.content(found[0])

    def paths(self, revision: str) -> list[str]:
        """Return the paths of packages and suite at a revision, sorted.

        Raises:
            RevisionRefused: an object is missing.
        """
        tops = (*self._target.packages, *self._target.suites)
        return sorted({one.path for top in tops for one in self._blobs.at(revision, top)})

    def _above_suite(self, commit: str) -> tuple[PytestSettings, dict[str, bytes]]:
        """Return how pytest is set up, and what it finds above the suite."""
        target = self._target
        above = {folder for suite in target.suites for folder in PurePosixPath(suite).parents}
        names = [str(folder / name) for folder in above for name in ("conftest.py", "__init__.py")]

        def text(name: str) -> str | None:
            data = self.blob(name, commit)
            return None if data is None else data.decode("utf-8")

        try:
            settings = settings_in(text, target.pytest.file or "none")
        except SettingsError as error:
            raise RevisionRefused(f"pytest: {error}") from None
        if settings.file:
            names.append(settings.file)
        blobs = [one for name in names for one in self._blobs.at(commit, name) if one.path == name]
        settings = replace(settings, plugins=target.pytest.plugins)
        return settings, self._blobs.contents(commit, blobs)

    def _is_of_suite(self, path: str) -> bool:
        tops = {PurePosixPath(suite).parts[0] for suite in self._target.suites}
        return PurePosixPath(path).parts[0] in tops

    def _matching(self, commit: str, wanted: Callable[[str], bool]) -> list[Blob]:
        globs = self._target.files
        if not globs:
            return []
        found = [
            one
            for one in self._blobs.all(commit)
            if wanted(one.path) and any(fnmatchcase(one.path, glob) for glob in globs)
        ]
        if len(found) > _MOST_FURTHER:
            raise RevisionRefused(f"more than {_MOST_FURTHER} files match `files`; name fewer")
        return found

    def _required(self, commit: str, path: str) -> list[Blob]:
        found = self._blobs.at(commit, path)
        if not found:
            raise RevisionRefused(f"{path} is not there at {commit[:10]}")
        return found

    def _package_ids(self, commit: str) -> tuple[str | None, ...]:
        found = [self._blobs.entry(commit, name) for name in self._target.packages]
        return tuple(None if one is None else one.id for one in found)


def _check_size(read: TargetFiles) -> None:
    if (excess := read.excess()) is not None:
        raise RevisionRefused(excess)


def _folders(blob: Blob) -> tuple[str, ...]:
    return PurePosixPath(blob.path).parts[:-1]
