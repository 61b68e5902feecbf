"""Revisions on pages: what a run's commits are, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.runs import NamedCommit, Run
from app.factory import Factory
from app.web.diffs import PatchLines, patch_lines

_MOST_FILES = 20


@dataclass(frozen=True)
class RunHistory:
    """The revisions of a run."""

    sides: Sequence[tuple[str, NamedCommit]]
    """Names of arms, each with its commit."""
    files: Sequence[tuple[str, PatchLines]]
    """What differs between before and after, by file."""
    left_out: int
    """So many more files differ."""


async def history_of(run: Run | None, services: Factory) -> RunHistory | None:
    """Return the revisions of a run's arms and what changed between them; None: it names none."""
    if run is None or not run.commits:
        return None
    commits = {commit.id: commit for commit in run.commits}
    sides = [(arm.name, commits[arm.revision]) for arm in run.arms if arm.revision in commits]
    named = dict(sides)
    files = []
    if "before" in named and "after" in named:
        files = await services.revisions.diff(run.target, named["before"].id, named["after"].id)
    return RunHistory(
        sides=sides or [("", commit) for commit in run.commits],
        files=[(file.path, patch_lines(file.text)) for file in files[:_MOST_FILES]],
        left_out=max(0, len(files) - _MOST_FILES),
    )
