"""HTTP/1.1 over one connection, with the standard library: a command is over before a larger
client would be loaded.

Redirects are not followed. Plain http goes straight to its host, whatever proxies the environment
names; https goes through ``HTTPS_PROXY`` or ``ALL_PROXY``, unless ``NO_PROXY`` says otherwise.
"""

from __future__ import annotations

import http.client
import select
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

_PIECE_BYTES = 1 << 16


class TransportError(Exception):
    """A call got no whole answer; the message is the system's reason."""


class NotConnected(TransportError):
    """Nothing took the connection."""


class TimedOut(TransportError):
    """The line was silent for too long."""


class Broken(TransportError):
    """The connection ended before the answer was complete."""


class BadProxy(ValueError):
    """The environment names a proxy that cannot be used."""


class Request(NamedTuple):
    """A call as it is sent; a body in pieces can be sent only once."""

    method: str
    target: str
    """Path and query, quoted."""
    headers: Mapping[str, str]
    body: bytes | Iterable[bytes] | None = None


class Response(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up whatever the case of their names."""
    content: bytes


class Stream:
    """An answer as it comes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]  # a Message
        self._response = response

    def read(self) -> Response:
        """Return the rest of it, whole."""
        return Response(self.status, self.headers, self._response.read())

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes as they come."""
        while piece := self._response.read1(_PIECE_BYTES):
            yield piece
        if self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)

    def lines(self) -> Iterator[str]:
        """Yield its lines, without their ends."""
        for line in self._response:
            yield line.decode("utf-8", "replace").rstrip("\r\n")


class Connection:
    """A connection to one host, made at first use and again where the host closed it."""

    def __init__(self, url: str, *, connect_timeout_s: float) -> None:
        """Prepare for `url`, which is scheme, host and port.

        Raises:
            BadProxy, OSError: proxy or certificate settings of the environment cannot be used.
        """
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._connect_timeout_s = connect_timeout_s
        self._context = _certificates() if parts.scheme.lower() == "https" else None
        self._proxy = _proxy_for(self._host) if self._context is not None else None
        self._http: http.client.HTTPConnection | None = None

    def send(self, request: Request, *, timeout_s: float) -> Response:
        """Return the whole answer to a call.

        Raises:
            TransportError: there is none.
        """
        with self.open(request, timeout_s=timeout_s) as stream:
            return stream.read()

    @contextmanager
    def open(self, request: Request, *, timeout_s: float) -> Iterator[Stream]:
        """Give an answer as it comes; `timeout_s` is for how long the line may be silent.

        Raises:
            TransportError: there is none, or it broke off.
        """
        line = self._connected()
        complete = False
        try:
            assert line.sock is not None
            line.sock.settimeout(timeout_s)
            stream = Stream(_asked(line, request))
            yield stream
            complete = stream._response.isclosed()
        except TimeoutError as error:
            raise TimedOut(str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(str(error)) from None
        finally:
            if not complete:
                line.close()

    def close(self) -> None:
        """Close the connection."""
        if self._http is not None:
            self._http.close()

    def _connected(self) -> http.client.HTTPConnection:
        line = self._http = self._http or self._made()
        if line.sock is not None and select.select([line.sock], [], [], 0)[0]:
            line.close()  # nothing is due: it can only be the host that closed it
        if line.sock is None:
            try:
                line.connect()
            except (OSError, http.client.HTTPException) as error:
                raise NotConnected(str(error)) from None
        return line

    def _made(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(
                self._host, self._port, timeout=self._connect_timeout_s
            )
        proxy = self._proxy
        line = http.client.HTTPSConnection(
            proxy.host if proxy else self._host,
            proxy.port if proxy else self._port,
            timeout=self._connect_timeout_s,
            context=self._context,
        )
        if proxy is not None:
            line.set_tunnel(self._host, self._port or 443, headers=dict(proxy.headers))
        return line


def _asked(line: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
    headers = dict(request.headers)
    in_pieces = request.body is not None and not isinstance(request.body, bytes)
    if in_pieces:
        headers["Transfer-Encoding"] = "chunked"
    # A host that refuses a large body says why and closes; its answer can be there.
    with suppress(BrokenPipeError, ConnectionResetError):
        line.request(
            request.method, request.target, request.body, headers, encode_chunked=in_pieces
        )
    return line.getresponse()


class _Proxy(NamedTuple):
    host: str
    port: int
    headers: Mapping[str, str]


def _proxy_for(host: str) -> _Proxy | None:
    from urllib.request import getproxies, proxy_bypass  # slow to load, plain http needs none

    proxies = getproxies()
    given = proxies.get("https") or proxies.get("all")
    if not given or proxy_bypass(host):
        return None
    parts = urlsplit(given if "://" in given else f"http://{given}")
    if parts.scheme != "http" or not parts.hostname:
        raise BadProxy(f"a proxy should be like http://HOST:PORT, and this one is {parts.scheme}:")
    headers = {}
    if parts.username is not None:
        from base64 import b64encode
        from urllib.parse import unquote

        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(words.encode()).decode('ascii')}"
    return _Proxy(parts.hostname, parts.port or 80, headers)


def _certificates() -> ssl.SSLContext:
    import os
    import ssl  # slow to load, plain http has no use for it

    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(
            cafile=os.environ.get("SSL_CERT_FILE"), capath=os.environ.get("SSL_CERT_DIR")
        )
    import certifi

    return ssl.create_default_context(cafile=certifi.where())
