"""Arms: whole, read-only, prepared once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.diffs import PatchError
from app.domain.targets import Target, TargetFiles
from app.sandbox import arms, contents
from app.sandbox.arms import ArmStore, read_manifest, read_target, size_of
from app.sandbox.digests import FolderError, digest_folder
from app.sandbox.interface import PreparedArm

PATCH = """\
--- a/pack/__init__.py
+++ b/pack/__init__.py
@@ -1 +1 @@
-VALUE = 1
+VALUE = 2
"""


@pytest.fixture
def target(tmp_path: Path) -> Target:
    root = tmp_path / "project"
    for path, text in {
        "pack/__init__.py": "VALUE = 1\n",
        "pack/sub/deep.py": "",
        "pack/__pycache__/x.pyc": "stale",
        "tests/suite/test_it.py": "def test_it(): pass\n",
        "tests/suite/conftest.py": "",
        "tests/suite/defects/A-1.patch": PATCH,
        "tests/other/test_no.py": "",
        "secret.txt": "",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Target("pack", root, packages=("pack",), suites=("tests/suite",))


@pytest.fixture
def store(tmp_path: Path) -> ArmStore:
    return ArmStore(tmp_path / "cache")


def files(arm: PreparedArm) -> set[str]:
    found = {str(p.relative_to(arm.root)) for p in arm.root.rglob("*") if p.is_file()}
    return {path for path in found if not path.endswith(".pyc")}


def compiled(arm: PreparedArm) -> set[str]:
    return {path.name.partition(".")[0] for path in arm.root.rglob("*.pyc")}


def test_an_arm_holds_package_and_suite_and_nothing_else(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target)

    assert files(arm) == {
        "arm.json",
        "pytest.ini",
        "pack/__init__.py",
        "pack/sub/deep.py",
        "tests/suite/test_it.py",
        "tests/suite/conftest.py",
    }
    manifest = read_manifest(arm.root)
    assert (manifest.packages, manifest.suites) == (("pack",), ("tests/suite",))


def test_its_digests_are_those_of_its_folders(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target, PATCH)

    assert arm.package_digest == digest_folder(arm.root / "pack")
    assert arm.suite_digest == digest_folder(arm.root / "tests/suite")
    assert arm.package_digest != store.prepare(target).package_digest


def test_a_patch_is_applied_and_taken_back(store: ArmStore, target: Target) -> None:
    patched = store.prepare(target, PATCH)
    assert (patched.root / "pack/__init__.py").read_text() == "VALUE = 2\n"

    (target.root / "pack/__init__.py").write_text("VALUE = 2\n")
    reverted = store.prepare(target, PATCH, reverse=True)
    assert (reverted.root / "pack/__init__.py").read_text() == "VALUE = 1\n"


def test_a_patch_that_does_not_apply_leaves_nothing(
    store: ArmStore, target: Target, tmp_path: Path
) -> None:
    with pytest.raises(PatchError):
        store.prepare(target, PATCH, reverse=True)
    with pytest.raises(PatchError, match="outside pack/"):
        store.prepare(target, PATCH.replace("pack/__init__", "tests/suite/test_it"))

    assert not (tmp_path / "cache").exists()


def test_equal_arms_are_one_folder(store: ArmStore, target: Target) -> None:
    first = store.prepare(target)
    marker = first.root.stat().st_ino

    (target.root / "tests/suite/defects/A-2.patch").write_text("")

    assert store.prepare(target) == first
    assert first.root.stat().st_ino == marker


def test_a_changed_target_is_another_arm(store: ArmStore, target: Target) -> None:
    first = store.prepare(target)
    (target.root / "pack/sub/deep.py").write_text("x = 1\n")

    second = store.prepare(target)

    assert second.root != first.root
    assert second.suite_digest == first.suite_digest


def test_everything_is_read_only(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target)

    for path in (arm.root, *arm.root.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path


def test_an_arm_that_was_meddled_with_is_built_anew(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target)
    file = arm.root / "pack/__init__.py"
    file.chmod(0o644)
    file.write_text("VALUE = 'planted'\n")

    assert store.prepare(target) == arm
    assert file.read_text() == "VALUE = 1\n"


def test_only_files_that_no_patch_touched_bring_byte_code(store: ArmStore, target: Target) -> None:
    """A stranger's source is compiled in the cage, and stale byte code would hide the patch."""
    assert compiled(store.prepare(target)) == {"__init__", "deep"}
    assert compiled(store.prepare(target, PATCH)) == {"deep"}


def test_byte_code_is_that_of_the_source_and_does_not_check_it(
    store: ArmStore, target: Target
) -> None:
    arm = store.prepare(target)
    (cached,) = (arm.root / "pack/__pycache__").iterdir()
    script = "import pack; print(pack.VALUE, pack.__cached__, pack.__spec__.loader.get_filename())"

    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=arm.root, capture_output=True, text=True, check=True
    ).stdout.split()

    assert printed[:2] == ["1", str(cached)]
    assert printed[2] == str(arm.root / "pack/__init__.py")


def test_byte_code_that_was_meddled_with_is_built_anew(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target)
    (cached,) = (arm.root / "pack/__pycache__").iterdir()
    sound = cached.read_bytes()
    cached.chmod(0o644)
    cached.write_bytes(sound.replace(b"VALUE", b"EULAV"))

    assert store.prepare(target) == arm
    assert cached.read_bytes() == sound


def test_a_file_that_does_not_compile_has_no_byte_code(store: ArmStore, target: Target) -> None:
    (target.root / "pack/sub/deep.py").write_text("def (:\n")

    assert compiled(store.prepare(target)) == {"__init__"}


def test_a_crash_while_building_leaves_no_arm(
    store: ArmStore, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        store.prepare(target)
    monkeypatch.undo()

    assert all(path.name.startswith(".new-") for path in (tmp_path / "cache").iterdir())
    assert files(store.prepare(target))


def test_many_preparers_at_once_get_the_same_arm(store: ArmStore, target: Target) -> None:
    found: list[PreparedArm] = []
    barrier = threading.Barrier(6)

    def prepare() -> None:
        barrier.wait()
        found.append(store.prepare(target))

    threads = [threading.Thread(target=prepare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 6
    assert set(found) == {store.prepare(target)}
    assert [path.name for path in found[0].root.parent.iterdir()] == [found[0].root.name]


def test_extra_files_join_the_suite(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target, extra_files={"submitted/test_new.py": "def test_new(): pass\n"})

    assert "tests/suite/submitted/test_new.py" in files(arm)
    # What a run was planned with is told without them.
    assert arm.suite_digest == store.prepare(target).suite_digest
    assert arm.package_digest == store.prepare(target).package_digest


@pytest.mark.parametrize(
    "path", ["../x.py", "/x.py", "a/../x.py", "./x.py", "a//x.py", "", "test_it.py"]
)
def test_extra_files_cannot_leave_or_replace(store: ArmStore, target: Target, path: str) -> None:
    with pytest.raises(FolderError):
        store.prepare(target, extra_files={path: ""})


def test_a_link_in_the_target_is_refused(store: ArmStore, target: Target) -> None:
    (target.root / "pack/link.py").symlink_to("/etc/passwd")

    with pytest.raises(FolderError, match="symbolic link"):
        store.prepare(target)


def test_pruning_takes_what_nobody_asked_for_lately(
    store: ArmStore, target: Target, tmp_path: Path
) -> None:
    old, new = store.prepare(target), store.prepare(target, PATCH)
    os.utime(old.root, (0, 0))
    left = tmp_path / "cache" / ".new-left-by-a-crash"
    left.mkdir()
    os.utime(left, (0, 0))

    assert store.prune(3600) == 2
    assert new.root.exists()
    assert not old.root.exists()
    assert store.prune(3600) == 0


def test_arms_take_so_much_room_and_the_oldest_go_first(store: ArmStore, target: Target) -> None:
    arms = [
        store.prepare(target, extra_files={f"test_{n}.py": f"# {n}\n" + "x" * 100_000}).root
        for n in range(4)
    ]
    for n, arm in enumerate(arms[:3]):
        long_ago = time.time() - 3 * 3600 + n
        os.utime(arm, (long_ago, long_ago))

    each = size_of(arms[0])
    assert store.prune(86400, 5 * each) == 0
    assert store.prune(86400, 2 * each + each // 2) == 2
    assert [arm.is_dir() for arm in arms] == [False, False, True, True]
    assert store.prune(86400, 1) == 1
    assert arms[3].is_dir()  # asked for just now: a run may stand on it


def test_asking_again_keeps_an_arm_from_being_pruned(store: ArmStore, target: Target) -> None:
    arm = store.prepare(target)
    os.utime(arm.root, (0, 0))
    store.prepare(target)

    assert store.prune(3600) == 0


def test_pruning_nothing_is_fine(tmp_path: Path) -> None:
    assert ArmStore(tmp_path / "none").prune() == 0


def test_a_tree_with_closed_folders_can_be_removed(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "closed"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    inner.chmod(0)

    arms.remove_tree(tmp_path / "tree")

    assert not (tmp_path / "tree").exists()


def revised(target: Target, number: int) -> TargetFiles:
    """What the target holds, one file of which differs from revision to revision."""
    read = read_target(target)
    return replace(read, package={**read.package, "pack/sub/deep.py": b"N = %d\n" % number})


def test_arms_share_files_and_few_are_kept(target: Target, tmp_path: Path) -> None:
    store = ArmStore(tmp_path / "cache", most=3)
    first = store.prepare(target, read=revised(target, 0))
    with store.hold([first]):
        found = [store.prepare(target, read=revised(target, n)) for n in range(1, 40)]

        left = [arm for arm in found if arm.root.exists()]
        assert left == found[-2:]
        assert first.root.exists()
    shared = left[0].root / "pack/__init__.py"
    assert shared.stat().st_nlink == 4  # three arms, and where it is stored
    assert len(list((tmp_path / "cache.contents").rglob("*/*"))) < 40
    store.prepare(target, read=revised(target, 40))
    assert not first.root.exists()


def test_a_stored_file_that_was_changed_is_not_linked_again(target: Target, tmp_path: Path) -> None:
    store = ArmStore(tmp_path / "cache")
    arm = store.prepare(target)
    stored = arm.root / "pack/__init__.py"
    stored.chmod(0o644)
    stored.write_text("VALUE = 3\n")

    other = store.prepare(target, read=revised(target, 1))

    assert (other.root / "pack/__init__.py").read_text() == "VALUE = 1\n"
    assert (store.prepare(target).root / "pack/__init__.py").read_text() == "VALUE = 1\n"


def test_a_file_with_too_many_links_is_copied(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_LINKS", 2)
    store = ArmStore(tmp_path / "cache")
    arms = [store.prepare(target, read=revised(target, n)) for n in range(4)]

    assert {(arm.root / "pack/__init__.py").read_text() for arm in arms} == {"VALUE = 1\n"}
    assert max((arm.root / "pack/__init__.py").stat().st_nlink for arm in arms) == 2


def test_an_arm_of_very_many_files_is_prepared_once(
    store: ArmStore, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the byte code beside it an arm holds more files than its target."""
    monkeypatch.setattr("app.sandbox.digests.MOST_FILES", 4)
    first = store.prepare(target)
    made = (first.root / "pack").stat().st_ctime_ns

    assert len(compiled(first)) > 0
    assert (store.prepare(target).root / "pack").stat().st_ctime_ns == made
