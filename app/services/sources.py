"""Where the files of a target come from: its folder, or a commit of its repository."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from app.domain.revisions import RevisionRefused
from app.domain.targets import Target, TargetFiles
from app.sandbox.arms import package_digest, read_target
from app.sandbox.snapshot import Snapshot, take_snapshot
from app.sandbox.watch import look_at
from app.targets.history import History


class Sources:
    """Reads targets. Every method does file work: call it in a thread."""

    def __init__(self) -> None:
        self._histories: dict[str, tuple[Target, History]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._lock = threading.Lock()

    def history(self, target: Target) -> History:
        """Return the history of a target.

        Raises:
            RevisionRefused: it has none, or it cannot be opened.
        """
        with self._lock:
            known = self._histories.get(target.name)
            if known is None or known[0] != target:
                known = self._histories[target.name] = target, History(target)
            return known[1]

    def read(
        self, target: Target, revision: str | None = None, *, in_force: str | None = None
    ) -> TargetFiles:
        """Return what an arm is made of: the package of a revision, and the suite in force.

        Args:
            target: the target.
            revision: id of a commit; None for what is in force.
            in_force: the commit that was in force at the moment in question; None for now.

        Raises:
            RevisionRefused: the revision cannot be used.
            FolderError: the folder cannot be read.
            OSError: a file cannot be read.
        """
        if target.revision is None:
            here = read_target(target)
            if revision is None:
                return here
            return self.history(target).read_beside(revision, here)
        history = self.history(target)
        return history.read(revision, in_force or history.in_force() or "")

    def snapshot(self, target: Target) -> Snapshot:
        """Return what is in force.

        Raises:
            RevisionRefused: the revision that is to be in force cannot be used.
            FolderError: the folder cannot be read.
            OSError: a file cannot be read.
        """
        if target.revision is None:
            return take_snapshot(target)
        history = self.history(target)
        commit = history.in_force() or ""
        with self._lock:
            known = self._snapshots.get(target.name)
        if known is None or known.target != target or known.revision != commit:
            known = take_snapshot(target, history.read(None, commit), commit)
            with self._lock:
                self._snapshots[target.name] = known
        return known

    def package_digest(self, target: Target, revision: str) -> str:
        """Return the digest of a package at a revision.

        Raises:
            RevisionRefused: the revision cannot be used.
            FolderError: the folder cannot be read.
            OSError: a file cannot be read.
        """
        return package_digest(target, self.read(target, revision).package)

    def look(self, target: Target) -> Hashable:
        """Return what tells whether that which is in force has changed.

        Raises:
            RevisionRefused: the revision that is to be in force cannot be used.
            OSError: a folder cannot be read.
        """
        if target.revision is None:
            return look_at(target)
        return self.history(target).in_force()


def refusal(target: Target, error: Exception) -> str:
    """Return in words why a target cannot be read."""
    if isinstance(error, RevisionRefused):
        return f"The target {target.name} cannot be used: {error}."
    return f"The target {target.name} cannot be read: {error}."
