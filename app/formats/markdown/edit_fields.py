"""Edits of title, metadata, location and summary: each one changes the lines it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import product

from app.domain.document import DOCUMENT, LINES
from app.formats.markdown.cells import Style, code_spans, escape, wrap
from app.formats.markdown.document import Document, FieldTable, SectionKind
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    cell_of,
    field_rows,
    insert_sections,
    remove_field,
    section_lines,
    set_field,
    title_line,
)
from app.formats.markdown.oneline import protect
from app.formats.markdown.places import LocationCells, read_places, write_places
from app.formats.markdown.source import Patch
from app.formats.markdown.stated import facts, location_cells
from app.formats.markdown.words import RESOLUTIONS, status_words

METADATA_KEYS = (
    "Ticket ID",
    "Severity",
    "Status",
    "Resolution",
    "Batch",
    "Agent",
    "Domain",
    *(DOCUMENT[name].label for name in LINES),
    "Created",
    "Updated",
)
LOCATION_KEYS = ("File(s)", "Line(s)", "Function/Class", "Note")
MORE_LABEL = "**Additional locations (if multi-file):**"


def edit_title(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """The text behind the kind of ticket."""
    title = document.title
    if title.text != current.title:
        line = title_line(title.kind or "Finding Ticket", current.title)
        yield Patch(title.span.start, title.span.end, (line,))


def edit_metadata(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Severity, batch, agent, domains, assignee and dates."""
    stated = facts(document)
    pairs: list[tuple[str, object, object, Style]] = [
        ("Severity", _severity(stated), _severity(current), "code"),
        ("Batch", stated.batch, current.batch, "plain"),
        ("Agent", stated.agent, current.agent, "code"),
        *(
            (DOCUMENT[name].label, getattr(stated, name), getattr(current, name), "plain")
            for name in LINES
        ),
        ("Created", stated.created, current.created, "plain"),
        ("Updated", stated.updated, current.updated, "plain"),
    ]
    for key, old, new, style in pairs:
        if old != new:
            text = "" if new is None else str(new)
            yield _set(document, key, cell_of(text, _style(document, key, style)))
    if stated.domains != current.domains:
        yield _set(document, "Domain", escape(_domains(document, current)))


def _severity(stated: TicketFacts) -> str | None:
    return stated.severity or stated.severity_raw


def edit_status(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Status word and, where one word does not say it, the Resolution row."""
    stated = facts(document)
    if (stated.status, stated.resolution) == (current.status, current.resolution):
        return
    word, row = status_words(current.status, current.resolution)
    present = document.metadata.value("Resolution")
    if row == "duplicate" and present and present not in RESOLUTIONS:
        word, row = row, None  # free words in the Resolution row stay
    if word != document.status_raw:
        yield _set(document, "Status", cell_of(word, _style(document, "Status", "code")))
    if row:
        yield _set(document, "Resolution", cell_of(row, _style(document, "Resolution", "code")))
    elif present in RESOLUTIONS:
        yield from remove_field(document.metadata, "Resolution")


def _style(document: Document, key: str, default: Style) -> Style:
    """How the present value is decorated, so that the new one is too."""
    cell = document.metadata.get(key)
    return cell.style if cell and cell.raw else default


def _set(document: Document, key: str, raw: str) -> Patch:
    follows = METADATA_KEYS[: METADATA_KEYS.index(key)]
    return set_field(document, document.metadata, key, raw, follows)


def _domains(document: Document, current: TicketFacts) -> str:
    cell = document.metadata.get("Domain")
    spans = code_spans(cell.text) if cell else []
    between = cell.text[spans[0][1] : spans[1][0]] if cell and len(spans) > 1 else ", "
    return between.join(wrap(domain, "code") for domain in current.domains)


def edit_location(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """As few cells of the location table as state the new locations."""
    stated = location_cells(document)
    if read_places(stated) == current.locations:
        return
    cells = _fewest_changes(stated, current)
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


def _fewest_changes(stated: LocationCells, current: TicketFacts) -> LocationCells:
    ways = write_places(current.locations, stated)
    names = ("files", "lines", "symbol", "note", "more")

    def cost(kept: tuple[bool, ...]) -> int:
        """Cells that change; a list of bullets is begun only where no cell would do."""
        return 5 - sum(kept) + (0 if kept[-1] or stated.more else 5)

    for kept in sorted(product((True, False), repeat=5), key=cost):
        for way in ways:
            keep = {n: getattr(stated, n) for n, k in zip(names, kept, strict=True) if k}
            cells = replace(way, **keep)
            if read_places(cells) == current.locations:
                return cells
    return ways[-1]


def _new_location(document: Document, cells: LocationCells) -> Patch:
    body = location_lines(cells)
    after = next((s for s in document.sections if s.line > document.metadata.section.line), None)
    return insert_sections(document, [section_lines("## Location", body)], after)


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


def edit_summary(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """The text of the one-line summary."""
    if facts(document).summary == current.summary:
        return
    if document.summary is not None:
        line = document.summary.line
        text = f"{document.summary.label.rstrip()} {protect(current.summary or '')}".rstrip()
        yield Patch(line, line + 1, (text,))
        return
    text = f"**One-line summary:** {protect(current.summary or '')}"
    section = document.first(SectionKind.SUMMARY)
    if section is None:
        anchor = (document.location or document.metadata).section
        after = next((s for s in document.sections if s.line > anchor.line), None)
        yield insert_sections(document, [section_lines("## Summary", [text])], after)
    else:
        yield Patch(section.begin, section.begin, ("", text))
