"""The pytest settings of a project: which file holds them, and what of them an arm obeys."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.domain.targets import PytestSettings

_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini")
_LAST = "setup.cfg"
_OBEYED = (
    "--import-mode=",
    "--strict-markers",
    "--doctest-modules",
    "--doctest-glob=",
    "--doctest-continue-on-failure",
    "-W",
    "--pythonwarnings=",
    "--runxfail",
)


class SettingsError(ValueError):
    """The settings cannot be used; the message says why and what to write."""


Reader = Callable[[str], str | None]
"""Gives the text of a file at a project's root; None where there is no such file."""


def settings_of(root: Path, wanted: str) -> PytestSettings:
    """Return what `settings_in` does, for a project in a folder."""
    return settings_in(_reader_of(root), wanted)


def settings_in(read: Reader, wanted: str) -> PytestSettings:
    """Return how a project sets pytest up: its file, and what of it an arm obeys.

    Args:
        read: gives the texts of files at the project's root.
        wanted: ``auto`` for the file that pytest itself would take, a name, or ``none``.

    Raises:
        SettingsError: a named file is not there, or one cannot be read.
    """
    if wanted == "none":
        return PytestSettings()
    if wanted == "auto":
        found = _find(read)
        if found is None:
            return PytestSettings()
        file = found
    else:
        file = wanted
    try:
        text = None if "/" in file else read(file)
        if text is None:
            raise SettingsError(f"{file!r} is no file at the root; write 'auto', 'none' or a name")
        section = _section(file, text)
    except SettingsError:
        raise
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
    return _find(_reader_of(root))


def _find(read: Reader) -> str | None:
    for name in (*_FILES, _LAST):
        try:
            text = read(name)
            if text is not None and (name in _FILES[:4] or _section(name, text)):
                return name
        except (OSError, UnicodeError, ValueError, configparser.Error):
            if name in _FILES[:4]:
                return name  # what is wrong with it is told when it is read
    return None


def _reader_of(root: Path) -> Reader:
    def read(name: str) -> str | None:
        return (root / name).read_text("utf-8") if (root / name).is_file() else None

    return read


def _section(name: str, text: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        found = tomllib.loads(text)
        if name == "pyproject.toml":
            tool = found.get("tool", {}).get("pytest", {})
            return dict(tool.get("ini_options", tool))
        return dict(found.get("pytest", {}))
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    section = "tool:pytest" if name.endswith(".cfg") else "pytest"
    return dict(parser[section]) if parser.has_section(section) else {}


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
