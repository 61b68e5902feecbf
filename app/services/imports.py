"""Imports: documents become tickets, and tickets follow their documents.

A document that was imported before is compared three ways: what it said then, what it says now, and
what the ticket says. What only the document changed is taken; what only this service changed stays;
where both changed a field it is a conflict, and nothing is taken unless the client says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.accounts import Actor
from app.domain.documents import ImportItem, ImportOptions, ImportResult, SourceFile
from app.errors import Conflict, FieldError, FindingsError, InvalidInput
from app.formats import layouts, tracked
from app.formats.layouts.scan import scan
from app.formats.markdown import FormatError
from app.services.intake import Intake
from app.services.reading import Reading, read
from app.services.service import Service
from app.storage.unit import Stores

_TAKEN = (ImportResult.CREATED, ImportResult.UPDATED, ImportResult.UNCHANGED)
_LOOKED_AT = 100
"""So many documents a layout is proposed from."""


class ImportService(Service):
    """Documents of Markdown that become tickets."""

    async def take(
        self,
        actor: Actor,
        files: Iterable[SourceFile],
        paths: Collection[str],
        options: ImportOptions,
    ) -> list[ImportItem]:
        """Import documents, each in a transaction of its own; a dry run leaves nothing.

        Args:
            actor: who imports.
            files: the documents, read one after the other.
            paths: of all of them: a document whose path is among these has not moved elsewhere.
            options: how it is to go.

        Returns:
            What became of each document, in their order.
        """
        if not options.dry_run:
            return await self._take_all(actor, files, paths, options)
        items: list[ImportItem] = []
        try:
            async with self._unit.around():
                items = await self._take_all(actor, files, paths, options)
                raise _Undone
        except _Undone:
            return items

    async def proposed(self, files: Sequence[SourceFile]) -> Mapping[str, Any]:
        """Return the layout that reads most of documents of another project.

        Raises:
            InvalidInput: none of them states an id that could be a ticket's.
        """
        found = await asyncio.to_thread(_proposed, files[:_LOOKED_AT])
        if found is None:
            raise InvalidInput(
                FieldError(
                    "/layout",
                    "no layout reads these documents: none states an id such as B2-DRL-10 in a "
                    "title, a front matter, a table of two columns or a bold bullet",
                    location="query",
                )
            )
        return layouts.to_plain(found)

    async def _take_all(
        self,
        actor: Actor,
        files: Iterable[SourceFile],
        paths: Collection[str],
        options: ImportOptions,
    ) -> list[ImportItem]:
        """Import documents; while one is being stored the next is read."""
        progress = _Progress(set(), set())
        items = []
        upcoming: asyncio.Task[Reading | ImportItem] | None = None
        try:
            for file in files:
                reading, upcoming = upcoming, asyncio.create_task(_read(file, options))
                if reading is not None:
                    items.append(await self._take(actor, await reading, paths, options, progress))
            if upcoming is not None:
                items.append(await self._take(actor, await upcoming, paths, options, progress))
        finally:
            if upcoming is not None:
                upcoming.cancel()
        async with self._unit.begin() as stores:
            await stores.documents.make_durable()
        return items

    async def _take(
        self,
        actor: Actor,
        reading: Reading | ImportItem,
        paths: Collection[str],
        options: ImportOptions,
        progress: _Progress,
    ) -> ImportItem:
        if isinstance(reading, ImportItem):
            return reading
        if reading.path in progress.paths:
            reason = "the same path stands twice in this import; the first was taken"
            return ImportItem(reading.path, None, ImportResult.REJECTED, 1, reason)
        progress.paths.add(reading.path)
        known = progress.specialists
        try:
            async with self._unit.begin() as stores:
                intake = Intake(stores, actor, reading, options, known)
                item = await intake.take(paths)
                if reading.held.commits:
                    item = await _with_commits(stores, item)
            known |= intake.entered
            return _with_read(item, reading) if options.tell_read else item
        except Conflict as error:
            return intake.item(ImportResult.CONFLICT, reading.facts.key, reason=error.detail)


async def _read(file: SourceFile, options: ImportOptions) -> Reading | ImportItem:
    """Read a document, or say why it cannot be read."""
    if file.refused is not None:
        return ImportItem(file.path, None, ImportResult.REJECTED, 1, file.refused)
    try:
        # Reading takes milliseconds of computing; other requests go on meanwhile.
        layout = None if options.layout is None else layouts.from_plain(options.layout)
        return await asyncio.to_thread(read, file, options.status_from, layout)
    except FormatError as error:
        return _rejected(file, error)


async def _with_commits(stores: Stores, item: ImportItem) -> ImportItem:
    """Warn of commits that the repository of a ticket's target lacks."""
    if item.key is None or item.result not in _TAKEN:
        return item
    unknown = await stores.tickets.unknown_commits_of(item.key)
    told = tuple(
        f"its target's repository has no commit {one}; it counts for no gate" for one in unknown
    )
    return replace(item, warnings=(*item.warnings, *told))


def layout_named(text: str) -> Mapping[str, Any]:
    """Return a layout, given by the name of one that ships or by its TOML.

    Raises:
        InvalidInput: there is none of this name, or the TOML is no layout's.
    """
    shipped = layouts.shipped()
    if text in shipped:
        return layouts.to_plain(shipped[text])
    if "=" in text:
        return layouts.to_plain(layouts.from_toml(text))
    raise InvalidInput(
        FieldError(
            "/layout",
            f"{text[:60]!r} is no layout; name one that ships or `guess`, or send the TOML of one",
            allowed=(*shipped, "guess"),
            location="query",
        )
    )


def layout_text(layout: Mapping[str, Any]) -> str:
    """Return a layout as TOML."""
    return layouts.to_toml(layouts.from_plain(layout))


def _proposed(files: Sequence[SourceFile]) -> layouts.Layout | None:
    found = []
    for file in files:
        with contextlib.suppress(FormatError):
            found.append(scan(file.content))
    return layouts.proposed(found)


def _with_read(item: ImportItem, reading: Reading) -> ImportItem:
    stated = {
        name: [None, value]
        for name in tracked.FIELDS
        if (value := tracked.plain_value(reading.held, name)) not in (None, [], ())
    }
    for name in ("sections", "checklist", "locations"):
        if name in stated:
            stated[name] = [None, [_words(part) for part in stated[name][1]]]
    return replace(item, changes=stated)


def _words(part: Mapping[str, Any]) -> str:
    place = part.get("path") or part.get("symbol") or part.get("note")
    line = part.get("start_line")
    return str(part.get("heading") or part.get("text") or (f"{place}:{line}" if line else place))


@dataclass(frozen=True)
class _Progress:
    """What the documents so far have seen to."""

    paths: set[str]
    """Where they lie."""
    specialists: set[str]
    """Names of reviewers that are entered."""


class _Undone(Exception):  # a signal, no failure
    """Undoes a dry run."""


def _rejected(file: SourceFile, error: FindingsError) -> ImportItem:
    assert isinstance(error, FormatError)
    first, *others = error.problems
    reason = "; ".join([first.reason, *map(str, others)])
    return ImportItem(file.path, None, ImportResult.REJECTED, first.line, reason)
