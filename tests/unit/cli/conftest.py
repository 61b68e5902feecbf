"""A tiny real HTTP server to talk to, and the command run in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.cli.main import main


@dataclass
class Reply:
    """What the server answers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Instead of `body`: exactly these bytes."""
    hang_up: bool = False
    """Close the connection without an answer."""


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class StubService:
    """Answers each route with its replies in turn, the last one again and again."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                url = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                stub.requests.append(
                    Seen(
                        self.command,
                        url.path,
                        parse_qs(url.query),
                        {name.lower(): value for name, value in self.headers.items()},
                        self.rfile.read(length),
                    )
                )
                reply = stub._next(self.command, url.path)
                if reply.hang_up:
                    self.connection.close()
                    return
                raw = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  # names of http.server

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Say what to answer to `method` on `path`, below ``/api/v1``."""
        self._replies[method, f"/api/v1/{path}"] = list(replies)

    def _next(self, method: str, path: str) -> Reply:
        replies = self._replies.get((method, path))
        if not replies:
            return Reply({"title": "Not found", "detail": f"nothing at {path}", "status": 404}, 404)
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_files(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the logins nor the cache of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubService]:
    """A running stub service that the environment names."""
    service = StubService()
    monkeypatch.setenv("FINDINGS_URL", service.url)
    monkeypatch.setenv("FINDINGS_TOKEN", "fnd_secret")
    yield service
    service.close()


@pytest.fixture
def findings(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The command: ``findings("ticket", "list")`` runs it in this process."""

    def run(*words: str) -> Ended:
        capfd.readouterr()
        code = main(words)
        done = capfd.readouterr()
        return Ended(code, done.out, done.err)

    return run


@pytest.fixture
def reply() -> type[Reply]:
    """The class of the stub's answers."""
    return Reply
