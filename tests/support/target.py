"""A package and its suite in a folder of the test's own, to be broken and mended there."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Mapping
from pathlib import Path

from app.config import PROJECT_ROOT
from app.domain import diffs

PACKAGE = "kasmina"
SUITE = "tests/verification"
DEFECTS = PROJECT_ROOT / SUITE / "defects"


def defect(name: str) -> str:
    """The text of a defect patch that ships with the suite."""
    return (DEFECTS / f"{name}.patch").read_text()


def copy_target(folder: Path) -> Path:
    """Copies package and suite into `folder`, without byte code, and returns it."""
    for name in (PACKAGE, SUITE):
        shutil.copytree(
            PROJECT_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def write_target(folder: Path, package: Mapping[str, str], suite: Mapping[str, str]) -> Path:
    """Writes a package and a suite of the given files into `folder` and returns it."""
    for below, files in ((PACKAGE, package), (SUITE, suite)):
        for name, text in files.items():
            (folder / below).mkdir(parents=True, exist_ok=True)
            (folder / below / name).write_text(text)
    return folder


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Writes files of the given paths below `root`."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def package_files(root: Path) -> dict[str, str]:
    """The sources of the package by the path that patches name."""
    found = sorted((root / PACKAGE).rglob("*.py"))
    return {str(path.relative_to(root)): path.read_text() for path in found}


def patched(files: Mapping[str, str], patch: str) -> dict[str, str]:
    """The sources with a patch applied."""
    return {path: str(text) for path, text in diffs.apply(files, diffs.parse(patch)).items()}


def apply_patch(root: Path, patch: str) -> None:
    """Applies a patch to the package below `root`."""
    for path, text in patched(package_files(root), patch).items():
        (root / path).write_text(text)


def diff_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The unified diff that leads from the one to the other; both hold the same paths."""
    return "".join(
        line
        for path in sorted(before)
        for line in difflib.unified_diff(
            before[path].splitlines(keepends=True),
            after[path].splitlines(keepends=True),
            f"a/{path}",
            f"b/{path}",
        )
    )


def fix_of(patch: str) -> str:
    """The fix for the defect that `patch` plants into the bundled package."""
    sound = package_files(PROJECT_ROOT)
    return diff_of(patched(sound, patch), sound)
