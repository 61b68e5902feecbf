"""Calls to the service over HTTP."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from app.cli.errors import Refused, Unreachable, UsageProblem
from app.cli.server import Server
from app.cli.text import visible
from app.cli.transport import (
    BadProxy,
    Connection,
    NotConnected,
    Request,
    Response,
    Stream,
    TimedOut,
    TransportError,
)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
PAGE_MAX = 200
"""Items that the service puts on a page at most."""

_PAUSES_S = (0.2, 1.0)
"""Before each further try of a call whose answer was lost."""

_BUSY_TRIES = 5
"""How often a call waits for an earlier one with the same idempotency key."""

Params = Mapping[str, Any]


class Answer(NamedTuple):
    """What the service answered to a call that it accepted."""

    status: int
    content: bytes

    def json(self) -> Any:
        """Return the parsed body.

        Raises:
            UsageProblem: it is no JSON, so this is not the service.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise UsageProblem(
                "the answer is not JSON",
                "Check that FINDINGS_URL is the address of a findings service",
            ) from None


class Client:
    """A connection to one service."""

    def __init__(self, server: Server, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._server = server
        self._read_timeout_s = read_timeout_s
        self._headers = {
            "Authorization": f"Bearer {server.token}",
            "Accept": "application/json",
            "User-Agent": f"findings-cli (Python {sys.version.split()[0]})",
        }
        try:
            self._line = Connection(server.url, connect_timeout_s=CONNECT_TIMEOUT_S)
        except (BadProxy, OSError) as error:
            raise UsageProblem(
                f"the proxy or certificate settings of the environment cannot be used: {error}",
                "Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None

    def get(self, *path: str, params: Params | None = None, wait_s: float = 0.0) -> Any:
        """Return the JSON of a GET; `wait_s` is for how long the service itself may wait."""
        return self.call("GET", *path, params=params, wait_s=wait_s, safe=True).json()

    def post(
        self,
        *path: str,
        body: Mapping[str, Any] | None = None,
        params: Params | None = None,
        key: str | None = None,
    ) -> Any:
        """Return the JSON of a POST.

        Args:
            path: below ``/api/v1``, part by part.
            body: sent as JSON.
            params: of the query.
            key: an idempotency key: the call is repeated under it when its answer was lost.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode("ascii")
        answer = self.call(
            "POST", *path, params=params, content=content, headers=headers, safe=key is not None
        )
        return answer.json()

    def send(self, method: str, *path: str, body: Mapping[str, Any]) -> Any:
        """Send a change that may be repeated, and return the parsed answer."""
        content = json.dumps(body).encode("ascii")
        headers = {"Content-Type": "application/json"}
        return self.call(method, *path, content=content, headers=headers, safe=True).json()

    def call(
        self,
        method: str,
        *path: str,
        params: Params | None = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        wait_s: float = 0.0,
        safe: bool = False,
    ) -> Answer:
        """Make a call.

        Args:
            method: of HTTP.
            path: below ``/api/v1``, part by part; each is quoted.
            params: of the query; None and empty lists are left out, lists repeat the name.
            content: the body; in pieces it can be sent only once.
            headers: beside those of every call.
            wait_s: for how long the service itself may wait before it answers.
            safe: making the call twice has the effect of making it once.

        Raises:
            Refused: the service answered with an error.
            Unreachable: nothing answered.
            UsageProblem: what answered is no findings service, or redirects elsewhere.
        """
        request = self._request(method, path, params, headers, content)
        timeout_s = self._read_timeout_s + wait_s
        for _ in range(_BUSY_TRIES):
            response = self._send(request, timeout_s, _PAUSES_S if safe else ())
            busy = response.status == 409 and "Idempotency-Key" in request.headers
            seconds = response.headers.get("Retry-After", "")
            if not (busy and seconds.isdigit()):
                break
            time.sleep(min(int(seconds), 5))
        return self._accepted(response)

    def exchange(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        wait_s: float = 0.0,
    ) -> Response:
        """Make a call to a path with its query, both quoted; an error is an answer too.

        Raises:
            Unreachable: nothing answered.
        """
        request = Request(method, target, {**self._headers, **headers}, content)
        pauses = _PAUSES_S if method == "GET" else ()
        return self._send(request, self._read_timeout_s + wait_s, pauses)

    def pages(self, *path: str, params: Params, limit: int | None) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list until `limit` items, or all with None."""
        cursor: str | None = None
        left = limit
        while True:
            size = PAGE_MAX if left is None else min(left, PAGE_MAX)
            asked = {**params, "limit": size, "cursor": cursor}
            page = self.get(*path, params=asked)
            yield page
            following = page.get("next_cursor")
            left = None if left is None else left - len(page.get("items", ()))
            if not following or following == cursor or (left is not None and left <= 0):
                return
            cursor = following

    @contextmanager
    def stream(
        self,
        *path: str,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        silence_s: float = 60.0,
    ) -> Iterator[Iterator[str]]:
        """Give the lines of an answer as they come.

        Args:
            path: below ``/api/v1``, part by part.
            params: of the query.
            headers: beside those of every call.
            silence_s: how long the line may be silent before it counts as broken.

        Raises:
            Refused, Unreachable, UsageProblem: as `call` does.
        """
        with self._open(path, params, headers, silence_s) as stream:
            yield stream.lines()

    @contextmanager
    def download(
        self, *path: str, params: Params, silence_s: float = 120.0
    ) -> Iterator[Iterator[bytes]]:
        """Give a file as it comes, piece by piece.

        Args:
            path: below ``/api/v1``, part by part.
            params: of the query.
            silence_s: how long the line may be silent before it counts as broken.

        Raises:
            Refused, Unreachable, UsageProblem: as `call` does.
        """
        with self._open(path, params, {"Accept": "*/*"}, silence_s) as stream:
            yield stream.pieces()

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    @contextmanager
    def _open(
        self,
        path: tuple[str, ...],
        params: Params | None,
        headers: Mapping[str, str] | None,
        silence_s: float,
    ) -> Iterator[Stream]:
        request = self._request("GET", path, params, headers, None)
        try:
            with self._line.open(request, timeout_s=silence_s) as stream:
                if stream.status != 200:
                    self._accepted(stream.read())
                yield stream
        except TransportError as error:
            raise self._unreachable(error) from None

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        params: Params | None,
        headers: Mapping[str, str] | None,
        content: bytes | Iterable[bytes] | None,
    ) -> Request:
        given = {**self._headers, **(headers or {})}
        try:
            query = urlencode(given_params(params or {}), doseq=True)
        except UnicodeEncodeError:
            raise UsageProblem("an argument holds text that cannot be sent") from None
        if not all(value.isascii() and value.isprintable() for value in given.values()):
            raise UsageProblem("an argument holds text that cannot be sent")
        target = _path(path) + (f"?{query}" if query else "")
        return Request(method, target, given, content)

    def _send(self, request: Request, timeout_s: float, pauses: tuple[float, ...]) -> Response:
        """Send a request, again after each of `pauses` while its answer is lost on the way."""
        left = list(pauses)
        while True:
            try:
                return self._line.send(request, timeout_s=timeout_s)
            except TransportError as error:
                # Refused and unresolved connections stay so: only a broken one is tried again.
                if isinstance(error, NotConnected | TimedOut) or not left:
                    raise self._unreachable(error) from None
                time.sleep(left.pop(0))

    def _unreachable(self, error: TransportError) -> Unreachable:
        url = self._server.url
        reason = visible(error) or type(error).__name__
        if isinstance(error, NotConnected):
            start = "Start it with `findings serve`, or set" if self._server.loopback else "Check"
            return Unreachable(f"no service answers at {url} ({reason})", f"{start} FINDINGS_URL")
        if isinstance(error, TimedOut):
            return Unreachable(f"{url} took too long to answer", "It may be busy: try again")
        return Unreachable(
            f"the connection to {url} broke before the answer was complete ({reason})",
            "Look whether the call had its effect before you repeat it",
        )

    def _accepted(self, response: Response) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return Answer(status, response.content)
        if 300 <= status < 400:
            target = visible(response.headers.get("Location", ""))[:200]
            raise UsageProblem(
                f"{self._server.url} redirects to {target!r}; the token was not sent there",
                "Set FINDINGS_URL to the address of the service itself, if you trust it",
            )
        try:
            problem = json.loads(response.content)
        except (ValueError, RecursionError):
            problem = None
        if isinstance(problem, dict):
            from app.cli.problems import refused  # most calls are accepted

            raise refused(status, problem, response.headers.get("Retry-After"))
        raise Refused(
            f"{self._server.url} answered {status}, and not as a findings service does",
            "Check FINDINGS_URL, and the proxy before the service if there is one",
            status=status,
        )


def new_key() -> str:
    """Return a fresh idempotency key."""
    return f"cli-{os.urandom(16).hex()}"


def _path(parts: tuple[str, ...]) -> str:
    if any(part in ("", ".", "..") for part in parts):
        raise UsageProblem("a key, name or id is empty or only dots")
    quoted = (quote(part, safe=":", errors="surrogateescape") for part in parts)
    return "/api/v1/" + "/".join(quoted)


def given_params(params: Params) -> dict[str, Any]:
    """Return the parameters that have a value, as the service writes them."""
    words = {True: "true", False: "false"}
    return {
        name: words[value] if isinstance(value, bool) else value
        for name, value in params.items()
        if value not in (None, [], ())
    }
