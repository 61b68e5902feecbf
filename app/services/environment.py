"""The environment of this process: what results depend on besides package and suite."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata

from app.domain.catalogue import fold

_known: dict[tuple[tuple[str, int], ...], str] = {}


def own_environment() -> Mapping[str, str]:
    """Return ``python``, ``torch``, ``platform`` and ``installed`` of this process.

    ``installed`` is a digest of the names and versions of all distributions; it is looked up anew
    when a folder of packages has changed. These values win over what a guest says of itself.
    """
    return {
        "python": platform.python_version(),
        "torch": _torch(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "installed": _installed(),
    }


def _torch() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""  # a web host does without


def _installed() -> str:
    state = tuple(_folders())
    if state not in _known:
        _known.clear()
        _known[state] = fold(
            sorted(
                {
                    f"{found.metadata['Name']}=={found.version}".lower()
                    for found in metadata.distributions()
                }
            )
        )[:16]
    return _known[state]


def _folders() -> list[tuple[str, int]]:
    found = []
    for path in sys.path:
        try:
            found.append((path, os.stat(path or ".").st_mtime_ns))
        except OSError:
            continue
    return found
