"""What a suite imports of its environment is imported ahead, and nothing else is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from app.domain.targets import Interpreter
from app.sandbox import zygote as zygote_module
from app.sandbox.interface import ArmReport, PreparedArm, SandboxMode
from app.sandbox.zygote import ZygoteSandbox
from tests.integration.sandbox.lab import FILE, Lab, only
from tests.support.environments import make_environment

PARTS = 25
PID = "import os\nPID = os.getpid()\n"
TESTS = f"""
from heavy import PID, {", ".join(f"part{n}" for n in range(PARTS))}
import mine

def test_it(record_property):
    record_property("heavy", str(PID))
    record_property("mine", str(mine.PID))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the package ``heavy``, and ``mine`` as an editable install has it."""
    folder = tmp_path_factory.mktemp("environment")
    found = make_environment(folder / "env")
    (packages,) = folder.glob("env/lib/python*/site-packages")
    (packages / "heavy").mkdir()
    (packages / "heavy" / "__init__.py").write_text(PID)
    for number in range(PARTS):
        (packages / "heavy" / f"part{number}.py").write_text("")
    project = folder / "env" / "src"
    project.mkdir()
    (project / "mine.py").write_text(PID)
    (packages / "__editable__.mine.pth").write_text(f"{project}\n")
    folder.chmod(0o755)
    return found


@pytest.fixture
def lab(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Lab]:
    async def build() -> ZygoteSandbox:
        return ZygoteSandbox(tmp_path / "scratch", SandboxMode.RELAXED)

    sandbox = runner.run(build())
    yield Lab(sandbox, runner, tmp_path)
    runner.run(sandbox.close())


def under(arm: PreparedArm, python: Path) -> PreparedArm:
    return replace(arm, interpreter=Interpreter(str(python)))


def property_of(report: ArmReport, name: str) -> int:
    result = only(report)
    assert result.outcome is TestOutcome.PASSED, report
    return int(dict(result.properties)[name])


async def settled(sandbox: ZygoteSandbox, python: Path) -> int:
    """Wait for the successor that imports ahead, if one is on its way, and return the zygote."""
    server = sandbox._servers[Interpreter(str(python)), False]
    if server._successor is not None:
        await server._successor
    return (await server.ready()).pid


def test_installed_modules_are_imported_ahead_and_a_project_of_ones_own_never(
    lab: Lab, python: Path
) -> None:
    assert isinstance(lab.sandbox, ZygoteSandbox)
    arm = under(lab.arm(TESTS), python)
    first = lab.run_arm(arm)
    pid = lab.runner.run(settled(lab.sandbox, python))
    second = lab.run_arm(under(lab.arm(TESTS + "\n"), python))

    assert property_of(first, "heavy") != pid
    assert property_of(second, "heavy") == pid
    assert property_of(second, "mine") != pid


def test_what_a_client_hands_in_teaches_nothing(lab: Lab, python: Path) -> None:
    assert isinstance(lab.sandbox, ZygoteSandbox)
    arm = replace(under(lab.arm(TESTS), python), is_own=False)
    lab.run_arm(arm)

    assert lab.sandbox._learned[arm.interpreter].names == []


def test_an_arm_that_holds_a_package_of_that_name_is_given_its_own(lab: Lab, python: Path) -> None:
    assert isinstance(lab.sandbox, ZygoteSandbox)
    lab.run_arm(under(lab.arm(TESTS), python))
    before = lab.runner.run(settled(lab.sandbox, python))
    own = lab.arm(
        files={
            "pack/__init__.py": "",
            FILE: "import heavy\ndef test_it(): assert heavy.WHOSE == 'arm'\n",
            "heavy/__init__.py": "WHOSE = 'arm'\n",
        },
        packages=("pack", "heavy"),
    )

    report = lab.run_arm(under(own, python))

    assert only(report).outcome is TestOutcome.PASSED, report
    assert lab.runner.run(settled(lab.sandbox, python)) != before


def test_the_environment_used_longest_ago_ends_when_memory_is_short(
    lab: Lab, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(lab.sandbox, ZygoteSandbox)
    lab.run_arm(under(lab.arm("def test_it(): pass"), python))
    used = lab.sandbox._servers[Interpreter(str(python)), False]
    assert used.used is not None

    monkeypatch.setattr(zygote_module, "_ROOM_BYTES", sys.maxsize)
    other = replace(lab.arm("def test_it(): pass"), interpreter=Interpreter(str(python), ("json",)))
    assert only(lab.run_arm(other)).outcome is TestOutcome.PASSED
    assert used.used is None
    assert lab.sandbox._servers[other.interpreter, False].used is not None

    again = lab.run_arm(under(lab.arm("def test_it(): pass\n"), python))
    assert again.environment["engine"] == "zygote"
