"""The guest's end of the report: JSON lines with a running number and the order's token."""

from __future__ import annotations

import json
import os
from typing import Any

# What a test replaces for a while is undone in its tear-down, behind the report of its body.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_getpid = os.getpid
_write = os.write


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
        self.sent = 0
        """Bytes so far."""

    def send(self, kind: str, **fields: Any) -> None:
        """Send one line. A fork of the guest, which has a copy of this, sends nothing."""
        if _getpid() != self._owner:
            return
        line = {"k": kind, "n": self._number, "t": self._token, **fields}
        self._number += 1
        data = memoryview(_encode(line).encode() + b"\n")
        self.sent += len(data)
        while data:
            data = data[_write(self._descriptor, data) :]

    def close(self) -> None:
        """Say no more; the other end sees it."""
        os.close(self._descriptor)
