"""Services that somebody logged in to, by name, in a file that its owner alone can read.

``$XDG_CONFIG_HOME/findings/servers.toml``, by default below ``~/.config``::

    default = "work"

    [servers.work]
    url = "https://findings.example"
    token = "fnd_…"
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from app.cli.errors import UsageProblem
from app.cli.text import visible

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Known(NamedTuple):
    """A service that was logged in to."""

    url: str
    token: str

    def __repr__(self) -> str:
        """Return what may be seen of it: no token."""
        return f"Known({self.url!r})"


class Servers(NamedTuple):
    """What the file holds."""

    known: Mapping[str, Known] = MappingProxyType({})
    default: str | None = None
    """The one that is used where nothing names another."""

    def named(self, name: str) -> Known:
        """Return a service by its name.

        Raises:
            UsageProblem: nobody logged in to one of this name.
        """
        if name not in self.known:
            others = f"Known are {', '.join(self.known)}; or log" if self.known else "Log"
            raise UsageProblem(
                f"there is no server {visible(name)!r}",
                f"{others} in with `findings login URL --name NAME`",
            )
        return self.known[name]

    def with_one(self, name: str, server: Known) -> Servers:
        """Return these with another one, which becomes the default."""
        return Servers({**self.known, name: server}, name)

    def without(self, name: str) -> Servers:
        """Return these without one; the first of the others becomes the default in its place."""
        known = {other: server for other, server in self.known.items() if other != name}
        default = next(iter(known), None) if self.default == name else self.default
        return Servers(known, default)


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where the file is."""
    base = environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "findings" / "servers.toml"


def read(environ: Mapping[str, str]) -> Servers:
    """Return the services that are known; none where there is no file.

    Raises:
        UsageProblem: the file cannot be read, is no such file, or can be read by others.
    """
    path = file_of(environ)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise UsageProblem(
                    f"{path} holds tokens and others can read it", f"Close it: chmod 600 {path}"
                )
            content = file.read(1 << 20)
    except FileNotFoundError:
        return Servers()
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}") from None
    import tomllib  # only where there is a file

    try:
        found = tomllib.loads(content.decode("utf-8"))
        known = {
            name: Known(str(one["url"]), str(one["token"]))
            for name, one in found.get("servers", {}).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageProblem(
            f"{path} cannot be understood", "Take it away and log in again with `findings login`"
        ) from None
    default = found.get("default")
    return Servers(known, default if default in known else None)


def write(servers: Servers, environ: Mapping[str, str]) -> Path:
    """Write the file anew, for its owner alone, and return where it is.

    Raises:
        UsageProblem: it cannot be written.
    """
    path = file_of(environ)
    lines = [f"default = {json.dumps(servers.default)}"] if servers.default else []
    for name, one in servers.known.items():
        lines += ["", f"[servers.{json.dumps(name)}]"]
        lines += [f"url = {json.dumps(one.url)}", f"token = {json.dumps(one.token)}"]
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(
            os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write("\n".join(lines).lstrip() + "\n")
        unfinished.replace(path)
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return path
