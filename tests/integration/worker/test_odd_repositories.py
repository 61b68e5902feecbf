"""Git repositories as they come: what is declared of them, and what the doctor says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import FileMode

from app import target_doctor
from app.config import Settings, load_settings
from app.diagnosis import Diagnosis
from app.errors import StartupError
from app.targets import adding
from tests.support.cluster import short_directory
from tests.support.repositories import MadeRepository
from tests.support.target import write_files

PYPROJECT = '[project]\nname = "Acme"\n[tool.pytest.ini_options]\naddopts = "-q"\n'
FILES = {
    "pyproject.toml": PYPROJECT,
    "src/acme/__init__.py": "",
    "src/acme/scaling.py": "def scale(value, factor):\n    return value\n",
    "tests/test_scale.py": "from acme.scaling import scale\n\n\ndef test_it():\n    scale(1, 2)\n",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_directory() as found:
        yield found


@pytest.fixture
def made(folder: Path) -> MadeRepository:
    made = MadeRepository(folder / "acme.git")
    made.commit(FILES)
    made.commit({"src/acme/scaling.py": "def scale(value, factor):\n    return value * factor\n"})
    return made


def declared(folder: Path, entry: adding.Entry) -> Settings:
    adding.write(folder / "targets.toml", entry)
    return load_settings(data_dir=folder, targets=folder / "targets.toml")


def told(settings: Settings) -> dict[str, Diagnosis]:
    return {one.name: one for one in target_doctor.examine(settings, "acme")}


def git(*words: object, cwd: Path) -> None:
    subprocess.run(["git", *map(str, words)], cwd=cwd, check=True, capture_output=True)


def test_a_bare_repository_is_declared_by_what_its_branch_holds(
    folder: Path, made: MadeRepository
) -> None:
    before = set(made.folder.rglob("*"))
    entry = adding.look_at(made.folder)

    assert (entry.name, entry.revision, entry.pytest) == ("acme", "main", "auto")
    assert (entry.packages, entry.import_root, entry.suites) == (("src/acme",), "src", ("tests",))
    found = told(declared(folder, entry))
    assert all(one.ok for one in found.values()), found
    assert found["tests"].detail == "1 tests"
    assert "main is run, read from the object store" in found["repository"].detail
    assert set(made.folder.rglob("*")) == before


def test_an_older_revision_is_declared_by_what_it_holds(folder: Path, made: MadeRepository) -> None:
    made.commit({"src/acme/scaling.py": None, "src/acme/__init__.py": None, "acme.py": "x = 1\n"})

    assert adding.look_at(made.folder).packages == ("acme.py",)
    assert adding.look_at(made.folder, revision="main~1").packages == ("src/acme",)
    with pytest.raises(StartupError, match="there is no revision 'gone'"):
        adding.look_at(made.folder, revision="gone")


def test_a_work_tree_is_declared_as_it_lies_there_or_as_a_branch_holds_it(
    folder: Path, made: MadeRepository
) -> None:
    git("clone", "-q", made.folder, "work", cwd=folder)
    work = folder / "work"
    write_files(work, {"src/extra/__init__.py": ""})

    assert adding.look_at(work).packages == ("src/acme", "src/extra")
    assert adding.look_at(work).revision is None
    assert adding.look_at(work, revision="main").packages == ("src/acme",)
    assert adding.look_at(work / "src", revision="main").packages == ("acme",)


def test_what_is_no_repository_says_so(folder: Path) -> None:
    write_files(folder / "plain", FILES)

    with pytest.raises(StartupError, match="is no git repository"):
        adding.look_at(folder / "plain", revision="main")
    with pytest.raises(StartupError, match="is not a folder") as refused:
        adding.look_at(Path("https://example.org/acme.git"))
    assert "git clone --bare" in str(refused.value.remedy)
    MadeRepository(folder / "empty.git")
    with pytest.raises(StartupError, match="there is no revision 'main'"):
        adding.look_at(folder / "empty.git")


def test_a_shallow_clone_is_told(folder: Path, made: MadeRepository) -> None:
    git("clone", "-q", "--bare", "--depth=1", f"file://{made.folder}", "short.git", cwd=folder)

    found = told(declared(folder, adding.look_at(folder / "short.git")))

    assert found["tests"].ok
    assert (found["history"].ok, found["history"].needed) == (False, False)
    assert "shallow clone: history ends at" in found["history"].detail


def test_a_partial_clone_is_told(folder: Path, made: MadeRepository) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=made.folder)
    source = f"file://{made.folder}"
    git("clone", "-q", "--no-checkout", "--filter=blob:none", source, "part", cwd=folder)

    with pytest.raises(StartupError, match="lacks an object"):
        adding.look_at(folder / "part", revision="main")
    git("checkout", "-q", "main", cwd=folder / "part")
    found = told(declared(folder, adding.look_at(folder / "part", revision="main")))

    assert found["tests"].ok
    assert "partial clone" in found["history"].detail
    assert "1 of the newest 2 revisions cannot be run" in found["objects"].detail


def test_a_missing_object_is_told_with_the_revision(folder: Path, made: MadeRepository) -> None:
    entry = adding.look_at(made.folder)
    old = str(made.repo.revparse_single("main~1:src/acme/scaling.py").id)
    (made.folder / "objects" / old[:2] / old[2:]).unlink()

    found = told(declared(folder, entry))["objects"]

    before = str(made.repo.revparse_single("main~1").id)[:10]
    assert f"1 of the newest 2 revisions cannot be run, such as {before}: " in found.detail
    assert "lacks an object" in found.detail


def test_a_branch_that_was_written_anew_is_told(folder: Path, made: MadeRepository) -> None:
    git("config", "core.logAllRefUpdates", "always", cwd=made.folder)
    settings = declared(folder, adding.look_at(made.folder))
    was, first = (str(made.repo.revparse_single(name).id) for name in ("main", "main~1"))
    next_one = made.commit({"README": "one"}, parents=[was], branch="beside")
    git("update-ref", "refs/heads/main", next_one, cwd=made.folder)
    assert "history" not in told(settings)

    git("update-ref", "refs/heads/main", first, cwd=made.folder)

    detail = told(settings)["history"].detail
    assert f"main was written anew: {first[:10]} does not follow {next_one[:10]}" in detail


def test_a_project_without_a_commit_is_run_as_it_lies_there(folder: Path) -> None:
    write_files(folder / "new", FILES)
    git("init", "-q", cwd=folder / "new")

    found = told(declared(folder, adding.look_at(folder / "new")))

    assert found["tests"].ok
    assert "no commit yet" in found["repository"].detail


def test_a_revision_that_is_gone_is_told(folder: Path, made: MadeRepository) -> None:
    settings = declared(folder, adding.look_at(made.folder))
    made.repo.references.delete("refs/heads/main")

    found = told(settings)["files"]

    assert not found.ok
    assert "'main', which is to be in force: there is no revision 'main'" in found.detail


def test_submodules_are_told(folder: Path, made: MadeRepository) -> None:
    index = pygit2.Index()
    index.read_tree(made.repo.revparse_single("main").tree)
    tip = str(made.repo.revparse_single("main").id)
    index.add(pygit2.IndexEntry("vendor/lib", pygit2.Oid(hex=tip), FileMode.COMMIT))
    made.commit_tree(str(index.write_tree(made.repo)), "Add a submodule", [tip])

    found = told(declared(folder, adding.look_at(made.folder)))

    assert found["tests"].ok
    assert "submodules are left out: vendor/lib" in found["submodules"].detail


def test_hostile_names_in_a_tree_leave_the_folder_alone(folder: Path, made: MadeRepository) -> None:
    blob = made.repo.create_blob(b"x")
    # A builder refuses the name; an object does not.
    raw = b"100644 ../evil.py\0" + bytes.fromhex(str(blob))
    tree = str(made.repo.write(pygit2.enums.ObjectType.TREE, raw))
    made.commit_tree(tree, "Odd", [], "odd")

    with pytest.raises(StartupError, match="is no name that a file may have"):
        adding.look_at(made.folder, revision="odd")
    assert not (folder / "evil.py").exists()
