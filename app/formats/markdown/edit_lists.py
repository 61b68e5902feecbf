"""Edits of categories, check-list, related findings and report references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

from app.formats.markdown.blocks import ListItem
from app.formats.markdown.cells import escape, row_line, wrap
from app.formats.markdown.document import (
    CategoryRow,
    Document,
    RelatedEntry,
    RelatedPart,
    ReportEntry,
    SectionKind,
)
from app.formats.markdown.facts import ChecklistEntry, RelationText, ReportText, TicketFacts
from app.formats.markdown.layout import (
    RULE_ROW,
    before_first,
    insert_sections,
    section_lines,
)
from app.formats.markdown.oneline import protect
from app.formats.markdown.source import Patch, Span
from app.formats.markdown.stated import facts
from app.formats.markdown.words import (
    CATEGORY_ORDER,
    LABELS,
    category_slug,
    relation_kind,
    relation_word,
)

HOW_TO_VERIFY = "### How to Verify the Fix"
REPORT_HEADING = "### Original Report Reference"
RELATED_HEADER = ("| Ticket ID | Relationship | Notes |", RULE_ROW[1])
_CLOSING = (SectionKind.REVIEW, SectionKind.RESOLUTION, SectionKind.APPENDIX)


def edit_categories(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Tick and untick; a row is added only where the check-list lacks it."""
    wanted = set(current.categories)
    rows = document.categories
    known = [category_slug(row.label) or row.label for row in rows]
    for slug, row in zip(known, rows, strict=True):
        if row.checked != (slug in wanted):
            line = _marked(document, row.item, slug in wanted)
            yield Patch(row.item.span.start, row.item.span.start + 1, (line,))
    missing = [slug for slug in current.categories if slug not in known]
    if missing and not rows:
        yield from _new_categories(document, current)
    elif missing:
        for slug in missing:
            at = _place_of(slug, known, rows)
            lead = rows[0].item.lead
            yield Patch(at, at, (f"{lead}[x] {LABELS.get(slug, protect(slug))}",))


def _place_of(slug: str, known: Sequence[str], rows: Sequence[CategoryRow]) -> int:
    order = CATEGORY_ORDER.get(slug, len(CATEGORY_ORDER))
    for other, row in zip(known, rows, strict=True):
        if CATEGORY_ORDER.get(other, len(CATEGORY_ORDER)) > order:
            return row.item.span.start
    return rows[-1].item.own.end


def category_lines(categories: Sequence[str]) -> list[str]:
    """The check-list of categories."""
    own = [category for category in categories if category not in LABELS]
    rows = [(label, slug in categories) for slug, label in LABELS.items()]
    rows += [(protect(label), True) for label in own]
    return ["**Category:**", *(f"- [{'x' if on else ' '}] {label}" for label, on in rows)]


def _new_categories(document: Document, current: TicketFacts) -> Iterator[Patch]:
    section = document.first(SectionKind.SUMMARY)
    lines = category_lines(current.categories)
    if section is not None:
        at = max(section.body.end, section.begin)
        yield Patch(at, at, ("", *lines))
    else:
        anchor = (document.location or document.metadata).section
        after = next((s for s in document.sections if s.line > anchor.line), None)
        yield insert_sections(document, [section_lines("## Summary", lines)], after)


def _marked(document: Document, item: ListItem, done: bool) -> str:
    line = document.source.lines[item.span.start]
    at = len(item.lead)
    return f"{line[:at]}[{'x' if done else ' '}]{line[at + 3 :]}"


def edit_checklist(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Tick, reword, add and remove items, each on its own lines."""
    items, entries = document.checklist, current.checklist
    old, new = [item.text for item in items], [entry.text for entry in entries]
    if not items:
        if entries:
            yield _new_checklist(document, entries)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        paired = min(i2 - i1, j2 - j1)
        for item, entry in zip(items[i1 : i1 + paired], entries[j1:j2], strict=False):
            yield from _edit_item(document, item, entry, reword=tag != "equal")
        for item in items[i1 + paired : i2]:
            yield Patch(item.own.start, item.own.end, ())
        added = entries[j1 + paired : j2]
        if added:
            beside = items[i1 + paired - 1] if i1 + paired else items[0]
            at = beside.span.end if i1 + paired else beside.span.start
            yield Patch(at, at, tuple(_item_line(beside.lead, entry) for entry in added))


def _edit_item(
    document: Document, item: ListItem, entry: ChecklistEntry, *, reword: bool
) -> Iterator[Patch]:
    if reword:
        yield Patch(item.own.start, item.own.end, (_item_line(item.lead, entry),))
    elif (item.mark in ("x", "X")) != entry.done:
        line = _marked(document, item, entry.done)
        yield Patch(item.span.start, item.span.start + 1, (line,))


def _item_line(lead: str, entry: ChecklistEntry) -> str:
    return f"{lead}[{'x' if entry.done else ' '}] {protect(entry.text)}"


def checklist_lines(entries: Sequence[ChecklistEntry]) -> list[str]:
    """The check-list with its heading."""
    return [HOW_TO_VERIFY, "", *(_item_line("- ", entry) for entry in entries)]


def _new_checklist(document: Document, entries: Sequence[ChecklistEntry]) -> Patch:
    section = document.first(SectionKind.VERIFICATION)
    if section is None:
        before = before_first(document, SectionKind.RELATED, *_CLOSING)
        lines = section_lines("## Verification", checklist_lines(entries))
        return insert_sections(document, [lines], before)
    lines = checklist_lines(entries)
    for block in section.blocks:
        if document.source.lines[block.span.start].startswith(HOW_TO_VERIFY):
            return Patch(block.span.end, block.span.end, ("", *lines[2:]))
    after = section.begin
    return Patch(after, after, ("", *lines))


def edit_relations(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Add, remove and change references in the form that the document uses."""
    part = document.related
    if part is None:
        if current.relations:
            yield _new_related(document, current.relations)
        return
    wanted = {(r.key, r.kind): r for r in current.relations}
    gone: list[Span] = []
    seen: set[tuple[str, str]] = set()
    for span, entries in groupby(part.entries, key=lambda entry: entry.span):
        lines, same = [], True
        for entry in entries:
            stated = _stated_relation(entry)
            identity = (stated.key, stated.kind)
            relation = wanted.get(identity)
            if relation is None and entry.key != document.key:
                same = False
                continue
            new = relation if relation and identity not in seen else stated
            same = same and new.note == entry.note
            lines.append(_entry_line(part, entry, new))
            seen.add(identity)
        if not lines:
            gone.append(span)
        elif not same:
            yield Patch(span.start, span.end, tuple(lines))
    added = [r for identity, r in wanted.items() if identity not in seen]
    if len(gone) == len({entry.span for entry in part.entries}) and gone and not added:
        span = part.table.span if part.table else gone[0]
        yield Patch(span.start, span.end, ("None.",))
        gone = [] if part.table else gone[1:]
    yield from (Patch(span.start, span.end, ()) for span in gone)
    if added:
        yield _add_relations(document, part, added)


def _stated_relation(entry: RelatedEntry) -> RelationText:
    return RelationText(entry.key, relation_kind(entry.word or "") or "related", entry.note)


def _entry_line(part: RelatedPart, entry: RelatedEntry, relation: RelationText) -> str:
    if entry.row is not None:
        return _table_line(relation)
    return f"- {_bullet(relation, part.entries)}"


def _bullet(relation: RelationText, beside: Sequence[RelatedEntry]) -> str:
    plain = relation.kind == "related" and relation.key.count("-") > 1
    kind = "" if plain else f" [{relation.kind}]"
    note = f": {protect(relation.note)}" if relation.note else ""
    return f"{relation.key}{kind}{note}"


def _table_line(relation: RelationText) -> str:
    word = relation_word(relation.kind)
    return row_line([f"`{relation.key}`", f"`{word}`", escape(relation.note or "")])


def related_lines(relations: Sequence[RelationText]) -> list[str]:
    """The table of related findings, or ``None.``"""
    rows = [_table_line(relation) for relation in relations]
    return [*RELATED_HEADER, *rows] if rows else ["None."]


def _new_related(document: Document, relations: Sequence[RelationText]) -> Patch:
    lines = section_lines("## Related Findings", related_lines(relations))
    return insert_sections(document, [lines], before_first(document, *_CLOSING))


def _add_relations(document: Document, part: RelatedPart, added: list[RelationText]) -> Patch:
    bullets = tuple(f"- {_bullet(relation, part.entries)}" for relation in added)
    if part.table is not None:
        at = part.table.span.end
        return Patch(at, at, tuple(_table_line(relation) for relation in added))
    if part.none_line is not None:
        plain = all(r.kind == "related" for r in added)
        lines = bullets if plain else tuple(related_lines(added))
        return Patch(part.none_line, part.none_line + 1, lines)
    if part.bullets:
        last = part.entries[-1].span if part.entries else part.bullets[-1].span
        return Patch(last.end, last.end, bullets)
    at = max(part.section.body.end, part.section.begin)
    return Patch(at, at, ("", *bullets))


def report_lines(report: ReportText) -> list[str]:
    """A report reference as two lines."""
    lines = [f"**Report file:** {protect(wrap(report.file, 'code'))}"]
    return [*lines, f"**Section:** {protect(report.section)}"] if report.section else lines


def edit_reports(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Report references, each on its own lines."""
    old, new = facts(document).reports, current.reports
    if old == new:
        return
    entries = document.reports
    if not entries:
        yield _new_reports(document, new)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        near = entries[min(i1, len(entries) - 1)]
        start = entries[i1].span.start if i1 < len(entries) else near.span.end
        end = entries[i2 - 1].span.end if i2 > i1 else start
        behind = i1 == len(entries)
        yield Patch(start, end, tuple(_reports(near, new[j1:j2], behind, replacing=i2 > i1)))


def _reports(
    near: ReportEntry, reports: Sequence[ReportText], behind: bool, *, replacing: bool
) -> Iterator[str]:
    for number, report in enumerate(reports):
        if near.bullet:
            section = f" Section: {report.section}" if report.section else ""
            yield protect(f"- {wrap(report.file, 'code')}{section}")
            continue
        if behind or (replacing and number):
            yield ""
        yield from report_lines(report)
        if not behind and not replacing:
            yield ""


def _new_reports(document: Document, reports: Sequence[ReportText]) -> Patch:
    lines = [REPORT_HEADING]
    for report in reports:
        lines += ["", *report_lines(report)]
    section = document.first(SectionKind.APPENDIX)
    if section is None:
        return insert_sections(document, [section_lines("## Appendix", lines)], None)
    return Patch(section.begin, section.begin, ("", *lines))
