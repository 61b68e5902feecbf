"""Edits of free sections, the resolution and its commits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from app.formats.markdown.blocks import Outline
from app.formats.markdown.document import CommitBlock, Document, Section, SectionKind
from app.formats.markdown.escape import encode
from app.formats.markdown.facts import SectionText, TicketFacts
from app.formats.markdown.layout import (
    after_section,
    before_first,
    heading_line,
    insert_sections,
    remove_section,
    section_lines,
)
from app.formats.markdown.read_links import COMMIT_HEADING, COMMIT_LABEL, is_same_commit
from app.formats.markdown.reader import read
from app.formats.markdown.source import Patch, Span, is_blank
from app.formats.markdown.stated import facts, free_sections

_PLACEHOLDER = re.compile(r"`?(?:\[current commit\]|\(pending\))`?", re.IGNORECASE)


def guard_commits(lines: list[str], outline: Outline) -> set[int]:
    """Lines that would be read as a list of commits instead of as text."""
    found = {
        block.span.start
        for block in outline.blocks
        if block.kind == "heading" and COMMIT_HEADING.match(block.text)
    }
    return found | {i for i, line in enumerate(lines) if COMMIT_LABEL.match(line)}


def free_section_lines(text: SectionText) -> list[str]:
    """A free section as lines."""
    return section_lines(heading_line(text.heading), _encoded(text.body))


def _encoded(body: str) -> list[str]:
    return encode(body).split("\n") if body else []


def edit_sections(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Change bodies and headings, add and remove sections."""
    stated = list(free_sections(document))
    old = [text.heading for _, text in stated]
    new = [text.heading for text in current.sections]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            for (section, text), wanted in zip(stated[i1:i2], current.sections[j1:j2], strict=True):
                if text.body != wanted.body:
                    yield from _edit_body(document, section, wanted.body)
            continue
        olds, news = stated[i1:i2], list(current.sections[j1:j2])
        while olds and news and _is_rename(olds[0], news[0]):
            section, wanted = olds.pop(0)[0], news.pop(0)
            yield Patch(section.line, section.begin, (heading_line(wanted.heading),))
        for section, _ in olds:
            yield _remove(document, section)
        if news:
            before = _next_section(document, [section for section, _ in stated], i2 - len(olds))
            yield insert_sections(document, [free_section_lines(text) for text in news], before)


def _is_rename(old: tuple[Section, SectionText], new: SectionText) -> bool:
    section, text = old
    return section.kind is SectionKind.FREE and text.body == new.body and bool(text.body)


def _next_section(document: Document, stated: Sequence[Section], index: int) -> Section | None:
    """The section that new ones at ``index`` go in front of."""
    if index > 0:
        return after_section(document, stated[index - 1])
    if stated:
        return stated[0]
    known = document.first(SectionKind.SUMMARY) or (document.location or document.metadata).section
    return after_section(document, known)


def _remove(document: Document, section: Section) -> Patch:
    if section.kind is SectionKind.FREE:
        return remove_section(document, section)
    lines = document.free_lines(section.body)
    return Patch(lines[0], lines[-1] + 1, tuple(_kept(document, lines)))


def _kept(document: Document, free: Sequence[int]) -> Iterator[str]:
    for line in range(free[0], free[-1] + 1):
        if line not in free:
            yield document.source.lines[line]


def _edit_body(document: Document, section: Section, body: str) -> Iterator[Patch]:
    new = _encoded(body)
    if section.kind is SectionKind.FREE:
        yield _replace_lines(section, section.body, new)
    else:
        ways = (list(edit_rest(document, section, new)), _rest_at_end(document, section, new))
        yield from next((way for way in ways if _states(document, way, section, body)), ways[0])


def _states(document: Document, patches: list[Patch], section: Section, body: str) -> bool:
    """True when a section says `body` after an edit, and the ticket's values are the same."""
    after = read(document.source.replace(patches), document.source_path)
    number = document.sections.index(section)
    if len(after.sections) != len(document.sections):
        return False
    said = {id(part): text.body for part, text in free_sections(after)}
    same = replace(facts(after), sections=()) == replace(facts(document), sections=())
    return same and said.get(id(after.sections[number])) == body


def _rest_at_end(document: Document, section: Section, new: Sequence[str]) -> list[Patch]:
    """All that is no value, behind the values."""
    gone = [Patch(line, line + 1, ()) for line in document.free_lines(section.body)]
    end = max(section.body.end, section.begin)
    return [*gone, Patch(end, end, ("", *new))]


def _replace_lines(section: Section, span: Span, new: Sequence[str]) -> Patch:
    if not span:
        return Patch(section.begin, section.begin, ("", *new))
    start = span.start if new else section.begin
    return Patch(start, span.end, tuple(new))


def edit_rest(document: Document, section: Section, new: Sequence[str]) -> Iterator[Patch]:
    """Change what a section holds besides its values, line by line."""
    free = document.free_lines(section.body)
    old = [document.source.lines[i] for i in free]
    if not free:
        yield Patch(section.begin, section.begin, ("", *new))
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i1 == i2:
            at = free[i1 - 1] + 1 if i1 else free[0]
            yield Patch(at, at, tuple(new[j1:j2]))
            continue
        run = free[i1:i2]
        yield Patch(run[0], run[0] + 1, tuple(new[j1:j2]))
        yield from (Patch(line, line + 1, ()) for line in run[1:])


def resolution_lines(text: str | None) -> list[str]:
    """The body of a resolution."""
    return encode(text, guard_commits).split("\n") if text else []


def edit_resolution(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """The resolution's text; commits stay where they are."""
    stated = facts(document)
    if stated.resolution_text == current.resolution_text:
        return
    new = resolution_lines(current.resolution_text)
    section = document.resolution
    if section is None:
        before = before_first(document, SectionKind.APPENDIX)
        yield insert_sections(document, [section_lines("## Resolution", new)], before)
    elif not new and not document.commit_blocks:
        yield remove_section(document, section)
    elif not any(block.taken for block in document.commit_blocks):
        yield _replace_lines(section, section.body, new)
    else:
        patches = list(edit_rest(document, section, new))
        after = facts(read(document.source.replace(patches), None))
        if (after.resolution_text, after.commits) != (current.resolution_text, stated.commits):
            lines = [*new, "", commits_line(stated.commits)]
            patches = [_replace_lines(section, section.body, lines)]
        yield from patches


def edit_commits(document: Document, current: TicketFacts) -> Iterator[Patch]:
    """Add the commits that the document lacks, where it names the others."""
    stated = [entry.hash for entry in document.commits]
    added = [c for c in current.commits if not any(is_same_commit(c, s) for s in stated)]
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
        if not named or _PLACEHOLDER.fullmatch(named):
            text = line[: len(line) - len(named)].rstrip() + " " + spans
        else:
            text = f"{line}, {spans}"
        return Patch(block.span.start, block.span.start + 1, (text,))
    at = block.span.end
    lines = tuple(f"- `{commit}`" for commit in added)
    return Patch(at, at, lines if at > block.span.start + 1 else ("", *lines))
