"""Markdown of strangers becomes safe HTML, in bounded time."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.formats.html import MAX_CHARS, clean, render, stylesheet

ALLOWED_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("li", "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead"),
    *("tr", "ul"),
}
ALLOWED_ATTRIBUTES = {"href", "title", "rel", "class", "start"}
SCHEME = re.compile(r"[\x00-\x20]*([a-z][a-z0-9+.\t\n\r-]*):", re.IGNORECASE)

# The OWASP cheat sheet on filter evasion
# (https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html) and the
# usual vectors in Markdown syntax (https://github.com/cujanovic/Markdown-XSS-Payloads).
VECTORS = [
    "<SCRIPT SRC=https://cdn.jsdelivr.net/gh/Moksh45/host-xss.rocks/index.js></SCRIPT>",
    "javascript:/*--></title></style></textarea></script></xmp><svg/onload='+/\"/+/onmouseover=1/'>",
    "<IMG SRC=\"javascript:alert('XSS');\">",
    "<IMG SRC=javascript:alert('XSS')>",
    "<IMG SRC=JaVaScRiPt:alert('XSS')>",
    "<IMG SRC=`javascript:alert(\"RSnake says, 'XSS'\")`>",
    '\\<a onmouseover="alert(document.cookie)"\\>xxs link\\</a\\>',
    "<IMG \"\"\"><SCRIPT>alert(\"XSS\")</SCRIPT>\"\\>",
    "<IMG SRC=# onmouseover=\"alert('xxs')\">",
    "<IMG SRC=/ onerror=\"alert(String.fromCharCode(88,83,83))\"></img>",
    "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
    "<IMG SRC=&#0000106&#0000097&#0000118&#0000097&#0000115&#0000099>",
    "<IMG SRC=\"jav\tascript:alert('XSS');\">",
    "<IMG SRC=\"jav&#x0A;ascript:alert('XSS');\">",
    "<IMG SRC=\" &#14; javascript:alert('XSS');\">",
    '<SCRIPT/XSS SRC="http://xss.rocks/xss.js"></SCRIPT>',
    '<BODY onload!#$%&()*~+-_.,:;?@[/|\\]^`=alert("XSS")>',
    '<<SCRIPT>alert("XSS");//\\<</SCRIPT>',
    "<SCRIPT SRC=http://xss.rocks/xss.js?< B >",
    "<IMG SRC=\"`<javascript:alert>`('XSS')\"",
    "</TITLE><SCRIPT>alert(\"XSS\");</SCRIPT>",
    "<INPUT TYPE=\"IMAGE\" SRC=\"javascript:alert('XSS');\">",
    "<BODY BACKGROUND=\"javascript:alert('XSS')\">",
    "<svg/onload=alert('XSS')>",
    "<LINK REL=\"stylesheet\" HREF=\"javascript:alert('XSS');\">",
    "<STYLE>@import'http://xss.rocks/xss.css';</STYLE>",
    "<META HTTP-EQUIV=\"refresh\" CONTENT=\"0;url=javascript:alert('XSS');\">",
    "<IFRAME SRC=\"javascript:alert('XSS');\"></IFRAME>",
    "<DIV STYLE=\"background-image: url(javascript:alert('XSS'))\">",
    "<DIV STYLE=\"width: expression(alert('XSS'));\">",
    '<OBJECT TYPE="text/x-scriptlet" DATA="http://xss.rocks/scriptlet.html"></OBJECT>',
    "<math><mtext></form><form><mglyph><svg><mtext><style><path id=</style><img onerror=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "[a](javascript:prompt(document.cookie))",
    "[a](j    a   v   a   s   c   r   i   p   t:prompt(document.cookie))",
    "![a](javascript:prompt(document.cookie))\\",
    "<javascript:prompt(document.cookie)>",
    "<&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)>",
    "![a](data:text/html;base64,PHNjcmlwdD5hbGVydCgnWFNTJyk8L3NjcmlwdD4K)\\",
    "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgnWFNTJyk8L3NjcmlwdD4K)",
    "[a](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1))",
    "![a'\"`onerror=prompt(document.cookie)](x)\\",
    "[citelol]: (javascript:prompt(document.cookie))\n\n[citelol]",
    "[notmalicious](javascript:window.onerror=alert;throw%20document.cookie)",
    "[test](javascript://%0d%0aprompt(1))",
    "[test](javascript://%0d%0aprompt(1);com)",
    "[ ](https://a.de?p=[[/data-x=. style=background-color:#000000;z-index:999 onmouseover=x])",
    "[a](javascript&colon;alert(1))",
    "[a](vbscript:msgbox(1))",
    "[a](file:///etc/passwd)",
    "<http://<meta\\ http-equiv=\\\"refresh\\\"\\ content=\\\"0;\\ url=http://x/\\\">>",
    "[a](<javascript:alert(1)>)",
    "[x]: javascript:alert(1)\n\n[x] and ![x]",
    "[a](http://x \"title' onmouseover='alert(1)\")",
    "```\"><script>alert(1)</script>\nx\n```",
    "```python onmouseover=alert(1)\nx\n```",
    "`<script>`",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]  # fmt: skip


class Auditor(HTMLParser):
    """Notes every element and attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += ((name, value or "") for name, value in attrs)


def audit(markup: str) -> Auditor:
    """Assert that nothing in some HTML can act, and return what it holds."""
    auditor = Auditor()
    auditor.feed(markup)
    assert auditor.tags <= ALLOWED_TAGS
    for name, value in auditor.attributes:
        assert name in ALLOWED_ATTRIBUTES
        if name == "href":
            scheme = SCHEME.match(value)
            assert not scheme or scheme[1].lower() in ("http", "https", "mailto"), value
    return auditor


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("frame", ["{}", "- {}", "> {}", "# {}", "**{}**"])
def test_published_vectors_do_nothing(vector: str, frame: str) -> None:
    audit(render(frame.format(vector) if frame == "{}" else frame.replace("{}", vector)))


@given(st.text(max_size=200))
def test_no_text_escapes(text: str) -> None:
    audit(render(text))


@given(st.lists(st.sampled_from([*"<>\"'`[]()*_~|#&\n \\!:", "a", "javascript:", "on=", "svg"])))
def test_no_combination_escapes(parts: list[str]) -> None:
    audit(render("".join(parts)))


@pytest.mark.parametrize("vector", VECTORS)
def test_the_sanitiser_holds_by_itself(vector: str) -> None:
    audit(clean(vector))
    audit(clean(f'<a href="{vector}" onclick="x" style="y" class="z">a</a>'))


def test_the_sanitiser_knows_schemes_and_classes() -> None:
    assert "javascript" not in clean('<a href="javascript:x">a</a>')
    assert "data:" not in clean('<a href="data:text/html,x">a</a>')
    assert clean('<span class="hl-k nav-bar">a</span>') == '<span class="hl-k">a</span>'


def test_code_is_highlighted_by_classes_only() -> None:
    markup = render("```python\ndef f():\n    return '<b>'\n```")
    assert '<code class="language-python">' in markup
    assert '<span class="hl-k">def</span>' in markup
    assert "style=" not in markup
    assert "&lt;b&gt;" in markup
    assert ".hl-k" in stylesheet()


def test_an_unknown_language_is_shown_as_it_is() -> None:
    assert "<code>x &lt; y\n</code>" in render("```klingon\nx < y\n```")


def test_tables_tasks_strike_through_and_headings() -> None:
    markup = render(
        "# T\n\n- [ ] a\n- [x] ~~b~~\n\n| a | b |\n|:-:|---|\n| 1 | 2 |", heading_offset=2
    )
    assert "<h3>T</h3>" in markup
    assert "<li>☐ a</li>" in markup
    assert "<li>☑ <s>b</s></li>" in markup
    assert "<td>1</td>" in markup


def test_the_highest_heading_of_a_text_comes_next_below_those_above_it() -> None:
    assert "<h3>Cause</h3>" in render("### Cause", heading_offset=2)
    below = render("## One\n\n#### Two", heading_offset=3)
    assert "<h4>One</h4>" in below and "<h6>Two</h6>" in below
    assert "<h3>As it is</h3>" in render("### As it is")


def test_links_say_that_they_are_foreign_and_images_are_links() -> None:
    markup = render("[a](https://example.org) ![b](https://example.org/b.png)")
    assert markup.count('rel="nofollow noopener noreferrer ugc"') == 2
    assert "<img" not in markup


BOMBS = {
    "lists": "- " * 10_000 + "x",
    "quotes": ">" * 10_000 + "x",
    "spaced quotes": "> " * 10_000 + "x",
    "numbers": "1. " * 10_000,
    "stairs": "\n".join("  " * i + "- a" for i in range(500)),
    "brackets": "[" * 10_000 + "]" * 10_000,
    "links": "[a](" * 5_000,
    "stars": "*" * 9_000 + "a" + "*" * 9_000,
    "open stars": "**a *b " * 2_000,
    "backticks": "".join("`" * i + " " for i in range(190)),
    "angles": "<http://" * 5_000,
    "rows": "|a|\n|-|\n" + "|a|\n" * 50_000,
    "code": "```python\n" + "(" * 30_000 + "\n```",
    "long": "a " * MAX_CHARS,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_defused(name: str) -> None:
    begin = time.process_time()
    audit(render(BOMBS[name]))
    assert time.process_time() - begin < 4


@pytest.mark.parametrize("name", ["lists", "quotes", "long"])
def test_nothing_is_lost_when_a_text_is_too_much(name: str) -> None:
    markup = render(BOMBS[name])
    assert markup.startswith('<pre class="plain">')
    assert markup.count("x") >= (name != "long")


def test_rendering_is_a_pure_function() -> None:
    assert render(VECTORS[0]) == render(VECTORS[0])
