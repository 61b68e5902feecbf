"""Reading pipes beside threads that open and close descriptors of their own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import pytest
import uvloop

from app.sandbox.feeds import Pieces, PipeFeed

NewLoop = Callable[[], asyncio.AbstractEventLoop]
both_loops = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])


async def read_to_its_end(data: bytes) -> bytes:
    pieces: Pieces = asyncio.Queue()
    reading, writing = os.pipe()
    feed = PipeFeed("report", pieces, reading)
    os.write(writing, data)
    os.close(writing)
    found = b""
    while (piece := await pieces.get()) != ("report", None):
        found += piece[1] or b""
    feed.close()
    return found


@both_loops
def test_a_pipe_is_read_to_its_end(new_loop: NewLoop) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(read_to_its_end(b"passed")) == b"passed"


@both_loops
def test_what_is_in_a_pipe_can_be_had_at_once(new_loop: NewLoop) -> None:
    async def pull() -> list[tuple[str, bytes | None]]:
        pieces: Pieces = asyncio.Queue()
        reading, writing = os.pipe()
        feed = PipeFeed("output", pieces, reading)
        feed.pull()
        os.write(writing, b"printed")
        feed.pull()
        feed.close()
        feed.pull()
        os.close(writing)
        return [pieces.get_nowait() for _ in range(pieces.qsize())]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(pull()) == [("output", b"printed")]


@both_loops
def test_a_pipe_takes_no_descriptor_of_another_thread_with_it(new_loop: NewLoop) -> None:
    over = threading.Event()
    lost: list[int] = []

    def open_and_close() -> None:
        while not over.is_set():
            descriptor = os.open(os.devnull, os.O_RDONLY)
            try:
                os.close(descriptor)
            except OSError:
                lost.append(descriptor)

    async def read_many() -> None:
        async with asyncio.timeout(60):
            for _ in range(5000):
                await read_to_its_end(b"")

    others = [threading.Thread(target=open_and_close) for _ in range(3)]
    for other in others:
        other.start()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(read_many())
    finally:
        over.set()
        for other in others:
            other.join()
    assert lost == []
