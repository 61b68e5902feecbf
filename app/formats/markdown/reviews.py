"""Reading cross-reviews, in every layout that the format describes."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.formats.markdown.blocks import Block
from app.formats.markdown.cells import Cell, Row, is_rule_row, split_row, strip_marks
from app.formats.markdown.comments import without_gaps
from app.formats.markdown.document import (
    Document,
    DocumentSection,
    Layout,
    Odd,
    Place,
    Review,
    SectionKind,
)
from app.formats.markdown.escape import decode
from app.formats.markdown.source import Source, Span, is_row, trim
from app.formats.markdown.words import (
    OTHER_VERDICT,
    UNKNOWN_REVIEWER,
    VERDICTS,
    is_known_reviewer,
    leading_verdict,
    reviewer_role,
)

_ANY_VERDICT = re.compile(r"[ \t>|*_`#-]*verdict\b", re.IGNORECASE)
DEEP_HEADING = re.compile(r" {0,3}#{3,6}[ \t]+(?P<text>.*)$")
_PAREN = re.compile(r"cross[-\s]?reviews?\s*\((.*)\)", re.IGNORECASE)
_COLON = re.compile(r"cross[-\s]?reviews?\s*(?:[:–—-]|\bby\b|\bfrom\b)\s*(.+)$", re.IGNORECASE)
_OCCASION = re.compile(
    r"\d|\b(?:round|first|second|third|final|update[ds]?|addendum|summary|results?|"
    r"follow-?up|re-?review|after the fact|post-?\w+)\b",
    re.IGNORECASE,
)
"""In a heading: when reviews were given, not by whom."""
_VERDICT_LINE = re.compile(r"([ \t]*\*\*Verdict(?::\*\*|\*\*:)[ \t]*)(\S.*)$", re.IGNORECASE)
LABEL = re.compile(
    r"[ \t]*\*\*(?:(?P<name>[^*\n]{1,80}?)[ \t]{1,9})?Evaluation(?::\*\*|\*\*:?)[ \t]*",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_REVIEWER_COLUMNS = ("reviewer", "agent")


@dataclass
class _Draft:
    """A review whose prose is still being gathered."""

    layout: Layout
    verdict: Cell
    part: Span
    name: str | None = None
    reviewer: Cell | None = None
    specialist: str | None = None
    date: Cell | None = None
    text: Cell | None = None
    table: Block | None = None
    columns: tuple[str, ...] = ()
    row: Row | None = None
    prose: Span | None = None


_Waiting = defaultdict[str, deque[_Draft]]
"""Reviews of each reviewer that may have prose elsewhere, in order."""


def heading_name(heading: str) -> str | None:
    """The reviewer that a section's heading names, None for a bare heading.

    ``(Round 2)`` or a date names nobody: the reviewers stand in the section.
    """
    match = _PAREN.search(heading) or _COLON.search(heading)
    name = match[1].strip() if match else ""
    occasion = _OCCASION.search(name) and not is_known_reviewer(name)
    return None if not name or occasion else name


def read_reviews(source: Source, section: DocumentSection) -> list[Review]:
    """All reviews of one section, in order."""
    name = heading_name(section.heading)
    if name is not None:
        return _read_part(source, section, section.blocks, name, Place.OWN, section.body)
    parts = list(_named_parts(source, section))
    if not parts:
        return _read_part(source, section, section.blocks, None, Place.SHARED, section.body)
    found = []
    for sub_name, blocks, span in parts:
        found += _read_part(source, section, blocks, sub_name, Place.NAMED, span)
    return found


def _named_parts(
    source: Source, section: DocumentSection
) -> Iterator[tuple[str, list[Block], Span]]:
    """Sub-sections headed by a reviewer's name that hold a verdict."""
    blocks = section.blocks
    heads = [i for i, b in enumerate(blocks) if b.kind == "heading" and b.level == 3]
    heads = [i for i in heads if reviewer_role(blocks[i].text) != UNKNOWN_REVIEWER]
    with_verdict = []
    for i in heads:
        following = blocks[i + 1] if i + 1 < len(blocks) else None
        if following and next(_open(source, following, ()), None):
            with_verdict.append(i)
    for i, after in pairwise([*with_verdict, len(blocks)]):
        end = blocks[after].span.start if after < len(blocks) else section.body.end
        span = trim(source.lines, Span(blocks[i].span.start, end), rules=True)
        yield blocks[i].text, list(blocks[i + 1 : after]), span


def _read_part(
    source: Source,
    section: DocumentSection,
    blocks: Sequence[Block],
    name: str | None,
    place: Place,
    part: Span,
) -> list[Review]:
    drafts: list[_Draft] = []
    waiting: _Waiting = defaultdict(deque)
    columns: tuple[str, ...] = ()
    events: list[tuple[int, int, _Draft | None]] = []  # where the one before ends, prose begins
    for block in blocks:
        opened = [] if name and drafts else list(_open(source, block, columns))
        if drafts:
            opened = [draft for draft in opened if _is_another(draft)]
        if opened:
            columns = opened[-1].columns or columns
            drafts += opened
            for new in opened:
                if new.reviewer and new.text is None:
                    waiting[reviewer_role(new.reviewer.value)].append(new)
            owner = opened[0] if len(opened) == 1 else None
            events.append((block.span.start, _prose_start(source, block, opened[0]), owner))
        elif len(drafts) > 1 and not name and (labelled := _labelled(source, block, waiting)):
            labelled.prose = Span(0, 0)
            events.append((block.span.start, block.span.start, labelled))
    ends = [*(begin for begin, _, _ in events), part.end][1:]
    for (_, begin, draft), end in zip(events, ends, strict=True):
        if draft and not draft.prose:
            draft.prose = trim(source.written, Span(begin, end), rules=True)
    return [_finish(source, section, draft, name, place, part) for draft in drafts]


def _is_another(draft: _Draft) -> bool:
    """False for a table or line in the prose of a review that only looks like a further one."""
    return draft.reviewer is not None or leading_verdict(draft.verdict.value) != OTHER_VERDICT


def _prose_start(source: Source, block: Block, draft: _Draft) -> int:
    """Where prose begins; also where no empty line parts it from the table above it."""
    if draft.layout is Layout.LINE:
        return draft.part.end
    rows = (i for i in range(block.span.start, block.span.end) if is_row(source.lines[i]))
    return max(rows, default=block.span.end - 1) + 1


def _labelled(source: Source, block: Block, waiting: _Waiting) -> _Draft | None:
    """The review that a paragraph with the label ``**X Evaluation:**`` belongs to."""
    match = LABEL.match(source.lines[block.span.start]) if block.kind == "paragraph" else None
    if not match or not match["name"]:
        return None
    fitting = waiting[reviewer_role(match["name"])]
    return fitting.popleft() if fitting else None


def _open(source: Source, block: Block, columns: tuple[str, ...]) -> Iterator[_Draft]:
    """The reviews that a block opens, if any."""
    if block.header is not None:
        names = tuple(map(_key, block.header.cells))
        if _is_header_verdict(names):
            yield _header_draft(block)
        elif "verdict" in names:
            yield from (_row_draft(row, names, block) for row in block.rows)
        elif names[:2] == ("field", "value"):
            yield from _field_draft(block)
    elif block.rows and columns:
        for row in block.rows:
            wide = split_row(source.lines[row.line], row.line, len(columns))
            if len(wide.cells) == len(columns):
                yield _row_draft(wide, columns, block)
    elif block.kind == "paragraph" and not block.rows:
        line = block.span.start
        if match := _VERDICT_LINE.match(source.lines[line]):
            raw, start = match[2].rstrip(), match.start(2)
            end = start + len(raw)
            cell = Cell(line, start, start, end, end, raw)
            yield _Draft(Layout.LINE, cell, Span(line, line + 1))


def _is_header_verdict(names: tuple[str, ...]) -> bool:
    known = {"evaluation", "date", "domain", *_REVIEWER_COLUMNS}
    return names[0] == "verdict" and len(names) == 2 and names[1] not in known


def _row_draft(row: Row, names: tuple[str, ...], block: Block) -> _Draft:
    def cell(*wanted: str) -> Cell | None:
        return next((row.cell(names.index(n)) for n in wanted if n in names), None)

    verdict = cell("verdict") or row.cells[-1]
    span = Span(row.line, row.line + 1)
    draft = _Draft(Layout.COLUMNS, verdict, span, table=block, columns=names, row=row)
    draft.reviewer, draft.date = cell(*_REVIEWER_COLUMNS), cell("date")
    draft.text = cell("evaluation")
    return draft


def _header_draft(block: Block) -> _Draft:
    assert block.header is not None
    draft = _Draft(Layout.HEADER, block.header.cells[1], block.span, table=block)
    return _with_fields(draft, block)


def _field_draft(block: Block) -> Iterator[_Draft]:
    for row in block.rows:
        if len(row.cells) > 1 and _key(row.cells[0]) == "verdict":
            yield _with_fields(_Draft(Layout.FIELDS, row.cells[1], block.span, table=block), block)
            return


def _key(cell: Cell) -> str:
    return strip_marks(cell.text).rstrip(" :").casefold()


def _with_fields(draft: _Draft, block: Block) -> _Draft:
    for row in block.rows:
        key = _key(row.cells[0])
        cell = row.cell(1)
        if key in _REVIEWER_COLUMNS:
            draft.reviewer = cell
        elif key == "date":
            draft.date = cell
        elif key == "evaluation":
            draft.text = cell
        elif key == "specialist" and cell:
            draft.specialist = cell.value
    return draft


def _finish(
    source: Source,
    section: DocumentSection,
    draft: _Draft,
    name: str | None,
    place: Place,
    part: Span,
) -> Review:
    prose = draft.prose or Span(part.end, part.end)
    label, prose_text = read_prose(source, prose)
    cell_text = draft.text.text if draft.text else ""
    cell_name = strip_marks(without_gaps(draft.reviewer.text)) if draft.reviewer else None
    role = reviewer_role(name)
    if role == UNKNOWN_REVIEWER:
        role = reviewer_role(cell_name)
    raw = strip_marks(without_gaps(draft.verdict.text))
    date = _DATE.fullmatch(draft.date.value.strip()) if draft.date else None
    review = Review(
        reviewer=draft.specialist or role,
        reviewer_raw=cell_name or name,
        verdict=leading_verdict(raw),
        verdict_raw=raw,
        text=_joined(cell_text, prose_text),
        rationale=_joined(read_cell_text(cell_text), prose_text),
        date=date.group() if date else None,
        section=section,
        layout=draft.layout,
        place=place,
        verdict_cell=draft.verdict,
        text_cell=draft.text,
        prose=prose,
        label=label,
        part=draft.part if place is Place.SHARED else part,
        table=draft.table,
    )
    return replace(
        review,
        columns=draft.columns,
        row=draft.row,
        date_cell=draft.date,
        reviewer_cell=draft.reviewer,
    )


def read_prose(source: Source, span: Span) -> tuple[str, str]:
    """The label of some prose, and the prose without it."""
    if not span:
        return "", ""
    text = "\n".join(source.written[span.start : span.end])
    first, _, rest = text.partition("\n")
    if re.fullmatch(r"#{3,6}[ \t]+Evaluation:?[ \t]*", first, re.IGNORECASE):
        return first, decode(rest.strip())
    match = LABEL.match(first)
    return (match.group() if match else ""), decode(text[match.end() if match else 0 :].strip())


def _joined(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def read_cell_text(text: str) -> str:
    """The text of an Evaluation cell; ``<br>`` without a backslash is a line break."""
    if "<br>" not in text:
        return text
    parts = re.split(r"(?<!\\)<br>", text)
    return "\n".join(part.replace("\\<br>", "<br>") for part in parts)


def odd_reviews(document: Document) -> Iterator[Odd]:
    """Unknown verdicts; verdicts and reviewers that no review was made of."""
    for review in document.reviews:
        if review.verdict == OTHER_VERDICT:
            reason = f"unknown verdict '{review.verdict_raw}'; it is kept as {OTHER_VERDICT}"
            yield review.verdict_cell.line, reason
    read = {review.verdict_cell.line for review in document.reviews}
    for section in document.of_kind(SectionKind.REVIEW):
        reviews = [review for review in document.reviews if review.section is section]
        if not reviews:
            yield section.line, "a cross-review without a verdict; it is read as free text"
            continue
        headers = {
            line
            for r in reviews
            if r.table
            for line in (r.table.span.start, r.table.span.start + 1)
        }
        named = {review.part.start for review in reviews}
        for line in document.prose_lines(section):
            text = document.read.lines[line]
            if line in read or line in headers or is_rule_row(text):
                continue
            cells = map(strip_marks, text.split("|")) if is_row(text) else ()
            heading = DEEP_HEADING.match(text)
            if _ANY_VERDICT.match(text) or any(cell.upper() in VERDICTS for cell in cells):
                yield line, "this verdict is not read as a review of its own"
            elif heading and line not in named and _names_reviewer(heading["text"]):
                yield line, "no verdict is read below this reviewer's name"


def _names_reviewer(heading: str) -> bool:
    return is_known_reviewer(heading) and "evaluation" not in heading.casefold()
