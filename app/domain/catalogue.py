"""The catalogue: what can be run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from app.domain.runs import TestPurpose
from app.domain.targets import covers


@dataclass(frozen=True)
class CatalogueTest:
    """A test of a target's suite."""

    node_id: str
    path: str
    doc: str | None
    findings: tuple[str, ...]
    """Keys of the tickets that its markers name."""
    digest: str
    """Of its file and the support files of the suite."""
    purpose: TestPurpose = TestPurpose.DEMONSTRATES
    last_outcome: str | None = None
    """How it last ended on the bundled package."""
    flakes: int = 0
    """How often repeats of it disagreed on one arm."""
    last_flake_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    """What is odd about its marks."""

    @classmethod
    def from_mapping(cls, row: Mapping[Any, Any]) -> Self:
        """Build a test from a stored row."""
        return cls(
            node_id=row["node_id"],
            path=row["path"],
            doc=row["doc"],
            findings=tuple(row["findings"]),
            digest=row["digest"],
            purpose=TestPurpose(row["purpose"]),
            last_outcome=row["last_outcome"],
            flakes=row["flakes"],
            last_flake_at=row["last_flake_at"],
            warnings=tuple(row["warnings"]),
        )


@dataclass(frozen=True)
class TargetState:
    """What the service knows of a target since its last sync."""

    name: str
    package_digest: str
    suite_digest: str
    domains: tuple[str, ...]
    errors: tuple[str, ...]
    """Files that could not be collected, with the reason."""
    synced_at: datetime
    test_files: Mapping[str, str] = field(default_factory=dict)
    """Digests of the suite's test files, by path relative to the project's root."""
    support_digest: str = ""
    """Of the suite's files that are no test files, on which every test may depend."""
    environments: tuple[str, ...] = ()
    """Of the workers that live; empty while none is known."""
    revision: str | None = None
    """The commit that is in force; a folder has none."""

    def covers(self, domains: Iterable[str]) -> bool:
        """Tell whether a ticket of these `domains` is this target's."""
        return covers(self.domains, domains)


def search(tests: Iterable[CatalogueTest], text: str, *, limit: int) -> list[CatalogueTest]:
    """Return the tests whose node id, docstring and tickets hold all words of `text`.

    Those that hold them in their names come first.
    """
    words = text.lower().split()
    found = [
        test
        for test in tests
        if all(
            word in f"{test.node_id} {test.doc or ''} {' '.join(test.findings)}".lower()
            for word in words
        )
    ]
    found.sort(key=lambda test: not all(word in test.node_id.lower() for word in words))
    return found[:limit]


def meant_by(tests: Iterable[CatalogueTest], text: str) -> list[str]:
    """Return the node ids, or files, whose last part `text` is.

    That of ``tests/test_scaling.py::test_scale`` is ``test_scale``, of its file
    ``test_scaling.py``.
    """
    names: dict[str, None] = {}
    for test in tests:
        if test.node_id.endswith(("::" + text, "/" + text)):
            names[test.node_id] = None
        elif test.path.endswith("/" + text):
            names[test.path] = None
        elif test.node_id.partition("[")[0].endswith("::" + text):
            names[test.node_id.partition("[")[0]] = None
    return list(names)


def fold(parts: Iterable[str]) -> str:
    """Return one digest of an ordered list of texts, none of which can run into the next."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(raw)}:".encode())
        digest.update(raw)
    return digest.hexdigest()
