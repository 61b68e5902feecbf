"""The environment of this process: what results depend on besides package and suite."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata

from app.domain.catalogue import fold

_known: dict[tuple[tuple[str, int], ...], Mapping[str, str]] = {}


def own_environment() -> Mapping[str, str]:
    """Return ``python``, ``torch``, ``platform`` and ``installed`` of this process.

    ``installed`` is a digest of the names and versions of all distributions; it is looked up anew
    when a folder of packages has changed. These values win over what a guest says of itself.
    """
    state = tuple(_folders())
    found = _known.get(state)
    if found is None:
        found = _look_up()
        _known.clear()
        _known[state] = found
    return found


def _look_up() -> Mapping[str, str]:
    versions = {
        str(found.metadata["Name"]).lower(): found.version for found in metadata.distributions()
    }
    return {
        "python": platform.python_version(),
        # A web host does without.
        "torch": versions.get("torch", ""),
        "platform": f"{sys.platform}-{platform.machine()}",
        "installed": fold(sorted(f"{name}=={version}" for name, version in versions.items()))[:16],
    }


def _folders() -> list[tuple[str, int]]:
    found = []
    for path in sys.path:
        try:
            found.append((path, os.stat(path or ".").st_mtime_ns))
        except OSError:
            continue
    return found
