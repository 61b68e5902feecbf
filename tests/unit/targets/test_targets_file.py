"""The file that declares targets: what it says, and what is told of a wrong entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.targets import BUNDLED, EXAMPLE, Placement, Target
from app.errors import StartupError
from app.sandbox.snapshot import take_snapshot
from app.sandbox.watch import look_at
from app.targets import adding
from app.targets.file import Declared, read
from app.targets.registry import Registry

GOOD = 'name = "acme"\nroot = "acme"\npackages = ["src/acme"]\nsuite = "tests"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("acme/src/acme", "acme/tests/a"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "acme" / "src" / "acme" / "__init__.py").write_text("")
    return tmp_path


def bundled(folder: Path) -> Target:
    return Target(BUNDLED, folder)


def declared(folder: Path, text: str) -> Declared:
    (folder / "targets.toml").write_text(text)
    return read(folder / "targets.toml", bundled(folder))


def entry(folder: Path, text: str) -> Declared:
    return declared(folder, f"[[target]]\n{text}")


def test_without_a_file_there_is_the_bundled_target_alone(folder: Path) -> None:
    found = read(folder / "absent.toml", bundled(folder))

    assert (list(found.targets), found.problems) == ([BUNDLED], ())


def test_an_entry_says_what_it_needs_and_the_rest_is_seen(folder: Path) -> None:
    target = entry(folder, GOOD + "limits = { test_s = 3, memory_mb = 64 }\n").targets["acme"]

    assert target.import_root == "src"
    assert target.domains == ("acme",)
    assert target.modules() == {"acme": "src", "tests": ""}
    assert (target.test_s, target.arm_s, target.memory_bytes) == (3, None, 64 << 20)
    assert target.interpreter.python == ""


def test_an_entry_may_replace_the_bundled_target(folder: Path) -> None:
    found = entry(folder, GOOD.replace('"acme"\nroot', '"kasmina"\nroot'))

    assert list(found.targets) == [BUNDLED]
    assert found.targets[BUNDLED].packages == ("src/acme",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace('name = "acme"\n', ""), "entry 1: name: is missing"),
        (GOOD.replace('"acme"\nroot', '"A b"\nroot'), "entry 1: name: 'A b' is no slug"),
        (GOOD.replace('root = "acme"', 'root = "no"'), "acme: root: "),
        (GOOD.replace("src/acme", "src/none"), "acme: packages: "),
        (GOOD.replace("src/acme", "../acme/src/acme"), "acme: packages: '../acme/src/acme' leaves"),
        (GOOD.replace('["src/acme"]', '["."]'), "acme: packages: the root itself"),
        (GOOD.replace('"tests"', '["tests", "src"]'), "acme: suite: 'src' holds the package"),
        (GOOD.replace('"tests"', '["tests", "tests/a"]'), "acme: suite: 'tests/a' lies inside"),
        (GOOD.replace('"tests"', '"src/acme/__init__.py"'), "acme: suite: "),
        (GOOD.replace('suite = "tests"\n', ""), "acme: suite: is missing; name the folder"),
        (GOOD + 'python = "none/python"\n', "acme: python: "),
        (GOOD + 'pytest = "none.ini"\n', "acme: pytest: 'none.ini' is no file at the root"),
        (GOOD + 'domains = [""]\n', "acme: domains: should be a list of texts"),
        (GOOD + 'files = ["/etc/*"]\n', "acme: files: '/etc/*' leaves the root"),
        (GOOD + 'env = { LD_PRELOAD = "x" }\n', "acme: env: LD_PRELOAD belongs to the sandbox"),
        (GOOD + "limits = { test_s = 0 }\n", "acme: limits.test_s: should be a number above 0"),
        (GOOD + "limits = { memory_mb = inf }\n", "acme: limits.memory_mb: should be 1048576"),
        (GOOD + "limits = { others_s = nan }\n", "acme: limits.others_s: should be 86400 at most"),
        (GOOD + "limits = { tests = 1 }\n", "acme: limits.tests: there is no such key"),
        (GOOD + 'revision = "main"\n', "acme: revision: "),
        (GOOD + 'revision = "--all"\n', "acme: revision: should be a branch"),
        (GOOD.replace('"acme"\npack', '"~nobody-here"\npack'), "acme: root: '~nobody-here': "),
        (GOOD.replace('root = "acme"', f'root = "{"x" * 300}"'), "acme: "),
        (GOOD.replace('["src/acme"]', f'["{"x" * 300}"]'), "acme: "),
        (GOOD.replace('["src/acme"]', '["a\\u0000"]'), "acme: packages: has a NUL character"),
        (GOOD + 'python = "~nobody-here/x"\n', "acme: python: '~nobody-here/x': "),
        (GOOD + 'python = ""\n', "acme: python: should be a text"),
        (GOOD + 'files = ["data/**.json"]\n', "acme: files: 'data/**.json' is no glob"),
        (GOOD + 'files = ["."]\n', "acme: files: '.' is no glob"),
        (GOOD + 'files = ["./."]\n', "acme: files: './.' is no glob"),
        (GOOD + '"a\\nb\\u001b" = 1\n', "acme: a\\nb\\x1b: there is no such key"),
        (GOOD + 'env = { "A=B" = "x" }\n', "acme: env: 'A=B' cannot be set"),
        (GOOD + 'env = { A = "\\u0000" }\n', "acme: env: 'A' cannot be set"),
        (GOOD + 'plugins = ["no:terminal"]\n', "acme: plugins: 'no:terminal' is no plugin"),
        (GOOD + 'preload = ["import os"]\n', "acme: preload: 'import os' is no module"),
        (GOOD + 'pyton = "x"\n', "acme: pyton: there is no such key; known are name, root"),
    ],
)
def test_a_wrong_entry_is_one_line_and_others_go_on(folder: Path, text: str, told: str) -> None:
    good = GOOD.replace('"acme"\nroot', '"other"\nroot')
    found = declared(folder, f"[[target]]\n{text}[[target]]\n{good}")

    assert list(found.targets) == [BUNDLED, "other"]
    (problem,) = found.problems
    assert problem.line.startswith(f"{folder / 'targets.toml'}: {told}")
    assert "\n" not in problem.line


def test_a_link_out_of_the_root_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "acme" / "src" / "out").symlink_to(folder / "elsewhere")

    (problem,) = entry(folder, GOOD.replace("src/acme", "src/out")).problems
    assert "is a link out of the root" in problem.line


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (GOOD, "name: 'acme' is taken"),
        (GOOD.replace('"acme"\nroot', '"b"\nroot') + 'domains = ["acme"]\n', "belongs to acme"),
    ],
)
def test_two_entries_share_neither_name_nor_domain(folder: Path, second: str, told: str) -> None:
    found = declared(folder, f"[[target]]\n{GOOD}[[target]]\n{second}")

    assert list(found.targets) == [BUNDLED, "acme"]
    assert told in found.problems[0].line


@pytest.mark.parametrize(
    "text", ["[[target", "[target]\nname = 1", "other = 1", f"a = {'[' * 5000}{']' * 5000}"]
)
def test_a_file_that_is_none_says_so(folder: Path, text: str) -> None:
    with pytest.raises(StartupError, match="targets.toml"):
        declared(folder, text)


def test_the_file_is_read_again_when_it_changes_and_kept_while_it_is_broken(folder: Path) -> None:
    file = folder / "targets.toml"
    registry = Registry(file, bundled(folder))
    assert not registry.refresh()

    file.write_text(f"[[target]]\n{GOOD}")
    assert registry.refresh()
    assert list(registry.targets) == [BUNDLED, "acme"]

    file.write_text("[[target")
    assert registry.refresh()
    assert list(registry.targets) == [BUNDLED, "acme"]
    assert "in force" in registry.problems[0].line
    assert registry.placement.of(["acme/x"]) == "acme"


@pytest.mark.parametrize(
    ("domains", "placed"),
    [
        (["a"], "one"),
        (["a/b/c"], "two"),
        (["x", "a/b"], "two"),
        (["ab"], "rest"),
        ([], "rest"),
    ],
)
def test_the_longest_domain_places_a_ticket(domains: list[str], placed: str) -> None:
    assert Placement({"one": ("a",), "two": ("a/b",), "rest": ("*",)}).of(domains) == placed


def test_without_a_domain_only_an_only_target_is_meant() -> None:
    assert Placement({"one": ("a",)}).of([]) == "one"
    assert Placement({"one": ("a",), "two": ("b",)}).of([]) is None
    assert Placement({"one": ("a",), EXAMPLE: (EXAMPLE,)}).of([]) == "one"


@pytest.mark.parametrize(
    ("others", "beside"),
    [
        (("suite",), {"t/a.py": True, "t/b.py": True}),
        (("none",), {"t/a.py": False, "t/b.py": False}),
        (("files",), {"t/a.py": True, "t/b.py": False}),
        (("t/b*",), {"t/a.py": False, "t/b.py": True}),
    ],
)
def test_what_a_proof_runs_beside(others: tuple[str, ...], beside: dict[str, bool]) -> None:
    target = Target("acme", Path("/"), others=others)

    assert {path: target.runs_beside(path, {"t/a.py"}) for path in beside} == beside


def test_an_entry_is_made_of_what_a_folder_shows(folder: Path) -> None:
    root = folder / "acme"
    (root / "tests" / "test_it.py").write_text("")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "Acme.Core"\n[tool.pytest.ini_options]\naddopts = "-n 4 -W error"\n'
    )
    seen = adding.look_at(root)
    adding.write(folder / "targets.toml", seen)

    target = read(folder / "targets.toml", bundled(folder)).targets["acme-core"]
    assert (target.packages, target.import_root, target.suites) == (
        ("src/acme",),
        "src",
        ("tests",),
    )
    assert (target.pytest.file, target.pytest.options) == ("pyproject.toml", ("-Werror",))
    with pytest.raises(StartupError, match="has a target acme-core already"):
        adding.write(folder / "targets.toml", seen)


@pytest.mark.parametrize(
    ("files", "suites"),
    [
        ((), ("tests/findings",)),
        (("tests/test_a.py", "tests/findings/x.py"), ("tests/findings",)),
        (("tests/deep/a_test.py",), ("tests",)),
        (("testing/test_a.py",), ("testing",)),
        (("one/tests/test_a.py", "two/test/test_b.py"), ("one/tests", "two/test")),
        (("test/helper.py",), ("test/findings",)),
    ],
)
def test_the_suite_is_where_a_project_keeps_its_tests(
    tmp_path: Path, files: tuple[str, ...], suites: tuple[str, ...]
) -> None:
    for path in ("one/__init__.py", "two/__init__.py", *files):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")

    seen = adding.look_at(tmp_path)

    assert seen.suites == suites
    assert not any(glob.startswith(("one/", "two/")) for glob in seen.files)


def test_files_of_tests_are_those_that_the_project_says(folder: Path) -> None:
    root = folder / "acme"
    (root / "pytest.ini").write_text("[pytest]\npython_files = check_*.py a/spec_*.py\n")
    (root / "conftest.py").write_text("")
    (root / "more").mkdir()
    for path in (
        "tests/check_one.py",
        "tests/test_two.py",
        "tests/a/spec_it.py",
        "more/check_it.py",
    ):
        (root / path).write_text("")
    text = GOOD.replace('"tests"', '["tests", "more"]') + 'pytest = "auto"\n'
    target = entry(folder, text).targets["acme"]

    snapshot = take_snapshot(target)
    before = look_at(target)
    (root / "conftest.py").write_text("# Changed.")

    assert set(snapshot.test_digests) == {
        "tests/check_one.py",
        "tests/a/spec_it.py",
        "more/check_it.py",
    }
    assert look_at(target) != before
    assert take_snapshot(target).support_digest != snapshot.support_digest


def test_of_several_modules_the_one_with_the_project_s_name_is_the_package(tmp_path: Path) -> None:
    for name in ("benchmark.py", "my_table.py", "helper.py", "setup.py"):
        (tmp_path / name).write_text("")

    assert adding.look_at(tmp_path).packages == ("helper.py",)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "My-Table"\n')
    assert adding.look_at(tmp_path).packages == ("my_table.py",)


def test_a_folder_without_a_package_asks_for_it(folder: Path) -> None:
    with pytest.raises(StartupError, match="No package can be seen") as refused:
        adding.look_at(folder / "acme" / "tests")

    assert "--package" in str(refused.value)
