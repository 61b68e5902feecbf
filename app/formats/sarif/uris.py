"""Where a result lies: its URI as a path below the root of the code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_DRIVE = re.compile(r"/?([A-Za-z]:)(?=[/\\]|$)")
MAX_PATH = 1000


class Paths:
    """Makes paths of the URIs of one run.

    Args:
        bases: the run's `originalUriBaseIds`.
        artifacts: the run's `artifacts`, to which locations may refer by number.
        root: the folder that the code lay in; absolute paths below it become relative.
        known: paths of the target, by which an absolute path is recognised without a root.
    """

    def __init__(
        self,
        bases: Mapping[str, Any],
        artifacts: Sequence[Any],
        root: str | None,
        known: frozenset[str],
    ) -> None:
        self._bases, self._artifacts, self._known = bases, artifacts, known
        self._last: tuple[str | None, tuple[str | None, str | None]] = (None, (None, None))
        self._root = None if root is None else _plain(root).rstrip("/") + "/"

    def of(self, location: Any) -> tuple[str | None, str | None]:
        """Return the path of an `artifactLocation`, and what is odd about it."""
        uri = self._uri(location, set())
        if uri is None:
            return None, None
        if uri == self._last[0]:  # results of a file stand together
            return self._last[1]
        found = self._path(uri)
        self._last = uri, found
        return found

    def _path(self, uri: str) -> tuple[str | None, str | None]:
        path = _plain(uri)
        if self._root and path.startswith(self._root):
            path = path[len(self._root) :]
        if _is_absolute(path):
            return self._below_known(path)
        parts: list[str] = []
        for part in path.split("/"):
            if part == "..":
                if not parts:
                    return None, f"the URI {uri[:200]!r} leaves the root of the code"
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return _short("/".join(parts))

    def _below_known(self, path: str) -> tuple[str | None, str | None]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts:
            return None, f"the URI of {path[:200]!r} leaves the root of the code"
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            if tail in self._known:
                return tail, None
        short, odd = _short("/".join(parts))
        return short, odd or "the path is absolute; name the folder that the code lay in as root"

    def _uri(self, location: Any, seen: set[object]) -> str | None:
        """Follow numbers of artifacts and names of bases, each at most once."""
        if not isinstance(location, dict):
            return None
        uri = location.get("uri")
        if not isinstance(uri, str):
            index = location.get("index")
            if not isinstance(index, int) or isinstance(index, bool) or index in seen:
                return None
            if not 0 <= index < len(self._artifacts):
                return None
            seen.add(index)
            artifact = self._artifacts[index]
            return self._uri(artifact.get("location"), seen) if isinstance(artifact, dict) else None
        base = location.get("uriBaseId")
        if isinstance(base, str) and base in self._bases and base not in seen:
            seen.add(base)
            above = self._uri(self._bases[base], seen)
            if above and not _is_absolute(_plain(uri)):
                return above.rstrip("/") + "/" + uri
        return uri


def _plain(uri: str) -> str:
    """Return a URI as a path: without scheme, host and percent signs, its drive in capitals."""
    text = uri.partition("#")[0] if "://" in uri else uri
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() == "file":
        text = text[scheme.end() :]
        if text.startswith("//"):
            text = "/" + text[2:].partition("/")[2]
    text = unquote(text, errors="replace").replace("\\", "/")
    drive = _DRIVE.match(text)
    return drive[1].upper() + text[drive.end() :] if drive else text


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or bool(_DRIVE.match(path)) or "://" in path


def _short(path: str) -> tuple[str | None, str | None]:
    if len(path) > MAX_PATH:
        return None, f"its path has {len(path)} characters; at most {MAX_PATH} are kept"
    return path or None, None
