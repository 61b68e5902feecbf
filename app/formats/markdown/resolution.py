"""The resolution, and the commits that fix the finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.formats.markdown.blocks import Block, ListItem, Outline, TooManyParts, scan
from app.formats.markdown.cells import code_spans, strip_marks, unwrap
from app.formats.markdown.comments import hide
from app.formats.markdown.document import (
    CommitBlock,
    CommitEntry,
    Document,
    DocumentSection,
    Odd,
    SectionKind,
)
from app.formats.markdown.escape import decode, encode
from app.formats.markdown.facts import TicketFacts
from app.formats.markdown.layout import (
    Present,
    before_first,
    insert_sections,
    remove_section,
    section_lines,
)
from app.formats.markdown.sections import edit_rest, replace_lines, rest_of
from app.formats.markdown.source import Patch, Source, Span, is_blank, split

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
_NO_COMMIT = re.compile(r"`?(?:\[current commit\]|\(pending\))`?", re.IGNORECASE)
_ANY_COMMIT = re.compile(r"(?<![^\W_])commits?(?![^\W_])|/commit/", re.IGNORECASE)
_COMMIT_ADDRESS = re.compile(r"/commit/(?P<hash>[0-9a-fA-F]{7,40})\b")


def read_commits(
    source: Source, sections: Iterable[DocumentSection]
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
    section = DocumentSection(heading, SectionKind.RESOLUTION, 0, 0, body, body.end, outline.blocks)
    return tuple(entry.hash for entry in read_commits(source, [section])[1])


def _commit_block(
    source: Source, block: Block, following: Block | None
) -> tuple[CommitBlock | None, list[CommitEntry]]:
    listed = following.items if following and following.kind == "list" else ()
    if block.kind == "heading" and COMMIT_HEADING.match(block.text):
        return _listed(block.span.start, listed)
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
                return _listed(line, listed)
            hashes += (CommitEntry(h, line) for h in commit_hashes(match[1]))
            pure = _pure(match[1]) and block.kind == "paragraph"
            taken = (line,) if pure else ()
            found = CommitBlock(Span(line, line + 1), True, pure, taken)
        hashes += _fixed_in(source, block)
    return found, hashes


def _listed(line: int, items: Sequence[ListItem]) -> tuple[CommitBlock, list[CommitEntry]]:
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


def resolution_text(document: Document) -> str | None:
    """The resolution section without the lines that only name commits."""
    if document.resolution is None:
        return None
    return decode(rest_of(document, document.resolution)) or None


def guard_commits(lines: list[str], outline: Outline) -> set[int]:
    """Lines that would be read as a list of commits instead of as text."""
    found = {
        block.span.start
        for block in outline.blocks
        if block.kind == "heading" and COMMIT_HEADING.match(block.text)
    }
    return found | {i for i, line in enumerate(lines) if COMMIT_LABEL.match(line)}


def resolution_section(facts: TicketFacts) -> list[str]:
    """The section with text and commits; nothing where there are none."""
    text = resolution_lines(facts.resolution_text)
    if facts.commits:
        text += [""] if text else []
        text += ["### Commits", "", *(f"- `{commit}`" for commit in facts.commits)]
    return section_lines("## Resolution", text) if text else []


def resolution_lines(text: str | None) -> list[str]:
    """The body of a resolution."""
    return encode(text, guard_commits).split("\n") if text else []


def edit_resolution(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """The resolution's text; commits stay where they are."""
    document, stated = now.document, now.facts
    if stated.resolution_text == wanted.resolution_text:
        return
    new = resolution_lines(wanted.resolution_text)
    section = document.resolution
    if section is None:
        before = before_first(document, SectionKind.APPENDIX)
        yield insert_sections(document, [section_lines("## Resolution", new)], before)
    elif not new and not document.commit_blocks:
        yield remove_section(document, section)
    elif not any(block.taken for block in document.commit_blocks):
        yield replace_lines(section, section.body, new)
    else:
        patches = list(edit_rest(document, section, new))
        after = now.after(patches).facts
        if (after.resolution_text, after.commits) != (wanted.resolution_text, stated.commits):
            lines = [*new, "", commits_line(stated.commits)]
            patches = [replace_lines(section, section.body, lines)]
        yield from patches


def edit_commits(now: Present, wanted: TicketFacts) -> Iterator[Patch]:
    """Add the commits that the document lacks, where it names the others."""
    document = now.document
    stated = [entry.hash for entry in document.commits]
    added = [c for c in wanted.commits if not any(is_same_commit(c, s) for s in stated)]
    if not added:
        return
    block = next(iter(document.commit_blocks), None)
    section = document.resolution
    if block is not None:
        yield _add_to_block(document, block, added)
    elif section is not None:
        at = max(section.body.end, section.begin)
        yield Patch(at, at, ("", commits_line(added)))
    else:
        before = before_first(document, SectionKind.APPENDIX)
        lines = section_lines("## Resolution", [commits_line(added)])
        yield insert_sections(document, [lines], before)


def commits_line(commits: Sequence[str]) -> str:
    """The commits in one line."""
    return f"**Commits:** {', '.join(f'`{commit}`' for commit in commits)}"


def _add_to_block(document: Document, block: CommitBlock, added: Sequence[str]) -> Patch:
    if block.inline and not block.pure:
        at = block.span.end
        following = document.source.lines[at : at + 1]
        end = ("",) if following and not is_blank(following[0]) else ()
        return Patch(at, at, ("", commits_line(added), *end))
    if block.inline:
        line = document.source.lines[block.span.start].rstrip()
        match = COMMIT_LABEL.match(line)
        named = match[1] if match else ""
        spans = ", ".join(f"`{commit}`" for commit in added)
        if not named or _NO_COMMIT.fullmatch(named):
            text = line[: len(line) - len(named)].rstrip() + " " + spans
        else:
            text = f"{line}, {spans}"
        return Patch(block.span.start, block.span.start + 1, (text,))
    at = block.span.end
    lines = tuple(f"- `{commit}`" for commit in added)
    return Patch(at, at, lines if at > block.span.start + 1 else ("", *lines))


def odd_commits(document: Document) -> Iterator[Odd]:
    """Commits that are named without being read as a fix."""
    known = {entry.hash.casefold() for entry in document.commits}
    for kind in (SectionKind.RESOLUTION, SectionKind.FREE):
        for section in document.of_kind(kind):
            if not _ANY_COMMIT.search(document.read.slice(section.body)):
                continue
            for line in document.prose_lines(section):
                text = document.read.lines[line]
                if not _ANY_COMMIT.search(text):
                    continue
                found = [*commit_hashes(text), *(m["hash"] for m in _COMMIT_ADDRESS.finditer(text))]
                other = next((h for h in found if not _is_known(h.casefold(), known)), None)
                if other:
                    yield (
                        line,
                        f"{other} is not read as a commit that fixes this; that is a line "
                        "'**Commits:** ' with it",
                    )


def _is_known(commit: str, known: Iterable[str]) -> bool:
    return any(commit.startswith(other) or other.startswith(commit) for other in known)
