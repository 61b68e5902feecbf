"""Title and metadata: a heading, and a ``Field / Value`` table with severity, status and others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import PurePosixPath

from app.domain.document import DOCUMENT, LINES
from app.formats.markdown.blocks import Block
from app.formats.markdown.cells import Style, code_spans, code_values, escape, strip_marks, wrap
from app.formats.markdown.comments import one_line, protect, without_gaps
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    Field,
    FieldTable,
    Odd,
    Title,
    field_name,
)
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    Present,
    cell_of,
    closed,
    field_rows,
    remove_field,
    set_field,
)
from app.formats.markdown.source import Patch
from app.formats.markdown.words import (
    RESOLUTIONS,
    is_known_status,
    read_number,
    read_severity,
    status_words,
)

TICKET_KINDS = ("finding ticket", "bug ticket", "fix")
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
_KNOWN_FIELDS = frozenset(field_name(key) for key in METADATA_KEYS if key != "Resolution")


def read_title(blocks: Sequence[Block]) -> Title | None:
    """The first level-1 heading, split at its first colon."""
    for block in blocks:
        if block.kind == "heading" and block.level == 1:
            kind, colon, text = block.text.partition(":")
            if not colon:
                kind, text = "", block.text
            return Title(kind.strip(), text.strip(), block.span)
    return None


def read_field_table(section: DocumentSection) -> FieldTable | None:
    """The first two-column table of a section, also one without a rule row."""
    for block in section.blocks:
        if not block.rows and block.header is None:
            continue
        fields = tuple(
            Field(strip_marks(row.cells[0].text).rstrip(" :"), row.cells[1])
            for row in block.rows
            if len(row.cells) > 1 and strip_marks(row.cells[0].text).casefold() != "field"
        )
        return FieldTable(section, block.span, fields)
    return None


def domains(document: Document) -> list[str]:
    """Every code span of the Domain cell, or its words where it has none."""
    cell = document.metadata.get("Domain")
    if cell is None:
        return []
    words = (strip_marks(word) for word in without_gaps(cell.text).split(","))
    return code_values(cell.text) or [word for word in words if word]


def read_date(text: str | None) -> date | None:
    """A day as ISO 8601 writes it, None for anything else."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.isoformat() == text else None


def extra_fields(document: Document) -> dict[str, str]:
    """Rows of the metadata table that the format does not name, such as ``Fixed``."""
    return {
        entry.key: entry.cell.value
        for entry in document.metadata.fields
        if field_name(entry.key) not in _KNOWN_FIELDS
    }


def metadata_lines(facts: TicketFacts, external_ref: str | None) -> list[str]:
    """The table of a ticket; a line that is optional is left out where it says nothing."""
    word, row = status_words(facts.status, facts.resolution)
    rows = [
        ("Ticket ID", cell_of(facts.key, "code")),
        ("Severity", cell_of(facts.severity or facts.severity_raw, "code")),
        ("Status", cell_of(word, "code")),
        ("Resolution", cell_of(row, "code")),
        ("Batch", "" if facts.batch is None else str(facts.batch)),
        ("Agent", cell_of(facts.agent, "code")),
        ("Domain", escape(", ".join(wrap(domain, "code") for domain in facts.domains))),
        *((DOCUMENT[name].label, cell_of(getattr(facts, name), "plain")) for name in LINES),
        ("Created", facts.created.isoformat() if facts.created else ""),
        ("Updated", facts.updated.isoformat() if facts.updated else ""),
    ]
    rows.append(("External Ref", cell_of(one_line(external_ref), "code")))
    optional = ("Resolution", "External Ref", *(DOCUMENT[name].label for name in LINES[1:]))
    return field_rows([(key, raw) for key, raw in rows if raw or key not in optional])


def title_line(kind: str, title: str) -> str:
    """The line of the title."""
    return f"# {closed(f'{kind}: {protect(title)}')}".rstrip()


def edit_title(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """The text behind the kind of ticket."""
    title = now.document.title
    if title.text != wanted.title:
        line = title_line(title.kind or "Finding Ticket", wanted.title)
        yield Patch(title.span.start, title.span.end, (line,))


def edit_metadata(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Severity, batch, agent, domains, assignee and dates."""
    document, stated = now.document, now.facts
    pairs: list[tuple[str, object, object, Style]] = [
        ("Severity", _severity(stated), _severity(wanted), "code"),
        ("Batch", stated.batch, wanted.batch, "plain"),
        ("Agent", stated.agent, wanted.agent, "code"),
        *(
            (DOCUMENT[name].label, getattr(stated, name), getattr(wanted, name), "plain")
            for name in LINES
        ),
        ("Created", stated.created, wanted.created, "plain"),
        ("Updated", stated.updated, wanted.updated, "plain"),
    ]
    for key, old, new, style in pairs:
        if old != new:
            text = "" if new is None else str(new)
            yield _set(document, key, cell_of(text, _style(document, key, style)))
    if stated.domains != wanted.domains:
        yield _set(document, "Domain", escape(_domains_like(document, wanted)))


def _severity(stated: TicketFacts) -> str | None:
    return stated.severity or stated.severity_raw


def edit_status(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Status word and, where one word does not say it, the Resolution row."""
    document, stated = now.document, now.facts
    if (stated.status, stated.resolution) == (wanted.status, wanted.resolution):
        return
    word, row = status_words(wanted.status, wanted.resolution)
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


def _domains_like(document: Document, wanted: TicketFacts) -> str:
    cell = document.metadata.get("Domain")
    spans = code_spans(cell.text) if cell else []
    between = cell.text[spans[0][1] : spans[1][0]] if cell and len(spans) > 1 else ", "
    return between.join(wrap(domain, "code") for domain in wanted.domains)


def odd_metadata(document: Document) -> Iterator[Odd]:
    """Words that are none of the format's, and rows that contradict something."""
    table = document.metadata
    first = table.span.start
    if document.source_path:
        stem = PurePosixPath(document.source_path).stem
        cell = table.get("Ticket ID")
        if stem != document.key and cell:
            yield cell.line, f"Ticket ID {document.key} contradicts the file name {stem}"
    status = document.status_raw
    cell = table.get("Status")
    if status is None:
        yield (cell.line if cell else first), "no status; it is read as open"
    elif not is_known_status(status) and cell:
        yield cell.line, f"unknown status '{status}'; it is kept, and read as open"
    severity, cell = table.value("Severity"), table.get("Severity")
    if severity and cell:
        word = read_severity(severity)
        if word is None:
            yield cell.line, f"unknown severity '{severity[:40]}'; it is kept, and shown as unknown"
        elif word != severity.upper():
            yield cell.line, f"the severity '{severity[:40]}' is read as {word}"
    batch, cell = table.value("Batch"), table.get("Batch")
    if batch and read_number(batch) is None and cell:
        yield cell.line, f"the batch '{batch[:40]}' is no number; it is kept, and read as none"
    for key in ("Created", "Updated"):
        value, cell = table.value(key), table.get(key)
        if value and cell and read_date(value) is None:
            yield cell.line, f"{key} '{value}' is no date; it is kept, and read as none"
    seen = set()
    for entry in table.fields:
        if field_name(entry.key) in seen:
            yield entry.cell.line, f"a second row '{entry.key}'; the first counts"
        seen.add(field_name(entry.key))
