"""Which layout documents have: the nearest of those that ship, or one made of what they state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from app.formats.layouts.document import LaidOut, read_scan
from app.formats.layouts.layout import FIELDS, Layout, shipped, usual_words
from app.formats.layouts.scan import Scan, folded, key_and_text
from app.formats.markdown.problems import FormatError

_NAMES: Mapping[str, Sequence[str]] = {
    "id": ("id", "ticket id", "finding id", "bug id", "issue id", "defect id", "key", "ticket"),
    "title": ("title", "name", "subject"),
    "severity": ("priority", "severity", "sev", "impact", "risk", "level"),
    "status": ("status", "state"),
    "batch": ("batch",),
    "agent": ("agent", "reporter", "found by", "discovered by", "reported by", "author"),
    "domains": ("domain", "domains", "subsystem", "component", "area", "module"),
    "assignee": ("assigned to", "assignee", "owner"),
    "created": ("created", "discovered", "discovered date", "date", "reported", "opened", "found"),
    "updated": ("last updated", "updated", "modified"),
    "files": ("file", "files", "file(s)", "path", "location"),
    "lines": ("line", "lines", "line(s)"),
    "symbol": ("function", "class", "function/class", "symbol", "method"),
    "summary": ("executive summary", "summary", "abstract", "description", "problem", "overview"),
    "related": ("relates to", "related", "related findings", "see also", "depends on"),
    "commits": ("commit", "commits", "fixed in", "fix commit"),
}
"""Names that facts have with others, the likelier first."""

_IN_PROSE = ("summary",)
_WEIGHTS = {"id": 4, "title": 2, "severity": 3, "status": 3}


def nearest(found: Scan) -> LaidOut | None:
    """Return the document by the layout of those that ship that reads most of it, if any does."""
    read = (_read(found, layout) for layout in shipped().values())
    return max((one for one in read if one is not None), key=_score, default=None)


def proposed(scans: Iterable[Scan]) -> Layout | None:
    """Return a layout that reads documents: of those that ship, or else one of their own names.

    None where they state no id that could be a ticket's.
    """
    looked = list(scans)
    own = _own(looked)
    best, most = None, 0.0
    for layout in (*shipped().values(), *([own] if own else [])):
        read = [one for one in (_read(found, layout) for found in looked) if one is not None]
        # Of one that ships the name is known.
        score = sum(map(_score, read)) - (0.5 if layout is own else 0)
        if read and score > most:
            best, most = layout, score
    return best


def _read(found: Scan, layout: Layout) -> LaidOut | None:
    try:
        return read_scan(found, layout)
    except FormatError:
        return None


def _score(document: LaidOut) -> float:
    """Weigh what a layout reads; words that it cannot read count against it.

    Of two that read the same that one is nearer which looks for it there first.
    """
    weight = float(sum(_WEIGHTS.get(name, 1) for name in document.places))
    for name, place in document.places.items():
        sought = [(kind, folded(named)) for kind, named in document.layout.read[name]]
        weight -= 0.01 * sought.index((place.kind, folded(place.name)))
    return weight - 2 * len(document.warnings) - 2 * bool(document.facts.severity_raw)


def _own(scans: Sequence[Scan]) -> Layout | None:
    """Return a layout of the names that documents use, those first that most of them do."""
    used: Counter[tuple[str, str]] = Counter()
    for found in scans:
        used.update({(one.kind, one.name) for one in found.stated if one.value or one.values})
    read: dict[str, list[tuple[str, str]]] = {}
    for fact in FIELDS:
        places = [
            (kind, name)
            for wanted in _NAMES[fact]
            for (kind, name), _ in used.most_common()
            if folded(name) == wanted and (kind == "heading") == (fact in _IN_PROSE)
        ]
        if fact in ("id", "title") and any(
            found.title and key_and_text(found.title.value)[0] for found in scans
        ):
            places.append(("title", ""))
        if places:
            read[fact] = places[:20]
    if "id" not in read:
        return None
    return Layout("own", "Made of the names that the documents use.", read, usual_words())
