"""Folders of killed processes go; those in use, young ones and what only looks like one stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.sandbox.workdir import WorkDir, sweep_orphans
from tests.support.children import PRELUDE

LEAVE_ONE = """
from pathlib import Path
from app.sandbox.workdir import WorkDir
made = WorkDir(Path(sys.argv[1])).path
(made / "arms").mkdir(mode=0o500)
print(made)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """The folder of a process that was killed an hour ago."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + LEAVE_ONE, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    return aged(Path(done.stdout.strip()))


def aged(folder: Path) -> Path:
    os.utime(folder, (1, 1))
    return folder


def test_the_folder_of_a_killed_process_is_removed(orphan: Path, tmp_path: Path) -> None:
    assert sweep_orphans(tmp_path) == 1
    assert not orphan.exists()
    assert sweep_orphans(tmp_path) == 0


def test_a_folder_in_use_stays_however_old_it_is(tmp_path: Path) -> None:
    mine = WorkDir(tmp_path)
    aged(mine.path)

    assert sweep_orphans(tmp_path) == 0
    assert mine.path.is_dir()

    mine.close()
    assert not mine.path.exists()


def test_a_folder_that_was_made_just_now_stays(orphan: Path, tmp_path: Path) -> None:
    os.utime(orphan)

    assert sweep_orphans(tmp_path) == 0


def test_links_and_files_of_such_a_name_are_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    link, file = tmp_path / "findings-work-link", tmp_path / "findings-work-file"
    link.symlink_to(precious)
    file.touch()
    os.utime(link, (1, 1), follow_symlinks=False)
    os.utime(file, (1, 1))

    assert sweep_orphans(tmp_path) == 0
    assert precious.is_dir()
    assert file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_folders_of_other_users_are_left_alone(orphan: Path, tmp_path: Path) -> None:
    os.chown(orphan, 65534, 65534)

    assert sweep_orphans(tmp_path) == 0
