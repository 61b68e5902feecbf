"""Text of strangers, made safe to print: nothing a terminal would obey is left in it."""

from __future__ import annotations

import json
import re
from typing import Any

_BREAKS = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}

_OBEYED = (
    "\x00-\x1f\x7f-\x9f"  # C0 and C1: escape sequences start here
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of text round
    "\u2028\u2029\ufeff"  # line ends and marks that are not seen
    "\U000e0000-\U000e007f"  # tags: letters that are not seen
    "\ud800-\udfff"  # lone surrogates: no encoding can print them
)
_IN_LINE = re.compile(f"[{_OBEYED}]")
_IN_BLOCK = re.compile(f"(?![\n\t])[{_OBEYED}]")
_IN_JSON = re.compile(f"(?!\n)[{_OBEYED}]")


def visible(value: object) -> str:
    r"""Return `value` as one line, with control characters written out: ``\x1b``, ``\n``."""
    return _IN_LINE.sub(_written_out, _as_text(value))


def visible_block(value: object) -> str:
    """Return `value` with control characters written out, but its lines and tabs kept."""
    return _IN_BLOCK.sub(_written_out, _as_text(value).replace("\r\n", "\n"))


def flat(value: object) -> str:
    """Return `value` as one line: white space folded, control characters written out."""
    return visible(" ".join(re.split(r"[ \t\r\n]+", _as_text(value).strip())))


def json_text(value: Any, *, pretty: bool) -> str:
    """Return `value` as JSON that stays equal to it and holds nothing a terminal would obey."""
    if pretty:
        written = json.dumps(value, ensure_ascii=False, indent=2)
    else:
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _IN_JSON.sub(_json_escape, written)


def sentence(text: str) -> str:
    """Return `text` with a full stop, unless it ends a sentence already."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    if character in _BREAKS:
        return _BREAKS[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    # JSON knows \uXXXX only; characters beyond the first plane are written as a surrogate pair.
    return json.dumps(match[0])[1:-1]
