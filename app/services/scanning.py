"""Reports of scanners: each result a ticket, and the same ticket at every later report.

A report is taken whole or not at all. It never closes anything: a complete run that says it
succeeded can only note that a finding of a rule it knows is not reported any more, which the
scanner then says in a review.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Any

import orjson

from app.domain.accounts import Actor
from app.domain.documents import ImportedReview, ImportItem, ImportResult
from app.domain.evidence import EvidenceState, assess
from app.domain.scanning import (
    MAX_RESULTS,
    Matching,
    Reported,
    ScannerRun,
    ScannerTable,
    StoredResult,
    Suppressed,
    Trace,
    match,
)
from app.domain.targets import Target
from app.domain.tickets import Location, PartChange, ReportReference, Section, TicketDraft
from app.domain.traces import Source, digest
from app.errors import FieldError, InvalidInput
from app.formats.sarif.reader import RunReader
from app.formats.sarif.stream import RunHead, heads, results
from app.sandbox.source import SourceError, list_sources, read_source
from app.services.access import lock_ticket, shown
from app.services.documents import change_document
from app.storage.unit import Stores, UnitOfWork

_BATCH = 200
_KEPT_SOURCES = 400

_NO_FINDING = frozenset({"pass", "notApplicable", "informational"})
_VERDICTS = {
    Suppressed.ACCEPTED: "OBJECT",
    Suppressed.UNDER_REVIEW: "NEUTRAL",
    Suppressed.REJECTED: "NEUTRAL",
}


@dataclass(frozen=True)
class ReportOptions:
    """How a report is to be taken."""

    name: str | None = None
    """The file's name, which tickets then state as their report."""
    root: str | None = None
    """The folder that the code lay in when it was scanned."""
    batch: int = 0
    """Of new tickets."""
    complete: bool = False
    """The report is of all the code: what is not in it is not reported any more."""
    dry_run: bool = False


class ScanningService:
    """Reports of scanners that become tickets."""

    def __init__(self, unit: UnitOfWork, target: Target, table: ScannerTable) -> None:
        self._unit = unit
        self._target = target
        self._table = table

    async def take(self, actor: Actor, file: IO[bytes], options: ReportOptions) -> list[ImportItem]:
        """Take a SARIF file, all of it or nothing; a dry run leaves nothing.

        Returns:
            What became of each result, in their order; before those of a run its notices.

        Raises:
            InvalidInput: the file is no SARIF 2.1.0, or has too many results.
        """
        report = await asyncio.to_thread(_Report, file, options, self._target)
        async with self._unit.begin(commit=not options.dry_run) as stores:
            intake = _Intake(stores, actor, report, options, self._table)
            for scanner in sorted({run.scanner for run in report.runs}):
                await stores.scanning.begin_import(scanner)
            return await intake.take()


class _Report:
    """A file of results: its runs, and what each of its results is known again by."""

    def __init__(self, file: IO[bytes], options: ReportOptions, target: Target) -> None:
        self._file = file
        self._sources: dict[str, Source | None] = {}
        self._target = target
        found: list[RunHead] = heads(file)
        total = sum(head.results for head in found)
        if total > MAX_RESULTS:
            raise InvalidInput(
                FieldError("/runs", f"has {total} results; at most {MAX_RESULTS} at once")
            )
        known = frozenset(list_sources(target))
        self._readers = [RunReader(head, options.root, known, self._look) for head in found]
        self.runs: list[ScannerRun] = [reader.run for reader in self._readers]
        self.traces: list[Trace | None] = []
        """Of each result; None for what is no finding."""
        for result in self.read():
            self.traces.append(
                None
                if result is None or result.kind in _NO_FINDING or _absent(result)
                else result.trace
            )

    def read(self) -> Iterator[Reported | None]:
        """Yield the results, one at a time; None for one that is no object."""
        given = results(self._file)
        for reader in self._readers:
            for result in islice(given, reader.run.results):
                yield reader.read(result)

    def _look(self, path: str) -> Source | None:
        if path not in self._sources:
            if len(self._sources) >= _KEPT_SOURCES:
                self._sources.clear()
            self._sources[path] = self._read(path)
        return self._sources[path]

    def _read(self, path: str) -> Source | None:
        try:
            content = read_source(self._target, path)
        except SourceError:
            return None
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        return Source(text, is_python=path.endswith(".py"))


def _absent(result: Reported) -> bool:
    return result.kept.get("baselineState") == "absent"


class _Intake:
    """Takes a report, in a transaction."""

    def __init__(
        self,
        stores: Stores,
        actor: Actor,
        report: _Report,
        options: ReportOptions,
        table: ScannerTable,
    ) -> None:
        self._stores, self._actor, self._report = stores, actor, report
        self._options, self._table = options, table
        self._targets: set[str] = set()
        self._items: list[ImportItem] = []

    async def take(self) -> list[ImportItem]:
        self._targets = await self._stores.scanning.targets()
        await self._stores.documents.enter_specialists({run.scanner for run in self._report.runs})
        given, start = self._report.read(), 0
        numbers = Counter(run.scanner for run in self._report.runs)
        for run in self._report.runs:
            notices = [f"{run.tool}: {notice}" for notice in run.notices]
            if notices:
                self._note(None, ImportResult.UNCHANGED, *notices)
            traces = self._report.traces[start : start + run.results]
            await self._take_run(run, traces, given, alone=numbers[run.scanner] == 1)
            start += run.results
        return self._items

    async def _take_run(
        self,
        run: ScannerRun,
        traces: Sequence[Trace | None],
        given: Iterator[Reported | None],
        *,
        alone: bool,
    ) -> None:
        places = [n for n, trace in enumerate(traces) if trace is not None]
        found = [trace for trace in traces if trace is not None]
        stored = await self._stores.scanning.results_of(run.scanner)
        stored += await self._claimed(found, stored)
        matching = await asyncio.to_thread(match, [s.trace for s in stored], found)
        number = dict(zip(places, range(len(places)), strict=True))
        new = len(found) - len(matching.pairs)
        code = run.scanner.replace("-", "").upper()[:20]
        code = code if code[0].isalpha() else f"S{code}"
        keys = await self._stores.scanning.mint_keys(self._options.batch, code, new) if new else []
        names = iter(keys)
        at = 0
        while at < run.results:
            count = min(_BATCH, run.results - at)
            batch = await asyncio.to_thread(list, islice(given, count))
            rows = []
            for n, result in enumerate(batch, at):
                index = number.get(n)
                if result is None or index is None:
                    self._pass_over(result)
                    continue
                before = stored[matching.pairs[index]] if index in matching.pairs else None
                row = await self._take_result(
                    run, result, before, names, _like(matching, stored, index)
                )
                if row is not None:
                    rows.append(row)
            await self._stores.scanning.save(run.scanner, run.tool, rows)
            at += count
        if self._options.complete and run.succeeded and alone:
            await self._miss(run, stored, matching)

    async def _claimed(
        self, found: Sequence[Trace], stored: Sequence[StoredResult]
    ) -> list[StoredResult]:
        """Return tickets that results name by their keys and that the scanner has not reported."""
        known = {result.trace.key for result in stored}
        named = {trace.key for trace in found if trace.key and trace.key not in known}
        if not named:
            return []
        ids = await self._stores.scanning.tickets_named(named)
        return [StoredResult(n, "", True, Trace("", key=key)) for key, n in sorted(ids.items())]

    def _note(self, key: str | None, result: ImportResult, *warnings: str, **more: Any) -> None:
        self._items.append(ImportItem(self._options.name, key, result, warnings=warnings, **more))

    def _pass_over(self, result: Reported | None) -> None:
        if result is None:
            reason = "a result that is no object; nothing of it was taken"
            self._items.append(
                ImportItem(self._options.name, None, ImportResult.REJECTED, reason=reason)
            )
        elif _absent(result):
            self._note(None, ImportResult.UNCHANGED, f"{result.title}: absent, says the tool")
        else:
            self._note(None, ImportResult.UNCHANGED, f"{result.title}: {result.kind}, no finding")

    async def _take_result(
        self,
        run: ScannerRun,
        result: Reported,
        before: StoredResult | None,
        names: Iterator[str],
        like: tuple[str, ...],
    ) -> tuple[int, Trace, str, Mapping[str, Any]] | None:
        stamp = _stamp(result)
        said = {
            "level": result.level,
            "kind": result.kind,
            "message": result.message,
            **result.kept,
        }
        if result.suppressions is not None:
            said["suppressions"] = [
                {"kind": s.kind, "status": s.status.value}
                | ({"justification": s.justification} if s.justification else {})
                for s in result.suppressions
            ]
        if before is None:
            key = next(names)
            warnings = (*result.warnings, *(f"similar to {other}" for other in like))
            ticket_id = await self._file(run, result, key)
            self._note(key, ImportResult.CREATED, *warnings)
        else:
            key, ticket_id = str(before.trace.key), before.ticket_id
            if before.digest == stamp and before.reported:
                self._note(key, ImportResult.UNCHANGED, *result.warnings)
                return None
            changes = await self._move(key, result, before)
            if not before.reported:
                changes = {"reported": [False, True], **changes}
            self._note(key, ImportResult.UPDATED, *result.warnings, changes=changes)
        await self._suppress(run, result, ticket_id, key, first=before is None)
        return ticket_id, replace(result.trace, key=None), stamp, said

    async def _file(self, run: ScannerRun, result: Reported, key: str) -> int:
        domains = self._table.domains(run.scanner, result)
        draft = TicketDraft(
            title=result.title,
            severity=self._table.severity(run.scanner, result),
            batch=self._options.batch,
            agent=run.scanner,
            summary=result.message,
            domains=domains,
            categories=self._table.categories(run.scanner, result),
            locations=result.locations,
            sections=tuple(_sections(run, result)),
            reports=(ReportReference(self._options.name or run.tool, result.rule[:200]),),
        )
        added = await self._stores.filing.add(
            draft, key, self._actor, self._evidence(domains), action="ticket.imported"
        )
        return added.id

    def _evidence(self, domains: Sequence[str]) -> EvidenceState:
        covered = self._stores.placement.of(domains) in self._targets
        return assess(covered=covered, linked=0, decision=None, now=None).state

    async def _move(self, key: str, result: Reported, before: StoredResult) -> dict[str, list[Any]]:
        """Let the ticket's first location follow the result, unless people have changed it."""
        place = result.locations[0] if result.locations else None
        if place is None or (place.path, place.start_line) == (
            before.trace.path,
            before.trace.line,
        ):
            return {}
        await lock_ticket(self._stores, key)
        ticket = await shown(self._stores, key)
        first = ticket.locations[0] if ticket.locations else None
        was = (before.trace.path, before.trace.line)
        if first is None or (first.path, first.start_line) != was:
            return {}
        fields = {"path": place.path, "start_line": place.start_line, "end_line": place.end_line}
        if place.symbol:
            fields["symbol"] = place.symbol
        kept: list[Location | PartChange] = [
            PartChange(str(first.id), fields),
            *(PartChange(str(other.id), {}) for other in ticket.locations[1:]),
        ]
        await change_document(
            self._stores,
            self._actor,
            ticket,
            {"locations": kept},
            action="ticket.imported",
        )
        return {"location": [_words(*was), _words(place.path, place.start_line)]}

    async def _suppress(
        self, run: ScannerRun, result: Reported, ticket_id: int, key: str, *, first: bool
    ) -> None:
        """Record what silences a result as a review; the newest of them counts."""
        reviews = [
            ImportedReview(
                run.scanner,
                _VERDICTS[silenced.status],
                f"Suppressed ({silenced.kind}, {silenced.status}): "
                f"{silenced.justification or 'no justification is given'}",
                None,
            )
            for silenced in result.suppressions or ()
        ]
        if reviews:
            version = 1 if first else (await lock_ticket(self._stores, key)).version
            await self._stores.documents.add_reviews(
                ticket_id, version, self._actor.account, reviews, first=first
            )

    async def _miss(
        self, run: ScannerRun, stored: Sequence[StoredResult], matching: Matching
    ) -> None:
        """Note what a complete run no longer has, of the rules that it knows."""
        there = set(matching.pairs.values())
        gone = [
            result
            for n, result in enumerate(stored)
            if n not in there and result.reported and result.trace.rule in run.rules
        ]
        review = ImportedReview(
            run.scanner, "NEUTRAL", f"Not reported any more by {run.tool}.", None
        )
        for result in gone:
            key = str(result.trace.key)
            locked = await lock_ticket(self._stores, key)
            await self._stores.documents.add_reviews(
                result.ticket_id, locked.version, self._actor.account, [review], first=False
            )
            await self._stores.audit.record(
                self._actor,
                "ticket.not-reported",
                ticket_id=result.ticket_id,
                changes={"scanner": [None, run.tool]},
            )
            self._note(key, ImportResult.UPDATED, changes={"reported": [True, False]})
        await self._stores.scanning.mark_gone(run.scanner, [r.ticket_id for r in gone])


def _like(matching: Matching, stored: Sequence[StoredResult], index: int) -> tuple[str, ...]:
    return tuple(str(stored[n].trace.key) for n in matching.likely.get(index, ()))


def _words(path: str | None, line: int | None) -> str | None:
    return path if line is None else f"{path}:{line}"


def _stamp(result: Reported) -> str:
    """Return the digest of all that is taken of a result."""
    silenced = [(s.status, s.justification or "", s.kind) for s in result.suppressions or ()]
    places = [(p.path, p.start_line, p.end_line, p.symbol) for p in result.locations[:1]]
    kept = {name: value for name, value in result.kept.items() if name != "baselineState"}
    return digest(
        orjson.dumps(
            [result.rule, result.level, result.kind, result.message, silenced, places, kept],
            option=orjson.OPT_SORT_KEYS,
        ).decode(),
        *(str(part) for part in (result.trace.code, result.trace.symbol, *result.trace.prints)),
    )


def _sections(run: ScannerRun, result: Reported) -> Iterator[Section]:
    about = [f"Reported by {run.tool}, rule `{result.rule.replace('`', '')}`, as {result.level}."]
    if result.about_rule:
        about.append(result.about_rule)
    yield Section("Detailed Description", "\n\n".join(about))
    if result.code:
        fence = "`" * max(3, _longest_ticks(result.code) + 1)
        yield Section("Evidence", f"{fence}\n{result.code}\n{fence}")


def _longest_ticks(text: str) -> int:
    longest = length = 0
    for letter in text:
        length = length + 1 if letter == "`" else 0
        longest = max(longest, length)
    return longest
