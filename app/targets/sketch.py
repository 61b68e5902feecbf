"""What a commit holds, laid into a folder as far as it is needed to see what a project is.

Names all become files, and those of small text at the top, which say how a project is set up, their
content. Nothing is checked out: an arm is made of the objects themselves.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path, PurePosixPath

from pygit2.enums import FileMode

from app.domain.revisions import RevisionRefused
from app.targets.blobs import plain_name
from app.targets.repository import Entry, Repository

_MOST_ENTRIES = 20_000
_MOST_BYTES = 1 << 20
_SAYING = frozenset({".toml", ".cfg", ".ini", ".txt", ".in", ".py", ""})
_DEPTH_OF_SAYING = 2


def lay(repository: Repository, commit: str, below: str, folder: Path) -> None:
    """Lay the tree of a commit, from the folder `below` of it on, into an empty folder.

    Of a very large tree the entries nearest the top are laid. Links and submodules are left out.

    Raises:
        RevisionRefused: an object is missing, or `below` is not there.
    """
    left = deque([(PurePosixPath(), _tree_at(repository, commit, below))])
    room = _MOST_ENTRIES
    while left:
        path, tree = left.popleft()
        (folder / path).mkdir(exist_ok=True)
        for entry in repository.entries(tree):
            room -= 1
            if room < 0:
                return
            place = path / plain_name(entry.name)
            if entry.is_folder:
                left.append((place, entry.id))
            elif entry.mode not in (FileMode.LINK, FileMode.COMMIT):
                (folder / place).write_bytes(_content(repository, place, entry))


def _tree_at(repository: Repository, commit: str, below: str) -> str:
    tree = repository.tree(commit)
    for part in PurePosixPath(below).parts:
        inside = (one for one in repository.entries(tree) if one.is_folder)
        found = next((one.id for one in inside if one.name == part.encode()), None)
        if found is None:
            raise RevisionRefused(f"{below} is not there at {commit[:10]}")
        tree = found
    return tree


def _content(repository: Repository, place: PurePosixPath, entry: Entry) -> bytes:
    says = place.suffix in _SAYING and len(place.parts) <= _DEPTH_OF_SAYING
    if not says or repository.size(entry.id) > _MOST_BYTES:
        return b""
    return repository.content(entry.id)
