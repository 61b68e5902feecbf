"""Server-sent events: read as they come, resumed where the line broke."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.cli.errors import Unreachable

if TYPE_CHECKING:
    from app.cli.client import Client, Params

_RESUMES = 5
_PAUSE_S = 1.0


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream."""

    id: str
    kind: str
    data: dict[str, Any]


def follow(
    client: Client, *path: str, last_id: str | None = None, params: Params | None = None
) -> Iterator[ServerEvent]:
    """Yield the events of a stream until it ends; a broken line is taken up behind the last one.

    Raises:
        Unreachable: the line broke, and again each time it was taken up.
    """
    left = _RESUMES
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            with client.stream(*path, params=params, headers=headers) as lines:
                for event in parse(lines):
                    yield event
                    last_id, left = event.id, _RESUMES
            return
        except Unreachable:
            if not left:
                raise
            left -= 1
            time.sleep(_PAUSE_S)


def parse(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Yield the events that `lines` hold; comments and what is no JSON object are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        data = _parsed(fields.get("data", ""))
        if data is not None:
            yield ServerEvent(fields.get("id", ""), fields.get("event", "message"), data)
        fields = {}


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
