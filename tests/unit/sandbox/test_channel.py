"""The guest's end of the report: what is sent at once, and what may wait for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from app.sandbox.channel import Channel


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A reading end that never waits, and a writing end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)


def kinds(reading: int) -> list[str]:
    """The kinds of the lines that can be read by now."""
    try:
        data = os.read(reading, 1 << 16)
    except BlockingIOError:
        return []
    return [json.loads(line)["k"] for line in data.splitlines()]


def test_the_beginning_of_a_test_is_told_at_once(pipe: tuple[int, int]) -> None:
    """Its deadline counts from when the other side sees it."""
    reading, writing = pipe
    channel = Channel(writing, "token")
    channel.send("start", id="a")
    assert kinds(reading) == ["start"]
    channel.close()


def test_how_a_test_ended_is_told_with_the_beginning_of_the_next(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    channel = Channel(writing, "token")
    for kind in ("phase", "phase", "stop"):
        channel.send(kind, id="a")
    assert kinds(reading) == []
    channel.send("start", id="b")
    assert kinds(reading) == ["phase", "phase", "stop", "start"]
    channel.close()


def test_what_waits_when_the_report_is_closed_is_told_too(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    channel = Channel(writing, "token")
    channel.send("item", id="a")
    channel.close()
    assert kinds(reading) == ["item"]


def test_much_does_not_wait(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    channel = Channel(writing, "token")
    channel.send("phase", id="a", stdout="x" * 9_000)
    assert kinds(reading) == []
    channel.send("phase", id="a", stdout="x" * 9_000)
    assert kinds(reading) == ["phase", "phase"]
    channel.close()
