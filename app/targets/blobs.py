"""Files of a git target at a commit: their paths, and what they hold.

Refused, with the reason, is what could not be the same on every machine: names that differ by case
or normal form only, links that lead out of the tree, submodules, objects that are missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pygit2.enums import FileMode

from app.domain.cache import Cache
from app.domain.revisions import RevisionRefused
from app.domain.targets import MOST_FILE_BYTES, MOST_FILES
from app.targets.repository import Entry, Repository

_MOST_LINKS = 5
_KEPT_BYTES = 256 << 20
_KEPT_TREES = 20_000
_IGNORED = frozenset({"__pycache__"})


@dataclass(frozen=True)
class Blob:
    """A file of a tree."""

    path: str
    id: str
    is_link: bool = False


class Blobs:
    """The files of a repository below a folder of it; trees are cached by their ids.

    All methods raise `RevisionRefused` for what is missing or refused.
    """

    def __init__(self, repo: Repository, below: str) -> None:
        self._repo = repo
        self._below = below
        self._trees = Cache[tuple[Blob, ...]](_KEPT_TREES)
        self._contents = Cache[bytes](_KEPT_BYTES, len)

    @property
    def prefix(self) -> str:
        """What paths of the repository begin with, and those of the target do not."""
        return f"{self._below}/" if self._below else ""

    def at(self, commit: str, path: str) -> list[Blob]:
        """Return the files below a path of a commit, or the one it names."""
        entry = self.entry(commit, path)
        if entry is None:
            return []
        return list(self._from_entry(entry, path))

    def all(self, commit: str) -> Iterator[Blob]:
        """Give all files of a commit."""
        return self._under(self.root_tree(commit), "")

    def _from_entry(self, entry: Entry, path: str) -> Iterator[Blob]:
        if entry.is_folder:
            yield from self._under(entry.id, f"{path}/")
        elif entry.mode == FileMode.COMMIT:
            raise RevisionRefused(f"{path} is a submodule, and what it holds is not here")
        else:
            yield Blob(path, entry.id, entry.mode == FileMode.LINK)

    def _under(self, tree: str, prefix: str) -> Iterator[Blob]:
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

    def entry(self, commit: str, path: str) -> Entry | None:
        """Return the folder or file at a path of a commit; None where there is none."""
        parts = PurePosixPath(f"{self.prefix}{path}").parts
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

    def root_tree(self, commit: str) -> str:
        """Return the id of a commit's tree below the folder."""
        found = self.entry(commit, "")
        if found is None or not found.is_folder:
            raise RevisionRefused(f"{self._below} is not there at {commit[:10]}")
        return found.id

    def contents(self, commit: str, blobs: Iterable[Blob]) -> dict[str, bytes]:
        """Return what files hold, by their paths; links are followed."""
        return {
            one.path: self.content(self._followed(commit, one) if one.is_link else one)
            for one in blobs
        }

    def _followed(self, commit: str, link: Blob) -> Blob:
        """Return the file of the same tree that a symbolic link leads to."""
        found = link
        for _ in range(_MOST_LINKS):
            place = _joined(found.path, plain_name(self.content(found), slashes=True))
            entry = None if place is None else self.entry(commit, place)
            if entry is None or entry.is_folder or place is None:
                break
            found = Blob(place, entry.id, entry.mode == FileMode.LINK)
            if not found.is_link:
                return found
        raise RevisionRefused(
            f"{link.path} is a symbolic link that leads to no file below the root; use a plain file"
        )

    def content(self, blob: Blob) -> bytes:
        """Return what a file holds; of a link, where it leads to."""
        known = self._contents.get(blob.id)
        if known is None:
            size = self._repo.size(blob.id)
            if size > MOST_FILE_BYTES:
                raise RevisionRefused(
                    f"{blob.path} has {size >> 20} MiB, and {MOST_FILE_BYTES >> 20} is the most"
                )
            known = self._repo.content(blob.id)
            self._contents.put(blob.id, known)
        return known


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
