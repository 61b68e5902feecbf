"""Text from a guest, made fit to be stored and shown."""

from __future__ import annotations

from typing import Any


def clean(value: Any) -> Any:
    """`value` with text that a database stores: no NUL, no lone surrogates, at any depth."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value  # as nearly all is
        text = value.replace("\0", "\\x00")
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


def clip_bytes(text: str, limit: int) -> str:
    """`text`, cut to `limit` bytes of UTF-8 with a mark where it was cut."""
    data = text.encode()
    if len(data) <= limit:
        return text
    kept = data[:limit].decode(errors="ignore")
    return f"{kept}\n[… {len(data) - limit} bytes cut …]"
