"""Locations: three cells and some bullets in a document, a list in the tracker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise, product
from pathlib import PurePosixPath

from app.domain.tickets import Location
from app.formats.markdown.blocks import ListItem
from app.formats.markdown.cells import code_spans, code_values, escape, strip_marks, unwrap, wrap
from app.formats.markdown.comments import protect, without_gaps
from app.formats.markdown.document import Document, DocumentSection, FieldTable, Odd, field_name
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    Present,
    field_rows,
    insert_sections,
    remove_field,
    section_lines,
    set_field,
)
from app.formats.markdown.source import Patch, Source

_RANGES = re.compile(r"\d{1,9}(?:[-–]\d{1,9})?(?:[ \t]*,[ \t]*\d{1,9}(?:[-–]\d{1,9})?)*")
_RANGE = re.compile(r"(\d{1,9})(?:[-–](\d{1,9}))?")
_NAMED = re.compile(r"(?P<name>[^\s,:]+):(?P<range>\d{1,9}(?:[-–]\d{1,9})?)")
_BULLET = re.compile(
    r"(?:(?P<none>\(no path\))|(?P<path>(?P<p>`+)(?!`).+?(?<!`)(?P=p)(?!`)))"
    r"(?: in (?P<symbol>(?P<s>`+)(?!`).+?(?<!`)(?P=s)(?!`)))?(?:[ \t]+[-–—:][ \t]+(?P<note>.*))?$"
)
_AT = re.compile(r"(?P<path>.*?):(?P<range>\d{1,9}(?:-\d{1,9})?)$", re.DOTALL)
_LONGEST_BULLET = 4000
_NOTHING = ("", "n/a", "-", "none")
NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class LocationCells:
    """The cells of the location table (pipes unescaped) and the bullets below it."""

    files: str = ""
    lines: str = ""
    symbol: str = ""
    note: str = ""
    more: tuple[str, ...] = ()


def _is_nothing(text: str) -> bool:
    return strip_marks(text).casefold() in _NOTHING


def _range(text: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(text.strip())
    assert match
    return int(match[1]), int(match[2]) if match[2] else None


def _ranges(text: str) -> list[tuple[int, int | None]] | None:
    plain = text.replace("`", "").strip()
    if not _RANGES.fullmatch(plain):
        return None
    return [_range(part) for part in plain.split(",")]


def read_places(cells: LocationCells) -> tuple[Location, ...]:
    """The locations that cells and bullets state.

    Numbers are attached to a path only where the document says so: one file, or lines written
    ``name.py:12-34``. Words that give no numbers become the note of the first location.
    """
    files = code_values(cells.files)
    symbol = None if cells.symbol.casefold() in _NOTHING else unwrap(cells.symbol)[0]
    note = unwrap(cells.note)[0] or None
    words = None if _is_nothing(cells.lines) else cells.lines
    ranges = _ranges(cells.lines)
    if len(files) == 1 and ranges:
        places = [Location(files[0], start, end) for start, end in ranges]
        words = None
    elif attached := _attached(files, cells.lines):
        places, words = attached, None
    else:
        places = [Location(path) for path in files] or [Location()]
        if not files and not _is_nothing(cells.files):
            words = ", ".join(text for text in (cells.files, words) if text)
        if not files and ranges and len(ranges) == 1 and _is_nothing(cells.files):
            places, words = [Location(None, *ranges[0])], None
    places[0] = replace(places[0], symbol=symbol, note=note or words)
    places += map(_read_bullet, cells.more)
    return tuple(place for place in places if place != Location())


def _attached(files: Sequence[str], lines: str) -> list[Location] | None:
    """Locations for lines written as ``name.py:12-34, other.py:5``, None for anything else."""
    parts = [_NAMED.fullmatch(part.strip()) for part in lines.replace("`", "").split(",")]
    names = [PurePosixPath(path).name for path in files]
    if not files or not all(part and part["name"] in names for part in parts):
        return None
    places = []
    for path, name in zip(files, names, strict=True):
        own = [_range(p["range"]) for p in parts if p and p["name"] == name]
        places += [Location(path, *one) for one in own] or [Location(path)]
    return places


def _read_bullet(text: str) -> Location:
    match = _BULLET.match(text) if len(text) <= _LONGEST_BULLET else None
    if not match:
        return Location(note=text)
    symbol = unwrap(match["symbol"])[0] if match["symbol"] else None
    place = Location(symbol=symbol, note=(match["note"] or "").strip() or None)
    if match["none"]:
        return place
    path = unwrap(match["path"])[0]
    at = _AT.match(path)
    if path.endswith(":-"):
        return replace(place, path=path[:-2])
    if not at:
        return replace(place, path=path)
    start, end = _range(at["range"])
    return replace(place, path=at["path"] or None, start_line=start, end_line=end)


def write_range(place: Location) -> str:
    """``12-34``, ``12`` or nothing."""
    if place.start_line is None:
        return ""
    tail = "" if place.end_line is None else f"-{place.end_line}"
    return f"{place.start_line}{tail}"


def write_bullet(place: Location) -> str:
    """The bullet of an additional location."""
    span = write_range(place)
    target = f"{place.path or ''}:{span}" if span else place.path
    if target and not span and (_AT.match(target) or target.endswith(":-")):
        target += ":-"
    text = wrap(target, "code") if target else "(no path)"
    if place.symbol:
        text += f" in {wrap(place.symbol, 'code')}"
    return f"{text} - {place.note}" if place.note else text


def write_places(
    places: Sequence[Location], like: LocationCells | None = None
) -> tuple[LocationCells, ...]:
    """Ways to state the locations, the most compact first; the last one says everything.

    Args:
        places: what is to be stated.
        like: cells that have said it so far; what they say goes on being said as they do.

    """
    if not places:
        return (LocationCells(),)
    first = places[0]
    paths = dict.fromkeys(place.path for place in places)
    compact = LocationCells(
        ", ".join(wrap(path, "code") for path in paths if path),
        _lines_like(places, like.lines if like else ""),
        _symbol(first),
        wrap(first.note or "", "plain"),
    )
    ways = (*_added_bullets(places, like), compact, _one_and_bullets(places))
    return tuple(way for way in ways if read_places(way) == tuple(places)) or ways[-1:]


def _lines_like(places: Sequence[Location], like: str) -> str:
    """The lines of all places, spelled as a cell spelled them so far."""
    ranges = [write_range(place) for place in places]
    if ":" in like:
        names = [PurePosixPath(place.path or "").name for place in places]
        named = zip(names, ranges, strict=True)
        return ", ".join(f"{name}:{span}" for name, span in named if span)
    if not all(ranges):
        return NOT_APPLICABLE
    spans = len(code_spans(like))
    if spans > 1:
        return ", ".join(wrap(one, "code") for one in ranges)
    return wrap(", ".join(ranges), "plain" if like[:1].isdigit() and not spans else "code")


def _added_bullets(
    places: Sequence[Location], like: LocationCells | None
) -> Iterator[LocationCells]:
    """The table as it is, where it states the first of the locations, and bullets behind it."""
    if like is None:
        return
    table = read_places(replace(like, more=()))
    if table and table == tuple(places[: len(table)]):
        said = {_read_bullet(text): text for text in like.more}
        more = (said.get(place) or write_bullet(place) for place in places[len(table) :])
        yield replace(like, more=tuple(more))


def _one_and_bullets(places: Sequence[Location]) -> LocationCells:
    """The first location in the table, the others as bullets: this says everything."""
    first, rest = places[0], places[1:]
    return LocationCells(
        wrap(first.path or "", "code") or NOT_APPLICABLE,
        wrap(write_range(first), "code") or NOT_APPLICABLE,
        _symbol(first),
        wrap(first.note or "", "plain"),
        tuple(write_bullet(place) for place in rest),
    )


def _symbol(place: Location) -> str:
    if not place.symbol:
        return NOT_APPLICABLE
    mixed = "`" in place.symbol and unwrap(place.symbol)[1] == "plain"
    return wrap(place.symbol, "plain" if mixed else "code")


LOCATION_KEYS = ("File(s)", "Line(s)", "Function/Class", "Note")
MORE_LABEL = "**Additional locations (if multi-file):**"
_MORE = re.compile(r"[ \t]*\*\*Additional locations\b[^*]*\*\*", re.IGNORECASE)
_LOCATION_FIELDS = ("file(s)", "line(s)", "function/class", "note")


def read_more_locations(source: Source, section: DocumentSection | None) -> tuple[ListItem, ...]:
    """The bullets below ``**Additional locations:**``."""
    blocks = section.blocks if section else ()
    for block, following in pairwise(blocks):
        first = source.lines[block.span.start]
        if block.kind == "paragraph" and _MORE.match(first) and following.kind == "list":
            return tuple(item for item in following.items if item.depth == 0)
    return ()


def location_cells(document: Document) -> LocationCells:
    """The cells of the location table and the bullets below it."""
    table = document.location
    keys = ("File(s)", "Line(s)", "Function/Class", "Note")
    files, lines, symbol, note = (
        without_gaps(cell.text) if table and (cell := table.get(key)) else "" for key in keys
    )
    more = tuple(item.text for item in document.more_locations)
    return LocationCells(files, lines, symbol, note, more)


def location_lines(cells: LocationCells) -> list[str]:
    """The body of a location section."""
    rows = [("File(s)", escape(cells.files)), ("Line(s)", escape(cells.lines))]
    rows.append(("Function/Class", escape(cells.symbol)))
    if cells.note:
        rows.append(("Note", escape(cells.note)))
    lines = field_rows(rows)
    if cells.more:
        lines += ["", MORE_LABEL, *(f"- {protect(text)}" for text in cells.more)]
    return lines


def edit_location(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """As few cells of the location table as state the new locations."""
    document = now.document
    stated = location_cells(document)
    if read_places(stated) == wanted.locations:
        return
    cells = _fewest_changes(stated, wanted.locations)
    table = document.location
    if table is None:
        yield _new_location(document, cells)
        return
    texts = (cells.files, cells.lines, cells.symbol, cells.note)
    old = (stated.files, stated.lines, stated.symbol, stated.note)
    for number, (key, before, after) in enumerate(zip(LOCATION_KEYS, old, texts, strict=True)):
        if before == after:
            continue
        if key == "Note" and not after:
            yield from remove_field(table, key)
        else:
            yield set_field(document, table, key, escape(after), LOCATION_KEYS[:number])
    yield from _edit_bullets(document, table, stated.more, cells.more)


def _fewest_changes(stated: LocationCells, wanted: Sequence[Location]) -> LocationCells:
    ways = write_places(wanted, stated)
    names = ("files", "lines", "symbol", "note", "more")

    def cost(kept: tuple[bool, ...]) -> int:
        """Cells that change; a list of bullets is begun only where no cell would do."""
        return 5 - sum(kept) + (0 if kept[-1] or stated.more else 5)

    for kept in sorted(product((True, False), repeat=5), key=cost):
        for way in ways:
            keep = {n: getattr(stated, n) for n, k in zip(names, kept, strict=True) if k}
            cells = replace(way, **keep)
            if read_places(cells) == wanted:
                return cells
    return ways[-1]


def _new_location(document: Document, cells: LocationCells) -> Patch:
    body = location_lines(cells)
    after = next((s for s in document.sections if s.line > document.metadata.section.line), None)
    return insert_sections(document, [section_lines("## Location", body)], after)


def _edit_bullets(
    document: Document, table: FieldTable, old: tuple[str, ...], new: tuple[str, ...]
) -> Iterator[Patch]:
    if old == new:
        return
    items = document.more_locations
    if not items:
        at = table.span.end
        yield Patch(at, at, ("", MORE_LABEL, *(f"- {protect(text)}" for text in new)))
        return
    if not new:
        lines = document.source.lines
        start = items[0].span.start
        while start > table.span.end and lines[start - 1].strip():
            start -= 1
        yield Patch(max(start - 1, table.span.end), items[-1].span.end, ())
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            start = items[i1].span.start if i1 < len(items) else items[-1].span.end
            end = items[i2 - 1].span.end if i2 > i1 else start
            yield Patch(start, end, tuple(f"- {protect(text)}" for text in new[j1:j2]))


def odd_rows(document: Document) -> Iterator[Odd]:
    """Rows of tables behind the first one, and of fields that no ticket has."""
    for table in (document.metadata, document.location):
        if table is None:
            continue
        later = [b for b in table.section.blocks if b.rows and b.span.start >= table.span.end]
        yield from (
            (b.span.start, "a further table; the ticket's fields are read from the first one")
            for b in later
        )
    for entry in document.location.fields if document.location else ():
        if field_name(entry.key) not in _LOCATION_FIELDS:
            yield entry.cell.line, f"the row '{entry.key[:40]}' is no part of a location"
