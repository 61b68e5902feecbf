"""What the service was last known to hold, for completion: kept for a minute, used for longer."""

from __future__ import annotations

import hashlib
import json
import os
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from app.cli.client import Client
    from app.cli.server import Server

FRESH_S = 60.0
WAIT_S = 0.1
"""How long whoever presses Tab waits for the service."""

_ASKING_S = 10.0
"""How long the asking may go on behind his back; meanwhile nobody else asks."""

_MANY = ("key", "run", "order")
"""Kinds of which one page is asked for, and what was known before is kept."""

_AT_MOST = 5000
"""Values that are kept of these."""


def values(kind: str, server: Server, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of a kind, asking the service when that is older than a minute.

    Args:
        kind: a name in `KINDS`.
        server: whose; what different tokens may see is kept apart.
        environ: says where files that may be thrown away lie.
    """
    path = _file(kind, server, environ)
    at, known = _read(path)
    if abs(time.time() - at) < FRESH_S:
        return known
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _ask_beside(kind, server, path, known)
        known = _read(path)[1]
    return known


def _ask_beside(kind: str, server: Server, path: Path, known: Mapping[str, str]) -> None:
    """Ask in a process of its own, and wait for it no longer than `WAIT_S`."""
    asking = path.with_suffix(".asking")
    with suppress(OSError):
        if time.time() - asking.stat().st_mtime < _ASKING_S:
            return
    asking.touch(mode=0o600)
    done, ended = os.pipe()
    if os.fork() == 0:
        os.close(done)
        _ask(kind, server, path, known, asking)
    os.close(ended)
    # The pipe closes when the process ends.
    select.select([done], [], [], WAIT_S)
    os.close(done)


def _ask(kind: str, server: Server, path: Path, known: Mapping[str, str], asking: Path) -> NoReturn:
    """Ask the service, keep its answer, and end this process."""
    try:
        from app.cli.client import Client
        from app.cli.errors import CliError

        os.setsid()  # Ctrl-C at the prompt is not meant for it
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)  # the shell waits until nobody can write any more
        with suppress(CliError, OSError, KeyError, TypeError, ValueError):
            client = Client(server, read_timeout_s=_ASKING_S)
            found = _fetched(kind, client)
            if kind in _MANY:
                found = dict(list({**known, **found}.items())[-_AT_MOST:])
            _write(path, found)
    finally:
        asking.unlink(missing_ok=True)
        os._exit(0)


def _fetched(kind: str, client: Client) -> dict[str, str]:
    """Return what the service holds of a kind, the latest first."""
    path, params, pages = KINDS[kind]
    if not pages:
        return dict(_value(kind, item) for item in client.get(*path.split("/"))["items"])
    found: dict[str, str] = {}
    for page in client.pages(path, params=params, limit=pages * 200):
        found |= dict(_value(kind, item) for item in page["items"])
    return found


KINDS: Mapping[str, tuple[str, Mapping[str, Any], int]] = {
    "key": ("tickets", {"sort": "-updated"}, 1),
    "run": ("runs", {}, 1),
    "node-id": ("tests", {}, 10),
    "specialist": ("specialists", {}, 0),
    "account": ("accounts", {}, 5),
    "domain": ("domains", {}, 0),
    "target": ("targets", {}, 0),
    "source": ("source/files", {}, 0),
    "order": ("work-orders", {}, 1),
    "view": ("views", {}, 0),
}
"""Where each kind is listed, with which parameters, and how many pages are read; 0: no pages."""


def _value(kind: str, item: Any) -> tuple[str, str]:
    match kind:
        case "source":
            return str(item), ""
        case "key":
            return str(item["key"]), str(item["title"])
        case "run":
            words = [
                item.get("ticket"),
                item.get("kind"),
                item.get("outcome") or item.get("status"),
            ]
            return str(item["id"]), " ".join(str(word) for word in words if word)
        case "node-id":
            return str(item["node_id"]), ", ".join(item.get("findings") or ())
        case "account":
            return str(item["name"]), str(item["role"])
        case "view":
            return str(item["name"]), str(item.get("query") or "")
        case "order":
            words = [item.get("ticket"), item.get("kind"), item.get("status")]
            return str(item["id"]), " ".join(str(word) for word in words if word)
        case _:
            return str(item["name"]), str(item.get("label") or "")


def _file(kind: str, server: Server, environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    whose = hashlib.sha256(f"{server.url}\n{server.token}".encode()).hexdigest()[:16]
    return Path(base) / "findings" / whose / f"{kind}.json"


def _read(path: Path) -> tuple[float, dict[str, str]]:
    """Return when values were written, in seconds since 1970, and the values."""
    try:
        found = json.loads(path.read_bytes())
        return float(found["at"]), {str(v): str(help) for v, help in found["values"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0.0, {}


def _write(path: Path, known: Mapping[str, str]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"at": time.time(), "values": known}, file)
    unfinished.replace(path)
