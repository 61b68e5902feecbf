"""Files that a glob names: as pathlib finds them, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.sandbox import globs
from app.sandbox.digests import FolderError
from app.sandbox.globs import matching
from tests.support.target import write_files

FILES = (
    *("a.json", "b.txt", ".hidden.json", "data/c.json", "data/deep/er/d.json", "data/e.txt"),
    *("more/data/f.json", "more/data/__pycache__/g.json", "[odd]/h.json"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path, dict.fromkeys(FILES, ""))
    return tmp_path


@pytest.mark.parametrize(
    "glob",
    [
        *("*.json", "*", "data/*", "data/c.json", "data", "none/*", "*/data/*.json", "**/*.json"),
        *("data/**/*.json", "**/deep/**/*", "**/data/*.json", "**", "[[]odd]/*", "?.txt", "*/*/*"),
    ],
)
def test_it_finds_what_pathlib_finds(root: Path, glob: str) -> None:
    wanted = {path for path in root.glob(glob) if path.is_file()}

    assert set(matching(root, glob)) == {path for path in wanted if "__pycache__" not in path.parts}


def test_a_link_to_a_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    (root / "data" / "round").symlink_to(root)

    assert len(list(matching(root, "data/**/*.json"))) == 2


def test_very_many_files_are_refused_and_those_of_a_named_folder_are_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(globs, "MOST_LOOKED_AT", 12)
    write_files(root / "node_modules", {f"{number}.js": "" for number in range(20)})

    with pytest.raises(FolderError, match=r"more than 12 entries of .*; begin it with a folder"):
        list(matching(root, "**/*.nothing"))
    assert len(list(matching(root, "data/**/*.json"))) == 2
