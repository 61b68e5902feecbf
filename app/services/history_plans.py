"""Which revisions a run is about, and what their arms hold: read when it is triggered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.arms import plan_history
from app.domain.revisions import RevisionRefused
from app.domain.runs import ArmPlan, NamedCommit, RunKind
from app.domain.targets import Target
from app.errors import FieldError, InvalidInput
from app.sandbox.digests import FolderError
from app.sandbox.snapshot import Snapshot
from app.services.sources import Sources
from app.targets.history import History


@dataclass(frozen=True)
class Wanted:
    """The revisions that a caller names: a check's, or both sides of a proof."""

    revision: str | None = None
    before: str | None = None
    after: str | None = None

    def __bool__(self) -> bool:
        return any((self.revision, self.before, self.after))


@dataclass(frozen=True)
class HistoryPlan:
    """Arms of revisions, and what is told of the commits."""

    arms: tuple[ArmPlan, ...]
    commits: tuple[NamedCommit, ...]


class HistoryPlans:
    """Plans the arms of runs that name revisions."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def plan(
        self, kind: RunKind, snapshot: Snapshot, wanted: Wanted, commits: Sequence[str]
    ) -> HistoryPlan | None:
        """Return the arms of a run, or None where history has nothing to do with it.

        Args:
            kind: of the run.
            snapshot: what is in force.
            wanted: the revisions that the caller names.
            commits: those that the ticket names; a proof takes them where nothing is wanted.

        Raises:
            InvalidInput: a named revision cannot be used.
        """
        target = snapshot.target
        if not wanted and (kind is not RunKind.PROOF or target.git_dir is None or not commits):
            return None
        return await asyncio.to_thread(self._plan, kind, snapshot, wanted, commits)

    def _plan(
        self, kind: RunKind, snapshot: Snapshot, wanted: Wanted, commits: Sequence[str]
    ) -> HistoryPlan | None:
        target = snapshot.target
        try:
            history = self._sources.history(target)
        except RevisionRefused as refused:
            if not wanted:
                return None
            field = "revision" if wanted.revision else "before" if wanted.before else "after"
            raise _refused(field, refused) from None
        if kind is RunKind.CHECK:
            return self._check(history, snapshot, wanted.revision or "")
        if wanted:
            before, after = _sides(history, snapshot, wanted)
        else:
            named = _of_commits(history, commits)
            if named is None:
                return None
            before, after = named
        return self._proof(history, snapshot, before, after, fields=bool(wanted))

    def _check(self, history: History, snapshot: Snapshot, name: str) -> HistoryPlan:
        commit = _resolved(history, name, "revision")
        if commit == snapshot.revision:
            arm = ArmPlan("bundled", revision=commit)
        else:
            digest = self._digest(snapshot.target, commit, "revision")
            arm = ArmPlan("revision", revision=commit, package_digest=digest)
        return HistoryPlan((arm,), _named(history, [commit]))

    def _proof(
        self, history: History, snapshot: Snapshot, before: str, after: str, *, fields: bool
    ) -> HistoryPlan:
        target = snapshot.target
        names = ("before", "after") if fields else ("commits", "commits")
        digests = [
            self._digest(target, commit, name)
            for commit, name in zip((before, after), names, strict=True)
        ]
        arms = plan_history(
            ArmPlan("before", revision=before, package_digest=digests[0]),
            ArmPlan("after", revision=after, package_digest=digests[1]),
            ArmPlan("bundled", revision=snapshot.revision),
        )
        return HistoryPlan(arms, _named(history, [arm.revision for arm in arms]))

    def _digest(self, target: Target, commit: str, field: str) -> str:
        try:
            return self._sources.package_digest(target, commit)
        except (RevisionRefused, FolderError, OSError) as error:
            raise _refused(field, error) from None


def _sides(history: History, snapshot: Snapshot, wanted: Wanted) -> tuple[str, str]:
    """Return both sides of a proof; one that is not named follows from the other."""
    after = None
    if wanted.after is not None:
        after = _resolved(history, wanted.after, "after")
    if wanted.before is not None:
        before = _resolved(history, wanted.before, "before")
        return before, after or snapshot.revision or history.resolve("HEAD")
    assert after is not None
    try:
        return history.first_parent(after), after
    except RevisionRefused as refused:
        raise _refused("after", refused) from None


def _of_commits(history: History, commits: Sequence[str]) -> tuple[str, str] | None:
    """Return before and after of the commits that a ticket names; None: it names none.

    Those that leave the packages alone, as one that files the ticket does, stand back. Where
    several follow each other, before lies ahead of the first and after is the last of them.
    """
    known = dict.fromkeys(filter(None, map(history.known, commits)))
    if not known:
        return None
    touching = [commit for commit in known if _touches(history, commit)] or list(known)
    after = next((one for one in touching if _follows_all(history, one, touching)), touching[-1])
    chain = [one for one in touching if history.is_ancestor(one, after)]
    first = next(
        (one for one in chain if all(history.is_ancestor(one, other) for other in chain)), after
    )
    try:
        return history.first_parent(first), after
    except RevisionRefused as refused:
        raise _refused("commits", refused) from None


def _touches(history: History, commit: str) -> bool:
    try:
        return history.touches(commit)
    except RevisionRefused:
        return False


def _follows_all(history: History, commit: str, others: Sequence[str]) -> bool:
    return all(history.is_ancestor(other, commit) for other in others)


def _resolved(history: History, name: str, field: str) -> str:
    try:
        return history.resolve(name)
    except RevisionRefused as refused:
        raise _refused(field, refused) from None


def _refused(field: str, error: Exception) -> InvalidInput:
    return InvalidInput(FieldError(f"/{field}", str(error)))


def _named(history: History, ids: Sequence[str | None]) -> tuple[NamedCommit, ...]:
    found = []
    for commit in dict.fromkeys(filter(None, ids)):
        told = history.describe(commit)
        found.append(
            NamedCommit(told.id, told.at.isoformat(), told.author or "", told.subject or "")
        )
    return tuple(found)
