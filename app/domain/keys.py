"""Ticket keys: their grammar, their natural order, how they are minted."""

from __future__ import annotations

import re

MAX_LENGTH = 40
PATTERN = r"^[A-Z][A-Z0-9]*(-[A-Z][A-Z0-9]*)*-\d+$"
_KEY = re.compile(
    r"(?P<stem>[A-Z][A-Z0-9]*(?:-[A-Z][A-Z0-9]*)*)-(?P<number>\d+)(?:~(?P<copy>[1-9]\d*))?"
)
_MINTED = re.compile(r"B(?P<batch>\d{1,9})-(?P<code>[A-Z][A-Z0-9]*)-(?P<number>\d{1,18})(?:~\d+)?")
_DIGITS = re.compile(r"\d+")


def is_key(text: str, *, allow_copy: bool = False) -> bool:
    """Tell whether `text` is a well-formed key.

    `allow_copy` accepts the ``~n`` suffix that imports give to a second document of the same id.
    """
    match = _KEY.fullmatch(text)
    return (
        match is not None
        and len(text) <= MAX_LENGTH
        and (allow_copy or match.group("copy") is None)
        and text.isascii()
    )


def canonical(text: str) -> str:
    """Return a key that somebody typed as it is stored: in capitals."""
    return text.upper() if text.isascii() else text


def sort_key(key: str) -> str:
    """Return text whose plain byte order is the natural order of keys: B2 before B10.

    Each run of digits is written with its significant length before it, so that a longer number
    sorts behind a shorter one; the original key breaks ties of leading zeros.
    """

    def padded(match: re.Match[str]) -> str:
        digits = match.group().lstrip("0") or "0"
        return f"{len(digits):02d}{digits}"

    return _DIGITS.sub(padded, key) + " " + key


def mint(batch: int, code: str, number: int) -> str:
    """Return the key of the `number`-th finding of `code` in `batch`."""
    return f"B{batch}-{code}-{number:02d}"


def minted_parts(key: str) -> tuple[int, str, int] | None:
    """Return (batch, code, number) when `key` has the minted form, else None."""
    match = _MINTED.fullmatch(key)
    if match is None:
        return None
    return int(match["batch"]), match["code"], int(match["number"])
