"""Markdown of strangers as HTML that is safe to put into a page.

Three layers, each enough for most attacks: the parser writes no raw HTML and no image, and drops
links with schemes such as ``javascript:``; the sanitiser keeps listed elements, attributes and
classes only; the page's content security policy forbids inline script and style. Code is
highlighted by classes. Work is bounded: a text that is too long, too deeply nested or falls into
too many parts (as a small table of many columns does) is shown as plain text. The output is a pure
function of the text, so callers may cache it.
"""

from __future__ import annotations

import html
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments import highlight as pygments_highlight  # type: ignore[import-untyped]  # no stubs
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # no stubs
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # no stubs
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]  # no stubs

MAX_CHARS = 96 * 1024
"""Longer texts are shown unformatted."""

MAX_PARTS = 5_000
"""Texts of more paragraphs, items and cells are shown unformatted."""

MAX_NESTING = 40
"""Texts nested deeper are shown unformatted."""

_MAX_TOKENS = 3 * MAX_PARTS
"""Of each part there is a token that begins it, one of what it holds, and one that ends it."""
_MAX_CODE = 32 * 1024
_MAX_MARKS = 20_000
_MARKS = "*_[]`~<&!|"
LANGUAGES = frozenset(
    [
        "bash",
        "sh",
        "console",
        "python",
        "py",
        "pycon",
        "pytb",
        "json",
        "yaml",
        "toml",
        "ini",
        "diff",
        "sql",
        "c",
        "cpp",
        "cuda",
        "rust",
        "go",
        "js",
        "ts",
        "html",
        "css",
        "xml",
        "dockerfile",
        "text",
    ]
)
"""Whose code is highlighted."""

_TAGS = frozenset(
    [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_SCHEMES = frozenset({"http", "https", "mailto"})
_PREFIX = "hl-"
_CLASSES = {
    "span": {_PREFIX + name for name in STANDARD_TYPES.values() if name} | {"task"},
    "code": {f"language-{name}" for name in LANGUAGES},
    "pre": {"plain"},
}


def render(text: str, *, heading_offset: int = 0) -> str:
    """Markdown as safe HTML; what is too much is shown unformatted, whole.

    Args:
        text: anything.
        heading_offset: so many levels of headings are above the text; its highest comes next.

    """
    found = lay_out(text, heading_offset=heading_offset)
    return _plain(text.replace("\0", "\ufffd")) if found is None else found


def lay_out(text: str, *, heading_offset: int = 0) -> str | None:
    """Markdown as safe HTML; None for a text that is too much."""
    text = text.replace("\0", "\ufffd")
    if len(text) > MAX_CHARS or _marks(text) > _MAX_MARKS:
        return None
    parser = _parser()
    env: MutableMapping[str, Any] = {}
    state = StateCore(text, parser, env)
    tokens = state.tokens = _Parts()
    try:
        parser.core.process(state)
    except _TooManyParts:
        return None
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return None
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift = heading_offset + 1 - min(levels, default=1) if heading_offset else 0
    for token in tokens:
        _adjust(token, shift)
    return clean(parser.renderer.render(tokens, parser.options, env))


class _TooManyParts(Exception):
    pass


class _Parts(list[Token]):
    """The tokens of a text, at most so many.

    Each rule of the parser adds here, so one that would make much of little stops in its midst.
    """

    def append(self, token: Token) -> None:
        if len(self) >= _MAX_TOKENS:
            raise _TooManyParts
        super().append(token)


def code(text: str, path: str = "") -> str:
    """Code as safe HTML, highlighted as the name of its file suggests."""
    text = text.replace("\0", "\ufffd")
    suffix = path.rpartition(".")[2].casefold()
    language = suffix if suffix in LANGUAGES else ""
    marked = _highlight(text, language, "") or html.escape(text)
    return clean(f"<pre><code>{marked}</code></pre>")


def stylesheet(style: str = "default") -> str:
    """The rules for the classes of highlighted code, to be served as a file."""
    formatter = HtmlFormatter(style=style, classprefix=_PREFIX)
    return str(formatter.get_style_defs("pre"))


def _marks(text: str) -> int:
    """Characters that inline rules look at again and again."""
    return sum(text.count(mark) for mark in _MARKS)


def _plain(text: str) -> str:
    return f'<pre class="plain">{html.escape(text)}</pre>\n'


@cache
def _parser() -> MarkdownIt:
    options = {"maxNesting": MAX_NESTING, "html": False, "highlight": _highlight}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    return parser.disable(["image", "html_block", "html_inline"])


def _adjust(token: Token, shift: int) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
    elif token.type == "fence":
        name = token.info.strip().partition(" ")[0].casefold()
        token.info = name if name in LANGUAGES else ""
    elif token.type == "inline" and token.level >= 3 and token.children:
        _mark_task(token.children)


def _mark_task(children: Sequence[Token]) -> None:
    """``[ ]`` and ``[x]`` at the start of a list item become ballot boxes."""
    first = children[0]
    for mark, box in (("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")):
        if first.type == "text" and first.content.startswith(mark):
            first.content = box + first.content[len(mark) :]


def _highlight(code: str, language: str, _attributes: str) -> str:
    """Code with spans of classes; an empty answer leaves it to the parser to escape it."""
    if not language or len(code) > _MAX_CODE:
        return ""
    formatter = HtmlFormatter(nowrap=True, classprefix=_PREFIX)
    return str(pygments_highlight(code, get_lexer_by_name(language, stripnl=False), formatter))


def clean(markup: str) -> str:
    """HTML with the listed elements, attributes, classes and schemes only."""
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        allowed_classes=_CLASSES,
        url_schemes=set(_SCHEMES),
        link_rel="nofollow noopener noreferrer ugc",
        strip_comments=True,
    )
