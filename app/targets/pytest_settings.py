"""The pytest settings of a project: which file holds them, and what of them an arm obeys."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from pathlib import Path
from typing import Any

from app.domain.targets import PytestSettings

_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini")
_LAST = "setup.cfg"
_OBEYED = (
    "--import-mode=",
    "--strict",
    "--doctest-modules",
    "--doctest-glob=",
    "--doctest-continue-on-failure",
    "-W",
    "--pythonwarnings=",
    "--runxfail",
)


class SettingsError(ValueError):
    """The settings cannot be used; the message says why and what to write."""


def settings_of(root: Path, wanted: str) -> PytestSettings:
    """Return how a project sets pytest up: its file, and what of it an arm obeys.

    Args:
        root: the project's root.
        wanted: ``auto`` for the file that pytest itself would take, a name, or ``none``.

    Raises:
        SettingsError: a named file is not there, or one cannot be read.
    """
    if wanted == "none":
        return PytestSettings()
    if wanted == "auto":
        file = find(root)
        if file is None:
            return PytestSettings()
    else:
        file = wanted
        if "/" in file or not (root / file).is_file():
            raise SettingsError(f"{file!r} is no file at the root; write 'auto', 'none' or a name")
    try:
        section = _section(root / file)
    except (OSError, UnicodeError, ValueError, configparser.Error) as error:
        raise SettingsError(f"{file} cannot be read: {error}; correct it or write 'none'") from None
    patterns = section.get("python_files") or PytestSettings().python_files
    return PytestSettings(
        file,
        _obeyed(section.get("addopts", "")),
        python_files=tuple(patterns.split() if isinstance(patterns, str) else map(str, patterns)),
    )


def find(root: Path) -> str | None:
    """Return the file that pytest takes its settings from in a project, if there is one."""
    for name in (*_FILES, _LAST):
        if not (root / name).is_file():
            continue
        if name.rpartition("/")[2] in _FILES[:4]:
            return name
        try:
            if _section(root / name):
                return name
        except (OSError, UnicodeError, ValueError, configparser.Error):
            continue
    return None


def _section(path: Path) -> dict[str, Any]:
    if path.suffix == ".toml":
        found = tomllib.loads(path.read_text("utf-8"))
        if path.name == "pyproject.toml":
            tool = found.get("tool", {}).get("pytest", {})
            return dict(tool.get("ini_options", tool))
        return dict(found.get("pytest", {}))
    parser = configparser.RawConfigParser()
    parser.read_string(path.read_text("utf-8"))
    name = "tool:pytest" if path.suffix == ".cfg" else "pytest"
    return dict(parser[name]) if parser.has_section(name) else {}


def _obeyed(addopts: object) -> tuple[str, ...]:
    """Those options that an arm can obey; others want a plugin, a terminal or a file to write."""
    words = addopts if isinstance(addopts, list) else shlex.split(str(addopts))
    found = []
    for number, word in enumerate(words):
        if word in ("-W", "--import-mode", "--doctest-glob") and number + 1 < len(words):
            found.append(f"{word}{'' if word == '-W' else '='}{words[number + 1]}")
        elif word != "-W" and str(word).startswith(_OBEYED):
            found.append(str(word))
    return tuple(found)
