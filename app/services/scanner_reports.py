"""A file of results of scanners, read twice: for what they are known again by, and one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from app.domain.scanning import MAX_RESULTS, Home, Reported, ScannerRun, Trace
from app.domain.targets import Target
from app.domain.traces import Source
from app.errors import FieldError, InvalidInput
from app.formats.sarif.reader import RunReader
from app.formats.sarif.stream import RunHead, heads, results
from app.sandbox.source import SourceError, list_sources, read_source

_KEPT_SOURCES = 400
_NO_FINDING = frozenset({"pass", "notApplicable", "informational"})


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


class ScannerReport:
    """A file of results: its runs, and what each of its results is known again by."""

    def __init__(self, file: IO[bytes], options: ReportOptions, target: Target, home: Home) -> None:
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
        self._readers = [RunReader(head, options.root, known, self._look, home) for head in found]
        self.runs: list[ScannerRun] = [reader.run for reader in self._readers]
        self.traces: list[Trace | None] = []
        """Of each result; None for what is no finding."""
        for result in self.read():
            self.traces.append(
                None
                if result is None or result.kind in _NO_FINDING or is_absent(result)
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


def is_absent(result: Reported) -> bool:
    """Tell whether a tool says of a result that it is no longer there."""
    return result.kept.get("baselineState") == "absent"
