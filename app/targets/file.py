"""Reading the file that declares targets (``FINDINGS_TARGETS``).

TOML, one ``[[target]]`` each; docs/targets.md describes the keys. A wrong entry is one line that
names file, key and remedy, and the other targets go on.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from app.domain.revisions import MAX_NAME, RevisionRefused
from app.domain.revisions import NAME as REVISION
from app.domain.targets import BUNDLED, Interpreter, PytestSettings, Target
from app.errors import StartupError
from app.targets.pytest_settings import SettingsError, settings_of
from app.targets.repository import Repository, find

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_DOMAIN = re.compile(r"\*|[^\s*][^\s]*")
_KEYS = (
    *("name", "root", "revision", "packages", "import_root", "suite", "files", "python", "preload"),
    "pytest",
    *("plugins", "env", "domains", "paths", "others", "limits"),
)
_MODULE = re.compile(r"\w+(?:\.\w+)*")
_PLUGIN = re.compile(r"\w+(?:[.-]\w+)*")
_VARIABLE = re.compile(r"[^=\0]+")
_MOST_S, _MOST_MEMORY_MB = 86_400, 1 << 20
_LIMITS = ("test_s", "arm_s", "others_s", "memory_mb")
_RESERVED = frozenset(
    {"HOME", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"}
)


@dataclass(frozen=True)
class Problem:
    """An entry that cannot be used."""

    name: str
    """Of the target; empty where the entry does not say."""
    line: str
    """For a person: file, key, what is wrong with it and what to write instead."""


@dataclass(frozen=True)
class Declared:
    """What the file says."""

    targets: Mapping[str, Target]
    problems: tuple[Problem, ...] = field(default=())

    def reason(self, name: str) -> str | None:
        """Return why a target that is named cannot be used, if it is so."""
        return next((problem.line for problem in self.problems if problem.name == name), None)


class _Wrong(Exception):
    """A key of an entry has a value that cannot be used."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def read(path: Path, bundled: Target) -> Declared:
    """Return the targets that `path` declares, with the bundled one unless an entry replaces it.

    Raises:
        StartupError: the file is there and is no TOML, so that nothing of it can be used.
    """
    targets: dict[str, Target] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(_entries(path), 1):
        name = entry.get("name")
        known = name if isinstance(name, str) and NAME.fullmatch(name) else ""
        try:
            target = _target(entry, path.parent)
            if target.name in targets:
                raise _Wrong("name", f"{target.name!r} is taken by an entry above; take another")
        except (_Wrong, OSError) as error:
            told = (
                f"{error.key}: {error}."
                if isinstance(error, _Wrong)
                # The name is too long, or the folder closed.
                else f"{error.filename} cannot be looked at: {error.strerror}; name another."
            )
            label = known or f"entry {number}"
            problems.append(Problem(known, _line(f"{path}: {label}: {told}")))
            continue
        targets[target.name] = target
    if BUNDLED not in targets and all(problem.name != BUNDLED for problem in problems):
        targets = {BUNDLED: bundled, **targets}
    problems += _ambiguous(path, targets)
    return Declared(targets, tuple(problems))


def _line(text: str) -> str:
    """Return a text as one line of which every character can be seen."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise StartupError(
            f"{path} cannot be read: {error}.",
            remedy="Correct the file; docs/targets.md shows one. FINDINGS_TARGETS names another.",
        ) from None
    entries = found.pop("target", [])
    if found or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        strange = ", ".join(found) or "target"
        raise StartupError(
            f"{path}: {strange} is not understood.",
            remedy="Write each target as [[target]] with its keys below it.",
        )
    return entries


def _ambiguous(path: Path, targets: dict[str, Target]) -> list[Problem]:
    """Refuse targets that claim a domain which an earlier one has."""
    owners: dict[str, str] = {}
    problems = []
    for name in tuple(targets):
        for domain in targets[name].domains:
            if domain in owners:
                told = f"{domain!r} belongs to {owners[domain]} already; each domain has one target"
                problems.append(Problem(name, f"{path}: {name}: domains: {told}."))
                del targets[name]
                break
        else:
            owners.update(dict.fromkeys(targets[name].domains, name))
    return problems


def _target(entry: Mapping[str, Any], base: Path) -> Target:
    _known_keys(entry)
    name = _text(entry, "name")
    if not NAME.fullmatch(name):
        raise _Wrong("name", f"{name!r} is no slug; take lower-case letters, digits and hyphens")
    root = (base / _place(entry, "root")).absolute()
    if not root.is_dir():
        raise _Wrong("root", f"{root} is not a folder; name the project's folder")
    history = _history(entry, root)
    # What is in force at a revision may be there at another: that is seen when it is read.
    on_disk = root if history.revision is None else None
    packages = _paths_below(entry, "packages", on_disk)
    if not packages:
        raise _Wrong("packages", "is missing; name the folders with the code, like ['src/acme']")
    suites = _paths_below(entry, "suite", on_disk)
    _require_suites(suites, packages, on_disk)
    import_root = _text(entry, "import_root", str(PurePosixPath(packages[0]).parent))
    _check_path("import_root", import_root, on_disk)
    plugins = _plugins(entry)
    limits = _limits(entry)
    memory = limits.get("memory_mb")
    return Target(
        name=name,
        root=root,
        packages=packages,
        suites=suites,
        domains=_domains(entry, name),
        import_root="" if import_root == "." else import_root,
        files=_globs(entry, "files"),
        pytest=_pytest(entry, on_disk, plugins),
        env=_environment(entry),
        paths=_mapping(entry, "paths"),
        others=_others(entry),
        interpreter=_interpreter(entry, base, plugins),
        test_s=limits.get("test_s"),
        arm_s=limits.get("arm_s"),
        others_s=limits.get("others_s", Target.others_s),
        memory_bytes=None if memory is None else int(memory) << 20,
        git_dir=history.git_dir,
        revision=history.revision,
        below=history.below,
    )


@dataclass(frozen=True)
class _History:
    """Where the history of a target is, and what of it is in force."""

    git_dir: Path | None = None
    revision: str | None = None
    below: str = ""


def _history(entry: Mapping[str, Any], root: Path) -> _History:
    """Return where the history is read from: a bare repository, or that of a work tree.

    A work tree without the key is run as it lies there, committed or not, and has a history too.
    """
    wanted = entry.get("revision")
    if wanted is not None and (
        not isinstance(wanted, str) or len(wanted) > MAX_NAME or not REVISION.fullmatch(wanted)
    ):
        raise _Wrong("revision", "should be a branch, a tag or a commit, like 'main'")
    git_dir = find(root, above=wanted is not None)
    if git_dir is None:
        if wanted is not None:
            raise _Wrong("revision", f"{root} is no git repository; leave the key out")
        return _History()
    try:
        work_tree = Repository(git_dir).work_tree
    except RevisionRefused as refused:
        raise _Wrong("root", str(refused)) from None
    if work_tree is None:
        return _History(git_dir, wanted or "HEAD")
    below = root.resolve().relative_to(work_tree.resolve()).as_posix()
    return _History(git_dir, wanted, "" if below == "." else below)


def _known_keys(entry: Mapping[str, Any]) -> None:
    for key in entry:
        if key not in _KEYS:
            raise _Wrong(key, f"there is no such key; known are {', '.join(_KEYS)}")


def _text(entry: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str) or not value or "\0" in value:
        raise _Wrong(key, "is missing; it is a text" if value is None else "should be a text")
    return value


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _Wrong(key, "should be a list of texts")
    if any("\0" in one for one in value):
        raise _Wrong(key, "has a NUL character, which no name has; leave it out")
    return tuple(value)


def _place(entry: Mapping[str, Any], key: str) -> Path:
    """Return a path of an entry, with ``~`` for a home folder."""
    try:
        return Path(_text(entry, key)).expanduser()
    except RuntimeError as error:
        raise _Wrong(key, f"{entry[key]!r}: {error}; write the whole path") from None


def _plugins(entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = _texts(entry, "plugins")
    for name in found:
        if not _PLUGIN.fullmatch(name):
            raise _Wrong("plugins", f"{name!r} is no plugin; write names like 'pytest_asyncio'")
    return found


def _paths_below(entry: Mapping[str, Any], key: str, root: Path | None) -> tuple[str, ...]:
    found = tuple(PurePosixPath(one).as_posix() for one in _texts(entry, key))
    for path in found:
        _check_path(key, path, root)
        if path == ".":
            raise _Wrong(key, "the root itself cannot be it; name a folder below root")
    return found


def _require_suites(suites: tuple[str, ...], packages: tuple[str, ...], root: Path | None) -> None:
    if not suites:
        raise _Wrong("suite", "is missing; name the folder with the tests, like 'tests/findings'")
    for suite in suites:
        if root is not None and not (root / suite).is_dir():
            raise _Wrong("suite", f"{root / suite} is no folder; name the folder with the tests")
        held = next((one for one in packages if PurePosixPath(one).is_relative_to(suite)), None)
        if held is not None:
            raise _Wrong("suite", f"{suite!r} holds the package {held!r}; name a folder of tests")
        for other in suites:
            if other != suite and PurePosixPath(suite).is_relative_to(other):
                raise _Wrong("suite", f"{suite!r} lies inside {other!r} already; leave it out")


def _check_path(key: str, path: str, root: Path | None) -> None:
    """Refuse a path that leaves the root; where there is a `root` on the disk, it must be there."""
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or ".." in parts:
        raise _Wrong(key, f"{path!r} leaves the root; write it relative to root, without '..'")
    if root is None:
        return
    place = root / path
    if not place.exists():
        raise _Wrong(key, f"{place} is not there; create it or name another")
    if not place.resolve().is_relative_to(root.resolve()):
        raise _Wrong(key, f"{place} is a link out of the root; use a plain folder")


def _globs(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = _texts(entry, key)
    for glob in found:
        if glob.startswith("/") or ".." in PurePosixPath(glob).parts:
            raise _Wrong(key, f"{glob!r} leaves the root; write globs relative to root")
        parts = PurePosixPath(glob).parts
        if not parts or any("**" in part and part != "**" for part in parts):
            raise _Wrong(key, f"{glob!r} is no glob; '**' stands by itself, as in 'data/**/*.json'")
    return found


def _domains(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = _texts(entry, "domains") or (name,)
    for domain in found:
        if not _DOMAIN.fullmatch(domain):
            raise _Wrong("domains", f"{domain!r} is no domain; write 'acme', or '*' for all")
    return tuple(dict.fromkeys(domain.strip("/") for domain in found))


def _interpreter(entry: Mapping[str, Any], base: Path, plugins: tuple[str, ...]) -> Interpreter:
    modules = _texts(entry, "preload")
    for module in modules:
        if not _MODULE.fullmatch(module):
            raise _Wrong("preload", f"{module!r} is no module; write names like 'numpy'")
    preload = tuple(dict.fromkeys((*modules, *plugins)))
    if "python" not in entry:
        return Interpreter(preload=preload)
    # Not resolved: the link of a virtual environment is what makes it one.
    place = Path(os.path.normpath(base / _place(entry, "python")))
    if not os.access(place, os.X_OK) or place.is_dir():
        raise _Wrong("python", f"{place} cannot be started; name its interpreter")
    # The service's own is shared: its fork server is warm, and there need not be another.
    return Interpreter("" if str(place) == sys.executable else str(place), preload)


def _pytest(
    entry: Mapping[str, Any], root: Path | None, plugins: tuple[str, ...]
) -> PytestSettings:
    value = _text(entry, "pytest", "none")
    if root is None:
        # Of a revision they are read with its files: until then the file stands for what is wanted.
        return PytestSettings(value, (), plugins)
    try:
        settings = settings_of(root, value)
    except SettingsError as error:
        raise _Wrong("pytest", str(error)) from None
    return replace(settings, plugins=plugins)


def _environment(entry: Mapping[str, Any]) -> dict[str, str]:
    found = _mapping(entry, "env")
    for name in found:
        if name in _RESERVED or name.startswith("LD_"):
            raise _Wrong("env", f"{name} belongs to the sandbox; leave it out")
        if not _VARIABLE.fullmatch(name) or "\0" in found[name]:
            raise _Wrong("env", f"{name!r} cannot be set; write names without '=', and no NUL")
    return found


def _mapping(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    value = entry.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise _Wrong(key, "should be a table of texts, like { NAME = 'value' }")
    return dict(value)


def _others(entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = _globs(entry, "others") or ("suite",)
    if len(found) > 1 and {"suite", "files", "none"}.intersection(found):
        raise _Wrong("others", "should be 'suite', 'files', 'none', or globs of test files")
    return found


def _limits(entry: Mapping[str, Any]) -> dict[str, float]:
    value = entry.get("limits", {})
    if not isinstance(value, dict):
        raise _Wrong("limits", "should be a table, like { test_s = 30 }")
    for key, number in value.items():
        if key not in _LIMITS:
            raise _Wrong(f"limits.{key}", f"there is no such key; known are {', '.join(_LIMITS)}")
        if isinstance(number, bool) or not isinstance(number, int | float) or number <= 0:
            raise _Wrong(f"limits.{key}", "should be a number above 0")
        most = _MOST_MEMORY_MB if key == "memory_mb" else _MOST_S
        if not number <= most:  # nor is NaN
            raise _Wrong(f"limits.{key}", f"should be {most} at most")
    return dict(value)
