"""Clients that send too much, too slowly or nothing: none holds a connection for long.

The server speaks as ``findings serve`` does; only its patience is shorter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.protocol import GuardedProtocol

pytestmark = pytest.mark.anyio

BIG = 8 << 20


class Impatient(GuardedProtocol):
    MAX_HEAD = 4096
    HEAD_S = 0.3
    BODY_S = 0.3
    BODY_BYTES = 100
    WRITE_S = 0.3


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how long a body is; gives more than any buffer holds below /big."""
    request = Request(scope, receive)
    if request.url.path == "/big":
        pieces = (bytes(1 << 16) for _ in range(BIG >> 16))
        await StreamingResponse(pieces)(scope, receive, send)
        return
    length = sum([len(piece) async for piece in request.stream()])
    await PlainTextResponse(f"{length} bytes")(scope, receive, send)


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(
        application, port=0, http=Impatient, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def said(port: int, *pieces: bytes) -> bytes:
    """What the server answers to some bytes, up to where it hangs up."""
    async with asyncio.timeout(30), connected(port) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()


ENOUGH = b"Host: x\r\nConnection: close\r\n\r\n"
LATE = {
    "nothing": (b"", b""),
    "half a line": (b"GET / HT", b"408"),
    "half a head": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b", b"408"),
    "a head without its end": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"408"),
    "empty lines": (b"\r\n\r\n", b""),
    "half a body": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc", b"408"),
    "half a chunk": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
        b"408",
    ),
    "no last chunk": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"408",
    ),
}


@pytest.mark.parametrize("case", LATE)
async def test_what_does_not_go_on_is_given_up(port: int, case: str) -> None:
    sent, status = LATE[case]

    answer = await said(port, sent)

    assert answer.split(b" ")[1:2] == ([status] if status else [])


NO_HTTP = {
    "a control character": b"GET / HTTP/1.1\r\nX-A: \x01\r\n" + ENOUGH,
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + ENOUGH,
    "no chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + ENOUGH + b"what?\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("case", NO_HTTP)
async def test_what_is_no_http_is_a_problem_with_its_remedy(port: int, case: str) -> None:
    head, _, body = (await said(port, NO_HTTP[case])).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert "Send a request line" in json.loads(body)["detail"]


LARGE = {
    "one header": b"GET / HTTP/1.1\r\nX: " + b"a" * 5000 + b"\r\n" + ENOUGH,
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 1000 + ENOUGH,
    "a long path": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + ENOUGH,
    "a header without an end": b"GET / HTTP/1.1\r\nX: " + b"a" * 5000,
    "a name without an end": b"GET / HTTP/1.1\r\n" + b"X" * 5000,
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X: a\r\n" * 1000
        + b"\r\n"
    ),
    "a trailer without an end": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 5000
    ),
}


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("case", LARGE)
async def test_a_head_that_is_too_large_is_refused(port: int, case: str, size: int) -> None:
    sent = LARGE[case]

    with contextlib.suppress(ConnectionError):
        answer = await said(port, *(sent[n : n + size] for n in range(0, len(sent), size)))
        assert answer.split(b" ")[1] == b"431"
        assert b"Send fewer or shorter headers" in answer


async def test_requests_one_after_the_other_are_answered_as_ever(port: int) -> None:
    body = b"x" * 200_000
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
    head = b"X-A: " + b"b" * 3000 + b"\r\n\r\n"
    async with asyncio.timeout(30), connected(port) as (reader, writer):
        for _ in range(5):
            writer.write(post + head + body)
            answer = await reader.readuntil(b"200000 bytes")
            assert answer.startswith(b"HTTP/1.1 200")
        # As many at once as fit into one piece: together they are larger than one head.
        writer.write((b"GET / HTTP/1.1\r\nHost: x\r\n" + head) * 4)
        for _ in range(4):
            assert (await reader.readuntil(b"0 bytes")).startswith(b"HTTP/1.1 200")


async def test_a_body_that_goes_on_slowly_is_taken(port: int) -> None:
    async with asyncio.timeout(30), connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1200\r\n\r\n")
        for _ in range(6):
            writer.write(b"x" * 200)
            await asyncio.sleep(Impatient.BODY_S / 2)
        assert b"1200 bytes" in await reader.readuntil(b"bytes")


async def test_an_answer_that_nobody_reads_is_given_up(port: int) -> None:
    async with asyncio.timeout(30), connected(port) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(b"GET /big HTTP/1.1\r\n" + ENOUGH)
        await asyncio.sleep(Impatient.WRITE_S * 3)
        writer.transport.resume_reading()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            assert len(await reader.read()) < BIG
