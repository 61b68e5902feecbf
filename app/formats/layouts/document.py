"""A document read by a layout, and edited where that keeps its facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from app.domain import keys
from app.domain.tickets import ChecklistItem, Location, Section
from app.formats.layouts.layout import Layout, usual_words
from app.formats.layouts.scan import Scan, Stated, folded, free_lines, key_and_text, scan, tasks
from app.formats.markdown.cells import code_values, escape, strip_marks
from app.formats.markdown.facts import RelationText, TicketFacts
from app.formats.markdown.locations import LocationCells, read_places
from app.formats.markdown.problems import FormatError, FormatProblem
from app.formats.markdown.source import Patch
from app.formats.markdown.stated import canonical, in_own_words
from app.formats.markdown.words import (
    KEY,
    is_known_status,
    read_number,
    read_severity,
    status_words,
    tracker_status,
)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEADING_ONLY = re.compile(r"[ \t]*(#{1,6}[ \t].*)?$")
_NO_PROSE = re.compile(r"[#|>]|```|~~~|[-*+][ \t]|\d+[.)][ \t]")
_PLAIN_SCALAR = re.compile(r"[A-Za-z0-9](?:[^:#\"'\n]|:(?=\S))*")
_RANK = re.compile(r"[Pp][0-4]\b")
_MAX_LEAD = 4000
_HASH = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass(frozen=True)
class LaidOut:
    """A document, and what it states by its layout."""

    scan: Scan
    layout: Layout
    facts: TicketFacts
    status_raw: str | None
    places: Mapping[str, Stated]
    """Where each fact stands that is there."""
    warnings: tuple[FormatProblem, ...]

    @property
    def lines(self) -> dict[str, int]:
        """Lines of the facts, from 1; ``""`` is the one to name where there is none."""
        found = {name: place.line + 1 for name, place in self.places.items()}
        return {"": found.get("id", 1), "title": found.get("title", 1), **found}

    def edited(self, now: TicketFacts) -> bytes:
        """Return the document with what `now` says otherwise, where the layout has a place.

        What it has no place for stays out, so that all other lines are as they were.
        """
        return self.scan.source.replace(_patches(self, now)).encode()

    def to_json(self, source_path: str | None) -> dict[str, Any]:
        """Return the document in its own words."""
        facts = self.facts
        files = [place.path for place in facts.locations if place.path]
        severity = self.places.get("severity")
        return in_own_words(facts) | {
            "source_path": source_path,
            "severity": severity.value if severity else None,
            "status_raw": self.status_raw,
            "status": status_words(facts.status, facts.resolution)[0],
            "domains": list(facts.domains),
            "created": facts.created,
            "updated": facts.updated,
            "files": files,
            "lines": self.places["lines"].value if "lines" in self.places else None,
            "symbol": next((p.symbol for p in facts.locations if p.symbol), None),
            "categories": [],
            "reviews": [],
            "related": [{"id": r.key, "relationship": r.kind} for r in facts.relations],
            "has_resolution": False,
            "section_headings": [part.heading for part in self.scan.parts[1:]],
        }


def read(content: bytes, layout: Layout) -> LaidOut:
    """Read a document by a layout.

    Raises:
        FormatError: it is no text, or has no id by this layout.
    """
    return read_scan(scan(content), layout)


def read_scan(found: Scan, layout: Layout) -> LaidOut:
    """Read a document that was looked through already, as `read` does."""
    places = {name: place for name in layout.read if (place := _find(found, layout, name))}
    key = _key(places.get("id"))
    if key is None:
        raise FormatError([FormatProblem(*_no_id(places.get("id"), layout))])
    warnings: list[FormatProblem] = []
    severity, severity_raw = _severity(places.get("severity"), layout)
    status, resolution = _status(places.get("status"), layout, warnings)
    summary = _plain(places.get("summary"))
    sections = tuple(_sections(found, summary, places.get("summary")))
    title = _title(places.get("title")) or key
    facts = canonical(
        TicketFacts(
            key=key,
            title=title,
            severity=severity,
            severity_raw=severity_raw,
            status=status,
            resolution=resolution,
            batch=read_number(_plain(places.get("batch")) or ""),
            agent=_plain(places.get("agent")),
            domains=tuple(_values(places.get("domains"))),
            assignee=_plain(places.get("assignee")),
            created=_day(places.get("created")),
            updated=_day(places.get("updated")),
            locations=_locations(places),
            summary=summary or _lead(sections) or title,
            sections=sections,
            checklist=tuple(
                ChecklistItem(item.text, item.mark in ("x", "X")) for item in tasks(found.outline)
            ),
            relations=tuple(_relations(places.get("related"), key)),
            commits=tuple(_HASH.findall(_joined(places.get("commits")))),
        )
    )
    raw = _plain(places.get("status"))
    return LaidOut(found, layout, facts, raw, places, tuple(warnings))


def _find(found: Scan, layout: Layout, name: str) -> Stated | None:
    for kind, place in layout.read[name]:
        stated = found.find(kind, place)
        if stated is not None and (stated.value or stated.values):
            if name == "id" and _key(stated) is None:
                continue
            return stated
    return None


def _key(place: Stated | None) -> str | None:
    if place is None:
        return None
    text = key_and_text(place.value)[0] if place.kind == "title" else strip_marks(place.value)
    key = keys.canonical((text or "").strip())
    return key if KEY.fullmatch(key) else None


def _no_id(place: Stated | None, layout: Layout) -> tuple[int, str]:
    told = " or ".join(
        kind if kind == "title" else f"{kind} {name}" for kind, name in layout.read.get("id", ())
    )
    return (
        place.line + 1 if place else 1,
        f"by the layout {layout.name} its id stands in {told or 'no place'}, and there is none "
        "such as B2-DRL-10",
    )


def _title(place: Stated | None) -> str | None:
    if place is None:
        return None
    return key_and_text(place.value)[1].strip() if place.kind == "title" else place.value.strip()


def _plain(place: Stated | None) -> str | None:
    return strip_marks(place.value).strip() or None if place else None


def _joined(place: Stated | None) -> str:
    return " ".join(place.values or (place.value,))[:_MAX_LEAD] if place else ""


def _values(place: Stated | None) -> list[str]:
    if place is None:
        return []
    texts = place.values or tuple(re.split(r"[,;]", place.value))
    return [plain for text in texts if (plain := strip_marks(text.strip()).strip())]


def _meant(layout: Layout, fact: str, value: str) -> str | None:
    """Return what a value means: that of the longest word that it begins with."""
    text = folded(value)
    for words in (layout.words.get(fact, {}), usual_words()[fact]):
        pairs = [(folded(word), meant) for meant, listed in words.items() for word in listed]
        for word, meant in sorted(pairs, key=lambda pair: -len(pair[0])):
            behind = text[len(word) :][:1]
            goes_on = behind.isalnum() or behind in ("-", "/", "+")
            if word and text.startswith(word) and not goes_on:
                return meant
    return None


def _severity(place: Stated | None, layout: Layout) -> tuple[str | None, str | None]:
    if place is None:
        return None, None
    value = place.value.strip()
    found = _meant(layout, "severity", value) or read_severity(strip_marks(value))
    return (found, None) if found else (None, value)


def _status(
    place: Stated | None, layout: Layout, warnings: list[FormatProblem]
) -> tuple[str, str | None]:
    if place is None:
        return "open", None
    word = _meant(layout, "status", place.value)
    if word is None:
        word = folded(place.value)
        if not is_known_status(word):
            reason = f"status {place.value[:60]!r} is no word of the layout; it counts as open"
            warnings.append(FormatProblem(place.line + 1, reason))
    return tracker_status(word, None)


def _day(place: Stated | None) -> date | None:
    found = _DAY.search(place.value) if place else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def _locations(places: Mapping[str, Stated]) -> tuple[Location, ...]:
    def text(name: str) -> str:
        place = places.get(name)
        return ", ".join(place.values) if place and place.values else (place.value if place else "")

    files = text("files")
    if files and not code_values(files):
        files = ", ".join(f"`{part.strip()}`" for part in files.split(",") if part.strip())
    return read_places(LocationCells(files, text("lines").strip("` "), text("symbol")))


def _relations(place: Stated | None, key: str) -> Iterator[RelationText]:
    for other in dict.fromkeys(KEY.findall(_joined(place))):
        if other != key:
            yield RelationText(other)


def _sections(found: Scan, summary: str | None, place: Stated | None) -> Iterator[Section]:
    """Yield the text that states no fact, under its headings."""
    for part in found.parts:
        lines = free_lines(found, part.body)
        if all(map(_HEADING_ONLY.match, lines)):
            continue
        text = "\n".join(lines)
        here = place is not None and place.span is not None and place.line == part.line
        if here and " ".join(text.split()) == summary:
            continue
        yield Section(part.heading, text)


def _lead(sections: Sequence[Section]) -> str | None:
    """Return the first paragraph of prose, where no place is for a summary."""
    for section in sections:
        for paragraph in section.body.split("\n\n"):
            text = " ".join(paragraph.split())
            if text and not _NO_PROSE.match(text):
                return text[:_MAX_LEAD]
    return None


def _patches(document: LaidOut, now: TicketFacts) -> Iterator[Patch]:
    """Yield what changes in the document's lines."""
    old, lines = document.facts, document.scan.source.lines
    changed: dict[int, str] = {}

    def put(place: Stated | None, value: str) -> None:
        if place is None or place.kind == "heading":
            return
        line = changed.get(place.line, lines[place.line])
        text = _written(place, value, line[: place.start][-1:])
        changed[place.line] = line[: place.start] + text + line[place.end :]

    if now.title != old.title:
        place, heading = document.places.get("title"), document.scan.title
        if place is not None and place.kind != "title":
            put(place, now.title)
        if heading is not None and key_and_text(heading.value)[1].strip() == old.title:
            put(replace(heading, start=heading.start + key_and_text(heading.value)[2]), now.title)
    if (now.severity, now.severity_raw) != (old.severity, old.severity_raw) and now.severity:
        put(document.places.get("severity"), _word(document, "severity", now.severity))
    if (now.status, now.resolution) != (old.status, old.resolution):
        word = status_words(now.status, now.resolution)[0]
        word = "not-a-bug" if word == "invalid" else word
        put(document.places.get("status"), _word(document, "status", word))
    if now.assignee != old.assignee:
        places = document.layout.read.get("assignee", ())
        # One that names nobody yet is a place as well.
        empty = (document.scan.find(*place) for place in places)
        put(document.places.get("assignee") or next(filter(None, empty), None), now.assignee or "")
    for item, entry in zip(tasks(document.scan.outline), now.checklist, strict=False):
        if (item.mark in ("x", "X")) != entry.done and item.text == entry.text:
            line, at = lines[item.span.start], len(item.lead)
            mark = "x" if entry.done else " "
            changed[item.span.start] = f"{line[: at + 1]}{mark}{line[at + 2 :]}"
    yield from (Patch(i, i + 1, (line,)) for i, line in changed.items())
    yield from _section_patches(document, now, set(changed))


def _written(place: Stated, value: str, before: str) -> str:
    """Return a value as its place holds it, behind a quote or behind something else."""
    if place.kind == "row":
        return escape(value) if before.isspace() else f" {escape(value)}"
    if place.kind == "front" and before == '"':
        return value.replace("\\", "\\\\").replace('"', '\\"')
    if place.kind == "front" and before == "'":
        return value.replace("'", "''")
    if place.kind == "front" and not _PLAIN_SCALAR.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    return value


def _section_patches(document: LaidOut, now: TicketFacts, used: set[int]) -> Iterator[Patch]:
    """Yield the texts of sections that were changed, where no fact stands among their lines."""
    found = document.scan
    new = {section.heading: section.body for section in now.sections}
    old = {section.heading: section.body for section in document.facts.sections}
    for part in found.parts:
        span = range(part.body.start, part.body.end)
        body = new.get(part.heading)
        if body is None or part.heading not in old or old[part.heading] == body:
            continue
        if any(i in found.taken or i in used for i in span):
            continue
        text = [i for i in span if found.source.lines[i].strip()]
        if text:
            yield Patch(text[0], text[-1] + 1, tuple(body.split("\n")))


def _word(document: LaidOut, name: str, meant: str) -> str:
    """Return the word of a layout for what is meant, written as the one that it replaces."""
    old = strip_marks(document.places[name].value) if name in document.places else ""
    if name == "severity" and _RANK.match(old):
        return meant
    both = (document.layout.words.get(name, {}), usual_words()[name])
    word = next((words[meant][0] for words in both if words.get(meant)), meant)
    if old.isupper():
        return word.upper()
    return word.capitalize() if old[:1].isupper() else word
