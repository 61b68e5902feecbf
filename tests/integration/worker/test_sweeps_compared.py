"""Revisions with random defects: what is opened again is what a cold pytest finds."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.test_sweeps import (
    NAMES,
    TICKETS,
    Field,
    field,
    made,
    package,
    suite,
)
from tests.support.service import bare_pytest

pytestmark = pytest.mark.anyio
__all__ = ["field", "made"]  # as fixtures

REVISIONS = int(os.environ.get("SWEPT_REVISIONS", "10"))
"""Ten are enough for the suite; thirty were seen to agree."""
UNCOLLECTABLE, OLDER = 4, 7
COIN = "B8-DRL-09"


def cold_pytest(folder: Path, files: dict[str, str]) -> set[str]:
    """The functions whose tests fail in a process of its own, over files on the disk."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    options = ["-o", "markers=finding", "-o", "pythonpath=src", "-o", "addopts=", "-rf"]
    said = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=bare_pytest(),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {name for name in NAMES if f"FAILED tests/findings/test_numbers.py::test_{name}" in said}


async def test_what_is_opened_again_is_what_a_cold_pytest_finds(
    field: Field, tmp_path: Path
) -> None:
    drawn = random.Random(18)
    flips = (
        f'import random\n\nimport pytest\n\n\n@pytest.mark.finding("{COIN}")\n'
        "def test_coin():\n    assert random.random() < 0.8\n"
    )
    field.made.commit({"tests/findings/test_coin.py": flips}, message="A test that tosses a coin")
    await field.api.call("POST", "/targets/acme/sync", expect=200)
    await field.api.file(key=COIN, batch=8, domains=["acme"])
    first = field.made.commit(package("one"), message="Before anything was fixed")
    await field.swept()
    fix = field.made.commit({**package(), "src/acme/data.txt": "-1"})
    await field.swept()
    for key in (*TICKETS, COIN):
        await field.close(key, commits=[fix])

    for number in range(REVISIONS):
        broken = {name for name in NAMES if drawn.random() < 0.2}
        files = {**package(*broken), "src/acme/data.txt": str(number)}
        if number == UNCOLLECTABLE:
            files["src/acme/__init__.py"] = "import nowhere_to_be_found\n"
        if number == OLDER:
            field.made.set("main", first)
        else:
            field.made.commit(files, message=f"Revision {number}")
        closed = {key for key in TICKETS if await field.status(key) == "closed"}
        cold = asyncio.to_thread(cold_pytest, tmp_path / str(number), {**files, **suite()})
        sweep, failing = await asyncio.gather(field.swept(), cold)
        if number in (UNCOLLECTABLE, OLDER):
            failing = set()

        opened = await reopened(field, sweep)
        expected = {key for key, name in zip(TICKETS, NAMES, strict=True) if name in failing}
        assert opened == expected & closed, number
        for key in opened:
            await field.close(key, commits=[fix])
        if number == OLDER:
            field.made.set("main", fix)
            await field.swept()
    assert await field.status(COIN) == "closed"


async def reopened(field: Field, sweep: dict[str, Any]) -> set[str]:
    items = (await field.api.get(f"/sweeps/{sweep['id']}/items"))["items"]
    return {item["ticket"] for item in items if item["reopened"]}
