"""How much memory is left for another environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.sandbox.memory import available_bytes

MACHINE = 8 << 30


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(
        f"MemTotal: 1 kB\nMemAvailable: {MACHINE >> 10} kB\n"
    )
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/system/findings\n")
    return tmp_path / "proc"


def limit(groups: Path, path: str, most: str, used: int) -> None:
    folder = groups / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text("anon 5\ninactive_file 10\n")


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({}, MACHINE),
        ({"system/findings": ("max", 100)}, MACHINE),
        ({"system/findings": ("1000", 100)}, 910),
        ({"system/findings": ("1000", 100), "system": ("800", 500)}, 310),
        ({"elsewhere": ("1000", 100)}, MACHINE),
    ],
)
def test_the_tightest_limit_counts(
    proc: Path, tmp_path: Path, limits: dict[str, tuple[str, int]], left: int
) -> None:
    for path, (most, used) in limits.items():
        limit(tmp_path / "groups", path, most, used)

    assert available_bytes(proc, tmp_path / "groups") == left


def test_where_the_kernel_says_nothing_there_is_enough(tmp_path: Path) -> None:
    assert available_bytes(tmp_path, tmp_path) == sys.maxsize
