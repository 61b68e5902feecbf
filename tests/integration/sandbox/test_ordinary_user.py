"""The same cage when the service is not root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.targets import Target
from app.sandbox.arms import ArmStore
from app.sandbox.isolation.cage import ALL
from tests.integration.sandbox.lab import FILE, SUITE, Lab

UID = 54321

TESTS = """
import os, pathlib, socket, subprocess
import pack
import pytest

def test_runs_as_that_user_without_capabilities():
    assert os.getuid() == {uid}
    status = pathlib.Path("/proc/self/status").read_text()
    assert "CapEff:\\t0000000000000000" in status
    assert "CapPrm:\\t0000000000000000" in status

def test_own_files_of_the_service_cannot_be_read():
    with pytest.raises(OSError):
        open({secret!r}).read()

def test_the_arm_cannot_be_written():
    with pytest.raises(OSError):
        os.chmod(pack.__file__, 0o666)

def test_no_other_process_is_seen():
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    assert pids == ["1", str(os.getpid())]
    with pytest.raises(OSError):
        os.kill({parent}, 0)

@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_no_sockets(family):
    with pytest.raises(PermissionError):
        socket.socket(family)

def test_no_shadow():
    with pytest.raises(OSError):
        open("/etc/shadow")

def test_scratch_and_programs_work(tmp_path):
    (tmp_path / "x").write_text("x")
    assert subprocess.run(["/bin/sh", "-c", "echo $HOME"], capture_output=True).stdout == b"/tmp\\n"

def test_processes_are_bounded():
    children = []
    with pytest.raises(OSError):
        for _ in range(200):
            pid = os.fork()
            if pid == 0:
                import time
                time.sleep(60)
            children.append(pid)
    assert 10 < len(children) < 70
    for pid in children:
        os.kill(pid, 9)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="findings-user-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_all_layers_hold_for_an_ordinary_user(caged: Lab, as_root: None, folder: Path) -> None:
    scratch = folder / "scratch"
    scratch.mkdir()
    secret = scratch / "admin-token"
    secret.write_text("fnd_secret")
    tests = TESTS.format(uid=UID, secret=str(secret), parent=os.getpid())
    for path, text in {"pack/__init__.py": "", FILE: tests}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    arm = ArmStore(folder / "arms").prepare(Target("pack", folder, ("pack",), (SUITE,)))
    os.chown(scratch, UID, UID)
    os.chown(secret, UID, UID)

    script = Path(__file__).with_name("as_user.py")
    command = [sys.executable, str(script), str(UID), str(arm.root), str(scratch)]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    assert found.returncode == 0, found.stderr
    for told in json.loads(found.stdout):
        assert told["status"] == "completed", told
        assert told["failed"] == [], told
        assert told["count"] == 9
        assert told["layers"] == list(ALL)
    assert [told["engine"] for told in json.loads(found.stdout)] == ["subprocess", "zygote"]
