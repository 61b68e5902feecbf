"""The history of a git repository, read from its object store.

There is one reader for everything, so that two programs can never disagree: libgit2. It reads
objects and refs and nothing else. No work tree is looked at or written, no hook, filter, submodule
or LFS pointer is followed, nothing is fetched, and replace refs are not honoured.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pygit2
from pygit2.enums import DiffOption, FileMode, RepositoryOpenFlag, SortMode

from app.domain.cache import Cache
from app.domain.revisions import MAX_NAME, NAME, ObjectMissing, Revision, RevisionRefused

Value = TypeVar("Value")

_SUBJECT = 200
_MOST_LOG = 50
_LOGGED = re.compile(r"[0-9a-f]{40} [0-9a-f]{40} ")
_MOST_WALKS = 8

# Whoever named the repository in the file of targets has said that it may be read, whoever owns it.
pygit2.settings.owner_validation = False


@dataclass(frozen=True)
class Entry:
    """What a tree holds under one name."""

    name: bytes
    id: str
    mode: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a tree."""
        return self.mode == FileMode.TREE


@dataclass(frozen=True)
class Rewritten:
    """A branch was set to a commit that does not follow what it was before."""

    before: str
    after: str


@dataclass(frozen=True)
class Condition:
    """What of a repository is missing or odd."""

    cut_off: frozenset[str]
    """Commits at the end of a shallow clone: their parents are not here."""
    is_partial: bool
    """It is a clone that left objects out, to be fetched when they are wanted."""
    rewritten: Rewritten | None
    """When the branch in force was last written anew, as far as its log goes back."""


def find(root: Path, *, above: bool = False) -> Path | None:
    """Return the git folder of the repository whose work tree or bare self `root` is.

    With `above` a folder inside a work tree counts too. None: there is no repository.
    """
    ceiling = "" if above else str(root.parent)
    try:
        found = pygit2.discover_repository(str(root), False, ceiling)
    except (KeyError, pygit2.GitError):
        return None
    return None if found is None else Path(found)


class Repository:
    """One repository. All methods read files: call them in a thread; any thread may."""

    def __init__(self, git_dir: Path) -> None:
        """Open it.

        Raises:
            RevisionRefused: it cannot be opened.
        """
        self._lock = threading.RLock()
        self._walks = Cache[tuple[str, ...]](_MOST_WALKS)
        try:
            # As a bare one, so that the attributes of a work tree decide nothing.
            self._repo = pygit2.Repository(str(git_dir), RepositoryOpenFlag.BARE)
        except pygit2.GitError as error:
            raise RevisionRefused(f"the repository cannot be opened: {error}") from None

    @property
    def work_tree(self) -> Path | None:
        """The folder that is checked out; None for a bare repository."""
        found = pygit2.Repository(self._repo.path).workdir
        return None if found is None else Path(found)

    @property
    def branch(self) -> str:
        """The branch that HEAD names, or ``HEAD`` where it names a commit."""
        name = self._repo.references["HEAD"].target
        found = name.removeprefix("refs/heads/") if isinstance(name, str) else "HEAD"
        return found if NAME.fullmatch(found) else "HEAD"

    def condition(self, name: str) -> Condition:
        """Return what of the repository is missing or odd, for one that follows `name`."""
        config = self._repo.config
        is_partial = "extensions.partialclone" in config or any(
            one.name.startswith("remote.") and one.name.endswith(".promisor") for one in config
        )
        return Condition(self._cut_off(), is_partial, self._rewritten(name))

    def _rewritten(self, name: str) -> Rewritten | None:
        try:
            reference = self._repo.resolve_refish(name)[1]
        except (KeyError, ValueError, pygit2.GitError):
            return None
        if reference is None:
            return None  # a commit, which nobody can write anew
        for before, after in islice(reversed(self._log(reference.name)), _MOST_LOG):
            made = set(before) == {"0"}
            if not made and self.is_ancestor(before, after) is not True:
                return Rewritten(before, after)
        return None

    def _log(self, reference: str) -> list[tuple[str, str]]:
        """Return what a reference was set to, and from what, oldest first.

        libgit2 makes the file of a log that it is asked for, and nothing is to be written here.
        """
        for folder in self._folders():
            try:
                lines = (folder / "logs" / reference).read_text("utf-8", "replace").splitlines()
            except OSError:
                continue
            return [(line[:40], line[41:81]) for line in lines if _LOGGED.match(line)]
        return []

    def _folders(self) -> tuple[Path, Path]:
        """Where its files lie: a linked work tree keeps its own HEAD, and what is shared apart."""
        return Path(self._repo.path), Path(self._repo.path).parent.parent

    # --- commits -------------------------------------------------------------------------------

    def resolve(self, name: str) -> str:
        """Return the id of the commit that `name` names: an id, its start, a branch or a tag.

        Raises:
            RevisionRefused: nothing or more than one thing is named so, or it is no commit.
        """
        if len(name) > MAX_NAME or not NAME.fullmatch(name) or "@{" in name:
            raise RevisionRefused(f"{name[:60]!r} is no revision; name a commit, a branch or a tag")
        return self._read(lambda: self._resolve(name))

    def _resolve(self, name: str) -> str:
        try:
            found = self._repo.revparse_single(name)
            return str(found.peel(pygit2.Commit).id)
        except KeyError:
            if name == "HEAD" and self._repo.is_empty:
                raise RevisionRefused("the repository has no commit yet") from None
            hint = " (it is a shallow clone, which may lack it)" if self._repo.is_shallow else ""
            raise RevisionRefused(
                f"there is no revision {name!r}{hint}; name a commit, a branch or a tag"
            ) from None
        except pygit2.InvalidSpecError:
            raise RevisionRefused(f"{name!r} does not name a commit") from None
        except ValueError as error:
            said = "more than one object" if "ambiguous" in str(error) else "no commit"
            raise RevisionRefused(f"{name!r} names {said}; write more of its id") from None

    def describe(self, commit: str) -> Revision:
        """Return what is told of a commit, by its whole id.

        Raises:
            RevisionRefused: it is not there.
        """
        found = self._read(lambda: self._commit(commit))
        return Revision(
            id=str(found.id),
            at=_time(found.commit_time),
            author=_text(found.author.raw_name),
            subject=_text(found.raw_message.strip().partition(b"\n")[0])[:_SUBJECT],
            parents=tuple(str(parent) for parent in found.parent_ids),
        )

    def first_parent(self, commit: str) -> str:
        """Return the id of a commit's first parent.

        Raises:
            RevisionRefused: it has none, or this clone lacks it.
        """
        parents = self.describe(commit).parents
        # The commits at the end of a shallow clone show no parents, although they have some.
        if not parents and commit in self._cut_off():
            raise RevisionRefused(
                f"the clone is shallow and lacks the parent of {commit[:10]}: fetch the rest with "
                "git fetch --unshallow"
            )
        if not parents:
            raise RevisionRefused(f"{commit[:10]} is the first commit and has no parent")
        return parents[0]

    def is_ancestor(self, earlier: str, later: str) -> bool | None:
        """Tell whether one commit is the other or an ancestor of it.

        None: it cannot be known, for one of them is gone, or the clone is shallow.
        """
        if earlier == later:
            return True
        try:
            found = self._read(lambda: self._repo.descendant_of(later, earlier))
        except RevisionRefused:
            return None
        if found:
            return True
        return None if self._repo.is_shallow else False

    def walk(self, tip: str) -> tuple[str, ...]:
        """Return the ids of a commit and all its ancestors, children before their parents.

        Raises:
            RevisionRefused: an object is missing.
        """
        if (known := self._walks.get(tip)) is not None:
            return known
        # Sorted by time alone, commits of one second come in any order.
        order = SortMode.TOPOLOGICAL | SortMode.TIME
        found = self._read(lambda: tuple(str(one.id) for one in self._repo.walk(tip, order)))
        self._walks.put(tip, found)
        return found

    def _cut_off(self) -> frozenset[str]:
        if not self._repo.is_shallow:
            return frozenset()
        found: set[str] = set()
        for folder in self._folders():
            with contextlib.suppress(OSError, UnicodeError):
                found.update((folder / "shallow").read_text("ascii").split())
        return frozenset(found)

    def _commit(self, commit: str) -> pygit2.Commit:
        found = self._repo[commit]
        if not isinstance(found, pygit2.Commit):
            raise RevisionRefused(f"{commit[:10]} is no commit")
        return found

    # --- what commits hold ---------------------------------------------------------------------

    def tree(self, commit: str) -> str:
        """Return the id of a commit's tree.

        Raises:
            RevisionRefused: it is not there.
        """
        return self._read(lambda: str(self._commit(commit).tree_id))

    def entries(self, tree: str) -> list[Entry]:
        """Return what a tree holds.

        Raises:
            RevisionRefused: it is not there.
        """

        def read() -> list[Entry]:
            found = self._repo[tree]
            assert isinstance(found, pygit2.Tree)
            return [Entry(one.raw_name or b"", str(one.id), int(one.filemode)) for one in found]

        return self._read(read)

    def size(self, blob: str) -> int:
        """Return how many bytes a blob has, without reading it.

        Raises:
            RevisionRefused: it is not there.
        """
        return int(self._read(lambda: self._repo.odb.read_header(pygit2.Oid(hex=blob)))[1])

    def content(self, blob: str) -> bytes:
        """Return the bytes of a blob.

        Raises:
            RevisionRefused: it is not there.
        """

        def read() -> bytes:
            found = self._repo[blob]
            assert isinstance(found, pygit2.Blob)
            return bytes(found.data)

        return self._read(read)

    def diffs(
        self, before: str, after: str, wanted: Callable[[str], bool]
    ) -> Iterator[tuple[str, str]]:
        """Give the wanted files that differ between two commits, each with its unified diff.

        Raises:
            RevisionRefused: a commit or an object of it is not there.
        """
        # Attributes could call a module binary, and hide what changed in it.
        flags = DiffOption.FORCE_TEXT | DiffOption.INDENT_HEURISTIC
        found = self._read(
            lambda: self._repo.diff(self._commit(before), self._commit(after), flags=flags)
        )
        for number, delta in enumerate(found.deltas):
            path = delta.new_file.path
            if wanted(path):
                yield path, self._read(functools.partial(_patch_text, found, number))

    def _read(self, read: Callable[[], Value]) -> Value:
        """Read something, and say what is missing in words of the repository."""
        try:
            with self._lock:
                return read()
        except (KeyError, pygit2.GitError) as error:
            lacks = "is a shallow clone and " if self._repo.is_shallow else ""
            raise ObjectMissing(
                f"the repository {lacks}lacks an object or is damaged: {error}. If it is being "
                "written to, try again; else fetch what it lacks"
            ) from None


def _patch_text(found: pygit2.Diff, number: int) -> str:
    patch = found[number]
    return "" if patch is None else _text(patch.data)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
