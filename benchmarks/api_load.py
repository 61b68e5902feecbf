"""Sends requests over kept connections and measures them; runs in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figures:
    """What a scenario took."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    wrong: int
    """Answers that were no success."""


class Connection(asyncio.Protocol):
    """Sends one request after the other, and notes how long each answer takes."""

    def __init__(self, requests: itertools.cycle[bytes], until: float) -> None:
        self.took: list[float] = []
        self.wrong = 0
        self.done = asyncio.get_running_loop().create_future()
        self._requests, self._until = requests, until
        self._received, self._expected, self._sent = bytearray(), -1, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Gather an answer, and send the next request behind it."""
        self._received += data
        if self._expected < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._expected = end + 4 + int(length or 0)
        if len(self._received) < self._expected:
            return
        now = time.perf_counter()
        self.took.append(now - self._sent)
        self.wrong += self._received[9:10] != b"2"
        self._received.clear()
        self._expected = -1
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


async def load(
    ports: list[int], requests: list[bytes], connections: int, seconds: float
) -> Figures:
    """Send `requests` round and round over `connections`, shared among `ports`."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    shared = itertools.cycle(requests)
    opened = [
        (
            await loop.create_connection(
                lambda: Connection(shared, started + seconds), "127.0.0.1", ports[n % len(ports)]
            )
        )[1]
        for n in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    elapsed = time.perf_counter() - started
    took = sorted(t for connection in opened for t in connection.took)
    return Figures(
        per_second=len(took) / elapsed,
        p50_ms=took[len(took) // 2] * 1000,
        p95_ms=took[int(len(took) * 0.95)] * 1000,
        p99_ms=took[int(len(took) * 0.99)] * 1000,
        wrong=sum(connection.wrong for connection in opened),
    )


def main() -> None:
    """Read a job from standard input, write its figures to standard output."""
    job = json.load(sys.stdin)
    requests = [text.encode("latin-1") for text in job["requests"]]
    figures = asyncio.run(load(job["ports"], requests, job["connections"], job["seconds"]))
    json.dump(asdict(figures), sys.stdout)


if __name__ == "__main__":
    main()
