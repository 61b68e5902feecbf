"""Which layout documents have: the nearest of those that ship, or one made of what they state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from app.formats.layouts.document import LaidOut, read_scan
from app.formats.layouts.layout import NAMES, Layout, shipped, usual_words
from app.formats.layouts.scan import Scan, folded, key_and_text
from app.formats.markdown.problems import FormatError

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
    for fact in NAMES:
        places = [
            (kind, name)
            for wanted in NAMES[fact]
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
