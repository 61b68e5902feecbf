"""A target as it lies on the disk now: digests, and the files that patches apply to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from app.domain.catalogue import fold
from app.domain.targets import Target, TargetFiles
from app.sandbox.arms import package_digest, read_target, suite_files
from app.sandbox.digests import digest_of


@dataclass(frozen=True)
class Snapshot:
    """What a target holds at one moment."""

    target: Target
    package_digest: str
    suite_digest: str
    package_files: Mapping[str, bytes]
    """By path relative to the project's root, as patches name them."""
    test_digests: Mapping[str, str]
    """By path of a test file, relative to the project's root: its bytes with the suite's support
    files, which any test may depend on."""
    support_digest: str = ""
    """Of the suite's files that are no test files."""
    shipped: frozenset[str] = frozenset()
    """Digests of the defect patches that the suite itself ships."""
    revision: str | None = None
    """The commit that is in force; a folder has none."""


def take_snapshot(
    target: Target, read: TargetFiles | None = None, revision: str | None = None
) -> Snapshot:
    """Look at what a target holds. File work: call it in a thread.

    Args:
        target: the target.
        read: what it holds; read from its folder where it is left out.
        revision: the commit that it is of.

    Raises:
        FolderError: the package or the suite cannot be read.
    """
    read = read_target(target) if read is None else read
    suite = suite_files(target, read)
    patterns = (read.pytest or target.pytest).python_files
    support = {
        path: data for path, data in suite.items() if not _is_test_file(target, path, patterns)
    }
    shared = digest_of(support)
    return Snapshot(
        target=target,
        package_digest=package_digest(target, read.package),
        suite_digest=digest_of(suite),
        package_files=read.package,
        test_digests={
            path: fold((digest_of({name: data}), shared))
            for name, path, data in (
                (name, _from_root(target, name), data) for name, data in suite.items()
            )
            if _is_test_file(target, name, patterns)
        },
        support_digest=shared,
        shipped=read.shipped,
        revision=revision,
    )


def _from_root(target: Target, path: str) -> str:
    return f"{target.suite}/{path}" if len(target.suites) == 1 else path


def _is_test_file(target: Target, path: str, patterns: Iterable[str]) -> bool:
    """Tell whether pytest takes a file of the suite for one of tests, by ``python_files``."""
    if path.startswith("/") or not path.endswith(".py"):
        return False  # beside the suite, or data of it
    name = PurePosixPath(path).name
    return any(
        fnmatchcase(_from_root(target, path), f"*{glob}")
        if "/" in glob
        else fnmatchcase(name, glob)
        for glob in patterns
    )
