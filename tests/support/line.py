"""A line to a service that can be cut and mended, as networks do it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Line:
    """Hands on what comes in at an address of its own to a service, while it is whole."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._service = (parts.hostname or "", parts.port or 80)
        self._sockets: list[socket.socket] = []
        self._port = 0
        self.mend()

    @property
    def url(self) -> str:
        """The service's address at this end of the line."""
        return f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Let connections through."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        ended, self._sockets = self._sockets, []
        for one in ended:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the line was cut
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._service)
                self._sockets += (near, far)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_hand_on, args=ends, daemon=True).start()


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    """A line for the length of the block."""
    line = Line(url)
    try:
        yield line
    finally:
        line.cut()
