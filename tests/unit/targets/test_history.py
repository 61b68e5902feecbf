"""What a git target holds at a revision."""

from __future__ import annotations

import shutil
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import FileMode

from app.domain.revisions import RevisionRefused
from app.domain.targets import PytestSettings, Target
from app.targets import blobs as blobs_module
from app.targets.history import History
from tests.support.repositories import MadeRepository

FIRST = {
    "src/acme/__init__.py": "",
    "src/acme/scaling.py": "def scale(value, factor):\n    return value\n",
    "src/acme/__pycache__/x.pyc": "stale",
    "tests/conftest.py": "",
    "tests/findings/test_scale.py": "def test_scale(): pass\n",
    "tests/findings/defects/A-1.patch": "a patch",
    "tests/helper.py": "WORD = 'first'\n",
    "data/table.txt": "first",
    "pyproject.toml": "[tool.pytest.ini_options]\nmarkers = ['slow']\naddopts = '-W error'\n",
    "README.md": "",
}


@pytest.fixture
def made(tmp_path: Path) -> MadeRepository:
    return MadeRepository(tmp_path / "acme.git")


def target(made: MadeRepository, **changes: object) -> Target:
    fields: dict[str, object] = {
        "packages": ("src/acme",),
        "import_root": "src",
        "suites": ("tests/findings",),
        "files": ("tests/*.py", "data/*.txt"),
        "pytest": PytestSettings("auto"),
        "git_dir": made.folder,
        "revision": "main",
        **changes,
    }
    return Target("acme", made.folder, **fields)  # type: ignore[arg-type]  # by name


def test_an_arm_is_packages_of_a_revision_and_the_suite_in_force(made: MadeRepository) -> None:
    first = made.commit(FIRST)
    second = made.commit(
        {
            "src/acme/scaling.py": "SOUND = True\n",
            "tests/helper.py": "WORD = 'second'\n",
            "tests/findings/test_scale.py": "def test_other(): pass\n",
            "data/table.txt": "second",
        }
    )
    history = History(target(made))

    assert history.in_force() == second
    now = history.read(None, second)
    assert set(now.package) == {"src/acme/__init__.py", "src/acme/scaling.py", "data/table.txt"}
    assert set(now.suite) == {"tests/findings/test_scale.py"}
    assert set(now.files) == {"tests/conftest.py", "tests/helper.py", "pyproject.toml"}
    assert now.pytest == PytestSettings("pyproject.toml", ("-Werror",))
    assert len(now.shipped) == 1

    before = history.read(first, second)
    assert before.package["src/acme/scaling.py"] == FIRST["src/acme/scaling.py"].encode()
    assert before.package["data/table.txt"] == b"first"
    assert before.files["tests/helper.py"] == b"WORD = 'second'\n"
    assert before.suite == now.suite


def test_a_commit_that_touches_no_package_is_the_same_arm(made: MadeRepository) -> None:
    first = made.commit(FIRST)
    second = made.commit({"README.md": "more"})
    history = History(target(made))

    assert history.read(first, second).package == history.read(None, second).package
    assert not history.touches(second)
    assert history.touches(first)
    assert history.walk(second) == (second, first)
    assert history.is_ancestor(first, second) is True
    assert history.is_ancestor(second, first) is False


def test_what_changed_is_told_whatever_attributes_say(made: MadeRepository) -> None:
    first = made.commit({**FIRST, ".gitattributes": "*.py -diff\n"})
    second = made.commit({"src/acme/scaling.py": "SOUND = True\n", "README.md": "more"})

    (file,) = History(target(made)).diff(first, second)
    assert file.path == "src/acme/scaling.py"
    assert "+SOUND = True" in file.text


def test_a_commit_is_described(made: MadeRepository) -> None:
    first = made.commit(FIRST, message="The factor\nis used\n")
    found = History(target(made)).describe(first)

    assert (found.id, found.subject, found.author) == (first, "The factor", "Ada")
    assert found.parents == ()


@pytest.mark.parametrize("name", ["nowhere", "main:src", "a" * 201, "--all", "0" * 40, "main^9"])
def test_what_names_no_commit_is_refused(made: MadeRepository, name: str) -> None:
    made.commit(FIRST)
    with pytest.raises(RevisionRefused):
        History(target(made)).resolve(name)


def test_a_revision_may_be_named_in_the_ways_of_git(made: MadeRepository) -> None:
    first = made.commit(FIRST)
    second = made.commit({"README.md": "more"})
    made.repo.create_tag(
        "v1", first, pygit2.enums.ObjectType.COMMIT, pygit2.Signature("a", "a@b.c"), "One"
    )
    history = History(target(made))

    assert history.resolve("main") == history.resolve("HEAD") == history.resolve(second[:8])
    assert history.resolve("main~1") == history.resolve("v1") == first


def refused(made: MadeRepository, commit: str) -> str:
    with pytest.raises(RevisionRefused) as caught:
        History(target(made)).read(None, commit)
    return str(caught.value)


def test_names_that_differ_by_case_only_are_refused(made: MadeRepository) -> None:
    commit = made.commit({**FIRST, "src/acme/Scaling.py": ""})
    assert "differ by case" in refused(made, commit)


def test_names_that_differ_by_normal_form_only_are_refused(made: MadeRepository) -> None:
    commit = made.commit({**FIRST, "src/acme/caf\u00e9.txt": "", "src/acme/cafe\u0301.txt": ""})
    assert "normal form" in refused(made, commit)


@pytest.mark.parametrize("leads_to", ["/etc/passwd", "../../../outside", "nowhere.py", "../acme"])
def test_a_link_that_leads_to_no_file_of_the_tree_is_refused(
    made: MadeRepository, leads_to: str
) -> None:
    commit = made.commit(FIRST, links={"src/acme/link.py": leads_to})
    assert "src/acme/link.py is a symbolic link" in refused(made, commit)


def test_a_link_within_the_tree_is_the_file_it_leads_to(made: MadeRepository) -> None:
    commit = made.commit(FIRST, links={"src/acme/link.py": "../../tests/helper.py"})
    found = History(target(made)).read(None, commit)
    assert found.package["src/acme/link.py"] == b"WORD = 'first'\n"


def test_a_submodule_is_refused(made: MadeRepository) -> None:
    first = made.commit(FIRST)
    index = pygit2.Index()
    index.read_tree(made.repo[first].tree)
    index.add(pygit2.IndexEntry("src/acme/vendored", pygit2.Oid(hex="1" * 40), FileMode.COMMIT))
    commit = made.commit_tree(str(index.write_tree(made.repo)), "A submodule", [first])
    assert "src/acme/vendored is a submodule" in refused(made, commit)


def test_too_large_a_blob_is_refused_unread(
    made: MadeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module, "MOST_FILE_BYTES", 1 << 20)
    commit = made.commit({**FIRST, "src/acme/weights.bin": b"\0" * (2 << 20)})
    assert "src/acme/weights.bin has 2 MiB" in refused(made, commit)


def test_a_missing_object_is_refused_and_read_once_it_is_there(
    made: MadeRepository, tmp_path: Path
) -> None:
    commit = made.commit(FIRST)
    blob = str(made.repo[commit].tree["src/acme/scaling.py"].id)
    lost = made.folder / "objects" / blob[:2] / blob[2:]
    shutil.move(lost, tmp_path / "kept")
    history = History(target(made))
    with pytest.raises(RevisionRefused, match="lacks an object"):
        history.read(None, commit)

    shutil.move(tmp_path / "kept", lost)
    assert "src/acme/scaling.py" in history.read(None, commit).package


def test_a_package_that_was_not_there_yet_is_refused(made: MadeRepository) -> None:
    first = made.commit({"README.md": ""})
    second = made.commit(FIRST)
    with pytest.raises(RevisionRefused, match=f"src/acme is not there at {first[:10]}"):
        History(target(made)).read(first, second)


def test_the_end_of_a_shallow_clone_is_told(made: MadeRepository) -> None:
    made.commit(FIRST)
    second = made.commit({"README.md": "more"})
    (made.folder / "shallow").write_text(f"{second}\n")
    history = History(target(made))

    with pytest.raises(RevisionRefused, match="git fetch --unshallow"):
        history.first_parent(second)
    assert history.is_ancestor("0" * 40, second) is None


def test_a_root_below_the_top_of_the_tree_is_where_paths_begin(made: MadeRepository) -> None:
    commit = made.commit({f"part/{path}": text for path, text in FIRST.items()})
    found = History(target(made, below="part")).read(None, commit)
    assert "src/acme/scaling.py" in found.package
    assert "tests/conftest.py" in found.files


def test_an_empty_repository_has_nothing_in_force(made: MadeRepository) -> None:
    with pytest.raises(RevisionRefused, match="revision 'main', which is to be in force"):
        History(target(made)).in_force()
