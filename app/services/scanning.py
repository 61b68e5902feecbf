"""Reports of scanners: each result a ticket, and the same ticket at every later report.

A report is taken whole or not at all. It never closes anything: a complete run that says it
succeeded can only note that a finding of a rule it knows is not reported any more, which the
scanner then says in a review.
"""

from __future__ import annotations

import asyncio
from typing import IO

from app.domain.accounts import Actor
from app.domain.documents import ImportItem
from app.domain.scanning import Home, ScannerTable
from app.domain.targets import Target
from app.services.scanner_reports import ReportOptions, ScannerReport
from app.services.scanning_intake import ScanningIntake
from app.storage.unit import UnitOfWork

__all__ = ["ReportOptions", "ScanningService"]


class ScanningService:
    """Reports of scanners that become tickets."""

    def __init__(self, unit: UnitOfWork, target: Target, table: ScannerTable, url: str) -> None:
        self._unit, self._target, self._table, self._url = unit, target, table, url

    async def take(self, actor: Actor, file: IO[bytes], options: ReportOptions) -> list[ImportItem]:
        """Take a SARIF file, all of it or nothing; a dry run leaves nothing.

        Returns:
            What became of each result, in their order; before those of a run its notices.

        Raises:
            InvalidInput: the file is no SARIF 2.1.0, or has too many results.
        """
        async with self._unit.read() as stores:
            home = Home(self._url, await stores.transfer.installations())
        report = await asyncio.to_thread(ScannerReport, file, options, self._target, home)
        async with self._unit.begin(commit=not options.dry_run) as stores:
            intake = ScanningIntake(stores, actor, report, options, self._table)
            for scanner in sorted({run.scanner for run in report.runs}):
                await stores.scanning.begin_import(scanner)
            return await intake.take()
