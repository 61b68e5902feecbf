"""Git repositories made on the spot, by the library that reads them: no program is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

START = 1_700_000_000


class MadeRepository:
    """A bare repository that commits are put into."""

    def __init__(self, folder: Path, *, bare: bool = True) -> None:
        self.folder = folder
        self.repo = pygit2.init_repository(str(folder), bare=bare, initial_head="main")
        self._made = 0

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        message: str = "Something changes",
        parents: list[str] | None = None,
        branch: str = "main",
        links: Mapping[str, str] | None = None,
    ) -> str:
        """Commit files over those of the first parent, and return the commit's id.

        None takes a file away. `links` are symbolic links, by path. Without `parents` the branch
        goes on from where it is.
        """
        ref = f"refs/heads/{branch}"
        if parents is None:
            parents = [str(self.repo.references[ref].target)] if ref in self.repo.references else []
        base = self.repo[parents[0]].tree if parents else None
        index = pygit2.Index()
        if base is not None:
            index.read_tree(base)
        for path, content in files.items():
            if content is None:
                index.remove(path)
                continue
            data = content.encode() if isinstance(content, str) else content
            index.add(pygit2.IndexEntry(path, self.repo.create_blob(data), FileMode.BLOB))
        for path, leads_to in (links or {}).items():
            blob = self.repo.create_blob(leads_to.encode())
            index.add(pygit2.IndexEntry(path, blob, FileMode.LINK))
        return self.commit_tree(str(index.write_tree(self.repo)), message, parents, branch)

    def commit_tree(self, tree: str, message: str, parents: list[str], branch: str = "main") -> str:
        """Commit a tree, and set the branch to it."""
        self._made += 1
        by = pygit2.Signature("Ada", "ada@example.org", START + 60 * self._made, 0)
        found = self.repo.create_commit(None, by, by, message, tree, parents)
        self.set(branch, str(found))
        return str(found)

    def set(self, branch: str, commit: str) -> None:
        """Set a branch to a commit."""
        self.repo.references.create(f"refs/heads/{branch}", commit, force=True)
