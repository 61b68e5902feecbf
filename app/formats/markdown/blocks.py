"""The block structure of a document: what markdown-it says about its lines.

Only block rules run. HTML blocks and link definitions are switched off: the format has none, and
each of them would let a slip of the author swallow a heading. For the same reason two kinds are
read by narrower rules than Markdown's: a comment is one only where it has an end, and underlined
text is a heading only where it is one line, and not underlined by the separator ``---``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from app.formats.markdown.cells import Row, is_row, is_rule_row, split_row
from app.formats.markdown.oneline import read_line
from app.formats.markdown.source import Span, is_blank

Kind = Literal["heading", "paragraph", "table", "fence", "list", "quote", "rule", "other"]

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_SOME_UNDERLINE = re.compile(r"\n {0,3}(?:={2,}|-{4,})[ \t]*(?:\n|$)")
_UNDERLINE = re.compile(r"(?:={2,}|-{4,})[ \t]*$")
_TASK = re.compile(r"(?P<lead>[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[(?P<mark>[ xX])\](?:[ \t]+|$)")
_ITEM = re.compile(r"(?P<lead>[ \t>]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$))")
_FENCE_END = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*$")
_KINDS: dict[str, Kind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "table_open": "table",
    "fence": "fence",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "hr": "rule",
    "code_block": "other",
}


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item of a list, at any depth."""

    span: Span
    """Its lines, nested items included, trailing empty lines not."""

    lead: str
    """Indentation and marker of its first line."""

    text: str
    """Its first paragraph in one line, without a task mark."""

    mark: str | None
    """What stands between the brackets of a task item."""

    depth: int

    own: Span
    """The lines of its first paragraph."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block at the outermost level."""

    kind: Kind
    span: Span
    level: int = 0
    """Of a heading."""
    text: str = ""
    """Of a heading, as written."""
    items: tuple[ListItem, ...] = ()
    header: Row | None = None
    """Of a table."""
    rows: tuple[Row, ...] = ()
    """The data rows of a table, or rows that stand alone without a header."""


@dataclass(frozen=True, slots=True)
class Outline:
    """All outermost blocks, and which lines are code."""

    blocks: tuple[Block, ...]
    opaque: frozenset[int]
    open_fence: int | None
    """Line of a fence that is never closed."""
    deepest: int
    """Line of the deepest nesting."""
    depth: int
    comments: tuple[Span, ...] = ()
    """Lines of comments that stand alone, at any depth."""


@cache
def _parser(max_nesting: int, comments: bool, underlines: bool) -> MarkdownIt:
    """A parser; each rule is asked about every line, so one is left out where nothing needs it."""
    parser = MarkdownIt("commonmark", {"maxNesting": max_nesting}).enable("table")
    parser.disable(["lheading", "html_block", "reference"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    if comments:
        parser.block.ruler.before(
            "heading", "comment", _comment, {"alt": ["paragraph", "reference", "blockquote"]}
        )
    if underlines:
        parser.block.ruler.before("paragraph", "underlined", _underlined)
    return parser


def _comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment that begins a line, and has its end in the same list item or quote."""
    at = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("<!--", at):
        return False
    for line in range(start, end):
        found = state.src.find("-->", at, state.eMarks[line])
        if found >= 0:
            break
        at = state.bMarks[line + 1]
    else:
        return False
    if line == start and state.src[found + 3 : state.eMarks[line]].strip():
        return False  # text goes on behind it: it stands in a paragraph
    if not silent:
        state.line = line + 1
        state.push("comment", "", 0).map = [start, line + 1]
    return True


def _underlined(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line of text with a line of ``=`` or ``-`` below it, at the outermost level."""
    line = start + 1
    if silent or state.level or line >= end or state.sCount[line] > 3:
        return False
    below = state.bMarks[line] + state.tShift[line]
    underline = state.src[below : state.eMarks[line]]
    text = state.src[state.bMarks[start] : state.eMarks[start]]
    if not _UNDERLINE.match(underline) or not may_be_heading(text):
        return False
    tag = "h1" if underline[0] == "=" else "h2"
    state.line = line + 1
    state.push("heading_open", tag, 1).map = [start, state.line]
    state.push("heading_close", tag, -1)
    return True


def may_be_heading(text: str) -> bool:
    """False for an underlined line that is a row of a table, or a label with its value."""
    return not text.lstrip(" \t").startswith(("|", "**"))


def heading_text(written: str) -> str:
    """The text of a heading without the hashes that close it."""
    return _CLOSING.sub("", written).strip()


def scan(lines: Sequence[str], max_nesting: int = 100) -> Outline:
    """Find the outermost blocks of some lines."""
    text = "\n".join(lines)
    parser = _parser(max_nesting, "<!--" in text, _SOME_UNDERLINE.search(text) is not None)
    tokens = parser.parse(text)
    opaque: set[int] = set()
    comments: list[Span] = []
    open_fence = None
    deepest = depth = 0
    blocks: list[Block] = []
    for index, token in enumerate(tokens):
        if token.level > depth and token.map:
            depth, deepest = token.level, token.map[0]
        if token.type == "fence" and token.map:
            opaque.update(range(*token.map))
            if token.level == 0 and not _is_closed(lines, token):
                open_fence = token.map[0]
        elif token.type == "comment" and token.map:
            comments.append(Span(*token.map))
        if token.level == 0 and token.map and token.type in _KINDS:
            blocks.append(_block(lines, tokens, index))
    return Outline(tuple(blocks), frozenset(opaque), open_fence, deepest, depth, tuple(comments))


def _is_closed(lines: Sequence[str], fence: Token) -> bool:
    assert fence.map
    start, end = fence.map
    closing = _FENCE_END.match(lines[end - 1]) if end - start > 1 else None
    return bool(closing and closing[1].startswith(fence.markup))


def _block(lines: Sequence[str], tokens: Sequence[Token], index: int) -> Block:
    token = tokens[index]
    assert token.map
    start, end = token.map
    while end > start + 1 and token.type != "fence" and is_blank(lines[end - 1]):
        end -= 1
    span = Span(start, end)
    kind = _KINDS[token.type]
    match kind:
        case "heading":
            found = _HEADING.match(lines[start])
            text = heading_text(found[2] or "") if found else lines[start].strip()
            return Block(kind, span, int(token.tag[1]), read_line(text))
        case "table":
            return _table(lines, span)
        case "paragraph" if is_row(lines[start]):
            return _table(lines, span)
        case "list":
            return Block(kind, span, items=_items(lines, tokens, index))
    return Block(kind, span)


def _table(lines: Sequence[str], span: Span) -> Block:
    """A table, also one whose rule row does not match its header, or rows without a header."""
    start = span.start
    if span.end - start > 1 and is_rule_row(lines[start + 1]):
        header = split_row(lines[start], start)
        width = len(header.cells)
        data = range(start + 2, span.end)
        rows = tuple(split_row(lines[i], i, width) for i in data if is_row(lines[i]))
        return Block("table", span, header=header, rows=rows)
    rows = tuple(split_row(lines[i], i) for i in range(start, span.end) if is_row(lines[i]))
    return Block("paragraph", span, rows=rows)


def _items(lines: Sequence[str], tokens: Sequence[Token], index: int) -> tuple[ListItem, ...]:
    items = []
    depth = 0
    for at in range(index, len(tokens)):
        token = tokens[at]
        if token.type == "list_item_open" and token.map:
            items.append(_item(lines, token.map, _first_paragraph(tokens, at), depth))
            depth += 1
        elif token.type == "list_item_close":
            depth -= 1
        elif token.level == 0 and token.nesting == -1:
            break
    return tuple(items)


def _first_paragraph(tokens: Sequence[Token], item: int) -> int | None:
    following = tokens[item + 1]
    return following.map[1] if following.type == "paragraph_open" and following.map else None


def _item(lines: Sequence[str], span: list[int], text_end: int | None, depth: int) -> ListItem:
    start, end = span
    while end > start + 1 and is_blank(lines[end - 1]):
        end -= 1
    first = lines[start]
    task = _TASK.match(first) if text_end is not None else None
    found = task or _ITEM.match(first)
    lead = found["lead"] if found else ""
    words = [first[found.end() if found else 0 :].strip()]
    own = Span(start, text_end or start + 1)
    words += [line.strip() for line in lines[own.start + 1 : own.end]]
    text = read_line(" ".join(word for word in words if word))
    return ListItem(Span(start, end), lead, text, task["mark"] if task else None, depth, own)
