"""Results of scanners becoming tickets, and staying them: in one transaction, many at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import orjson

from app.domain.accounts import Actor
from app.domain.documents import ImportedReview, ImportItem, ImportResult
from app.domain.evidence import EvidenceState, assess
from app.domain.scanning import (
    Matching,
    Reported,
    ScannerRun,
    ScannerTable,
    StoredResult,
    Suppressed,
    Trace,
    match_of_run,
)
from app.domain.tickets import Location, PartChange, ReportReference, Section, TicketDraft
from app.domain.traces import digest
from app.services.access import load_ticket, lock_ticket
from app.services.documents import change_document
from app.services.scanner_reports import ReportOptions, ScannerReport, is_absent
from app.storage.tickets.filing_many import NewTicket
from app.storage.unit import Stores

_BATCH = 200
_VERDICTS = {
    Suppressed.ACCEPTED: "OBJECT",
    Suppressed.UNDER_REVIEW: "NEUTRAL",
    Suppressed.REJECTED: "NEUTRAL",
}

_Row = tuple[int, Trace, str, Mapping[str, Any]]


class ScanningIntake:
    """Takes a report, in a transaction."""

    def __init__(
        self,
        stores: Stores,
        actor: Actor,
        report: ScannerReport,
        options: ReportOptions,
        table: ScannerTable,
    ) -> None:
        self._stores, self._actor, self._report = stores, actor, report
        self._options, self._table = options, table
        self._targets: set[str] = set()
        self._items: list[ImportItem] = []
        self._spoken: set[int] = set()
        """Tickets that runs of this report are about, so far."""

    async def take(self) -> list[ImportItem]:
        """Take the whole report; return what became of each of its results."""
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
        named = await self._stores.scanning.tickets_named({t.key for t in found if t.key})
        found = [trace if _is_meant(trace, named) else replace(trace, key=None) for trace in found]
        stored = await self._stores.scanning.results_of(run.scanner)
        stored += _claimed(found, stored, named)
        spoken = frozenset(n for n, one in enumerate(stored) if one.ticket_id in self._spoken)
        traces_of = [one.trace for one in stored]
        matching = await asyncio.to_thread(match_of_run, traces_of, found, spoken)
        self._spoken |= {stored[n].ticket_id for n in matching.pairs.values()}
        number = dict(zip(places, range(len(places)), strict=True))
        count = len(found) - len(matching.pairs)
        code = run.scanner.replace("-", "").upper()[:20]
        code = code if code[0].isalpha() else f"S{code}"
        keys = (
            await self._stores.scanning.mint_keys(self._options.batch, code, count) if count else []
        )
        names = iter(keys)
        at = 0
        while at < run.results:
            count = min(_BATCH, run.results - at)
            batch = await asyncio.to_thread(list, islice(given, count))
            rows: list[_Row] = []
            new: list[tuple[str, Reported]] = []
            for n, result in enumerate(batch, at):
                index = number.get(n)
                if result is None or index is None:
                    self._pass_over(result)
                elif index in matching.pairs:
                    rows += await self._follow(run, result, stored[matching.pairs[index]])
                else:
                    key = next(names)
                    like = (f"similar to {key}" for key in _like(matching, stored, index))
                    self._note(key, ImportResult.CREATED, *result.warnings, *like)
                    new.append((key, result))
            filed = await self._file(run, new)
            self._spoken |= {row[0] for row in filed}
            rows += filed
            await self._stores.scanning.save(run.scanner, run.tool, rows)
            at += count
        if self._options.complete and run.succeeded and alone:
            await self._miss(run, stored, matching)

    def _note(self, key: str | None, result: ImportResult, *warnings: str, **more: Any) -> None:
        self._items.append(ImportItem(self._options.name, key, result, warnings=warnings, **more))

    def _pass_over(self, result: Reported | None) -> None:
        if result is None:
            reason = "a result that is no object; nothing of it was taken"
            self._items.append(
                ImportItem(self._options.name, None, ImportResult.REJECTED, reason=reason)
            )
        elif is_absent(result):
            self._note(None, ImportResult.UNCHANGED, f"{result.title}: absent, says the tool")
        else:
            self._note(None, ImportResult.UNCHANGED, f"{result.title}: {result.kind}, no finding")

    async def _follow(self, run: ScannerRun, result: Reported, before: StoredResult) -> list[_Row]:
        """Bring the ticket of a result in step with it; return what is to be kept, if anything."""
        key, stamp = str(before.trace.key), _stamp(result)
        if before.digest == stamp and before.reported:
            self._note(key, ImportResult.UNCHANGED, *result.warnings)
            return []
        changes = await self._move(key, result, before)
        if not before.reported:
            changes = {"reported": [False, True], **changes}
        self._note(key, ImportResult.UPDATED, *result.warnings, changes=changes)
        await self._suppress(run, result, before.ticket_id, key, first=False)
        return [(before.ticket_id, replace(result.trace, key=None), stamp, _exported(result))]

    async def _file(self, run: ScannerRun, new: Sequence[tuple[str, Reported]]) -> list[_Row]:
        """File the tickets of results that are new; return what is to be kept of them."""
        drafts = [NewTicket(key, *self._draft(run, result)) for key, result in new]
        ids = await self._stores.filing.add_many(drafts, self._actor, action="ticket.imported")
        for key, result in new:
            if result.suppressions:
                await self._suppress(run, result, ids[key], key, first=True)
        return [
            (ids[key], replace(result.trace, key=None), _stamp(result), _exported(result))
            for key, result in new
        ]

    def _draft(self, run: ScannerRun, result: Reported) -> tuple[TicketDraft, EvidenceState]:
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
        return draft, self._evidence(domains)

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
        ticket = await load_ticket(self._stores, key)
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


def _is_meant(trace: Trace, named: Mapping[str, tuple[int, str]]) -> bool:
    """Tell whether a result means the ticket whose key it states, if it states one."""
    found = named.get(trace.key) if trace.key else None
    return found is not None and trace.title in (None, found[1])


def _claimed(
    found: Sequence[Trace], stored: Sequence[StoredResult], named: Mapping[str, tuple[int, str]]
) -> list[StoredResult]:
    """Return tickets that results name by their keys and that the scanner has not reported."""
    known = {result.trace.key for result in stored}
    meant = {trace.key for trace in found if trace.key and trace.key not in known}
    return [StoredResult(named[key][0], "", True, Trace("", key=key)) for key in sorted(meant)]


def _exported(result: Reported) -> dict[str, Any]:
    """Return what goes out again as it came."""
    said = {"level": result.level, "kind": result.kind, "message": result.message, **result.kept}
    if result.suppressions is not None:
        said["suppressions"] = [
            {"kind": s.kind, "status": s.status.value}
            | ({"justification": s.justification} if s.justification else {})
            for s in result.suppressions
        ]
    return said


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
