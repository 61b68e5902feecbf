"""The lossless model of one ticket document.

Every value stands beside the lines or cells that state it, so that an edit can replace just
those. Lines count from 0 here; messages to people count from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from app.formats.markdown.blocks import Block, ListItem, Outline
from app.formats.markdown.cells import Cell, Row
from app.formats.markdown.problems import FormatProblem
from app.formats.markdown.source import Source, Span

Odd = tuple[int, str]
"""A line, and what is odd about it."""


class SectionKind(Enum):
    """What a level-2 section holds."""

    METADATA = "metadata"
    LOCATION = "location"
    SUMMARY = "summary"
    VERIFICATION = "verification"
    RELATED = "related"
    REVIEW = "review"
    RESOLUTION = "resolution"
    APPENDIX = "appendix"
    FREE = "free"


class Layout(Enum):
    """How one cross-review is written."""

    FIELDS = "fields"
    """A ``Field / Value`` table, then prose."""
    HEADER = "header"
    """A table whose header row is ``Verdict / X``, with or without an Evaluation row."""
    COLUMNS = "columns"
    """A row of a table with a Verdict column; its text in a cell, or as prose below."""
    LINE = "line"
    """A ``**Verdict:** X`` line, then prose."""


class Place(Enum):
    """What a cross-review shares its section with."""

    OWN = "own"
    """A section of its own."""
    SHARED = "shared"
    """Rows of one table, or paragraphs below it."""
    NAMED = "named"
    """A level-3 heading with the reviewer's name."""


@dataclass(frozen=True, slots=True)
class Title:
    """The level-1 heading."""

    kind: str
    text: str
    span: Span

    @property
    def line(self) -> int:
        """Its first line."""
        return self.span.start


@dataclass(frozen=True, slots=True)
class DocumentSection:
    """A level-2 section."""

    heading: str
    kind: SectionKind
    line: int
    begin: int
    """The line below its heading, which has two lines where it is underlined."""
    body: Span
    """From the first to the last line that is neither empty nor a closing rule."""
    end: int
    """Line of the next level-2 heading, or of the end."""
    blocks: tuple[Block, ...]


_FIELD_NAMES = MappingProxyType(
    {
        "file": "file(s)",
        "files": "file(s)",
        "line": "line(s)",
        "lines": "line(s)",
        "function": "function/class",
        "functions": "function/class",
        "class": "function/class",
        "symbol": "function/class",
        "notes": "note",
        "domains": "domain",
    }
)


def field_name(key: str) -> str:
    """The name of a field that a key stands for, in lower case."""
    low = key.casefold()
    return _FIELD_NAMES.get(low, low)


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a ``Field / Value`` table."""

    key: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class FieldTable:
    """A ``Field / Value`` table."""

    section: DocumentSection
    span: Span
    fields: tuple[Field, ...]

    def get(self, key: str) -> Cell | None:
        """The value cell of a key, whatever its case or number."""
        wanted = field_name(key)
        return next((f.cell for f in self.fields if field_name(f.key) == wanted), None)

    def value(self, key: str) -> str | None:
        """The undecorated value of a key; None when absent or empty."""
        cell = self.get(key)
        return (cell.value.strip() or None) if cell else None


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """The line with the one-line summary."""

    line: int
    label: str
    """The line up to the text."""
    text: str


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A row of the category check-list."""

    label: str
    checked: bool
    item: ListItem


@dataclass(frozen=True, slots=True)
class RelatedEntry:
    """One reference to another ticket."""

    key: str
    word: str | None
    """The relationship as written; None where the form has none."""
    note: str | None
    span: Span
    row: Row | None
    """The table row; None for a bullet."""


@dataclass(frozen=True, slots=True)
class RelatedPart:
    """The section of related findings."""

    section: DocumentSection
    entries: tuple[RelatedEntry, ...]
    table: Block | None
    none_line: int | None
    """The line that says ``None.``"""
    bullets: tuple[ListItem, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """One cross-review."""

    reviewer: str
    """The specialist's slug, or ``unknown``."""
    reviewer_raw: str | None
    verdict: str
    verdict_raw: str
    text: str
    """As written, a ``<br>`` in a cell included."""
    rationale: str
    """The text with its line breaks."""
    date: str | None
    section: DocumentSection
    layout: Layout
    place: Place
    verdict_cell: Cell
    text_cell: Cell | None
    prose: Span
    """Lines of prose, label included."""
    label: str
    """The label in front of the prose, empty where there is none."""
    part: Span
    """All lines of the review: its section, its sub-section, or its row."""
    table: Block | None
    columns: tuple[str, ...] = ()
    """Names of the columns, lower case, in COLUMNS layout."""
    row: Row | None = None
    date_cell: Cell | None = None
    reviewer_cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """A commit as the document names it."""

    hash: str
    line: int


@dataclass(frozen=True, slots=True)
class CommitBlock:
    """A ``**Commits:**`` line or ``### Commits`` heading with what belongs to it."""

    span: Span
    inline: bool
    """True for a label with the hashes on its own line."""
    pure: bool
    """True when it holds nothing but hashes."""
    taken: tuple[int, ...]
    """Lines that hold nothing but the label or a hash."""


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """A reference to the report that a finding comes from."""

    file: str
    section: str | None
    span: Span
    bullet: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A ticket document, whole."""

    source: Source
    read: Source
    """The same lines, with blanks in the place of comments."""
    outline: Outline
    source_path: str | None
    title: Title
    sections: tuple[DocumentSection, ...]
    metadata: FieldTable
    location: FieldTable | None
    more_locations: tuple[ListItem, ...] = ()
    summary: SummaryLine | None = None
    categories: tuple[CategoryRow, ...] = ()
    checklist: tuple[ListItem, ...] = ()
    related: RelatedPart | None = None
    reviews: tuple[Review, ...] = ()
    resolution: DocumentSection | None = None
    commit_blocks: tuple[CommitBlock, ...] = ()
    commits: tuple[CommitEntry, ...] = ()
    reports: tuple[ReportEntry, ...] = ()
    taken: frozenset[int] = field(default_factory=frozenset)
    """Lines that state a value of their own, or are the frame of one."""
    warnings: tuple[FormatProblem, ...] = ()

    @property
    def key(self) -> str:
        """The Ticket ID."""
        return self.metadata.value("Ticket ID") or ""

    @property
    def status_raw(self) -> str | None:
        """The Status word as written."""
        return self.metadata.value("Status")

    def of_kind(self, kind: SectionKind) -> Iterator[DocumentSection]:
        """The sections of a kind, in order."""
        return (section for section in self.sections if section.kind is kind)

    def first(self, kind: SectionKind) -> DocumentSection | None:
        """The first section of a kind."""
        return next(self.of_kind(kind), None)

    def prose_lines(self, section: DocumentSection | None) -> Iterator[int]:
        """The lines of a section that are no code."""
        body = section.body if section else Span(0, 0)
        return (i for i in range(body.start, body.end) if i not in self.outline.opaque)

    def free_lines(self, span: Span) -> list[int]:
        """The lines of a span that state nothing else, without empty lines around them."""
        text = self.read.lines
        lines: list[int] = []
        for i in range(span.start, span.end):
            seam = lines and lines[-1] != i - 1 and not text[lines[-1]].strip(" \t")
            if i not in self.taken and (text[i].strip(" \t") or not seam):
                lines.append(i)
        while lines and not text[lines[-1]].strip(" \t"):
            lines.pop()
        while lines and not text[lines[0]].strip(" \t"):
            lines.pop(0)
        return lines
