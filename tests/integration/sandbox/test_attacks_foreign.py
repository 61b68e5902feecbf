"""The attacks on the cage once more, under another interpreter that has nothing of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.targets import Interpreter
from app.sandbox.interface import SandboxMode
from app.sandbox.zygote import ZygoteSandbox
from tests.integration.sandbox.lab import Lab, only
from tests.integration.sandbox.test_attacks_between_tests import *  # noqa: F403
from tests.integration.sandbox.test_attacks_reach import *  # noqa: F403
from tests.integration.sandbox.test_attacks_report import *  # noqa: F403
from tests.integration.sandbox.test_attacks_resources import *  # noqa: F403
from tests.support.environments import base_interpreters, make_environment

# It has no torch, and no client of the database.
del test_a_loader_with_workers_hands_tensors_over  # noqa: F821
del test_memory_of_tensors_is_bounded  # noqa: F821
del test_the_database_cannot_be_reached_even_with_its_password  # noqa: F821


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another version of Python where there is one, with pytest."""
    folder = tmp_path_factory.mktemp("foreign")
    folder.chmod(0o755)
    return make_environment(folder / "env", base_interpreters()[0])


@pytest.fixture(scope="module")
def sandbox(
    runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZygoteSandbox]:
    scratch = tmp_path_factory.mktemp("foreign-scratch")

    async def build() -> ZygoteSandbox:
        return ZygoteSandbox(scratch, SandboxMode.RELAXED)

    found = runner.run(build())
    yield found
    runner.run(found.close())


@pytest.fixture
def lab(sandbox: ZygoteSandbox, runner: asyncio.Runner, foreign: Path, tmp_path: Path) -> Lab:
    return Lab(sandbox, runner, tmp_path, interpreter=Interpreter(str(foreign)))


@pytest.fixture
def caged(lab: Lab, sandbox: ZygoteSandbox) -> Lab:
    missing = [status.name for status in sandbox.layers() if not status.works]
    if missing:
        pytest.skip(f"isolation layers missing on this machine: {', '.join(missing)}")
    return lab


def test_these_attacks_run_under_it(lab: Lab) -> None:
    version = base_interpreters()[0].resolve().name.removeprefix("python")
    report = lab.run("import sys\ndef test_it(): print(sys.version)")

    assert str(report.environment["python"]).startswith(version)
    assert (report.environment["torch"], report.environment["engine"]) == ("none", "zygote")
    assert (only(report).stdout or "").startswith(version)
