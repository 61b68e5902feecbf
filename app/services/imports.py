"""Imports: documents become tickets, and tickets follow their documents.

A document that was imported before is compared three ways: what it said then, what it says now, and
what the ticket says. What only the document changed is taken; what only this service changed stays;
where both changed a field it is a conflict, and nothing is taken unless the client says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.domain.accounts import Actor
from app.domain.documents import ImportItem, ImportOptions, ImportResult, SourceFile
from app.errors import Conflict, FindingsError
from app.formats.markdown import FormatError
from app.services.intake import Intake
from app.services.reading import Reading, read
from app.storage.unit import UnitOfWork


class ImportService:
    """Documents of Markdown that become tickets."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

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
            known |= intake.entered
            return item
        except Conflict as error:
            return intake.item(ImportResult.CONFLICT, reading.facts.key, reason=error.detail)


async def _read(file: SourceFile, options: ImportOptions) -> Reading | ImportItem:
    """Read a document, or say why it cannot be read."""
    if file.refused is not None:
        return ImportItem(file.path, None, ImportResult.REJECTED, 1, file.refused)
    try:
        # Reading takes milliseconds of computing; other requests go on meanwhile.
        return await asyncio.to_thread(read, file, options.status_from)
    except FormatError as error:
        return _rejected(file, error)


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
