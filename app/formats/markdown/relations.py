"""Related findings: a table, bullets, or ``None.``"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from app.formats.markdown.blocks import Block, ListItem
from app.formats.markdown.cells import Row, escape, row_line, strip_marks
from app.formats.markdown.comments import protect, without_gaps
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    Odd,
    RelatedEntry,
    RelatedPart,
)
from app.formats.markdown.facts import RelationText, TicketFacts
from app.formats.markdown.layout import (
    CLOSING,
    RULE_ROW,
    Present,
    before_first,
    insert_sections,
    section_lines,
)
from app.formats.markdown.source import Patch, Source, Span
from app.formats.markdown.words import KEY, relation_kind, relation_word

_TWO_PARTS = r"[A-Z][A-Z0-9]*(?:-[A-Z][A-Z0-9]*)+-\d+(?:~\d+)?"
_ONE_PART = r"[A-Z][A-Z0-9]*-\d+(?:~\d+)?"
_LINKED = re.compile(
    rf"\[(?P<in>\*\*|`)?(?P<key>{KEY.pattern})(?P=in)?\](?:\([^()]*\)|\[[^\]]*\])|"
    rf"\[[^\[\]]*\]\((?:[^()]*/)?(?P<file>{KEY.pattern})\.md(?:#[^()]*)?\)"
)
"""A link that names a ticket, or leads to the document of one."""
_NAMED = re.compile(
    rf"(?:\*\*|`)?(?P<key>{_TWO_PARTS}|{_ONE_PART}(?=[*`]{{0,2}} \[[a-z-]+\]))(?![\w~])"
    r"(?::?\*\*|`)?"
)
"""The id of a ticket, in bold or code; one with a single hyphen only before a kind in brackets, for
labels of other reports look so."""
_JOINT = re.compile(r"[ \t]*(?:[,;/&+]|\band\b)[ \t]*(?:\band\b[ \t]*)?")
_AFTER_IDS = re.compile(
    r"(?: \[(?P<kind>[a-z-]+)\])?(?P<sep>[ \t]*(?::|-|–|—))?[ \t]*(?P<note>.*)$", re.DOTALL
)
TICKET_NAME = re.compile(rf"(?<![\w-]){_TWO_PARTS}(?![\w~-])|{_LINKED.pattern}")
"""Where text names a ticket."""
_MAX_IDS = 100
_NONE = re.compile(r"[ \t]*None\.?[ \t]*$", re.IGNORECASE)
RELATED_HEADER = ("| Ticket ID | Relationship | Notes |", RULE_ROW[1])


def read_related(source: Source, section: DocumentSection) -> RelatedPart:
    """The related findings: a table, bullets, or ``None.``"""
    entries: list[RelatedEntry] = []
    bullets: list[ListItem] = []
    table, none_line = None, None
    for block in section.blocks:
        if block.header is not None and table is None and _is_related_table(block):
            table = block
            entries += (e for row in block.rows for e in _table_entries(row))
        elif block.kind == "list":
            tops = [item for item in block.items if item.depth == 0]
            bullets += tops
            entries += (e for item in tops for e in _bullet_entries(item))
        elif block.kind == "paragraph" and _NONE.match(source.lines[block.span.start]):
            none_line = block.span.start
    return RelatedPart(section, tuple(entries), table, none_line, tuple(bullets))


def _is_related_table(block: Block) -> bool:
    assert block.header is not None
    return "ticket" in block.header.cells[0].text.casefold()


def _table_entries(row: Row) -> Iterator[RelatedEntry]:
    """A row's references: one for each id of its first cell."""
    cells = [cell.value.strip() for cell in row.cells]
    ids = _ids_of_cell(row.cells[0].text)
    word = cells[1] if len(cells) > 1 else ""
    note = without_gaps(row.cells[2].text) if len(cells) > 2 else ""
    span = Span(row.line, row.line + 1)
    for key in ids:
        yield RelatedEntry(key, word or None, note or None, span, row)


def _ids_of_cell(text: str) -> list[str]:
    """The ids that a cell lists; none where other words stand beside them."""
    plain = _LINKED.sub(lambda link: link["key"] or link["file"], text)
    words = [strip_marks(word) for word in _JOINT.split(plain, maxsplit=_MAX_IDS)]
    words = [word for word in words if word]
    return list(dict.fromkeys(words)) if all(map(KEY.fullmatch, words)) else []


def _bullet_entries(item: ListItem) -> Iterator[RelatedEntry]:
    """A bullet's references: the ids that it begins with, and the note behind them."""
    ids, at = _leading_ids(item.text)
    found = _AFTER_IDS.match(item.text, at)
    if not ids or found is None:
        return
    for key in ids:
        yield RelatedEntry(key, found["kind"], found["note"].strip() or None, item.span, None)


def _leading_ids(text: str) -> tuple[list[str], int]:
    """The ids that a text begins with, and where they end."""
    ids: list[str] = []
    at = end = 0
    while len(ids) < _MAX_IDS and (found := _LINKED.match(text, at) or _NAMED.match(text, at)):
        ids.append(found["key"] or found["file"])
        end = found.end()
        joint = _JOINT.match(text, end)
        if joint is None:
            break
        at = joint.end()
    return list(dict.fromkeys(ids)), end


def stated_relations(document: Document) -> Iterator[RelationText]:
    """The references in the tracker's words."""
    return map(_stated_relation, document.related.entries if document.related else ())


def related_spans(document: Document) -> Iterator[Span]:
    """The lines that state references, or that there are none."""
    related = document.related
    if related is None:
        return
    yield from (entry.span for entry in related.entries)
    if related.table:
        yield related.table.span
    if related.none_line is not None:
        yield Span(related.none_line, related.none_line + 1)


def related_lines(relations: Sequence[RelationText]) -> list[str]:
    """The table of related findings, or ``None.``"""
    rows = [_table_line(relation) for relation in relations]
    return [*RELATED_HEADER, *rows] if rows else ["None."]


def edit_relations(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Add, remove and change references in the form that the document uses."""
    document = now.document
    part = document.related
    if part is None:
        if wanted.relations:
            yield _new_related(document, wanted.relations)
        return
    left = {(r.key, r.kind): r for r in wanted.relations}
    gone: list[Span] = []
    seen: set[tuple[str, str]] = set()
    for span, entries in groupby(part.entries, key=lambda entry: entry.span):
        lines, same = [], True
        for entry in entries:
            stated = _stated_relation(entry)
            identity = (stated.key, stated.kind)
            relation = left.get(identity)
            if relation is None and entry.key != document.key:
                same = False
                continue
            new = relation if relation and identity not in seen else stated
            same = same and new.note == entry.note
            lines.append(_entry_line(entry, new))
            seen.add(identity)
        if not lines:
            gone.append(span)
        elif not same:
            yield Patch(span.start, span.end, tuple(lines))
    added = [r for identity, r in left.items() if identity not in seen]
    if len(gone) == len({entry.span for entry in part.entries}) and gone and not added:
        span = part.table.span if part.table else gone[0]
        yield Patch(span.start, span.end, ("None.",))
        gone = [] if part.table else gone[1:]
    yield from (Patch(span.start, span.end, ()) for span in gone)
    if added:
        yield _add_relations(part, added)


def _stated_relation(entry: RelatedEntry) -> RelationText:
    return RelationText(entry.key, relation_kind(entry.word or "") or "related", entry.note)


def _entry_line(entry: RelatedEntry, relation: RelationText) -> str:
    if entry.row is not None:
        return _table_line(relation)
    return f"- {_bullet(relation)}"


def _bullet(relation: RelationText) -> str:
    plain = relation.kind == "related" and relation.key.count("-") > 1
    kind = "" if plain else f" [{relation.kind}]"
    note = f": {protect(relation.note)}" if relation.note else ""
    return f"{relation.key}{kind}{note}"


def _table_line(relation: RelationText) -> str:
    word = relation_word(relation.kind)
    return row_line([f"`{relation.key}`", f"`{word}`", escape(relation.note or "")])


def _new_related(document: Document, relations: Sequence[RelationText]) -> Patch:
    lines = section_lines("## Related Findings", related_lines(relations))
    return insert_sections(document, [lines], before_first(document, *CLOSING))


def _add_relations(part: RelatedPart, added: list[RelationText]) -> Patch:
    bullets = tuple(f"- {_bullet(relation)}" for relation in added)
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


def odd_relations(document: Document) -> Iterator[Odd]:
    """Words for no relation, and tickets that are named without being related."""
    if document.related is None:
        return
    for entry in document.related.entries:
        if entry.word and relation_kind(entry.word) is None:
            reason = f"unknown relationship '{entry.word}'; it is kept, and read as related"
            yield entry.span.start, reason
    read = {
        line
        for entry in document.related.entries
        for line in range(entry.span.start, entry.span.end)
    }
    for line in document.prose_lines(document.related.section):
        found = TICKET_NAME.search(document.read.lines[line]) if line not in read else None
        if found:
            yield (
                line,
                f"{found.group()[:60]!r} is not read as a relation; one is a bullet or a row that "
                "begins with ids",
            )
