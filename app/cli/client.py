"""Calls to the service over HTTP."""

from __future__ import annotations

import json
import platform
import ssl
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from app.cli.errors import Refused, Unreachable, UsageProblem
from app.cli.problems import refused
from app.cli.server import Server
from app.cli.text import visible

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
PAGE_MAX = 200
"""Items that the service puts on a page at most."""

_PAUSES_S = (0.2, 1.0)
"""Before each further try of a call whose answer was lost."""

_BUSY_TRIES = 5
"""How often a call waits for an earlier one with the same idempotency key."""

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
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
        encrypted = server.url.lower().startswith("https:")
        try:
            self._http = httpx.Client(
                headers={
                    "Authorization": f"Bearer {server.token}",
                    "Accept": "application/json",
                    "User-Agent": f"findings-cli (Python {platform.python_version()})",
                },
                follow_redirects=False,
                # A proxy of the environment would see what goes over plain http to this machine.
                trust_env=encrypted,
                # Authorities load slowly, and plain http has no use for them.
                verify=True if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            )
        except (ImportError, ValueError, OSError) as error:
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
        try:
            request = self._http.build_request(
                method,
                self._server.url + _path(path),
                params=_given(params or {}),
                content=content,
                headers=dict(headers or {}),
                timeout=httpx.Timeout(self._read_timeout_s + wait_s, connect=CONNECT_TIMEOUT_S),
            )
        except (UnicodeEncodeError, httpx.InvalidURL):
            raise UsageProblem("an argument holds text that cannot be sent") from None
        for _ in range(_BUSY_TRIES):
            response = self._send(request, _PAUSES_S if safe else ())
            busy = response.status_code == 409 and "Idempotency-Key" in request.headers
            seconds = response.headers.get("Retry-After", "")
            if not (busy and seconds.isdigit()):
                break
            time.sleep(min(int(seconds), 5))
        return self._accepted(response)

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
        timeout = httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S)
        url = self._server.url + _path(path)
        try:
            with self._http.stream(
                "GET",
                url,
                params=_given(params or {}),
                headers=dict(headers or {}),
                timeout=timeout,
            ) as response:
                if response.status_code != 200:
                    response.read()
                    self._accepted(response)
                yield response.iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

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
        timeout = httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S)
        url = self._server.url + _path(path)
        try:
            with self._http.stream(
                "GET", url, params=_given(params), headers={"Accept": "*/*"}, timeout=timeout
            ) as response:
                if response.status_code != 200:
                    response.read()
                    self._accepted(response)
                yield response.iter_bytes()
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, request: httpx.Request, pauses: tuple[float, ...]) -> httpx.Response:
        """Send a request, again after each of `pauses` while its answer is lost on the way."""
        left = list(pauses)
        while True:
            try:
                return self._http.send(request)
            except httpx.TransportError as error:
                # Refused and unresolved connections stay so: only a broken one is tried again.
                if isinstance(error, httpx.ConnectError | httpx.TimeoutException) or not left:
                    raise self._unreachable(error) from None
                time.sleep(left.pop(0))

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        url = self._server.url
        reason = visible(error) or type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            start = "Start it with `findings serve`, or set" if self._server.loopback else "Check"
            return Unreachable(f"no service answers at {url} ({reason})", f"{start} FINDINGS_URL")
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(f"{url} took too long to answer", "It may be busy: try again")
        return Unreachable(
            f"the connection to {url} broke before the answer was complete ({reason})",
            "Look whether the call had its effect before you repeat it",
        )

    def _accepted(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if 200 <= status < 300:
            return Answer(status, response.content)
        if 300 <= status < 400:
            target = visible(response.headers.get("Location", ""))[:200]
            raise UsageProblem(
                f"{self._server.url} redirects to {target!r}; the token was not sent there",
                "Set FINDINGS_URL to the address of the service itself, if you trust it",
            )
        try:
            problem = response.json()
        except (ValueError, RecursionError):
            problem = None
        if isinstance(problem, dict):
            raise refused(status, problem, response.headers.get("Retry-After"))
        raise Refused(
            f"{self._server.url} answered {status}, and not as a findings service does",
            "Check FINDINGS_URL, and the proxy before the service if there is one",
            status=status,
        )


def new_key() -> str:
    """Return a fresh idempotency key."""
    return f"cli-{uuid.uuid4()}"


def _path(parts: tuple[str, ...]) -> str:
    if any(part in ("", ".", "..") for part in parts):
        raise UsageProblem("a key, name or id is empty or only dots")
    quoted = (quote(part, safe=":", errors="surrogateescape") for part in parts)
    return "/api/v1/" + "/".join(quoted)


def _given(params: Params) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, [], ())}
