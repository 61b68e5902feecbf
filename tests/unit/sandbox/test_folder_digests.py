"""A folder's digest: the same for the same files, and for no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sandbox.digests import FolderError, digest_folder, digest_of, read_folder


def test_only_paths_and_bytes_count(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "b.py").write_bytes(b"b")
        (tmp_path / name / "a.py").write_bytes(b"a")
    (tmp_path / "two" / "a.py").chmod(0o400)
    os.utime(tmp_path / "two" / "a.py", (0, 0))

    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")


def test_byte_code_and_named_folders_are_left_out(tmp_path: Path) -> None:
    for path in ("a.py", "__pycache__/a.pyc", "sub/__pycache__/b.pyc", "defects/x.patch", "c.pyc"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)

    assert list(read_folder(tmp_path, skip={"defects"})) == ["a.py"]


@pytest.mark.parametrize("kind", ["file link", "folder link", "pipe", "missing", "link itself"])
def test_irregular_files_have_no_digest(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    match kind:
        case "file link":
            (folder / "x.py").symlink_to(__file__)
        case "folder link":
            (folder / "x").symlink_to(tmp_path)
        case "pipe":
            os.mkfifo(folder / "x.py")
        case "missing":
            folder.rmdir()
        case "link itself":
            folder.rmdir()
            folder.symlink_to(Path(__file__).parent)

    with pytest.raises(FolderError):
        digest_folder(folder)


FILES = st.dictionaries(st.text("ab/ 1", min_size=1, max_size=6), st.binary(max_size=6), max_size=4)


@given(FILES, FILES)
def test_different_files_have_different_digests(
    one: dict[str, bytes], two: dict[str, bytes]
) -> None:
    assert (digest_of(one) == digest_of(two)) == (one == two)


def test_the_order_of_files_does_not_count() -> None:
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})


def test_where_a_name_ends_counts() -> None:
    assert digest_of({"a": b"bc"}) != digest_of({"ab": b"c"})
    assert digest_of({"a": b"", "b": b""}) != digest_of({"a": b"1 b 0 "})
