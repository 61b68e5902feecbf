"""What a document of any layout states: names with values, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from app.formats.markdown.blocks import Block, ListItem, Outline
from app.formats.markdown.cells import strip_marks
from app.formats.markdown.problems import DEFAULT_LIMITS
from app.formats.markdown.reader import without_comments
from app.formats.markdown.source import Source, Span, decode, is_rule
from app.formats.markdown.words import KEY

_MAX_FRONT = 400
_FRONT_KEY = re.compile(r"([A-Za-z_][\w .-]{0,60}?)[ \t]*:(?:[ \t]+(.*?))?[ \t]*$")
_FRONT_ITEM = re.compile(r"[ \t]*-[ \t]+(.*?)[ \t]*$")
_QUOTED = re.compile(r"\"((?:[^\"\\\\]|\\\\.)*)\"|'((?:[^']|'')*)'")
_ESCAPED = re.compile(r"\\(.)")
_BOLD = re.compile(
    r"[ \t]*(?:[-*+][ \t]+)?(?P<mark>\*\*|__)(?P<name>[^*_:`]{1,60}?)[ \t]*"
    r"(?P<inside>:?)(?P=mark)(?P<outside>:?)[ \t]*(?P<value>.*?)[ \t]*$"
)
_NUMBERED = re.compile(r"(?:\d+(?:\.\d+)*[.)]?|[A-Z][.)])[ \t]+")
_TITLE = re.compile(
    rf"\[?(?:(?P<kind>[A-Za-z][A-Za-z ]{{0,30}}?)[: ]+)?\[?(?P<key>{KEY.pattern})\]?"
    r"[ \t]*(?:[:.–—|-]+[ \t]*)?(?P<text>.*)$"
)
_SIGNS = re.compile(r"[^\w\s/().,:+-]")


@dataclass(frozen=True)
class Stated:
    """A name with a value."""

    kind: str
    name: str
    value: str
    line: int
    """From 0."""
    start: int
    end: int
    """Columns of the value in its line."""
    values: tuple[str, ...] = ()
    """Of a list; otherwise the value alone."""
    span: Span | None = None
    """Lines below a heading."""


@dataclass(frozen=True)
class Part:
    """What stands below a heading of the level that divides the document."""

    heading: str
    line: int
    body: Span


@dataclass(frozen=True)
class Scan:
    """A document as it states things."""

    source: Source
    read: Source
    """The same lines, without front matter and comments."""
    outline: Outline
    title: Stated | None
    stated: tuple[Stated, ...]
    parts: tuple[Part, ...]
    taken: frozenset[int]
    """Lines that state a fact, and no more."""

    def find(self, kind: str, name: str) -> Stated | None:
        """Return what stands first under a name of a kind."""
        if kind == "title":
            return self.title
        return self._by_name.get((kind, folded(name)))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Stated]:
        """What stands first under each name."""
        return {(s.kind, folded(s.name)): s for s in reversed(self.stated)}


def scan(content: bytes) -> Scan:
    """Look through a document.

    Raises:
        FormatError: it is no text, too large, or of too many parts.
    """
    source = decode(content, DEFAULT_LIMITS.max_bytes)
    front, end = _front_matter(source)
    below = source
    if end:
        below = source.read_as(("",) * end + source.lines[end:])
    read, outline = without_comments(below, 2 * DEFAULT_LIMITS.max_nesting)
    title = _title(outline, read)
    rows, row_lines = _rows(outline)
    bullets = list(_bullets(read, outline))
    parts = _parts(read, outline)
    stated = [*front, *rows, *bullets, *_headings(read, outline)]
    taken = {*range(end), *row_lines, *(one.line for one in bullets)}
    if title is not None:
        taken.add(title.line)
    taken |= {i for item in tasks(outline) for i in range(item.span.start, item.span.end)}
    return Scan(source, read, outline, title, tuple(stated), parts, frozenset(taken))


def folded(text: str) -> str:
    """Return a name or word as it is compared: without marks, signs and numbers in front."""
    plain = _SIGNS.sub(" ", strip_marks(text).replace("_", " "))
    return " ".join(_NUMBERED.sub("", plain.strip(), count=1).split()).strip(" :.-").casefold()


def tasks(outline: Outline) -> Iterator[ListItem]:
    """Yield the items of lists that can be ticked."""
    for block in outline.blocks:
        yield from (item for item in block.items if item.mark is not None)


def _front_matter(source: Source) -> tuple[list[Stated], int]:
    """Return what the front matter states, and the line behind it; 0 where there is none."""
    lines = source.lines
    if not lines or lines[0].rstrip() != "---":
        return [], 0
    within = range(1, min(len(lines), _MAX_FRONT))
    end = next((i for i in within if lines[i].rstrip() in ("---", "...")), None)
    if end is None:
        return [], 0
    found: list[Stated] = []
    for i in range(1, end):
        if key := _FRONT_KEY.match(lines[i]):
            raw = key[2] or ""
            start = key.start(2) if key[2] else len(lines[i])
            value, start, stop = _scalar(raw, start)
            values = _flow(raw) if raw.startswith("[") else ((value,) if value else ())
            found.append(Stated("front", key[1], value, i, start, stop, values))
        elif (item := _FRONT_ITEM.match(lines[i])) and found:
            value, *_ = _scalar(item[1], 0)
            last = found[-1]
            found[-1] = replace(last, values=(*last.values, value), value=last.value or value)
    return found, end + 1


def _scalar(raw: str, start: int) -> tuple[str, int, int]:
    """Return a value of YAML in one line, and the columns of its text."""
    if found := _QUOTED.match(raw):
        inner = found[1] if found[1] is not None else found[2]
        plain = _ESCAPED.sub(r"\1", inner) if found[1] is not None else inner.replace("''", "'")
        return plain, start + 1, start + 1 + len(inner)
    plain = raw.split(" #", 1)[0].rstrip()
    return ("" if plain in ("~", "null", "|", ">") else plain), start, start + len(plain)


def _flow(raw: str) -> tuple[str, ...]:
    inside = raw.strip().removeprefix("[").rpartition("]")[0]
    parts = (part.strip().strip("'\"") for part in inside.split(","))
    return tuple(part for part in parts if part)


def _title(outline: Outline, read: Source) -> Stated | None:
    for block in outline.blocks:
        if block.kind == "heading" and block.level == 1:
            line = block.span.start
            start = read.lines[line].find(block.text)
            return Stated("title", "", block.text, line, start, start + len(block.text))
    return None


def key_and_text(title: str) -> tuple[str | None, str, int]:
    """Return the key that a title begins with, the text behind it, and where that begins."""
    found = _TITLE.match(title)
    if found is None:
        return None, title, 0
    return found["key"], found["text"], found.start("text")


def _rows(outline: Outline) -> tuple[list[Stated], set[int]]:
    """Return the rows of tables of two columns, and the lines of such tables."""
    found, lines = [], set()
    for block in outline.blocks:
        # The first row may be one of them as well as a header.
        rows = [*filter(None, [block.header]), *block.rows] if block.kind == "table" else []
        if not rows or any(len(row.cells) != 2 for row in rows):
            continue
        lines |= set(range(block.span.start, block.span.end))
        for row in rows:
            name, cell = row.cells
            if name.value.strip():
                found.append(Stated("row", name.value, cell.value, row.line, cell.start, cell.end))
    return found, lines


def _bullets(read: Source, outline: Outline) -> Iterator[Stated]:
    for i, line in enumerate(read.lines):
        if i in outline.opaque or ":" not in line or len(line) > 2000:
            continue
        found = _BOLD.match(line)
        if found and (found["inside"] or found["outside"]):
            yield Stated(
                "bullet", found["name"], found["value"], i, found.start("value"), found.end("value")
            )


def _headings(read: Source, outline: Outline) -> Iterator[Stated]:
    """Yield what stands below each heading, up to the next one."""
    below: list[tuple[Block, Span | None]] = []
    head = False
    for block in sorted(outline.blocks, key=lambda block: block.span.start):
        if block.kind == "heading":
            head = block.level > 1
            if head:
                below.append((block, None))
        elif block.kind == "paragraph" and head:
            below[-1] = (below[-1][0], block.span)
            head = False  # the first paragraph alone
    for found, paragraph in below:
        text = " ".join(read.slice(paragraph).split()) if paragraph else ""
        yield Stated("heading", found.text, text, found.span.start, 0, 0, span=paragraph)


def _parts(read: Source, outline: Outline) -> tuple[Part, ...]:
    """Divide the document at the headings of the highest level below the title."""
    heads = [b for b in outline.blocks if b.kind == "heading" and b.level > 1]
    level = min((b.level for b in heads), default=0)
    heads = [b for b in heads if b.level == level]
    begin = 0
    for block in outline.blocks:
        if block.kind == "heading" and block.level == 1:
            begin = block.span.end
            break
    starts = [(None, begin), *((b, b.span.end) for b in heads)]
    found = []
    for n, (head, start) in enumerate(starts):
        following = starts[n + 1][0] if n + 1 < len(starts) else None
        end = following.span.start if following is not None else len(read.lines)
        text = _NUMBERED.sub("", strip_marks(head.text)) if head is not None else "Description"
        found.append(Part(text, head.span.start if head else begin, Span(start, max(start, end))))
    return tuple(found)


def free_lines(found: Scan, span: Span) -> list[str]:
    """Return the lines of a span that state no fact, without blank ones and rules around them."""
    lines = [found.source.lines[i] for i in range(span.start, span.end) if i not in found.taken]
    while lines and (not lines[-1].strip() or is_rule(lines[-1])):
        lines.pop()
    while lines and (not lines[0].strip() or is_rule(lines[0])):
        lines.pop(0)
    return lines
