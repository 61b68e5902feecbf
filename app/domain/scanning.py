"""Results of scanners: what one of them says, and which ticket it belongs to.

A result is known again, the surest sign first, by the key of its ticket where it states one, by a
fingerprint of its tool that stands once in the file, by its code together with the symbol that the
code stands in, and last by less of that where nothing else comes into question. What is only
similar is proposed and never taken: two findings made one are worse than one made two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from app.domain.tickets import Category, Location, Severity

MAX_RESULTS = 100_000
"""So many results one import may bring."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a result is known again by; digests are of texts that may be long."""

    rule: str
    path: str | None = None
    line: int | None = None
    symbol: str | None = None
    """The function or class that the code stands in."""
    code: str | None = None
    """Digest of the code, however it is indented."""
    before: str | None = None
    after: str | None = None
    """Digests of the code's neighbours."""
    says: str | None = None
    """Digest of the message without its numbers."""
    prints: tuple[str, ...] = ()
    """Digests of the tool's own fingerprints, with their names."""
    key: str | None = None
    """Of the ticket: as the result states it, or as it is."""
    title: str | None = None
    """Of that ticket, where the result states both and not which installation it is of."""


@dataclass(frozen=True)
class Home:
    """What tells that an export names tickets of this installation."""

    url: str
    """Below it are the pages of tickets; another installation may have the same one."""
    installations: frozenset[str] = frozenset()
    """Its own id, and those whose whole exports were taken in."""


@dataclass(frozen=True)
class Matching:
    """Which of the known traces each found one continues, by their places in the lists."""

    pairs: Mapping[int, int]
    likely: Mapping[int, tuple[int, ...]]
    """What those without a pair are similar to."""


def match(known: Sequence[Trace], found: Sequence[Trace]) -> Matching:
    """Find which known trace each found one continues; no known one is taken twice."""
    pairing = _Pairing(known, found)
    keys = {trace.key: n for n, trace in enumerate(known) if trace.key}
    for n, trace in enumerate(found):
        if trace.key in keys:
            pairing.join(keys[trace.key], n)
    pairing.by_prints()
    for level in _LEVELS:
        pairing.by(level.key, in_order=level.in_order)
    pairing.by_single_code()
    return Matching(pairing.pairs, pairing.likely())


def match_of_run(known: Sequence[Trace], found: Sequence[Trace], spoken: Set[int]) -> Matching:
    """Match what a run of a report found with what is known.

    Those known ones whose places are `spoken` continue in another run of the same report already.
    They are found here too, and so meant, only at the very same place; code that is alike elsewhere
    has not moved there.
    """
    if not spoken:
        return match(known, found)
    there: dict[Hashable, list[int]] = defaultdict(list)
    for k in sorted(spoken, reverse=True):
        there[_place(known[k])].append(k)
    named = {known[k].key: k for k in spoken if known[k].key}
    same = {}
    for n, trace in enumerate(found):
        if trace.key in named:
            same[n] = named[trace.key]
        elif there.get(_place(trace)):
            same[n] = there[_place(trace)].pop()
    old = [k for k in range(len(known)) if k not in spoken]
    new = [n for n in range(len(found)) if n not in same]
    rest = match([known[k] for k in old], [found[n] for n in new])
    return Matching(
        {**same, **{new[n]: old[k] for n, k in rest.pairs.items()}},
        {new[n]: tuple(old[k] for k in near) for n, near in rest.likely.items()},
    )


def _place(trace: Trace) -> Hashable:
    return trace.rule, trace.path, trace.line, trace.code, trace.says


class _Pairing:
    def __init__(self, known: Sequence[Trace], found: Sequence[Trace]) -> None:
        self._known, self._found = known, found
        self._left, self._right = dict.fromkeys(range(len(known))), dict.fromkeys(range(len(found)))
        self.pairs: dict[int, int] = {}

    def join(self, known: int, found: int) -> None:
        if known in self._left and found in self._right:
            del self._left[known], self._right[found]
            self.pairs[found] = known

    def by_prints(self) -> None:
        """Join what has the same fingerprint, where it stands once on either side."""
        was, now = _single_prints(self._known), _single_prints(self._found)
        for stamp, found in now.items():
            if stamp in was and self._known[was[stamp]].rule == self._found[found].rule:
                self.join(was[stamp], found)

    def by_single_code(self) -> None:
        """Join what has the same code, where the code stands once on either side, wherever."""
        was, now = _single_codes(self._known), _single_codes(self._found)
        for code, found in now.items():
            if code in was:
                self.join(was[code], found)

    def by(self, key: Callable[[Trace], Hashable | None], *, in_order: bool) -> None:
        """Join what has the same value where it is single; or, in order, where counts agree."""
        was = self._groups(self._known, self._left, key)
        now = self._groups(self._found, self._right, key)
        for value, found in now.items():
            known = was.get(value, [])
            if len(known) == len(found) and (in_order or len(known) == 1):
                for pair in zip(known, found, strict=True):
                    self.join(*pair)

    def likely(self) -> dict[int, tuple[int, ...]]:
        """Propose for what is left whatever has the same rule at the same place or symbol."""
        by_place: dict[Hashable, list[int]] = defaultdict(list)
        for n in self._left:
            for value in _places(self._known[n]):
                by_place[value].append(n)
        proposed = {}
        for n in self._right:
            near = [k for value in _places(self._found[n]) for k in by_place.get(value, ())]
            if near:
                proposed[n] = tuple(dict.fromkeys(near))[:3]
        return proposed

    @staticmethod
    def _groups(
        traces: Sequence[Trace], open_: Iterable[int], key: Callable[[Trace], Hashable | None]
    ) -> dict[Hashable, list[int]]:
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for n in open_:
            value = key(traces[n])
            if value is not None:
                groups[value].append(n)
        for group in groups.values():
            group.sort(key=lambda n: (traces[n].path or "", traces[n].line or 0))
        return groups


def _single_prints(traces: Sequence[Trace]) -> dict[str, int]:
    counts = Counter(stamp for trace in traces for stamp in trace.prints)
    return {s: n for n, trace in enumerate(traces) for s in trace.prints if counts[s] == 1}


def _single_codes(traces: Sequence[Trace]) -> dict[Hashable, int]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for n, trace in enumerate(traces):
        if trace.code:
            found[trace.rule, trace.code].append(n)
    return {code: places[0] for code, places in found.items() if len(places) == 1}


def _places(trace: Trace) -> Iterable[Hashable]:
    if trace.code:
        yield trace.rule, "code", trace.code
    if trace.symbol:
        yield trace.rule, "symbol", trace.path, trace.symbol
    elif trace.path:
        yield trace.rule, "line", trace.path, trace.line


@dataclass(frozen=True)
class _Level:
    """What has to agree, from the surest to the least sure."""

    names: tuple[str, ...]
    needs: tuple[str, ...] = ("code",)
    in_order: bool = False

    def key(self, trace: Trace) -> Hashable | None:
        if any(getattr(trace, name) is None for name in self.needs):
            return None
        return tuple(getattr(trace, name) for name in self.names)


_LEVELS = (
    _Level(("rule", "path", "symbol", "code", "says", "before", "after"), in_order=True),
    _Level(("rule", "symbol", "code", "says", "before", "after"), in_order=True),
    _Level(("rule", "path", "symbol", "code", "says", "before"), ("code", "before")),
    _Level(("rule", "path", "symbol", "code", "says", "after"), ("code", "after")),
    _Level(("rule", "path", "symbol", "code", "says"), in_order=True),
    _Level(("rule", "symbol", "code", "says", "before"), ("code", "symbol", "before")),
    _Level(("rule", "symbol", "code", "says", "after"), ("code", "symbol", "after")),
    _Level(("rule", "symbol", "code", "says"), ("code", "symbol"), in_order=True),
    _Level(("rule", "path", "symbol", "code"), in_order=True),
    _Level(("rule", "code", "before", "after"), ("code", "before", "after")),
    _Level(("rule", "path", "code", "before"), ("code", "before")),
    _Level(("rule", "path", "code", "after"), ("code", "after")),
    _Level(("rule", "path", "code", "says")),
    _Level(("rule", "code", "says", "before"), ("code", "before")),
    _Level(("rule", "code", "says", "after"), ("code", "after")),
    # Without the code there is only what the tool says, and where.
    _Level(("rule", "path", "line", "symbol", "says", "code"), ("path", "says"), in_order=True),
    _Level(("rule", "path", "symbol", "says"), ("path", "symbol", "says")),
    _Level(("rule", "symbol", "says"), ("symbol", "says")),
    _Level(("rule", "says", "path", "code"), ("says",)),
)


class Suppressed(StrEnum):
    """What became of the wish to silence a result."""

    ACCEPTED = "accepted"
    UNDER_REVIEW = "underReview"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Suppression:
    """Somebody silenced a result."""

    status: Suppressed
    justification: str | None
    kind: str


@dataclass(frozen=True)
class Reported:
    """One result of a scanner, in the words of this service."""

    rule: str
    level: str
    kind: str
    title: str
    message: str
    locations: tuple[Location, ...]
    trace: Trace
    code: str | None
    """As the source has it, or else as the tool shows it."""
    about_rule: str | None
    tags: tuple[str, ...]
    security: float | None
    """0 to 10, as CVSS counts."""
    suppressions: tuple[Suppression, ...] | None
    """None where the tool says nothing of it."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """What goes out again as it came: fingerprints, columns, rank, and so on."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScannerRun:
    """A run of a scanner that a file reports."""

    scanner: str
    """Its name as a slug."""
    tool: str
    """Its name and version as it gives them."""
    rules: frozenset[str]
    succeeded: bool
    """It says so; silence is no success."""
    results: int
    notices: tuple[str, ...]
    """Errors and warnings of the run itself, such as files that it could not read."""


@dataclass(frozen=True)
class ScannerRow:
    """A row of the table of scanners: what it is about, and what it makes of that."""

    scanner: str = "*"
    rule: str = "*"
    tag: str = "*"
    level: str = "*"
    security: float | None = None
    """At least so much."""
    severity: Severity | None = None
    categories: tuple[Category, ...] | None = None
    domains: tuple[str, ...] | None = None

    def fits(self, scanner: str, result: Reported) -> bool:
        """Tell whether the row is about a result."""
        return (
            fnmatchcase(scanner, self.scanner)
            and fnmatchcase(result.rule, self.rule)
            and fnmatchcase(result.level, self.level)
            and (self.tag == "*" or any(fnmatchcase(tag, self.tag) for tag in result.tags))
            and (
                self.security is None
                or (result.security is not None and result.security >= self.security)
            )
        )


@dataclass(frozen=True)
class ScannerTable:
    """How grave results are and of which kind; for each question the first row that answers it."""

    rows: tuple[ScannerRow, ...]

    def severity(self, scanner: str, result: Reported) -> Severity:
        """Return how grave a result is; P3 where no row says."""
        return self._first("severity", scanner, result) or Severity.P3

    def categories(self, scanner: str, result: Reported) -> tuple[Category, ...]:
        """Return of which kind a result is."""
        return self._first("categories", scanner, result) or ()

    def domains(self, scanner: str, result: Reported) -> tuple[str, ...]:
        """Return which parts of the code a result belongs to."""
        return self._first("domains", scanner, result) or ()

    def _first(self, name: str, scanner: str, result: Reported) -> Any:
        for row in self.rows:
            if getattr(row, name) is not None and row.fits(scanner, result):
                return getattr(row, name)
        return None


@dataclass(frozen=True)
class StoredResult:
    """A result that has a ticket."""

    ticket_id: int
    digest: str
    """Of all that the import took."""
    reported: bool
    trace: Trace
