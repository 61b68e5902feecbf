"""The code that tickets speak about, for those who review it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from app.domain.revisions import RevisionRefused
from app.domain.source import AROUND, Excerpt, LineRange, TicketAbout, cut, lines_of, lines_of_test
from app.domain.targets import Target
from app.domain.tickets import Location
from app.errors import FieldError, InvalidInput, NotFound
from app.sandbox.source import (
    MAX_BYTES,
    NotShown,
    SourceError,
    folders_of,
    list_sources,
    parts_of,
    read_source,
    stated_as,
)
from app.services.sources import Sources
from app.storage.unit import UnitOfWork
from app.targets.registry import Registry

_KEPT_S = 20.0
"""So long the list of a suite's patches is taken to hold."""

MOST_TEST_LINES = 80
"""Of a longer test the beginning is shown."""

MOST_ABOUT = 50
"""So many tickets are listed beside a file."""

MOST_PLACES = 20
"""Of more locations of a ticket the first ones are shown."""


@dataclass(frozen=True)
class PlaceSource:
    """The lines that a location of a ticket names, or why they cannot be shown."""

    location: str | None
    """Its id."""
    excerpt: Excerpt | None
    reason: str | None = None


class SourceService:
    """Files below the packages and the suite of a target, as they are now or at a revision."""

    def __init__(self, unit: UnitOfWork, declared: Registry, sources: Sources) -> None:
        """Of what is `declared` the first target is meant where none is named."""
        self._unit = unit
        self._declared = declared
        self._sources = sources
        self._patches: dict[str, tuple[float, list[str]]] = {}

    @property
    def _targets(self) -> Mapping[str, Target]:
        return self._declared.targets

    async def read(
        self,
        path: str,
        lines: LineRange | None = None,
        *,
        target: str | None = None,
        revision: str | None = None,
    ) -> Excerpt:
        """Return lines of a file; all of it, as far as there is room, where none are named.

        Raises:
            NotFound: there is no such target, or no such file below its packages and suite.
            InvalidInput: there is no such revision; or the file is no text or too large to show,
                or has no such lines.
        """
        found = self._of(target)
        return await asyncio.to_thread(self._read, found, path, lines, revision)

    async def files(self, *, target: str | None = None) -> tuple[str, list[str]]:
        """Return the target's name and the paths of the files that can be read.

        Raises:
            NotFound: there is no such target.
        """
        found = self._of(target)
        return found.name, await asyncio.to_thread(self._list, found)

    def stated_as(self, path: str) -> str:
        """Return a path as a ticket states it, relative to the target's root."""
        target = self._holding(path)
        return path if target is None else stated_as(target, path)

    def knows(self, path: str | None) -> bool:
        """Tell whether a path that a ticket states names a place where files may be read."""
        return self._holding(path or "") is not None

    async def about(self, path: str) -> Sequence[TicketAbout]:
        """Return the tickets that name a file, by their lines."""
        async with self._unit.read() as stores:
            return await stores.about.of_file(path, limit=MOST_ABOUT)

    async def suite_patches(self, target: str | None) -> list[str]:
        """Return the paths of the patches that lie in the suite of a target, a moment old.

        None for no target gives none.
        """
        if target is None or target not in self._targets:
            return []
        seen_at, found = self._patches.get(target, (-_KEPT_S, []))
        if time.monotonic() - seen_at >= _KEPT_S:
            _, paths = await self.files(target=target)
            found = [path for path in paths if path.endswith((".patch", ".diff"))]
            self._patches[target] = (time.monotonic(), found)
        return found

    async def suite_patch(self, target: str | None, path: str) -> str:
        """Return the text of a patch that lies in the suite of a target.

        Raises:
            NotFound: there is none at `path`.
        """
        if path not in await self.suite_patches(target):
            raise NotFound(f"The suite holds no patch {path[:200]!r}.")
        found = self._of(target)
        try:
            content = await asyncio.to_thread(self._content, found, path, self._in_force(found))
        except (SourceError, OSError):
            raise NotFound(f"The suite's patch {path[:200]!r} cannot be read.") from None
        return content.decode("utf-8", "replace")

    async def of_tests(self, target: str | None, node_ids: Sequence[str]) -> dict[str, Excerpt]:
        """Return the source of tests of a target's suite by their node ids, as far as it is there.

        A test whose file cannot be read, or does not hold it in plain form, is left out.
        """
        if target is None or target not in self._targets:
            return {}
        found = self._of(target)
        return await asyncio.to_thread(self._tests, found, node_ids[:MOST_PLACES])

    def _tests(self, target: Target, node_ids: Sequence[str]) -> dict[str, Excerpt]:
        shown: dict[str, Excerpt] = {}
        for node_id in node_ids:
            try:
                whole, _ = self._excerpt(
                    target, node_id.partition("::")[0], None, self._in_force(target)
                )
            except SourceError:
                continue
            lines = lines_of_test(whole.lines, node_id)
            if lines is not None:
                start, end = lines.start, min(lines.end, lines.start + MOST_TEST_LINES - 1)
                cut_out = whole.lines[start - 1 : end]
                shown[node_id] = replace(whole, start=start, lines=cut_out, next_line=None)
        return shown

    async def of_places(self, locations: Sequence[Location]) -> list[PlaceSource]:
        """Return the lines that a ticket's locations name, with some around them."""
        named = [place for place in locations if place.path and place.start_line]
        return await asyncio.to_thread(
            lambda: [self._place(place) for place in named[:MOST_PLACES]]
        )

    def _place(self, place: Location) -> PlaceSource:
        target = self._holding(place.path or "") or self._of(None)
        start = place.start_line or 1
        around = LineRange(start, place.end_line or start).widened(AROUND)
        path = stated_as(target, place.path or "")
        try:
            excerpt, total = self._excerpt(target, path, around, self._in_force(target))
        except SourceError as error:
            return PlaceSource(place.id, None, f"{path} {error}")
        if start > total:
            return PlaceSource(place.id, None, f"{path} has {total} lines")
        return PlaceSource(place.id, excerpt)

    def _list(self, target: Target, commit: str | None = None) -> list[str]:
        if target.revision is None and commit is None:
            return list_sources(target)
        try:
            history = self._sources.history(target)
            return history.paths(commit or history.in_force() or "")
        except RevisionRefused:
            return []

    def _in_force(self, target: Target) -> str | None:
        """Return the commit that files are read from; None where they are those of a folder."""
        if target.revision is None:
            return None
        try:
            return self._sources.history(target).in_force()
        except RevisionRefused as refused:
            raise SourceError(f"cannot be read: {refused}") from None

    def _read(
        self, target: Target, path: str, wanted: LineRange | None, revision: str | None
    ) -> Excerpt:
        commit = None
        try:
            if revision is None:
                commit = self._in_force(target)
            else:
                commit = self._sources.history(target).resolve(revision)
            excerpt, total = self._excerpt(target, path, wanted, commit)
        except RevisionRefused as refused:
            raise InvalidInput(FieldError("/revision", str(refused), location="query")) from None
        except NotShown as error:
            raise InvalidInput(FieldError("/path", f"{path} {error}", location="query")) from None
        except SourceError as error:
            near = get_close_matches(path[:200], self._list(target, commit), n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            shown = " and ".join(folders_of(target))
            raise NotFound(
                f"{path[:200]!r} {error}.{hint} Readable are the files below {shown}; "
                "GET /api/v1/source/files lists them."
            ) from None
        if wanted is not None and wanted.start > total:
            told = f"{path} has {total} lines"
            raise InvalidInput(FieldError("/lines", told, location="query"))
        return excerpt

    def _excerpt(
        self, target: Target, path: str, wanted: LineRange | None, commit: str | None
    ) -> tuple[Excerpt, int]:
        try:
            content = self._content(target, path, commit)
            every = lines_of(content)
        except SourceError:
            raise
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise NotShown(f"cannot be shown: {error}") from None
        start, lines, following = cut(every, wanted)
        excerpt = Excerpt(
            target=target.name,
            path=path,
            revision=commit,
            digest=hashlib.sha256(content).hexdigest(),
            total_lines=len(every),
            start=start,
            lines=lines,
            next_line=following,
        )
        return excerpt, len(every)

    def _content(self, target: Target, path: str, commit: str | None) -> bytes:
        if commit is None:
            return read_source(target, path)
        parts_of(target, path)
        try:
            found = self._sources.history(target).blob(path, commit)
        except RevisionRefused as refused:
            raise SourceError(f"cannot be read: {refused}") from None
        if found is None:
            raise SourceError(f"is no file at {commit[:10]}")
        if len(found) > MAX_BYTES:
            raise NotShown(f"is larger than {MAX_BYTES >> 20} MiB")
        return found

    def _holding(self, path: str) -> Target | None:
        """Return the first target that a path which a ticket states lies in."""
        for target in self._targets.values():
            found = stated_as(target, path)
            if any(found == top or found.startswith(f"{top}/") for top in folders_of(target)):
                return target
        return None

    def _of(self, name: str | None) -> Target:
        if name is None and self._targets:
            return next(iter(self._targets.values()))
        if name is not None and name in self._targets:
            return self._targets[name]
        known = ", ".join(self._targets) or "none that can be read"
        raise NotFound(f"There is no target {(name or '')[:60]!r}; there is {known}.")
