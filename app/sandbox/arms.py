"""Arms: directories with a copy of a package, perhaps patched, and of its suite.

::

    <cache>/<digest>/arm.json                names packages, suite and how pytest is set up
    <cache>/<digest>/pytest.ini              makes this folder pytest's root
    <cache>/<digest>/kasmina/...             with byte code of the files that no patch touched
    <cache>/<digest>/tests/verification/...  without the suite's ``defects``

An arm is named by the digest of what it holds, so equal arms are prepared once. It is built beside
and renamed into place: a crash or a second preparer leaves nothing half done. Its files are
read-only, and before an arm is handed out again its bytes are compared with its name. Arms share
files that are equal (`contents`), and there are so many at a time; who works in one holds it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from app.domain import diffs
from app.domain.targets import PytestSettings, Target, TargetFiles
from app.sandbox.bytecode import compiled
from app.sandbox.contents import ContentStore
from app.sandbox.digests import FolderError, digest_of, read_file, read_folder
from app.sandbox.globs import matching
from app.sandbox.interface import PreparedArm

DEFECTS = "defects"
"""The folder of a suite that holds its defect patches; no part of an arm or of its digest."""

_MANIFEST = "arm.json"
MOST_FILES = 5000
"""So many may match a target's globs of further files."""
_INI = """\
[pytest]
markers =
    finding(*keys, purpose="demonstrates"): the tickets that this test belongs to
"""


@dataclass(frozen=True)
class Manifest:
    """What an arm says about itself."""

    packages: tuple[str, ...]
    suites: tuple[str, ...]
    import_root: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    settings: str = "pytest.ini"
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def read_manifest(root: Path) -> Manifest:
    """Read the manifest of the arm at `root`."""
    found = json.loads((root / _MANIFEST).read_text())
    for name in ("packages", "suites", "options", "plugins"):
        found[name] = tuple(found[name])
    return Manifest(**found)


def _manifest(target: Target, pytest: PytestSettings) -> bytes:
    manifest = Manifest(
        packages=target.packages,
        suites=target.suites,
        import_root=target.import_root,
        modules=target.modules(),
        settings=pytest.file or "pytest.ini",
        options=pytest.options,
        plugins=pytest.plugins,
        env=target.env,
    )
    return json.dumps(asdict(manifest)).encode()


_IN_USE_S = 3600.0
_SWEEPS_AFTER = 16
"""So many removed arms leave enough behind to look for."""


class ArmStore:
    """Prepares arms below one folder. Every method does file work: call it in a thread."""

    def __init__(self, cache_dir: Path, *, most: int = 64) -> None:
        """Of more arms than `most` those go that were asked for longest ago and nobody holds."""
        self._cache = cache_dir
        self._contents = ContentStore(cache_dir.with_name(f"{cache_dir.name}.contents"))
        self._most = most
        self._lock = threading.RLock()
        self._held: Counter[Path] = Counter()
        self._left_behind = 0

    @contextlib.contextmanager
    def hold(self, arms: Iterable[PreparedArm]) -> Iterator[None]:
        """Keep prepared arms where they are for the length of the block."""
        roots = [arm.root for arm in arms]
        with self._lock:
            self._held.update(roots)
        try:
            yield
        finally:
            with self._lock:
                self._held.subtract(roots)
                self._held += Counter()  # drops those that nobody holds

    def prepare(
        self,
        target: Target,
        patch_text: str | None = None,
        reverse: bool = False,
        *,
        extra_files: Mapping[str, str] | None = None,
        read: TargetFiles | None = None,
    ) -> PreparedArm:
        """Return the arm of `target`, patched when a patch is given.

        `extra_files` (path below the suite → source) are placed into the suite; its digest is that
        without them. `read` is what the target holds; without, that is read from its folder. Raises
        `diffs.PatchError` when the patch is refused or does not apply, and `FolderError` when the
        target cannot be read or an extra file would replace another.
        """
        read = read_target(target) if read is None else read
        pytest = read.pytest or target.pytest
        package: Mapping[str, bytes] = read.package
        if patch_text is not None:
            package = patched(target, package, patch_text, reverse=reverse)
        content = {
            **read.files,
            **package,
            **read.suite,
            **_extra(target, read.suite, extra_files or {}),
            _MANIFEST: _manifest(target, pytest),
        }
        if not target.interpreter.python:
            content.update(compiled(package, read.package))
        content.setdefault(pytest.file or "pytest.ini", _INI.encode())
        return PreparedArm(
            root=self._place(content),
            package_digest=package_digest(target, package),
            suite_digest=suite_digest(target, read),
            interpreter=target.interpreter,
            is_own=patch_text is None and not extra_files,
        )

    def prune(self, older_than_s: float = 7 * 86400.0, most_bytes: int | None = None) -> int:
        """Remove arms not asked for in that time, and what crashes left; tell how many.

        Where all together are larger than `most_bytes`, those go first that were asked for
        longest ago; none that was within the last hour, for a run may stand on it.
        """
        removed = self._prune_old(older_than_s)
        if most_bytes is not None and self._cache.is_dir():
            removed += self._prune_large(most_bytes)
        self._contents.sweep()
        return removed

    def _prune_large(self, most_bytes: int) -> int:
        removed = 0
        kept = sorted(
            (path for path in self._cache.iterdir() if not path.name.startswith(".")),
            key=_asked_for,
        )
        sizes = {path: size_of(path) for path in kept}
        total = sum(sizes.values())
        for path in kept:
            if total <= most_bytes or time.time() - _asked_for(path) < _IN_USE_S:
                break
            with contextlib.suppress(FileNotFoundError):
                removed += self._remove_free(path)
            total -= sizes[path]
        return removed

    def _prune_old(self, older_than_s: float) -> int:
        removed = 0
        if not self._cache.is_dir():
            return 0
        now = time.time()
        for path in self._cache.iterdir():
            limit = 3600.0 if path.name.startswith(".") else older_than_s
            try:
                if now - path.stat().st_mtime >= limit:
                    removed += self._remove_free(path)
            except FileNotFoundError:
                continue  # another pruner was faster
        return removed

    def _place(self, content: Mapping[str, bytes]) -> Path:
        with self._lock:
            place = self._placed(content)
            self._make_room(place)
            return place

    def _make_room(self, newest: Path) -> None:
        """Remove arms that nobody holds, those that were asked for longest ago, down to so many."""
        kept = [path for path in self._cache.iterdir() if not path.name.startswith(".")]
        too_many = len(kept) - self._most
        if too_many <= 0:
            return
        free = [path for path in kept if path != newest and not self._held[path]]
        for path in sorted(free, key=_asked_for)[:too_many]:
            self._remove(path)
            self._left_behind += 1
        if self._left_behind >= _SWEEPS_AFTER:
            self._left_behind = 0
            self._contents.sweep()

    def _placed(self, content: Mapping[str, bytes]) -> Path:
        digest = digest_of(content)
        place = self._cache / digest
        if _holds(place, digest, len(content)):
            os.utime(place)
            return place
        self._cache.mkdir(parents=True, exist_ok=True)
        if place.exists():
            self._remove(place)
        building = self._cache / f".new-{uuid4().hex}"
        try:
            self._write(building, content)
            os.rename(building, place)
        except OSError:
            remove_tree(building)
            if not _holds(place, digest, len(content)):
                raise
        return place

    def _write(self, root: Path, content: Mapping[str, bytes]) -> None:
        folders = {str(root)}
        os.makedirs(root)
        for path, data in content.items():
            file = f"{root}/{path}"
            folder = os.path.dirname(file)
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)
                while folder not in folders:
                    folders.add(folder)
                    folder = os.path.dirname(folder)
            self._contents.place(data, file)
        for folder in folders:
            Path(folder).chmod(0o555)

    def _remove_free(self, place: Path) -> bool:
        """Remove a place unless somebody holds it; tell whether it was removed."""
        with self._lock:
            if self._held[place]:
                return False
            self._remove(place)
            return True

    def _remove(self, place: Path) -> None:
        """Take `place` away in one step, then delete it."""
        going = self._cache / f".old-{uuid4().hex}"
        os.rename(place, going)
        remove_tree(going)


def read_target(target: Target) -> TargetFiles:
    """Read the files of a target; a suite that lies inside a package is no part of the package.

    Raises:
        FolderError: something of it is missing, is no regular file below its root, or too large.
        OSError: it cannot be read.
    """
    package: dict[str, bytes] = {}
    for name in target.packages:
        package.update(_read(target.root, name))
    suite: dict[str, bytes] = {}
    for name in target.suites:
        suite.update(_read(target.root, name, skip={DEFECTS}))
    inside = tuple(f"{name}/" for name in target.suites)
    package = {path: data for path, data in package.items() if not path.startswith(inside)}
    further = {
        path: data
        for path, data in _further(target).items()
        if path not in package and path not in suite
    }
    digests = frozenset(
        hashlib.sha256(read_file(path)).hexdigest()
        for name in target.suites
        for path in (target.root / name / DEFECTS).glob("*.patch")
    )
    read = TargetFiles(package, suite, further, shipped=digests)
    if (excess := read.excess()) is not None:
        raise FolderError(excess)
    return read


def package_digest(target: Target, package: Mapping[str, bytes]) -> str:
    """Return the digest of a package's files; where it is one folder, relative to that."""
    if len(target.packages) == 1:
        return digest_of({_below(target.packages[0], path): data for path, data in package.items()})
    return digest_of(package)


def suite_digest(target: Target, read: TargetFiles) -> str:
    """Return the digest of a suite, relative to its folder, and of the further files."""
    return digest_of(suite_files(target, read))


def suite_files(target: Target, read: TargetFiles) -> dict[str, bytes]:
    """Return the suite's files, relative to its folder if that is one, and others as ``/path``."""
    found = {_in_suite(target, path): data for path, data in read.suite.items()}
    found.update({f"/{path}": data for path, data in read.files.items()})
    return found


def _in_suite(target: Target, path: str) -> str:
    return _below(target.suite, path) if len(target.suites) == 1 else path


def _below(folder: str, path: str) -> str:
    return path.removeprefix(f"{folder}/")


def _read(root: Path, name: str, *, skip: Collection[str] = ()) -> dict[str, bytes]:
    """Read a folder or a file below `root`, no part of whose way is a symbolic link."""
    place = root
    for part in PurePosixPath(name).parts:
        place /= part
        if place.is_symlink():
            raise FolderError(f"{place} is a symbolic link; use a plain file or folder")
    if place.is_file():
        return {name: read_file(place)}
    return {f"{name}/{path}": data for path, data in read_folder(place, skip=skip).items()}


def further_names(target: Target) -> list[str]:
    """Return what an arm needs besides packages and suite where it is there, relative to root."""
    above = {folder for suite in target.suites for folder in PurePosixPath(suite).parents}
    names = [str(folder / name) for folder in above for name in ("conftest.py", "__init__.py")]
    return sorted({*names, *filter(None, [target.pytest.file])})


def _further(target: Target) -> dict[str, bytes]:
    """What pytest finds above the suite, the project's settings, and what the entry asks for."""
    found: dict[str, bytes] = {}
    for name in further_names(target):
        if (target.root / name).is_file():
            found.update(_read(target.root, name))
    for glob in target.files:
        for path in matching(target.root, glob):
            found.update(_read(target.root, path.relative_to(target.root).as_posix()))
            if len(found) > MOST_FILES:
                raise FolderError(f"more than {MOST_FILES} files match `files`; name fewer")
    return found


def patched(
    target: Target, package: Mapping[str, bytes], patch_text: str, *, reverse: bool = False
) -> dict[str, bytes]:
    """Return the package's files with the patch applied; raise `diffs.PatchError`."""
    patch = diffs.parse(patch_text, packages=target.packages)
    before: dict[str, diffs.Content] = dict(package)
    after = diffs.apply(before, patch, reverse=reverse)
    return {
        path: data if isinstance(data, bytes) else data.encode() for path, data in after.items()
    }


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder have; of what vanishes meanwhile, none."""
    found = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            found += path.lstat().st_size
    return found


def _asked_for(place: Path) -> float:
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def remove_tree(path: Path) -> None:
    """Delete a folder, also one whose folders were made read-only or worse."""

    def force(function: Callable[..., Any], name: str, _error: object) -> None:
        try:
            os.chmod(os.path.dirname(name), 0o700)
            if os.path.isdir(name) and not os.path.islink(name):
                os.chmod(name, 0o700)
                shutil.rmtree(name, ignore_errors=True)
            else:
                os.unlink(name)  # its own mode is that of all arms which share it
        except OSError:
            return  # prune comes by again

    shutil.rmtree(path, onerror=force)


def _extra(
    target: Target, suite: Mapping[str, bytes], extra: Mapping[str, str]
) -> dict[str, bytes]:
    found = {}
    for path, source in extra.items():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "/".join(parts) != path:
            raise FolderError(f"{path!r} is not a plain path below the suite")
        place = f"{target.suite}/{path}"
        if place in suite:
            raise FolderError(f"{path} is in the suite already; take another name")
        found[place] = source.encode()
    return found


def _holds(place: Path, digest: str, files: int) -> bool:
    """Tell whether a place holds so many files, and those that its digest names."""
    try:
        return digest_of(read_folder(place, byte_code=True, most=files)) == digest
    except (FolderError, FileNotFoundError):
        return False
