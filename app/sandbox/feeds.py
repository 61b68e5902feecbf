"""What puts the bytes that come from an arm into a queue, as they come, and None at their end."""

from __future__ import annotations

import asyncio
import os

Pieces = asyncio.Queue[tuple[str, bytes | None]]
"""Pieces of what came, each with the name of where it came from."""

_MOST_BYTES = 1 << 18
"""So much is read at once."""


class PipeFeed:
    """Reads a pipe and owns its descriptor, which it closes once.

    Not the loop's own transport: that of uvloop closes the descriptor by its number twice, and so
    takes away what another thread has opened meanwhile
    (https://github.com/MagicStack/uvloop/issues/763).
    """

    def __init__(self, name: str, queue: Pieces, descriptor: int) -> None:
        self._name = name
        self._queue = queue
        self._descriptor: int | None = descriptor
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self.pull)

    def close(self) -> None:
        """Read no more; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)

    def pull(self) -> None:
        """Take in what is there."""
        if self._descriptor is None:
            return
        try:
            data = os.read(self._descriptor, _MOST_BYTES)
        except BlockingIOError:
            return
        self._queue.put_nowait((self._name, data or None))
        if not data:
            self.close()


class SocketFeed(asyncio.Protocol):
    """The protocol of a socket's transport."""

    def __init__(self, name: str, queue: Pieces) -> None:
        self._name = name
        self._queue = queue

    def data_received(self, data: bytes) -> None:
        """Put it into the queue."""
        self._queue.put_nowait((self._name, data))

    def eof_received(self) -> None:
        """The other side sends no more."""
        self._queue.put_nowait((self._name, None))

    def connection_lost(self, _error: Exception | None) -> None:
        """The transport is closed."""
        self._queue.put_nowait((self._name, None))
