"""The verification check-list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from app.domain.tickets import ChecklistItem
from app.formats.markdown.blocks import ListItem
from app.formats.markdown.comments import protect
from app.formats.markdown.document import Document, DocumentSection, Odd, SectionKind
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    CLOSING,
    Present,
    before_first,
    insert_sections,
    section_lines,
)
from app.formats.markdown.source import Patch

HOW_TO_VERIFY = "### How to Verify the Fix"
_ANY_MARK = re.compile(
    r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\]\w]{0,3}[xXvV]?\]|[☐☑☒✅✔✓❌✗])(?![(\[])"
)


def read_checklist(section: DocumentSection | None) -> tuple[ListItem, ...]:
    """Every task item of the section."""
    lists = (block for block in section.blocks if block.kind == "list") if section else ()
    return tuple(item for block in lists for item in block.items if item.mark is not None)


def checklist_lines(entries: Sequence[ChecklistItem]) -> list[str]:
    """The check-list with its heading."""
    return [HOW_TO_VERIFY, "", *(_item_line("- ", entry) for entry in entries)]


def edit_checklist(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Tick, reword, add and remove items, each on its own lines."""
    document = now.document
    items, entries = document.checklist, wanted.checklist
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
    document: Document, item: ListItem, entry: ChecklistItem, *, reword: bool
) -> Iterator[Patch]:
    if reword:
        yield Patch(item.own.start, item.own.end, (_item_line(item.lead, entry),))
    elif (item.mark in ("x", "X")) != entry.done:
        line = marked(document, item, entry.done)
        yield Patch(item.span.start, item.span.start + 1, (line,))


def _item_line(lead: str, entry: ChecklistItem) -> str:
    return f"{lead}[{'x' if entry.done else ' '}] {protect(entry.text)}"


def marked(document: Document, item: ListItem, done: bool) -> str:
    """The first line of an item, with its box ticked or not."""
    line = document.source.lines[item.span.start]
    at = len(item.lead)
    return f"{line[:at]}[{'x' if done else ' '}]{line[at + 3 :]}"


def _new_checklist(document: Document, entries: Sequence[ChecklistItem]) -> Patch:
    section = document.first(SectionKind.VERIFICATION)
    if section is None:
        before = before_first(document, SectionKind.RELATED, *CLOSING)
        lines = section_lines("## Verification", checklist_lines(entries))
        return insert_sections(document, [lines], before)
    lines = checklist_lines(entries)
    for block in section.blocks:
        if document.source.lines[block.span.start].startswith(HOW_TO_VERIFY):
            return Patch(block.span.end, block.span.end, ("", *lines[2:]))
    after = section.begin
    return Patch(after, after, ("", *lines))


def odd_tasks(document: Document) -> Iterator[Odd]:
    """Items with a box that is none of Markdown's, or that stand where no list is read."""
    read = {item.own.start for item in document.checklist}
    read |= {row.item.own.start for row in document.categories}
    for kind in (SectionKind.VERIFICATION, SectionKind.SUMMARY):
        section = document.first(kind)
        for line in document.prose_lines(section):
            if line not in read and _ANY_MARK.match(document.read.lines[line]):
                what = "category" if kind is SectionKind.SUMMARY else "item of the check-list"
                yield line, f"this is not read as a {what}; one is written '- [ ] ' or '- [x] '"
