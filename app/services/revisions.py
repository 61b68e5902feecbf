"""Revisions of targets as clients see them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.revisions import Revision, RevisionRefused
from app.domain.targets import Target
from app.errors import FieldError, InvalidInput, Unavailable
from app.services.catalogues import Catalogues
from app.services.sources import Sources, refusal
from app.storage.unit import UnitOfWork
from app.targets.history import FileDiff, History


@dataclass(frozen=True)
class RevisionView:
    """A revision in the list of a target's."""

    id: str
    at: datetime
    author: str | None
    subject: str | None
    parents: tuple[str, ...]
    touches: bool
    """It changes the packages, against its first parent or what was in force before it."""
    in_force: bool


Position = tuple[Any, ...]
"""Where a page of revisions ended."""


class RevisionService:
    """What targets were."""

    def __init__(self, unit: UnitOfWork, catalogues: Catalogues, sources: Sources) -> None:
        self._unit = unit
        self._catalogues = catalogues
        self._sources = sources

    async def page(
        self, name: str, *, start: str | None, after: Position | None, limit: int
    ) -> tuple[list[RevisionView], Position | None]:
        """Return revisions of a target, newest first, and where the page ended if there is more.

        Of a git repository, commits from what is in force backwards, children before their
        parents; of a folder, the states in which the service has seen it.

        Args:
            name: the target.
            start: begin with this revision instead.
            after: where the page before ended.
            limit: how many.

        Raises:
            NotFound: there is no such target.
            InvalidInput: there is no such revision.
            Unavailable: the target cannot be used.
        """
        target = self._catalogues.of(name).target
        if target.git_dir is None:
            return await self._states(target, start, after, limit)
        try:
            return await asyncio.to_thread(self._commits, target, start, after, limit)
        except RevisionRefused as refused:
            raise Unavailable(refusal(target, refused)) from None

    def _commits(
        self, target: Target, start: str | None, after: Position | None, limit: int
    ) -> tuple[list[RevisionView], Position | None]:
        history = self._sources.history(target)
        in_force = history.in_force()
        if after is not None:
            tip, first = str(after[0]), int(after[1])
        else:
            tip, first = in_force or history.resolve("HEAD"), 0
            if start is not None:
                tip = resolved(history, start, "from", location="query")
        ids = history.walk(tip)
        found = [_commit_view(history, one, in_force) for one in ids[first : first + limit]]
        more = (tip, first + limit) if len(ids) > first + limit else None
        return found, more

    async def _states(
        self, target: Target, start: str | None, after: Position | None, limit: int
    ) -> tuple[list[RevisionView], Position | None]:
        if start is not None:
            told = f"{target.name} is a folder, whose revisions have no names; leave it out"
            raise InvalidInput(FieldError("/from", told, location="query"))
        async with self._unit.read() as stores:
            state = await stores.catalogue.target(target.name)
            rows = await stores.catalogue.was_in_force(
                target.name, before=None if after is None else int(after[0]), limit=limit + 1
            )
        now = None if state is None else state.package_digest
        found = [
            RevisionView(
                id=one.id,
                at=one.at,
                author=None,
                subject=None,
                parents=(rows[n + 1][1].id,) if n + 1 < len(rows) else (),
                touches=True,
                in_force=one.id == now and n == 0 and after is None,
            )
            for n, (_, one) in enumerate(rows[:limit])
        ]
        return found, (rows[limit - 1][0],) if len(rows) > limit else None

    async def described(self, name: str, ids: Iterable[str]) -> Mapping[str, Revision]:
        """Return what is told of commits, as far as they are (still) there."""
        target = self._target(name)
        wanted = list(dict.fromkeys(ids))
        if target is None or target.git_dir is None or not wanted:
            return {}
        return await asyncio.to_thread(self._described, target, wanted)

    def _described(self, target: Target, wanted: Iterable[str]) -> dict[str, Revision]:
        found = {}
        try:
            history = self._sources.history(target)
        except RevisionRefused:
            return {}
        for commit in wanted:
            try:
                found[commit] = history.describe(commit)
            except RevisionRefused:
                continue
        return found

    def has_history(self, name: str | None) -> bool:
        """Tell whether a target is, or lies in, a git repository."""
        target = None if name is None else self._target(name)
        return target is not None and target.git_dir is not None

    async def diff(self, name: str, before: str, after: str) -> list[FileDiff]:
        """Return what changed in a target's packages between two commits that are there."""
        target = self._target(name)
        if target is None or target.git_dir is None:
            return []
        try:
            return await asyncio.to_thread(
                lambda: self._sources.history(target).diff(before, after)
            )
        except RevisionRefused:
            return []

    def _target(self, name: str) -> Target | None:
        return next((one.target for one in self._catalogues.all() if one.target.name == name), None)


def resolved(history: History, name: str, field: str, *, location: str = "body") -> str:
    """Return the id of the commit that a field of a request names.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return history.resolve(name)
    except RevisionRefused as refused:
        raise InvalidInput(FieldError(f"/{field}", str(refused), location=location)) from None


def _commit_view(history: History, commit: str, in_force: str | None) -> RevisionView:
    found = history.describe(commit)
    return RevisionView(
        id=found.id,
        at=found.at,
        author=found.author,
        subject=found.subject,
        parents=found.parents,
        touches=history.touches(commit),
        in_force=commit == in_force,
    )
