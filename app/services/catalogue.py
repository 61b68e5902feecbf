"""The catalogue of tests, kept in step with the target's files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import Protocol, TypeVar

from app.domain import diffs
from app.domain.accounts import Actor
from app.domain.catalogue import CatalogueTest, TargetState
from app.domain.revisions import RevisionRefused
from app.domain.runs import TestPurpose
from app.domain.targets import Target
from app.errors import FindingsError, Unavailable
from app.sandbox.digests import FolderError
from app.sandbox.interface import Collection
from app.sandbox.snapshot import Snapshot
from app.services.evidence import reassess_all
from app.services.places import PlaceService
from app.services.sources import Sources, refusal
from app.storage.unit import Stores, UnitOfWork

Value = TypeVar("Value")

log = logging.getLogger(__name__)

LOOKS_EVERY_S = 1.0
_ASKS_WORKERS_EVERY = 5
"""Once in so many looks."""
_TRIES_AGAIN_EVERY = 30
"""So many looks after a suite could not be collected for want of what it needs."""
_READS_AGAIN_EVERY = 10
"""So many looks after a target could not be read, while it looks the same."""
_MOST_TRIES = 5
_MOST_NAMED = 20


class _Moved(Exception):
    """The target changed on the disk while its state was being stored."""


class _Unreadable(Unavailable):
    """The files of a target cannot be read."""


class Collector(Protocol):
    """Collects a suite in the sandbox."""

    async def __call__(
        self, target: Target, submitted: Mapping[str, str] | None = None
    ) -> Collection:
        """Collect the suite of `target`, with submitted files (by path below it) beside."""
        ...


@dataclass(frozen=True)
class SyncReport:
    """What a sync found."""

    target: str
    tests: int
    errors: tuple[str, ...]
    """Files that could not be collected, each with the reason."""
    warnings: tuple[str, ...]
    """What is odd: about marks, keys that name no ticket, and files that skip themselves."""
    package_digest: str
    suite_digest: str
    revision: str | None = None
    """The commit that is in force; a folder has none."""


class CatalogueService:
    """What can be run."""

    def __init__(
        self,
        unit: UnitOfWork,
        target: Target,
        collector: Collector,
        sources: Sources,
        places: PlaceService,
        *,
        sweeps: bool = False,
    ) -> None:
        """With `sweeps` all tickets are looked at again when the package changes."""
        self._unit = unit
        self._target = target
        self._collector = collector
        self._sources = sources
        self._places = places
        self._read: tuple[Hashable, _Unreadable | None, float] = (None, None, 0.0)
        """How it looked when it was read last, why it could not be read, and when that was."""
        self._collected = False
        self._sweeps = sweeps
        self.failure: str | None = None
        """Why the suite could not be collected when that was tried last."""

    @property
    def target(self) -> Target:
        """What it is the catalogue of."""
        return self._target

    async def sync(self, actor: Actor | None = None) -> SyncReport:
        """Collect the suite anew and bring evidence in step with it.

        Raises:
            Unavailable: the target's folders cannot be read.
        """
        return await _again(self._sync, actor)

    async def _sync(self, actor: Actor | None) -> SyncReport:
        snapshot = await self.snapshot()
        report = await self._collect(snapshot, actor)
        await self._places.follow(snapshot)
        return report

    async def in_step(self) -> Snapshot:
        """Return the target as it is now, after bringing catalogue and evidence in step with it.

        Raises:
            Unavailable: the target's folders cannot be read.
        """
        return await _again(self._in_step)

    async def _in_step(self) -> Snapshot:
        snapshot = await self.snapshot()
        async with self._unit.read() as stores:
            known = await stores.catalogue.target(self._target.name)
        if known is None or known.suite_digest != snapshot.suite_digest:
            await self._mark_changed(snapshot)
            await self._collect(snapshot, None)
        elif known.errors and (
            not self._collected or known.package_digest != snapshot.package_digest
        ):
            # It may have been the package, or the entry, that a file could not be collected for.
            await self._collect(snapshot, None)
        elif (known.package_digest, known.revision) != (
            snapshot.package_digest,
            snapshot.revision,
        ):
            async with self._unit.begin() as stores:
                await self._save(stores, snapshot, known.errors)
        await self._places.follow(snapshot)
        return snapshot

    async def keep_in_step(self) -> None:
        """Bring evidence in step with the disk and the workers again and again, until cancelled.

        Whoever reads a ticket sees within two seconds that package or suite has changed.
        """
        seen: Hashable = None
        refused: Hashable = None
        for turn in count():
            await asyncio.sleep(LOOKS_EVERY_S)
            try:
                now = await asyncio.to_thread(self._sources.look, self._target)
                # What failed for another reason than its files may be mended meanwhile.
                again = self.failure is not None and turn % _TRIES_AGAIN_EVERY == 0
                if now == refused and turn % _READS_AGAIN_EVERY:
                    continue  # it may hold very much, and still cannot be read
                refused = None
                if now != seen or again:
                    await self._follow()
                    seen = now
                elif turn % _ASKS_WORKERS_EVERY == 0:
                    await self._environments_in_step()
            except _Unreadable as error:
                refused = now
                log.warning("the target is not in step: %s", error.detail)
            except (OSError, RevisionRefused) as error:
                log.warning("the target cannot be looked at: %s", error)
            except FindingsError as error:
                log.warning("the target is not in step: %s", error.detail)
            except Exception:
                # Whatever it was: what is shown must not stand still from here on.
                log.exception("the target is not in step")

    async def _follow(self) -> None:
        """Bring it in step; a suite that cannot be collected is so until something changes."""
        try:
            await self.in_step()
        except Unavailable as error:
            if self.failure is None:
                raise
            log.warning("the target is not in step: %s", error.detail)

    async def _environments_in_step(self) -> None:
        """Bring evidence in step with the environments of the workers that live."""
        async with self._unit.read() as stores:
            known = await stores.catalogue.target(self._target.name)
            living = await stores.workers.environments(self._target.name)
        if known is not None and list(known.environments) != living:
            await _again(self._renew)

    async def _renew(self) -> None:
        snapshot = await self.snapshot()
        async with self._unit.begin() as stores:
            known = await stores.catalogue.target(self._target.name)
            stands = known is not None and known.suite_digest == snapshot.suite_digest
            if known is not None and stands and not known.errors:
                await self._save(stores, snapshot, known.errors)
        if known is not None and stands and known.errors:
            await self._collect(snapshot, None)  # what was missing may be installed

    async def collect_with(self, submitted: Mapping[str, str]) -> Collection:
        """Collect submitted files as they would stand beside the suite; stores nothing."""
        return await self._collector(self._target, submitted)

    async def tests(self, *, after: int, limit: int) -> list[tuple[int, CatalogueTest]]:
        """Return tests with their positions, in suite order."""
        async with self._unit.read() as stores:
            return await stores.catalogue.tests(self._target.name, after=after, limit=limit)

    async def count(self) -> tuple[int, bool]:
        """Return how many tests there are, and that it is exact."""
        async with self._unit.read() as stores:
            return await stores.catalogue.count(self._target.name), True

    async def snapshot(self) -> Snapshot:
        """Read the target from the disk.

        Raises:
            Unavailable: its folders cannot be read.
        """
        try:
            return await asyncio.to_thread(self._sources.snapshot, self._target)
        except (FolderError, OSError, RevisionRefused) as error:
            raise _Unreadable(refusal(self._target, error)) from error

    async def require_readable(self) -> None:
        """See that the target can be read; what was read, and looks the same, is not read again.

        Raises:
            Unavailable: it cannot be read.
        """
        try:
            look = await asyncio.to_thread(self._sources.look, self._target)
        except (FolderError, OSError, RevisionRefused):
            look = None  # reading it says why
        seen, refused, at = self._read
        # What a repository lacked may be there by now, and looks the same.
        old = refused is not None and monotonic() - at > _READS_AGAIN_EVERY * LOOKS_EVERY_S
        if look is None or look != seen or old:
            refused = None
            try:
                await self.snapshot()
            except _Unreadable as error:
                refused = error
            self._read = look, refused, monotonic()
        if refused is not None:
            raise refused

    async def _mark_changed(self, snapshot: Snapshot) -> None:
        """Make evidence stale that rests on files which changed; to collect them takes longer.

        What another sync has collected of the very same meanwhile stays.
        """
        async with self._unit.begin() as stores:
            known = await stores.catalogue.lock_target(self._target.name)
            if known is None or known.suite_digest == snapshot.suite_digest:
                return
            found = [
                replace(test, digest=snapshot.test_digests.get(test.path, test.digest))
                for _, test in await stores.catalogue.tests(self._target.name)
            ]
            await self._save(stores, snapshot, known.errors, found, collected=False)

    async def _collect(self, snapshot: Snapshot, actor: Actor | None) -> SyncReport:
        try:
            collection = await self._collector(self._target)
        except FindingsError as error:
            self.failure = error.detail
            raise
        self.failure = None
        self._collected = True
        found = [
            CatalogueTest(
                node_id=test.node_id,
                path=test.path,
                doc=test.doc,
                findings=test.findings,
                digest=snapshot.test_digests.get(test.path, snapshot.suite_digest),
                purpose=TestPurpose(test.purpose),
                warnings=test.warnings,
            )
            for test in collection.tests
        ]
        async with self._unit.begin() as stores:
            if collection.errors:
                found += await self._not_collected(stores, snapshot, found)
            await self._save(stores, snapshot, collection.errors, found)
            unknown = await _unknown_keys(stores, found)
            if actor is not None:
                await stores.audit.record(
                    actor, "tests.synced", changes={"tests": [None, len(found)]}
                )
        return SyncReport(
            target=self._target.name,
            tests=len(found),
            errors=collection.errors,
            warnings=(*collection.warnings, *unknown),
            package_digest=snapshot.package_digest,
            suite_digest=snapshot.suite_digest,
            revision=snapshot.revision,
        )

    async def _not_collected(
        self, stores: Stores, snapshot: Snapshot, found: list[CatalogueTest]
    ) -> list[CatalogueTest]:
        """Return what is known of files that are there but yield no test while something is broken.

        A package or support file that does not import hides tests; it does not unlink them.
        """
        collected = {test.path for test in found}
        return [
            replace(test, digest=snapshot.test_digests[test.path])
            for _, test in await stores.catalogue.tests(self._target.name)
            if test.path in snapshot.test_digests and test.path not in collected
        ]

    async def _save(
        self,
        stores: Stores,
        snapshot: Snapshot,
        errors: tuple[str, ...],
        found: list[CatalogueTest] | None = None,
        *,
        collected: bool = True,
    ) -> None:
        """Store what is known of the target now, and bring all evidence in step with it.

        Until the suite is `collected` it has no digest, so that it will be.
        """
        state = TargetState(
            name=self._target.name,
            test_files=snapshot.test_digests,
            support_digest=snapshot.support_digest,
            environments=tuple(await stores.workers.environments(self._target.name)),
            package_digest=snapshot.package_digest,
            suite_digest=snapshot.suite_digest if collected else "",
            domains=self._target.domains,
            errors=errors,
            synced_at=datetime.now(UTC),
            revision=snapshot.revision,
        )
        await stores.catalogue.save_target(state)
        # Whoever stored a later state while this one waited must not be overwritten.
        now = await self.snapshot()
        if (now.package_digest, now.suite_digest, now.revision) != (
            snapshot.package_digest,
            snapshot.suite_digest,
            snapshot.revision,
        ):
            raise _Moved
        await stores.ticket_edits.look_for_commits(self._target.name)
        before = await stores.catalogue.mark_in_force(state)
        if before is not None and self._sweeps:
            await self._ask_for_sweep(stores, state, before)
        if found is not None:
            await stores.catalogue.replace_tests(self._target.name, found)
        patches = await stores.patches.of_target(self._target.name)
        texts = [patch.text for patch in patches]
        ways = await asyncio.to_thread(how_they_apply, snapshot, texts)
        await stores.patches.mark_applies(list(zip(patches, ways, strict=True)))
        held = await stores.ticket_edits.with_evidence(self._target.name)
        await reassess_all(stores, held, state)

    async def _ask_for_sweep(self, stores: Stores, state: TargetState, before: str) -> None:
        """Have all tickets looked at that tests are linked with: what is in force has changed."""
        if not await stores.ticket_edits.linked(state.name):
            return
        await stores.sweeps.supersede(state.name)
        sweep_id = await stores.sweeps.add(
            state.name,
            revision=state.revision,
            package_digest=state.package_digest,
            suite_digest=state.suite_digest,
            previous=before,
            actor=None,
        )
        await stores.jobs.defer_sweep(sweep_id, state.name)


async def _unknown_keys(stores: Stores, found: Sequence[CatalogueTest]) -> list[str]:
    """Say which keys of markers name no ticket: misspelt, or not filed yet."""
    named = sorted({key for test in found for key in test.findings})
    known = await stores.catalogue.tickets_named(named)
    unknown = [key for key in named if key not in known]
    if not unknown:
        return []
    listed, more = ", ".join(unknown[:_MOST_NAMED]), len(unknown) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return [f"marks name keys of which there is no ticket: {listed}{rest}"]


async def _again(work: Callable[..., Awaitable[Value]], *given: object) -> Value:
    """Do what reads the target once more when it changes meanwhile.

    Raises:
        Unavailable: it changes all the time.
    """
    for _ in range(_MOST_TRIES):
        try:
            return await work(*given)
        except _Moved:
            continue
    raise Unavailable("The target's files change all the time. Try again when they are written.")


def how_they_apply(snapshot: Snapshot, texts: Iterable[str]) -> list[str]:
    """Return ``forward``, ``reverse`` or ``no`` for patches against the package of `snapshot`.

    Of thousands of files this takes as long as many answers: use a thread.
    """
    files, packages = snapshot.package_files, snapshot.target.packages
    ways = (diffs.read_stored(text, files, packages=packages)[1] for text in texts)
    return ["forward" if way is diffs.Applies.BOTH else way.value for way in ways]
