"""Example tickets as their files have them.

Tables ``ticket`` and ``reviews``, and what makes a state: ``tests``, ``patches``, ``run`` with the
outcome to ``expect``, ``not_testable``, and the ``step`` that settles it. One about a package of
its own names the ``repository`` beside its folder, and the revision ``after`` which the defect is
gone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ExampleFile:
    """An example: bodies as the API takes them, and the patches that belong to it."""

    key: str
    ticket: Mapping[str, Any]
    reviews: tuple[Mapping[str, Any], ...]
    patches: Mapping[str, str]
    """By the name they are stored under: defects that its tests catch, or its fix."""
    expected: str
    """How its run should end."""
    run: str
    """``check``, ``proof`` or ``none``."""
    tests: tuple[Mapping[str, Any], ...]
    """Files that are handed in: ``filename`` and ``source``."""
    not_testable: str | None
    """Why no test can decide it."""
    step: Mapping[str, Any] | None
    """The transition that settles it when its run has ended so."""
    repository: Path | None
    """The target it speaks of, where that is not the one that ships."""
    after: str | None
    """The revision that its proof takes for the repaired one."""


def read_examples(tickets: Path, defects: Path) -> list[ExampleFile]:
    """Return the examples of a folder; one that relates to another comes after it.

    Args:
        tickets: holds a TOML file for each; the list is empty when there is no such folder.
        defects: holds ``KEY.patch``, and ``KEY-2.patch`` and so on where there are more.
    """
    found = {}
    for path in sorted(tickets.glob("*.toml")):
        example = _read(path, defects)
        found[example.key] = example
    sorter = TopologicalSorter(
        {
            key: {str(other["key"]) for other in example.ticket.get("relations", ())} & found.keys()
            for key, example in found.items()
        }
    )
    return [found[key] for key in sorter.static_order()]


def _read(path: Path, defects: Path) -> ExampleFile:
    content = _plain(tomllib.loads(path.read_text("utf-8")))
    key, repository = content["ticket"]["key"], content.get("repository")
    return ExampleFile(
        key=key,
        ticket=content["ticket"],
        reviews=tuple(content.get("reviews", ())),
        patches=_patches(defects, key) | content.get("patches", {}),
        expected=content.get("expect", "proven"),
        run=content.get("run", "proof"),
        tests=tuple(content.get("tests", ())),
        not_testable=content.get("not_testable"),
        step=content.get("step"),
        repository=repository and path.parents[1] / repository,
        after=content.get("after"),
    )


def _patches(folder: Path, key: str) -> dict[str, str]:
    wanted = re.compile(rf"{re.escape(key)}(-[2-9]|-[1-9]\d)?")
    paths = sorted(folder.glob(f"{key}*.patch"), key=lambda path: (len(path.name), path.name))
    return {
        f"defect{match[1] or ''}": path.read_text("utf-8")
        for path in paths
        if (match := wanted.fullmatch(path.stem))
    }


def _plain(value: Any) -> Any:
    """Return dates as texts, as JSON has them."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
