"""Documents that tickets come from: what an import is asked for, and what came of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

MAX_DOCUMENTS = 5000
"""So many documents one import may bring."""

MAX_UNPACKED_BYTES = 200 << 20
"""An archive may unpack to so much."""

MAX_PATH = 500
"""Characters of a source path."""


class OnConflict(StrEnum):
    """What to do with a document that contradicts what is here."""

    FAIL = "fail"
    """Leave the ticket as it is, and report the conflict."""
    SKIP = "skip"
    """Leave the ticket as it is, and go on as if nothing were wrong."""
    UPDATE = "update"
    """Take the document's word."""
    SUFFIX = "suffix"
    """Keep another document of a known id beside it, under the id with ``~2`` behind it."""


class StatusFrom(StrEnum):
    """Whose word the status of a ticket is."""

    DOCUMENT = "document"
    FOLDER = "folder"


class ImportResult(StrEnum):
    """What became of a document."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ImportOptions:
    """How an import is to go."""

    on_conflict: OnConflict = OnConflict.FAIL
    status_from: StatusFrom = StatusFrom.DOCUMENT
    dry_run: bool = False
    layout: Mapping[str, Any] | None = None
    """By which documents of another project are read; None for the own format."""
    tell_read: bool = False
    """Report of each document what it states, as changes from nothing."""


@dataclass(frozen=True)
class SourceFile:
    """A file of an import: its bytes, or why it was not read."""

    path: str | None
    content: bytes = b""
    refused: str | None = None


@dataclass(frozen=True)
class ImportItem:
    """What became of one document."""

    source_path: str | None
    key: str | None
    result: ImportResult
    line: int | None = None
    """Where the reason stands, from 1."""
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields that changed, or that contradict each other, as ``[before, after]``."""


@dataclass(frozen=True)
class StoredDocument:
    """The document of a ticket, as it was imported."""

    ticket_id: int
    key: str
    """The ticket's; a copy's has a suffix that the document does not know."""
    source_path: str
    folder: str | None
    status_from: StatusFrom
    content: bytes
    digest: str
    facts: Mapping[str, Any]
    """The ticket as the import left it, as JSON."""
    layout: Mapping[str, Any] | None = None
    """Of another project's document; None for one in the own format."""


@dataclass(frozen=True)
class Surroundings:
    """What is here already that a document has to do with."""

    document: StoredDocument | None
    """The one that was imported under the same path."""
    namesakes: bool
    """Whether there is a ticket of the same id, or a copy of one."""
    awaited: bool
    """Whether other documents name the id, which was not here so far."""
    claimed: bool
    """Whether markers of the suite name the id."""
    covered: tuple[str, ...] | None
    """The domains of the target; None when there is no target."""


@dataclass(frozen=True)
class Namesake:
    """A ticket with the id that a document has, or a copy of it."""

    ticket_id: int
    key: str
    title: str
    """As its document states it, or the ticket where there is none."""
    created: date | None
    source_path: str | None
    """None for a ticket that came from no document."""


@dataclass(frozen=True)
class Span:
    """The numbers of rows from the first to the last; none are 0 to 0."""

    first: int
    last: int


@dataclass(frozen=True)
class ImportedReview:
    """A review that a document holds."""

    specialist: str
    verdict: str
    rationale: str
    given_on: date | None


@dataclass(frozen=True)
class Disagreement:
    """A ticket whose document lies in a folder that says something else than its status."""

    key: str
    title: str
    severity: str
    status: str
    resolution: str | None
    folder: str
    source_path: str
    severity_raw: str | None = None
