"""Lines with descriptors over a stream socket: how jobs travel from the service to the guest.

A line that carries a descriptor begins with ``J``, the byte that the descriptor travels with.
Standard library only: service, supervisor and guest read it.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

MAX_LINE = 8 << 20
_MARK = b"J"


def send(channel: socket.socket, line: bytes, descriptor: int) -> None:
    """Send `line`, which ends in a newline, with `descriptor`. Blocks as `channel` does."""
    carry(channel, descriptor)
    channel.sendall(line)


def carry(channel: socket.socket, descriptor: int) -> None:
    """Send `descriptor`; the line that it belongs to follows."""
    socket.send_fds(channel, [_MARK], [descriptor])


class Receiver:
    """Puts lines and the descriptors that belong to them together again."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()

    def pull(self) -> Iterator[tuple[bytes, int | None]]:
        """Read once and yield what is whole. Raises `ConnectionError` at the end of the stream."""
        part, ancillary, _, _ = self._channel.recvmsg(1 << 16, socket.CMSG_SPACE(4 * 4))
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                found = array.array("i")
                found.frombytes(data[: len(data) - len(data) % found.itemsize])
                self._descriptors.extend(found)
        self._buffer += part
        if not part or len(self._buffer) > MAX_LINE:
            raise ConnectionError("the other side has gone")
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if line.startswith(_MARK):
                yield line[1:], self._descriptors.popleft()
            else:
                yield line, None

    def receive(self) -> tuple[bytes, int | None]:
        """Wait for one line. Raises `ConnectionError` at the end of the stream."""
        while True:
            for found in self.pull():
                return found

    def close(self) -> None:
        """Close descriptors that nobody asked for."""
        while self._descriptors:
            with suppress(OSError):
                os.close(self._descriptors.popleft())
