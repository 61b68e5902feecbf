"""Arms: directories with a copy of a package, perhaps patched, and of its suite.

::

    <cache>/<digest>/arm.json                names package and suite
    <cache>/<digest>/pytest.ini              makes this folder pytest's root
    <cache>/<digest>/kasmina/...             with byte code of the files that no patch touched
    <cache>/<digest>/tests/verification/...  without the suite's ``defects``

An arm is named by the digest of what it holds, so equal arms are prepared once. It is built beside
and renamed into place: a crash or a second preparer leaves nothing half done. Its files are
read-only, and before an arm is handed out again its bytes are compared with its name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from app.domain import diffs
from app.sandbox.bytecode import compiled
from app.sandbox.digests import FolderError, digest_of, read_folder
from app.sandbox.interface import PreparedArm, Target

DEFECTS = "defects"
"""The folder of a suite that holds its defect patches; no part of an arm or of its digest."""

_MANIFEST = "arm.json"
_INI = """\
[pytest]
markers =
    finding(*keys, purpose="demonstrates"): the tickets that this test belongs to
"""


@dataclass(frozen=True)
class Manifest:
    """What an arm says about itself."""

    package: str
    suite: str


def read_manifest(root: Path) -> Manifest:
    """Read the manifest of the arm at `root`."""
    found = json.loads((root / _MANIFEST).read_text())
    return Manifest(package=found["package"], suite=found["suite"])


_IN_USE_S = 3600.0


class ArmStore:
    """Prepares arms below one folder. Every method does file work: call it in a thread."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache = cache_dir

    def prepare(
        self,
        target: Target,
        patch_text: str | None = None,
        reverse: bool = False,
        *,
        extra_files: Mapping[str, str] | None = None,
    ) -> PreparedArm:
        """Return the arm of `target`, patched when a patch is given.

        `extra_files` (path below the suite → source) are placed into the suite; its digest is that
        without them. Raises `diffs.PatchError` when the patch is refused or does not apply, and
        `FolderError` when the target cannot be read or an extra file would replace another.
        """
        original, suite = read_target(target)
        package = original
        if patch_text is not None:
            package = patched(target, package, patch_text, reverse=reverse)
        byte_code = compiled(package, original)
        suite_digest = digest_of(suite)
        _add_extra(suite, extra_files or {})
        content = {
            **{f"{target.package}/{path}": data for path, data in package.items()},
            **{f"{target.package}/{path}": data for path, data in byte_code.items()},
            **{f"{target.suite}/{path}": data for path, data in suite.items()},
            _MANIFEST: json.dumps({"package": target.package, "suite": target.suite}).encode(),
            "pytest.ini": _INI.encode(),
        }
        return PreparedArm(
            root=self._place(content),
            package_digest=digest_of(package),
            suite_digest=suite_digest,
        )

    def prune(self, older_than_s: float = 7 * 86400.0, most_bytes: int | None = None) -> int:
        """Remove arms not asked for in that time, and what crashes left; tell how many.

        Where all together are larger than `most_bytes`, those go first that were asked for
        longest ago; none that was within the last hour, for a run may stand on it.
        """
        removed = self._prune_old(older_than_s)
        if most_bytes is None or not self._cache.is_dir():
            return removed
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
                self._remove(path)
                removed += 1
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
                    self._remove(path)
                    removed += 1
            except FileNotFoundError:
                continue  # another pruner was faster
        return removed

    def _place(self, content: Mapping[str, bytes]) -> Path:
        digest = digest_of(content)
        place = self._cache / digest
        if _holds(place, digest):
            os.utime(place)
            return place
        self._cache.mkdir(parents=True, exist_ok=True)
        if place.exists():
            self._remove(place)
        building = self._cache / f".new-{uuid4().hex}"
        try:
            _write(building, content)
            os.rename(building, place)
        except OSError:
            remove_tree(building)
            if not _holds(place, digest):
                raise
        return place

    def _remove(self, place: Path) -> None:
        """Take `place` away in one step, then delete it."""
        going = self._cache / f".old-{uuid4().hex}"
        os.rename(place, going)
        remove_tree(going)


def read_target(target: Target) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Read the files of a target's package and suite, each keyed relative to its own folder."""
    return (
        read_folder(target.root / target.package),
        read_folder(target.root / target.suite, skip={DEFECTS}),
    )


def patched(
    target: Target, package: Mapping[str, bytes], patch_text: str, *, reverse: bool = False
) -> dict[str, bytes]:
    """Return the package's files with the patch applied; raise `diffs.PatchError`."""
    prefix = f"{target.package}/"
    patch = diffs.parse(patch_text, package=target.package)
    before: dict[str, diffs.Content] = {f"{prefix}{path}": data for path, data in package.items()}
    after = diffs.apply(before, patch, reverse=reverse)
    return {
        path.removeprefix(prefix): data if isinstance(data, bytes) else data.encode()
        for path, data in after.items()
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
            os.chmod(name, 0o700)
            if os.path.isdir(name) and not os.path.islink(name):
                shutil.rmtree(name, ignore_errors=True)
            else:
                os.unlink(name)
        except OSError:
            return  # prune comes by again

    shutil.rmtree(path, onerror=force)


def _add_extra(suite: dict[str, bytes], extra: Mapping[str, str]) -> None:
    for path, source in extra.items():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "/".join(parts) != path:
            raise FolderError(f"{path!r} is not a plain path below the suite")
        if path in suite:
            raise FolderError(f"{path} is in the suite already; take another name")
        suite[path] = source.encode()


def _holds(place: Path, digest: str) -> bool:
    try:
        return digest_of(read_folder(place, byte_code=True)) == digest
    except (FolderError, FileNotFoundError):
        return False


def _write(root: Path, content: Mapping[str, bytes]) -> None:
    folders = {root}
    for path, data in content.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o444)
        folders.update(parent for parent in file.parents if parent.is_relative_to(root))
    for folder in sorted(folders, reverse=True):
        folder.chmod(0o555)
