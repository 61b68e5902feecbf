"""The calls of the REST API that tools are made of.

A tool knows nothing but this interface: roles, validation and words are those of the API, wherever
the tools run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import orjson

ROOT = "/api/v1"


@dataclass(frozen=True)
class Call:
    """A call to be made."""

    method: str
    path: str
    """Below the API's root, quoted."""
    query: Mapping[str, Any] = field(default_factory=dict)
    """None and empty lists are left out, lists repeat the name."""
    json: Any = None
    text: str | None = None
    """A body that is no JSON: a patch."""
    wait_s: float = 0.0
    """For how long the service itself may wait before it answers."""

    @property
    def target(self) -> str:
        """Path and query, as they are sent."""
        given = {name: value for name, value in self.query.items() if value not in (None, [], ())}
        return ROOT + self.path + (f"?{urlencode(given, doseq=True)}" if given else "")

    @property
    def body(self) -> tuple[bytes, str] | None:
        """The body and its media type, if any."""
        if self.text is not None:
            return self.text.encode("utf-8", "surrogatepass"), "text/x-diff"
        if self.json is not None:
            return json.dumps(self.json).encode("ascii"), "application/json"
        return None


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the call had its effect."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the parsed body."""
        return orjson.loads(self.content) if self.content else None


class Rest(Protocol):
    """Makes calls as one account."""

    async def call(self, call: Call) -> Answer:
        """Make a call; a refusal is an answer too."""
        ...


class Refused(Exception):
    """The API refused a call that a tool needs."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


async def result_of(rest: Rest, call: Call) -> Any:
    """Return the parsed body of a call that has to succeed.

    Raises:
        Refused: it did not.
    """
    answer = await rest.call(call)
    if not answer.ok:
        raise Refused(answer)
    return answer.json()


def quoted(*parts: str) -> str:
    """Return a path of these parts."""
    return "".join(f"/{quote(part, safe=':')}" for part in parts)
