"""The guest's end of the report: JSON lines with a running number and the order's token."""

from __future__ import annotations

import json
import os
from typing import Any

# What a test replaces for a while is undone in its tear-down, behind the report of its body.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_getpid = os.getpid
_write = os.write

_WAITING = frozenset(("item", "phase", "sub", "warn", "stop"))
"""Kinds of lines that nobody acts on before the next one comes: each write wakes the reader."""
_MOST_WAITING = 1 << 14
"""So many bytes wait at most."""


class Channel:
    """Writes lines to a pipe, whole or not at all.

    Number and token make a line that something else wrote into the pipe show. They are no secret
    from code in the same interpreter that goes looking.
    """

    def __init__(self, descriptor: int, token: str) -> None:
        self._descriptor = descriptor
        self._token = token
        self._number = 0
        self._owner = _getpid()
        self._waiting = bytearray()
        self.sent = 0
        """Bytes so far."""

    def send(self, kind: str, **fields: Any) -> None:
        """Send one line, some kinds with the next one.

        A fork of the guest, which has a copy of this, sends nothing.
        """
        if _getpid() != self._owner:
            return
        line = {"k": kind, "n": self._number, "t": self._token, **fields}
        self._number += 1
        data = _encode(line).encode() + b"\n"
        self.sent += len(data)
        self._waiting += data
        if kind not in _WAITING or len(self._waiting) > _MOST_WAITING:
            self._flush()

    def close(self) -> None:
        """Say no more; the other end sees it."""
        self._flush()
        os.close(self._descriptor)

    def _flush(self) -> None:
        data = bytes(self._waiting)
        self._waiting.clear()
        while data:
            data = data[_write(self._descriptor, data) :]
