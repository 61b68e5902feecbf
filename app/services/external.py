"""What others report of the tests of tickets: kept beside what was run here, and never counted.

A report is taken whole or not at all. It changes no evidence and opens no gate. What it tells of a
test that failed and passed on the same code goes to that test's figures of flakes.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from app.domain.accounts import Actor
from app.domain.documents import ImportItem, ImportResult
from app.domain.external import (
    ExternalResult,
    ReportedOutcome,
    ReportedTest,
    ReportOrigin,
    TestNames,
    again,
    chosen,
)
from app.formats.junit.reader import JUnitReport, read
from app.services.access import load_ticket, lock_ticket
from app.services.service import Service
from app.storage.external import KnownTests
from app.storage.unit import Stores

_DEFAULT_SOURCE = "junit"


@dataclass(frozen=True)
class JUnitOptions:
    """How a report of CI is to be taken."""

    name: str | None = None
    """The file's."""
    source: str | None = None
    """Left out, the report's own name."""
    commit: str | None = None
    url: str | None = None
    dry_run: bool = False


class ExternalService(Service):
    """Reported results of tests."""

    async def take(self, actor: Actor, file: IO[bytes], options: JUnitOptions) -> list[ImportItem]:
        """Take a JUnit report; a dry run leaves nothing.

        Returns:
            What became of each test, in their order, under the first ticket that it is about.

        Raises:
            InvalidInput: the file is no JUnit, or has too many tests.
        """
        async with self._unit.read() as stores:
            known = await stores.external.known()
        report = await asyncio.to_thread(_read, file, known)
        origin = ReportOrigin(
            options.source or report.name or _DEFAULT_SOURCE,
            options.commit,
            options.url,
            report.ran_at,
        )
        found = chosen(report.tests, known.links)
        async with self._unit.begin(commit=not options.dry_run) as stores:
            named = {key for _, keys in found for key in keys}
            ids = await stores.tickets.ids_of(sorted(named)) if named else {}
            wanted = [
                (test, {key: ids[key] for key in keys if key in ids}, keys) for test, keys in found
            ]
            results = await _keep(
                stores, actor, origin, [(test, about) for test, about, _ in wanted], known.targets
            )
        return [_item(options.name, test, about, keys, results) for test, about, keys in wanted]

    async def add(
        self, actor: Actor, key: str, origin: ReportOrigin, tests: Sequence[ReportedTest]
    ) -> list[ExternalResult]:
        """Keep reported results of a ticket's tests; return all of them as they are now.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.begin() as stores:
            ticket = await lock_ticket(stores, key)
            known = await stores.external.known()
            names = TestNames(known.targets)
            read = [replace(test, node_id=names.of("", test.node_id)) for test in tests]
            about = {key: ticket.id}
            await _keep(stores, actor, origin, [(test, about) for test in read], known.targets)
            found = await stores.external.of_ticket(ticket.id, after=None, limit=len(tests))
        wanted = {test.node_id for test in read}
        return [one for one in found if one.node_id in wanted and one.source == origin.source]

    async def of_ticket(
        self, key: str, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[ExternalResult]:
        """Return what was reported of a ticket's tests, newest first.

        Raises:
            NotFound: there is no such ticket.
        """
        async with self._unit.read() as stores:
            ticket = await load_ticket(stores, key)
            return await stores.external.of_ticket(ticket.id, after=after, limit=limit)


def _read(file: IO[bytes], known: KnownTests) -> JUnitReport:
    return read(file, TestNames(known.targets))


_Kept = Mapping[tuple[int, str], tuple[ImportResult, ReportedTest, ReportedTest | None]]
"""What became of a test's result of a ticket, by ticket and node id: as it is, and as it was."""


async def _keep(
    stores: Stores,
    actor: Actor,
    origin: ReportOrigin,
    tests: Sequence[tuple[ReportedTest, Mapping[str, int]]],
    targets: Mapping[str, str],
) -> _Kept:
    """Keep what is new of tests, each with the tickets that it is about."""
    await stores.external.begin_report(origin.source)
    ids = {ticket_id for _, about in tests for ticket_id in about.values()}
    before = await stores.external.reported(ids, origin) if ids else {}
    kept: dict[tuple[int, str], tuple[ImportResult, ReportedTest, ReportedTest | None]] = {}
    for test, about in tests:
        for ticket_id in about.values():
            was = before.get((ticket_id, test.node_id))
            now = test if was is None else again(was, test)
            if was is None:
                result = ImportResult.CREATED
            elif _plain(was) == _plain(now):
                result = ImportResult.UNCHANGED
            else:
                result = ImportResult.UPDATED
            kept[ticket_id, test.node_id] = (result, now, was)
    changed = {
        place: now
        for place, (result, now, _) in kept.items()
        if result is not ImportResult.UNCHANGED
    }
    await stores.external.save(
        actor.account, origin, [(ticket_id, now) for (ticket_id, _), now in changed.items()]
    )
    await _note_flakes(stores, kept, targets)
    await _record(stores, actor, origin, changed)
    return kept


async def _note_flakes(stores: Stores, kept: _Kept, targets: Mapping[str, str]) -> None:
    """Count up the flakes of tests that are newly told to be flaky."""
    flaky: dict[str, set[str]] = defaultdict(set)
    for (_, node_id), (_, now, was) in kept.items():
        told = was is not None and was.outcome is ReportedOutcome.FLAKY
        if now.outcome is ReportedOutcome.FLAKY and not told and node_id in targets:
            flaky[targets[node_id]].add(node_id)
    for target, node_ids in flaky.items():
        await stores.catalogue.mark_flakes(target, sorted(node_ids))


async def _record(
    stores: Stores,
    actor: Actor,
    origin: ReportOrigin,
    changed: Mapping[tuple[int, str], ReportedTest],
) -> None:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for (ticket_id, _), now in changed.items():
        counts[ticket_id][now.outcome.value] += 1
    for ticket_id, found in sorted(counts.items()):
        told = {"source": origin.source, "commit": origin.commit, **found}
        await stores.audit.record(
            actor,
            "ticket.results-reported",
            ticket_id=ticket_id,
            changes={"external_results": [None, told]},
        )


def _plain(test: ReportedTest) -> tuple[Any, ...]:
    return (test.outcome, test.message, test.passes, test.failures, test.duration_s)


def _item(
    name: str | None,
    test: ReportedTest,
    about: Mapping[str, int],
    keys: Sequence[str],
    kept: _Kept,
) -> ImportItem:
    missing = [key for key in keys if key not in about]
    warnings = [f"{test.node_id}: there is no ticket {key[:60]}" for key in missing]
    if not about:
        if not missing:
            warnings.append(f"{test.node_id}: no ticket is linked with it")
        return ImportItem(name, None, ImportResult.UNCHANGED, warnings=tuple(warnings))
    key, *others = about
    result, now, was = kept[about[key], test.node_id]
    if others:
        warnings.append(f"{test.node_id}: also kept at {', '.join(others)}")
    if now.outcome is ReportedOutcome.FLAKY:
        warnings.append(f"{test.node_id}: failed and passed on the same code")
    changes = {}
    if result is not ImportResult.UNCHANGED:
        changes = {test.node_id: [was and was.outcome, now.outcome]}
    return ImportItem(name, key, result, warnings=tuple(warnings), changes=changes)
