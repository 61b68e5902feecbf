"""Strict and relaxed, and what a missing layer means."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from app.sandbox import probe as probe_module
from app.sandbox.engine import Engine
from app.sandbox.interface import ArmStatus, Limits, SandboxMode
from app.sandbox.isolation import cage, identity
from app.sandbox.subprocess_arm import SubprocessSandbox
from tests.integration.sandbox.lab import Lab, only

QUICK = "def test_it(): pass"
Build = Callable[[SandboxMode], Lab]


@pytest.fixture
def build(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Build]:
    built: list[Engine] = []

    def make(mode: SandboxMode) -> Lab:
        async def inside() -> SubprocessSandbox:
            return SubprocessSandbox(tmp_path / "scratch", mode)

        sandbox = runner.run(inside())
        built.append(sandbox)
        return Lab(sandbox, runner, tmp_path)

    yield make
    for sandbox in built:
        runner.run(sandbox.close())


def lose(lab: Lab, *names: str) -> None:
    """Have it find that some layers do not work here."""
    lab.sandbox._layers = tuple(
        replace(status, works=False, detail="lost for the test") if status.name in names else status
        for status in lab.sandbox.layers()
    )


def test_every_layer_has_a_state_and_an_explanation(build: Build) -> None:
    statuses = build(SandboxMode.RELAXED).sandbox.layers()

    assert tuple(status.name for status in statuses) == cage.ALL
    assert all(status.detail for status in statuses)


def test_strict_refuses_what_lacks_a_layer_and_names_it(build: Build) -> None:
    lab = build(SandboxMode.STRICT)
    lose(lab, "landlock", "seccomp")

    report = lab.run(QUICK)

    assert report.status is ArmStatus.REFUSED
    assert "landlock (lost for the test)" in (report.reason or "")
    assert "seccomp" in (report.reason or "")
    assert lab.collect(lab.arm(QUICK)).errors == (report.reason,)


@pytest.mark.parametrize("name", cage.ALL)
def test_relaxed_runs_without_any_one_layer_and_says_so(build: Build, name: str) -> None:
    lab = build(SandboxMode.RELAXED)
    dependent = [other for other, needed in cage.NEEDS.items() if name in needed]
    lose(lab, name, *dependent)

    report = lab.run(QUICK)

    assert report.status is ArmStatus.COMPLETED, report
    assert only(report).outcome is TestOutcome.PASSED, report
    assert name not in report.layers


def test_an_arm_in_a_closed_folder_is_run_without_another_user(build: Build, as_root: None) -> None:
    """Only where the guest has no file system of its own, in which the arm could be shown."""
    lab = build(SandboxMode.RELAXED)
    lose(lab, "mounts")
    assert identity.closed_ancestor(lab.folder), "pytest's own folder is closed to others"

    report = lab.run("import os\ndef test_it(): assert os.getuid() == 0")

    assert only(report).outcome is TestOutcome.PASSED, report
    assert "identity" not in report.layers


def test_relaxed_runs_with_no_layer_at_all(build: Build) -> None:
    lab = build(SandboxMode.RELAXED)
    lose(lab, *cage.ALL)

    report = lab.run(QUICK)

    assert only(report).outcome is TestOutcome.PASSED, report
    assert report.layers == ()


def test_without_mounts_the_scratch_is_a_folder_that_is_removed(build: Build) -> None:
    lab = build(SandboxMode.RELAXED)
    lose(lab, "mounts")

    report = lab.run(
        """
        import os, pathlib
        def test_it():
            assert os.getcwd() == os.environ["HOME"]
            assert "/arm-" in os.getcwd()
            pathlib.Path("closed").mkdir(mode=0)
        """
    )

    assert only(report).outcome is TestOutcome.PASSED, report
    assert list((lab.folder / "scratch").iterdir()) == []


def test_a_layer_that_fails_against_expectation_refuses_the_arm(build: Build) -> None:
    """What was found to work is asked for; a run does not quietly do with less."""
    lab = build(SandboxMode.RELAXED)
    lab.sandbox.layers()
    if "mounts" not in [status.name for status in lab.sandbox.layers() if status.works]:
        pytest.skip("no mount namespaces here")

    report = lab.run(QUICK, limits=Limits(file_bytes=-1))  # no size for a scratch

    assert report.status is ArmStatus.REFUSED, report
    assert "mounts" in (report.reason or "")


def test_a_hidden_folder_inside_the_interpreters_tree_is_covered(caged: Lab) -> None:
    inside = Path(sys.prefix) / "share"
    if not inside.is_dir():
        inside = Path(sys.prefix) / "lib"
    caged.sandbox._hidden = lambda: (inside,)
    try:
        report = caged.run(f"import os\ndef test_it(): assert os.listdir({str(inside)!r}) == []")
    finally:
        caged.sandbox._hidden = tuple

    assert only(report).outcome is TestOutcome.PASSED, report


def test_trying_finds_the_layer_that_fails_and_those_that_stand_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[str, ...]] = []

    def attempt(layers: tuple[str, ...], *_: object) -> tuple[str, str] | None:
        tried.append(layers)
        return next(((name, "no") for name in ("pids", "seccomp") if name in layers), None)

    monkeypatch.setattr(probe_module, "_attempt", attempt)
    statuses = {status.name: status for status in probe_module.probe()}

    assert [name for name, status in statuses.items() if not status.works] == [
        "pids",
        "mounts",
        "seccomp",
    ]
    assert statuses["mounts"].detail == "stands on the layer pids, which is missing"
    assert len(tried) == 3


def test_when_nothing_can_be_tried_no_layer_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "ENTRY", Path("/nowhere.py"))

    statuses = list(probe_module.probe())

    assert not any(status.works for status in statuses)
