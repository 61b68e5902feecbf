"""One service with a worker and a small package for all tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.api import running_api
from tests.support.bench import FILES, PACKAGE, Bench
from tests.support.cluster import short_directory
from tests.support.shared import Shared
from tests.support.target import write_target


@pytest.fixture(scope="module")
def bench_folder() -> Iterator[Path]:
    with short_directory() as folder:
        yield write_target(folder, PACKAGE, FILES)


@pytest.fixture(scope="module")
async def shared_bench(
    module_database: str, bench_folder: Path, shared: Shared
) -> AsyncIterator[Bench]:
    async with running_api(
        module_database, shared=shared, workers=1, target_root=bench_folder
    ) as api:
        yield Bench(api, bench_folder)


@pytest.fixture
async def bench(shared_bench: Bench) -> AsyncIterator[Bench]:
    """The bench, and after the test its suite as it was."""
    yield shared_bench
    here = {path.name: path.read_text() for path in (shared_bench.folder / "tests").rglob("*.py")}
    if here != FILES:
        await shared_bench.reset()
