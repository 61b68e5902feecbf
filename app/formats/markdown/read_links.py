"""Reading related findings, commits and report references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.formats.markdown.blocks import Block, ListItem, TooManyParts, scan
from app.formats.markdown.cells import Row, code_spans, strip_marks, unwrap
from app.formats.markdown.comments import hide
from app.formats.markdown.document import (
    CommitBlock,
    CommitEntry,
    RelatedEntry,
    RelatedPart,
    ReportEntry,
    Section,
    SectionKind,
)
from app.formats.markdown.oneline import read_line, without_gaps
from app.formats.markdown.source import Source, Span, split
from app.formats.markdown.words import KEY

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
_REPORT = re.compile(r"[ \t]*\*\*Report file:?\*\*:?(.*)$", re.IGNORECASE)
REPORTS_LABEL = re.compile(r"[ \t]*\*\*Report files:?\*\*:?[ \t]*$", re.IGNORECASE)
_SECTION = re.compile(r"[ \t]*\*\*Section:?\*\*:?(.*)$", re.IGNORECASE)
_BULLET_SECTION = re.compile(r"[-–—,(]?[ \t]*Section:?(.*)$", re.IGNORECASE)
COMMIT_LABEL = re.compile(
    r"[ \t]*(?:[-*+][ \t]+)?\*\*Commits?(?::\*\*|\*\*:)[ \t]*(.*)$",
    re.IGNORECASE,
)
COMMIT_HEADING = re.compile(r"Commits?:?$", re.IGNORECASE)
_MAY_NAME = re.compile(r"(?:\*\*|[|#][ \t`]{0,9}|fixed\s{1,9}in\s{1,9})commits?\b", re.IGNORECASE)
"""Where this is not found no commit is named, which is cheaper to see than structure."""
_HEX = re.compile(r"(?<![0-9A-Za-z_/.-])[0-9a-fA-F]{7,40}(?![0-9A-Za-z_/-])")
_HASH = re.compile(r"[0-9a-fA-F]{7,40}")
_FIXED_IN = re.compile(r"fixed in commits?:?\s*(.*)$", re.IGNORECASE)
_BESIDE = 200
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_PLACEHOLDER = re.compile(r"\[current commit\]|\(?\b(?:pending|tbd)\b\)?", re.IGNORECASE)
_CLAIMS = ("detailed description", "recommended fix", "system context")
"""Sections that describe the defect: a commit there is history, unless it is said to fix it."""


def read_related(source: Source, section: Section) -> RelatedPart:
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


def read_reports(source: Source, section: Section) -> tuple[ReportEntry, ...]:
    """The report references of the appendix, one label each or a list of bullets."""
    found: list[ReportEntry] = []
    in_list = False
    for block in section.blocks:
        first = source.lines[block.span.start]
        if block.kind == "paragraph":
            in_list = bool(REPORTS_LABEL.match(source.lines[block.span.end - 1]))
            if not in_list and _REPORT.match(first):
                found += _report_lines(source, block.span)
        elif block.kind == "list" and in_list:
            found += (_report_bullet(item) for item in block.items if item.depth == 0)
            in_list = False
    return tuple(found)


def _report_lines(source: Source, span: Span) -> Iterator[ReportEntry]:
    line = span.start
    while line < span.end:
        match = _REPORT.match(source.lines[line])
        line += 1
        if not match:
            continue
        file, extra = _file_and_rest(match[1].strip())
        file = read_line(file)
        below = _SECTION.match(source.lines[line]) if line < span.end else None
        stop = line + 1 if below else line
        section = read_line(below[1]) if below else read_line(extra)
        yield ReportEntry(file, section or None, Span(stop - (2 if below else 1), stop), False)
        line = stop


def _report_bullet(item: ListItem) -> ReportEntry:
    file, rest = _file_and_rest(item.text)
    match = _BULLET_SECTION.match(rest)
    return ReportEntry(file, (match[1].strip() if match else rest) or None, item.span, True)


def _file_and_rest(text: str) -> tuple[str, str]:
    spans = code_spans(text)
    if not spans or spans[0][0] != 0:
        return text, ""
    return unwrap(text[: spans[0][1]])[0], text[spans[0][1] :].strip()


def read_commits(
    source: Source, sections: Iterable[Section]
) -> tuple[tuple[CommitBlock, ...], tuple[CommitEntry, ...]]:
    """Commits that fix the finding: labelled, listed, or ``Fixed in commit`` in bold."""
    blocks: list[CommitBlock] = []
    entries: list[CommitEntry] = []
    for section in sections:
        if section.kind not in (SectionKind.RESOLUTION, SectionKind.FREE):
            continue
        for at, block in enumerate(section.blocks):
            if section.heading.casefold() in _CLAIMS:
                entries += _fixed_in(source, block)
                continue
            following = section.blocks[at + 1] if at + 1 < len(section.blocks) else None
            found, hashes = _commit_block(source, block, following)
            entries += hashes
            if found and section.kind is SectionKind.RESOLUTION:
                blocks.append(found)
    distinct = set(longest_commits(entry.hash for entry in entries))
    first: dict[str, CommitEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.line):
        if entry.hash in distinct:
            first.setdefault(entry.hash, entry)
    return tuple(blocks), tuple(first.values())


def commits_in(text: str, heading: str = "") -> tuple[str, ...]:
    """The commits that the prose below a heading names as the fix."""
    if not _MAY_NAME.search(text):
        return ()
    source = split(text)
    try:
        outline = scan(source.lines)
        if "<!--" in text:
            source = source.read_as(hide(source.lines, outline.comments, outline.opaque))
            outline = scan(source.lines)
    except TooManyParts:
        return ()  # such a text is written as code, in which nothing is named
    body = Span(0, len(source.lines))
    section = Section(heading, SectionKind.RESOLUTION, 0, 0, body, body.end, outline.blocks)
    return tuple(entry.hash for entry in read_commits(source, [section])[1])


def _commit_block(
    source: Source, block: Block, following: Block | None
) -> tuple[CommitBlock | None, list[CommitEntry]]:
    listed = following.items if following and following.kind == "list" else ()
    if block.kind == "heading" and COMMIT_HEADING.match(block.text):
        return _listed(block.span.start, listed, source)
    if block.kind == "table":
        return None, list(_commit_cells(block))
    hashes: list[CommitEntry] = []
    found: CommitBlock | None = None
    if block.kind in ("paragraph", "list", "quote"):
        for line in range(block.span.start, block.span.end):
            match = COMMIT_LABEL.match(source.lines[line])
            if not match:
                continue
            last = line == block.span.end - 1 and block.kind == "paragraph"
            if not match[1] and last and listed:
                return _listed(line, listed, source)
            hashes += (CommitEntry(h, line) for h in commit_hashes(match[1]))
            pure = _pure(match[1]) and block.kind == "paragraph"
            taken = (line,) if pure else ()
            found = CommitBlock(Span(line, line + 1), True, pure, taken)
        hashes += _fixed_in(source, block)
    return found, hashes


def _listed(
    line: int, items: Sequence[ListItem], source: Source
) -> tuple[CommitBlock, list[CommitEntry]]:
    hashes, bare = [], []
    for item in items:
        first = next(iter(commit_hashes(item.text)), None)
        if first:
            hashes.append(CommitEntry(first, item.span.start))
        if _pure(item.text):
            bare.append(item.span.start)
    end = max((item.span.end for item in items), default=line + 1)
    pure = len(bare) == len(items)
    taken = (line, *bare) if pure else tuple(bare)
    return CommitBlock(Span(line, end), False, pure, taken), hashes


def _commit_cells(block: Block) -> Iterator[CommitEntry]:
    for row in block.rows:
        key = strip_marks(row.cells[0].text).rstrip(":").casefold()
        if key in ("commit", "commits") and len(row.cells) > 1:
            yield from (CommitEntry(h, row.line) for h in commit_hashes(row.cells[1].text))


def _hash_spans(text: str) -> list[tuple[int, int, str]]:
    """Where hashes stand: any code span that is one, and bare words with a digit in them."""
    found, plain = [], list(text)
    for start, end in code_spans(text):
        value = unwrap(text[start:end])[0]
        if _HASH.fullmatch(value):
            found.append((start, end, value))
        plain[start:end] = " " * (end - start)
    bare = _HEX.finditer("".join(plain))
    found += ((m.start(), m.end(), m.group()) for m in bare if re.search(r"\d", m.group()))
    return sorted(found)


def commit_hashes(text: str) -> list[str]:
    """The hashes of commits in a text."""
    return [value for _, _, value in _hash_spans(text)]


def _pure(text: str) -> bool:
    """True for a text of hashes, placeholders and separators only."""
    rest = list(text)
    for start, end, _ in _hash_spans(text):
        rest[start:end] = " " * (end - start)
    return not _PLACEHOLDER.sub("", "".join(rest)).strip("` ,;\t")


def _fixed_in(source: Source, block: Block) -> Iterator[CommitEntry]:
    text = source.slice(block.span)
    if block.kind not in ("paragraph", "list", "quote") or "fixed in" not in text.casefold():
        return
    line, counted = block.span.start, 0
    for bold in _BOLD.finditer(text):
        line += text.count("\n", counted, bold.start())
        counted = bold.start()
        phrase = _FIXED_IN.search(bold[1].replace("\n", " "))
        if phrase:
            beside = text[bold.end() : bold.end() + _BESIDE].partition("\n")[0]
            words = re.split(r"\b(?:as|by|which|after|in|on|for)\b|[.;(]", phrase[1] or beside)[0]
            yield from (CommitEntry(h, line) for h in commit_hashes(words))


def is_same_commit(left: str, right: str) -> bool:
    """True when one hash begins the other."""
    a, b = left.casefold(), right.casefold()
    return a.startswith(b) or b.startswith(a)


def longest_commits(commits: Iterable[str]) -> tuple[str, ...]:
    """Each commit once, in its longest spelling."""
    kept: dict[str, list[str]] = {}
    for commit in sorted(set(commits), key=lambda c: (-len(c), c)):
        alike = kept.setdefault(commit[:7].casefold(), [])
        if not any(is_same_commit(commit, other) for other in alike):
            alike.append(commit)
    return tuple(commit for alike in kept.values() for commit in alike)
