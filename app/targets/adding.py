"""Writing an entry for a project: what can be seen is not asked."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.revisions import RevisionRefused
from app.domain.targets import PytestSettings
from app.errors import StartupError
from app.targets.file import NAME
from app.targets.interpreters import Installed, InterpreterFailed, ask
from app.targets.pytest_settings import find as find_settings
from app.targets.repository import Repository, find
from app.targets.sketch import lay

_NO_PACKAGES = frozenset(
    {"test", "tests", "testing", "docs", "doc", "examples", "example", "scripts", "tools", "build"}
    | {"dist", "venv", "env", "node_modules", "benchmarks", "benchmark", "site-packages", "tasks"}
)
_SUITES = ("tests/findings", "test/findings")
_TESTS = ("tests", "test", "testing")
_NOT_LOADED = frozenset(
    {"xdist", "xdist.looponfail", "pytest_cov", "timeout", "randomly", "rerunfailures", "forked"}
    | {"benchmark", "html", "metadata", "sugar", "flake8", "mypy", "ruff", "typeguard", "jaxtyping"}
)
"""Plugins that an arm does without: they start processes, write reports, or check other things."""
_SPEAKING = (
    *("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "noxfile.py", "*requirements*.txt"),
    *("requirements/*.txt", "requirements/*.in", "tests/requirements*.txt", "Makefile"),
)
_MOST_BYTES = 1 << 20
_HEAD = """\
# Packages whose findings are tracked and run. docs/targets.md explains the keys.
"""

_FIRST_TEST = '''\
"""Verification tests of {name}: each asserts the sound behaviour of a finding."""

import {module}


# Link a test with its ticket by @pytest.mark.finding("B1-HU-1"). It fails while the defect is
# there, and passes once it is gone.
def test_the_package_can_be_imported():
    assert {module}.__name__ == "{module}"
'''


@dataclass(frozen=True)
class Entry:
    """What is written of a target."""

    name: str
    root: Path
    packages: tuple[str, ...]
    import_root: str
    suites: tuple[str, ...]
    revision: str | None = None
    python: str | None = None
    pytest: str | None = None
    plugins: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    others: str | None = None
    notes: tuple[str, ...] = field(default=())
    """What was seen, for a person."""

    def text(self) -> str:
        """Return it as TOML."""
        rows: dict[str, Any] = {
            "name": self.name,
            "root": str(self.root),
            "revision": self.revision,
            "packages": self.packages,
            "import_root": self.import_root,
            "suite": self.suites,
            "files": self.files,
            "python": self.python,
            "pytest": self.pytest,
            "plugins": self.plugins,
            "domains": self.domains,
            "others": self.others,
        }
        lines = [f"{key} = {_toml(value)}" for key, value in rows.items() if value]
        return "\n".join(["[[target]]", *lines, ""])


def look_at(
    root: Path,
    *,
    name: str | None = None,
    revision: str | None = None,
    packages: Sequence[str] = (),
    suites: Sequence[str] = (),
    python: Path | None = None,
    domains: Sequence[str] = (),
) -> Entry:
    """Return the entry for the project at `root`; what is given is not looked for.

    With `revision`, and of a bare repository, it is looked at as that revision holds it.

    Raises:
        StartupError: there is no package to be seen, or something given cannot be used.
    """
    place = root.expanduser().absolute()
    if not place.is_dir():
        raise StartupError(
            f"{place} is not a folder.",
            remedy="Clone it first, with all its history: git clone --bare."
            if ":" in str(root)
            else "Name the project's folder.",
        )
    given = _Given(name, tuple(packages), tuple(suites), python, tuple(domains))
    git_dir = find(place, above=revision is not None)
    if revision is not None and git_dir is None:
        raise StartupError(f"{place} is no git repository.", remedy="Leave out --revision.")
    if git_dir is None:
        return _entry(place, place, given)
    try:
        repository = Repository(git_dir)
        if revision is None and repository.work_tree is not None:
            return _entry(place, place, given)
        followed = revision or repository.branch
        with tempfile.TemporaryDirectory(prefix="findings-") as folder:
            seen = Path(folder)
            lay(repository, repository.resolve(followed), _below(repository, place), seen)
            return _entry(place, seen, given, followed)
    except RevisionRefused as refused:
        raise StartupError(
            f"{place} cannot be looked at: {refused}.",
            remedy="Name a branch, a tag or a commit that is there with --revision.",
        ) from None


@dataclass(frozen=True)
class _Given:
    """What need not be looked for."""

    name: str | None
    packages: tuple[str, ...]
    suites: tuple[str, ...]
    python: Path | None
    domains: tuple[str, ...]


def _below(repository: Repository, root: Path) -> str:
    """Where `root` lies in the repository's tree."""
    if repository.work_tree is None:
        return ""
    below = root.resolve().relative_to(repository.work_tree.resolve()).as_posix()
    return "" if below == "." else below


def _entry(root: Path, seen: Path, given: _Given, revision: str | None = None) -> Entry:
    """Return the entry for the project at `root`, of which `seen` shows what it holds."""
    found = given.packages or tuple(_packages(seen))
    if not found:
        where = root if revision is None else f"{root} at {revision}"
        raise StartupError(
            f"No package can be seen in {where}.", remedy="Name it with --package, relative to it."
        )
    first = found[0]
    title = given.name or slug(_project_name(seen) or Path(first).name.removesuffix(".py"))
    if not NAME.fullmatch(title):
        raise StartupError(
            f"{title!r} is no name for a target.",
            remedy="Give one with --name: lower-case letters, digits and hyphens.",
        )
    interpreter = given.python.expanduser().absolute() if given.python else _interpreter(root)
    settings = find_settings(seen)
    installed = _asked(interpreter)
    plugins = tuple(_plugins(seen, installed.plugins)) if installed else ()
    chosen = given.suites or _suites(seen, found)
    return Entry(
        name=title,
        root=root,
        packages=found,
        import_root="" if str(Path(first).parent) == "." else str(Path(first).parent),
        suites=chosen,
        revision=revision,
        python=None if interpreter is None else str(interpreter),
        pytest="auto" if settings else None,
        plugins=plugins,
        files=tuple(_helpers(seen, chosen, found)),
        domains=given.domains or (title,),
        notes=tuple(_notes(root, settings, interpreter, revision)),
    )


def write(path: Path, entry: Entry) -> None:
    """Add an entry to the file, which is whole at any time.

    Raises:
        StartupError: the file cannot be read or written, or has a target of this name.
    """
    try:
        text = path.read_text("utf-8") if path.exists() else _HEAD
        known = tomllib.loads(text).get("target", [])
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise StartupError(f"{path} cannot be read: {error}.", remedy="Correct it first.") from None
    if any(isinstance(one, dict) and one.get("name") == entry.name for one in known):
        raise StartupError(
            f"{path} has a target {entry.name} already.",
            remedy="Change its entry there, or give another name with --name.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"{text.rstrip()}\n\n{entry.text()}")
        os.chmod(file.name, 0o600)
        os.replace(file.name, path)
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {error}.", remedy="See to it.") from None


def add_copy(repository: Path, file: Path) -> None:
    """Copy a bare repository beside the file of targets, and add the copy to it.

    Raises:
        StartupError: one of them cannot be written.
    """
    copy = file.parent / repository.name
    try:
        shutil.copytree(repository, copy, dirs_exist_ok=True)
    except OSError as error:
        raise StartupError(f"{copy} cannot be written: {error}.", remedy="See to it.") from None
    write(file, look_at(copy))


def first_test(entry: Entry) -> tuple[Path, str]:
    """Return where a first test of a project goes, and its text."""
    first = Path(entry.packages[0]).name.removesuffix(".py")
    text = _FIRST_TEST.format(name=entry.name, module=first)
    return entry.root / entry.suites[
        0
    ] / f"test_{slug(entry.name).replace('-', '_')}_findings.py", text


def slug(text: str) -> str:
    """Return a name for a target that is made of `text`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def _packages(root: Path) -> Iterator[str]:
    """The packages below ``src``, else at the root, else single modules there."""
    for base in (root / "src", root):
        if not base.is_dir():
            continue
        found = [
            place.relative_to(root).as_posix()
            for place in sorted(base.iterdir())
            if place.is_dir()
            and not place.is_symlink()
            and place.name.isidentifier()
            and place.name not in _NO_PACKAGES
            and ((place / "__init__.py").is_file() or (base != root and any(place.glob("*.py"))))
        ]
        modules = [
            place.relative_to(root).as_posix()
            for place in sorted(base.glob("*.py"))
            if base != root
            or (
                not place.name.startswith(("test_", "conftest", "setup", "noxfile", "fabfile"))
                and place.stem.isidentifier()
                and place.stem not in _NO_PACKAGES
            )
        ]
        if found or modules:
            named = [
                one for one in modules if slug(Path(one).stem) == slug(_project_name(root) or "")
            ]
            yield from found or named or modules[:1]
            return


def _project_name(root: Path) -> str | None:
    try:
        found = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
        name = found.get("project", {}).get("name") or (
            found.get("tool", {}).get("poetry", {}).get("name")
        )
        if isinstance(name, str):
            return name
    except (OSError, UnicodeError, ValueError, AttributeError):
        pass
    parser = configparser.RawConfigParser()
    try:
        parser.read(root / "setup.cfg")
        return parser.get("metadata", "name", fallback=None)
    except (OSError, UnicodeError, configparser.Error):
        return None


def _interpreter(root: Path) -> Path | None:
    active = os.environ.get("VIRTUAL_ENV")
    places = [root / name / "bin" / "python" for name in (".venv", "venv", "env")]
    if active and Path(active).is_relative_to(root):
        places.insert(0, Path(active) / "bin" / "python")
    return next((place for place in places if os.access(place, os.X_OK)), None)


def _asked(interpreter: Path | None) -> Installed | None:
    if interpreter is None:
        return None
    try:
        return ask(str(interpreter))
    except InterpreterFailed:
        return None  # the doctor says so


def _plugins(root: Path, installed: Mapping[str, str]) -> Iterator[str]:
    """The installed plugins that the project itself speaks of: others might change its tests."""
    said = "\n".join(_small(place) for name in _SPEAKING for place in sorted(root.glob(name)))
    for plugin, distribution in sorted(installed.items()):
        if plugin not in _NOT_LOADED and distribution in said.lower().replace("_", "-"):
            yield plugin


def _small(place: Path) -> str:
    try:
        return place.read_text("utf-8") if place.stat().st_size < _MOST_BYTES else ""
    except (OSError, UnicodeError):
        return ""


def _suites(root: Path, packages: Sequence[str]) -> tuple[str, ...]:
    """The suite of findings, else the project's tests, beside its packages or in them."""
    inside = [f"{package}/{name}" for package in packages for name in _TESTS[:2]]
    for names in ([_SUITES[0]], [_SUITES[1]], *([name] for name in _TESTS), inside):
        found = tuple(name for name in names if names[0] in _SUITES or _has_tests(root / name))
        if found and all((root / name).is_dir() for name in found):
            return found
    folder = next((name for name in _TESTS if (root / name).is_dir()), _TESTS[0])
    return (f"{folder}/findings",)


def _has_tests(folder: Path) -> bool:
    return any(any(folder.rglob(glob)) for glob in PytestSettings().python_files)


def _helpers(root: Path, suites: Sequence[str], packages: Sequence[str]) -> Iterator[str]:
    """What the tests may want beside them, where a suite is a folder of its own."""
    for parent in dict.fromkeys(Path(suite).parent for suite in suites):
        in_package = any(parent.is_relative_to(package) for package in packages)
        if str(parent) != "." and not in_package and (root / parent).is_dir():
            yield f"{parent}/*.py"


def _notes(
    root: Path, settings: str | None, interpreter: Path | None, revision: str | None
) -> Iterator[str]:
    if settings:
        yield f"pytest's settings are read from {settings}"
    yield (
        f"its own interpreter is {interpreter}"
        if interpreter
        else "it has no environment of its own (.venv), so the service's interpreter runs it"
    )
    if revision is not None:
        yield f"what {revision} holds is run; name another branch or commit with --revision"
    elif (root / ".git").exists():
        yield "the files of the work tree are run, committed or not; with --revision a branch is"


def _toml(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(k)} = {_toml(v)}' for k, v in value.items())} }}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) + '"'
