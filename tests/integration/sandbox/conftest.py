"""Sandboxes shared by the tests of this folder: starting a zygote takes seconds."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sandbox.engine import Engine
from app.sandbox.interface import SandboxMode
from app.sandbox.subprocess_arm import SubprocessSandbox
from app.sandbox.zygote import ZygoteSandbox
from tests.integration.sandbox.lab import Lab

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all: a zygote lives as long as the loop that started it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def zygote_sandbox(
    runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZygoteSandbox]:
    scratch = tmp_path_factory.mktemp("zygote-scratch")

    async def build() -> ZygoteSandbox:
        sandbox = ZygoteSandbox(scratch, SandboxMode.RELAXED)
        await sandbox.warm()
        return sandbox

    sandbox = runner.run(build())
    yield sandbox
    runner.run(sandbox.close())


@pytest.fixture(scope="session")
def subprocess_sandbox(
    runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SubprocessSandbox]:
    scratch = tmp_path_factory.mktemp("subprocess-scratch")

    async def build() -> SubprocessSandbox:
        return SubprocessSandbox(scratch, SandboxMode.RELAXED)

    sandbox = runner.run(build())
    yield sandbox
    runner.run(sandbox.close())


@pytest.fixture(params=["subprocess", "zygote"])
def lab(request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path: Path) -> Lab:
    """Either engine, with whatever layers work here."""
    sandbox: Engine = request.getfixturevalue(f"{request.param}_sandbox")
    return Lab(sandbox, runner, tmp_path)


@pytest.fixture
def caged(zygote_sandbox: ZygoteSandbox, runner: asyncio.Runner, tmp_path: Path) -> Lab:
    """The fast engine, in a machine where every layer works."""
    missing = [status.name for status in zygote_sandbox.layers() if not status.works]
    if missing:
        pytest.skip(f"isolation layers missing on this machine: {', '.join(missing)}")
    return Lab(zygote_sandbox, runner, tmp_path)


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a service that runs as root")
