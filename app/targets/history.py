"""What a git target holds at a revision, read from the object store.

A revision is refused, with the reason, where an arm could not be the same on every machine: names
that differ by case or normal form only, links that lead out of the tree, submodules, objects that
are missing. Trees are cached by their ids, so a commit that does not touch them costs nothing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TypeVar

from pygit2.enums import FileMode

from app.domain.cache import Cache
from app.domain.revisions import ObjectMissing, Revision, RevisionRefused
from app.domain.targets import MOST_FILE_BYTES, MOST_FILES, PytestSettings, Target, TargetFiles
from app.targets.pytest_settings import SettingsError, settings_in
from app.targets.repository import Condition, Entry, Repository

Value = TypeVar("Value")

DEFECTS = "defects"
"""The folder of a suite that holds its defect patches; no part of an arm."""

_MOST_FURTHER = 5000
_MOST_LINKS = 5
_MOST_DIFF_BYTES = 400_000
_KEPT_BYTES = 256 << 20
_KEPT_TREES = 20_000
_KEPT_READS = 8
_IGNORED = frozenset({"__pycache__"})


@dataclass(frozen=True)
class Blob:
    """A file of a tree."""

    path: str
    id: str
    is_link: bool = False


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
        self._trees = Cache[tuple[Blob, ...]](_KEPT_TREES)
        self._blobs = Cache[bytes](_KEPT_BYTES, len)
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
            return self._root_tree(commit)
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
                    for blob in self._optional(commit, name):
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
        for one in self._repo.entries(self._root_tree(commit)):
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
        tops = [f"{self._prefix}{name}" for name in self._target.packages]

        def is_of_package(path: str) -> bool:
            return any(path == top or path.startswith(f"{top}/") for top in tops)

        found: list[FileDiff] = []
        room = _MOST_DIFF_BYTES
        for path, text in self._repo.diffs(before, after, is_of_package):
            own = path.removeprefix(self._prefix)
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
        return self._contents(revision, blobs)

    def _read(self, revision: str, in_force: str) -> TargetFiles:
        target = self._target
        suite_blobs: dict[str, Blob] = {}
        defects: dict[str, Blob] = {}
        for name in target.suites:
            inside = len(PurePosixPath(name).parts)
            for one in self._optional(in_force, name):
                where = defects if DEFECTS in _folders(one)[inside:] else suite_blobs
                where[one.path] = one
        suite = self._contents(in_force, suite_blobs.values())
        package = self._packages(revision)
        beside = self._matching(revision, lambda path: not self._is_of_suite(path))
        package.update(self._contents(revision, [one for one in beside if one.path not in package]))
        settings, further = self._above_suite(in_force)
        further.update(self._contents(in_force, self._matching(in_force, self._is_of_suite)))
        read = TargetFiles(
            package=package,
            suite=suite,
            files={
                path: data
                for path, data in further.items()
                if path not in suite and path not in package
            },
            shipped=frozenset(
                hashlib.sha256(self._content(one)).hexdigest()
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
        found = self._optional(revision, path)
        if len(found) != 1 or found[0].path != path or found[0].is_link:
            return None
        return self._content(found[0])

    def paths(self, revision: str) -> list[str]:
        """Return the paths of packages and suite at a revision, sorted.

        Raises:
            RevisionRefused: an object is missing.
        """
        tops = (*self._target.packages, *self._target.suites)
        return sorted({one.path for top in tops for one in self._optional(revision, top)})

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
        blobs = [one for name in names for one in self._optional(commit, name) if one.path == name]
        settings = replace(settings, plugins=target.pytest.plugins)
        return settings, self._contents(commit, blobs)

    def _is_of_suite(self, path: str) -> bool:
        tops = {PurePosixPath(suite).parts[0] for suite in self._target.suites}
        return PurePosixPath(path).parts[0] in tops

    def _matching(self, commit: str, wanted: Callable[[str], bool]) -> list[Blob]:
        globs = self._target.files
        if not globs:
            return []
        found = [
            one
            for one in self._blobs_below(self._root_tree(commit), "")
            if wanted(one.path) and any(fnmatchcase(one.path, glob) for glob in globs)
        ]
        if len(found) > _MOST_FURTHER:
            raise RevisionRefused(f"more than {_MOST_FURTHER} files match `files`; name fewer")
        return found

    def _required(self, commit: str, path: str) -> list[Blob]:
        found = self._optional(commit, path)
        if not found:
            raise RevisionRefused(f"{path} is not there at {commit[:10]}")
        return found

    def _optional(self, commit: str, path: str) -> list[Blob]:
        """Return the files below a path of a commit, or the one it names."""
        entry = self._entry(commit, path)
        if entry is None:
            return []
        return list(self._from_entry(entry, path))

    def _from_entry(self, entry: Entry, path: str) -> Iterator[Blob]:
        if entry.is_folder:
            yield from self._blobs_below(entry.id, f"{path}/")
        elif entry.mode == FileMode.COMMIT:
            raise RevisionRefused(f"{path} is a submodule, and what it holds is not here")
        else:
            yield Blob(path, entry.id, entry.mode == FileMode.LINK)

    def _blobs_below(self, tree: str, prefix: str) -> Iterator[Blob]:
        """Give the files below a tree, which lies at `prefix`."""
        known = self._trees.get(tree)
        if known is None:
            start = len(prefix)
            known = tuple(replace(one, path=one.path[start:]) for one in self._walk(tree, prefix))
            if len(known) > MOST_FILES:
                raise RevisionRefused(f"{prefix} holds more than {MOST_FILES} files")
            self._trees.put(tree, known)
        for blob in known:
            yield replace(blob, path=f"{prefix}{blob.path}")

    def _walk(self, tree: str, prefix: str) -> Iterator[Blob]:
        folded: dict[str, str] = {}
        for entry in self._repo.entries(tree):
            name = plain_name(entry.name)
            same = unicodedata.normalize("NFC", name).casefold()
            if same in folded:
                raise RevisionRefused(
                    f"{prefix}{folded[same]} and {name} differ by case or normal form only, "
                    "and are one file on some machines"
                )
            folded[same] = name
            if name not in _IGNORED and not name.endswith(".pyc"):
                yield from self._from_entry(entry, f"{prefix}{name}")

    def _entry(self, commit: str, path: str) -> Entry | None:
        parts = PurePosixPath(f"{self._prefix}{path}").parts
        found = Entry(b"", self._repo.tree(commit), FileMode.TREE)
        for part in parts:
            if not found.is_folder:
                return None
            inside = self._repo.entries(found.id)
            named = next((one for one in inside if one.name == part.encode()), None)
            if named is None:
                return None
            found = named
        return found

    def _root_tree(self, commit: str) -> str:
        found = self._entry(commit, "")
        if found is None or not found.is_folder:
            raise RevisionRefused(f"{self._target.below} is not there at {commit[:10]}")
        return found.id

    @property
    def _prefix(self) -> str:
        return f"{self._target.below}/" if self._target.below else ""

    def _package_ids(self, commit: str) -> tuple[str | None, ...]:
        found = [self._entry(commit, name) for name in self._target.packages]
        return tuple(None if one is None else one.id for one in found)

    # --- contents ------------------------------------------------------------------------------

    def _contents(self, commit: str, blobs: Iterable[Blob]) -> dict[str, bytes]:
        return {
            one.path: self._content(self._followed(commit, one) if one.is_link else one)
            for one in blobs
        }

    def _followed(self, commit: str, link: Blob) -> Blob:
        """Return the file of the same tree that a symbolic link leads to."""
        found = link
        for _ in range(_MOST_LINKS):
            place = _joined(found.path, plain_name(self._content(found), slashes=True))
            entry = None if place is None else self._entry(commit, place)
            if entry is None or entry.is_folder or place is None:
                break
            found = Blob(place, entry.id, entry.mode == FileMode.LINK)
            if not found.is_link:
                return found
        raise RevisionRefused(
            f"{link.path} is a symbolic link that leads to no file below the root; use a plain file"
        )

    def _content(self, blob: Blob) -> bytes:
        known = self._blobs.get(blob.id)
        if known is None:
            size = self._repo.size(blob.id)
            if size > MOST_FILE_BYTES:
                raise RevisionRefused(
                    f"{blob.path} has {size >> 20} MiB, and {MOST_FILE_BYTES >> 20} is the most"
                )
            known = self._repo.content(blob.id)
            self._blobs.put(blob.id, known)
        return known


def _check_size(read: TargetFiles) -> None:
    if (excess := read.excess()) is not None:
        raise RevisionRefused(excess)


def _folders(blob: Blob) -> tuple[str, ...]:
    return PurePosixPath(blob.path).parts[:-1]


def plain_name(raw: bytes, *, slashes: bool = False) -> str:
    """Return a name as text; one that no file below a folder can have is refused."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RevisionRefused(f"{raw[:60]!r} is no name in UTF-8") from None
    plain = slashes or ("/" not in name and name.casefold() not in ("", ".", "..", ".git"))
    if not plain or "\0" in name:
        raise RevisionRefused(f"{name[:60]!r} is no name that a file may have")
    return name


def _joined(link: str, leads_to: str) -> str | None:
    """Return the path that a link leads to; None where that is not below the root."""
    if leads_to.startswith("/"):
        return None
    parts: list[str] = list(PurePosixPath(link).parent.parts)
    for part in leads_to.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or None
