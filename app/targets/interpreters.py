"""What an interpreter is and has installed, found out by asking it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.catalogue import fold

_PATIENCE_S = 30.0
_ASK = """
import json, os, platform, sys
from importlib import metadata
found = {}
for one in metadata.distributions():
    name = one.metadata["Name"]
    if name:
        found.setdefault(name.lower().replace("_", "-"), one.version)
uname = os.uname()
print(json.dumps({
    "python": platform.python_version(),
    "platform": f"{sys.platform}-{platform.machine()}",
    "prefixes": sorted({sys.prefix, sys.base_prefix}),
    "path": [one for one in sys.path if one],
    "distributions": found,
    "plugins": {
        one.name: one.dist.metadata["Name"].lower().replace("_", "-")
        for one in metadata.entry_points(group="pytest11")
    },
}))
"""


class InterpreterFailed(Exception):
    """An interpreter cannot be asked or cannot be used; the message says why."""


@dataclass(frozen=True)
class Installed:
    """What an interpreter says of itself."""

    python: str
    """Its version."""
    platform: str
    prefixes: tuple[str, ...]
    """Folders that are its own."""
    distributions: Mapping[str, str]
    """Versions by name."""
    plugins: Mapping[str, str]
    """Plugins for pytest by their entry points, each with its distribution."""

    @property
    def environment(self) -> dict[str, str]:
        """What results depend on, as runs carry it."""
        packages = sorted(f"{name}=={version}" for name, version in self.distributions.items())
        return {
            "python": self.python,
            "torch": self.distributions.get("torch", ""),
            "platform": self.platform,
            "installed": fold(packages)[:16],
        }


_known: dict[str, tuple[tuple[tuple[str, int], ...], Installed]] = {}


def ask(python: str) -> Installed:
    """Ask an interpreter, anew when a folder of its packages has changed. Blocks: use a thread.

    Raises:
        InterpreterFailed: it is gone, does not answer, or is no Python 3.11 or newer.
    """
    if python in _known:
        folders, known = _known[python]
        if folders == _times(path for path, _ in folders):
            return known
    said = _answer_of(python)
    version = tuple(int(part) for part in str(said["python"]).split(".")[:2])
    if version < (3, 11):
        raise InterpreterFailed(f"{python} is Python {said['python']}; 3.11 or newer is needed")
    found = Installed(
        python=said["python"],
        platform=said["platform"],
        prefixes=tuple(said["prefixes"]),
        distributions=said["distributions"],
        plugins=said["plugins"],
    )
    _known[python] = _times([python, *said["path"]]), found
    return found


def require_pytest(installed: Installed) -> None:
    """Refuse an interpreter without a pytest that reports subtests.

    Raises:
        InterpreterFailed: it has none, or an old one.
    """
    version = installed.distributions.get("pytest")
    if version is None:
        raise InterpreterFailed("it has no pytest; install one: python -m pip install 'pytest>=9'")
    if int(version.partition(".")[0]) < 9:
        raise InterpreterFailed(
            f"its pytest is {version}, and 9 or newer is needed: python -m pip install 'pytest>=9'"
        )


def _answer_of(python: str) -> dict[str, Any]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    try:
        answer = subprocess.run(
            [python, "-P", "-s", "-c", _ASK],
            capture_output=True,
            timeout=_PATIENCE_S,
            env=environment,
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InterpreterFailed(f"{python} cannot be started: {error}") from None
    if answer.returncode:
        told = answer.stderr.decode(errors="replace").strip()[-300:]
        raise InterpreterFailed(f"{python} cannot be used (Python 3.11 or newer is needed): {told}")
    try:
        found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise InterpreterFailed(f"{python} answers what cannot be read") from None
    return found


def _times(paths: Iterable[str]) -> tuple[tuple[str, int], ...]:
    found = []
    for path in paths:
        try:
            found.append((path, os.stat(path).st_mtime_ns))
        except OSError:
            found.append((path, 0))
    return tuple(found)
