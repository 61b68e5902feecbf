"""The block structure of a document: what markdown-it says about its lines.

Only block rules run. HTML blocks and link definitions are switched off: the format has none, and
each of them would let a slip of the author swallow a heading. For the same reason two kinds are
read by narrower rules than Markdown's: a comment is one only where it has an end, and underlined
text is a heading only where it is one line, and not underlined by the separator ``---``.

Work is bounded: a text of too many parts, as a few rows of many columns make, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from app.formats.markdown.cells import Row, is_rule_row, split_row
from app.formats.markdown.comments import read_line
from app.formats.markdown.source import Span, is_blank, is_row

MAX_PARTS = 50_000
"""Paragraphs, list items, rows and cells of one text."""

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
_TEXTS = ("paragraph_open", "heading_open")
"""What they hold lies a level deeper."""


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


class TooManyParts(Exception):
    """A text falls into more than :data:`MAX_PARTS` parts."""


_UNUSED = frozenset(
    f"{part}_{at}" for part in ("thead", "tbody", "tr", "th", "td") for at in ("open", "close")
) | {"inline", "paragraph_close", "heading_close"}
"""Tokens that nothing here looks at; most of a document's are of these."""


class _State(StateBlock):
    """Keeps the tokens that are looked at, and counts all."""

    def __init__(self, text: str, parser: MarkdownIt) -> None:
        super().__init__(text, parser, {}, [])
        self.ends: dict[int, tuple[int, int]] = {}
        """By the line where a search for the end of a comment stops: from where the last one
        began, and where it found one; so that many comments with one end are read in one pass."""
        self._made = 0
        self._unused = Token("", "", 0)

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        """Add a token.

        Raises:
            TooManyParts: there are too many.
        """
        self._made += 1
        if self._made > 3 * MAX_PARTS:
            # Of each part there is a token that begins it, one of what it holds, one that ends it.
            raise TooManyParts
        if ttype not in _UNUSED:
            return super().push(ttype, tag, nesting)
        self.level += nesting
        return self._unused


_Rule = Callable[[StateBlock, int, int, bool], bool]
_ENDED = ["paragraph", "reference", "blockquote"]
_BEGUN: tuple[tuple[str, _Rule, str, list[str]], ...] = (
    ("fence", rules_block.fence, "`~", [*_ENDED, "list"]),
    ("blockquote", rules_block.blockquote, ">", [*_ENDED, "list"]),
    ("hr", rules_block.hr, "*-_", [*_ENDED, "list"]),
    ("list", rules_block.list_block, "*+-0123456789", _ENDED),
    ("heading", rules_block.heading, "#", _ENDED),
)
"""Rules of markdown-it, what each begins with, and the blocks that it ends."""


def _where(begins: str, rule: _Rule) -> _Rule:
    """A rule that is asked only about lines that begin with one of some characters."""

    def asked(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        at = state.bMarks[start] + state.tShift[start]
        return state.src[at : at + 1] in begins and rule(state, start, end, silent)

    return asked


def _table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, asked only about lines with something like a row of dashes below them."""
    if start + 1 >= end:
        return False
    at = state.bMarks[start + 1] + state.tShift[start + 1]
    return state.src[at : at + 1] in "|-:" and rules_block.table(state, start, end, silent)


@cache
def _parser(max_nesting: int, comments: bool, underlines: bool) -> MarkdownIt:
    """A parser; each rule is asked about every line, so one is left out where nothing needs it."""
    parser = MarkdownIt("commonmark", {"maxNesting": max_nesting}).enable("table")
    parser.disable(["lheading", "html_block", "reference"])
    parser.block.ruler.at("table", _table_rule, {"alt": ["paragraph", "reference"]})
    for name, rule, begins, ends in _BEGUN:
        parser.block.ruler.at(name, _where(begins, rule), {"alt": ends})
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
    assert isinstance(state, _State)
    since, line = state.ends.get(end, (end, end))
    if not since <= start <= line:
        line = start
    found = -1
    while line < end:
        found = state.src.find("-->", max(at, state.bMarks[line]), state.eMarks[line])
        if found >= 0:
            break
        line += 1
    state.ends[end] = start, line
    if found < 0:
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
    """Find the outermost blocks of some lines.

    Raises:
        TooManyParts: there are more than :data:`MAX_PARTS`.
    """
    text = "\n".join(lines)
    parser = _parser(max_nesting, "<!--" in text, _SOME_UNDERLINE.search(text) is not None)
    state = _State(text, parser)
    if text:
        parser.block.tokenize(state, 0, state.lineMax)
    tokens = state.tokens
    opaque: set[int] = set()
    comments: list[Span] = []
    open_fence = None
    deepest = depth = 0
    blocks: list[Block] = []
    for index, token in enumerate(tokens):
        if token.map and token.level + (token.type in _TEXTS) > depth:
            depth, deepest = token.level + (token.type in _TEXTS), token.map[0]
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
