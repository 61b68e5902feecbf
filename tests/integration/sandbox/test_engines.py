"""What both engines do with suites that mean no harm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.domain.causes import Cause
from app.domain.runs import TestOutcome
from app.domain.targets import Target
from app.sandbox.arms import ArmStore
from app.sandbox.interface import (
    ArmEvent,
    ArmStatus,
    PreparedArm,
)
from tests.integration.sandbox.lab import (
    FILE,
    SUITE,
    Lab,
    only,
    outcomes,
    require_torch,
)

MIXED = """
    import pytest
    import pack

    def test_passes():
        assert pack.VALUE == 1

    def test_fails():
        "What it claims."
        print("seen")
        assert pack.VALUE == 2

    @pytest.fixture
    def broken():
        raise OSError("no set-up")

    def test_broken(broken):
        pass

    @pytest.fixture
    def leaky():
        yield
        raise OSError("no tear-down")

    def test_leaky(leaky):
        pass

    @pytest.mark.skip(reason="not now")
    def test_skipped():
        pass

    @pytest.mark.xfail
    def test_expected():
        assert False

    @pytest.mark.xfail
    def test_unexpected():
        pass

    @pytest.mark.finding("A-1", "A-2", purpose="guards")
    @pytest.mark.parametrize("n", [1, 2])
    def test_many(n):
        assert n
"""


def test_each_kind_of_outcome(lab: Lab) -> None:
    report = lab.run(MIXED, "VALUE = 1")

    assert report.status is ArmStatus.COMPLETED, report
    assert outcomes(report) == {
        "test_passes": TestOutcome.PASSED,
        "test_fails": TestOutcome.FAILED,
        "test_broken": TestOutcome.ERROR,
        "test_leaky": TestOutcome.ERROR,
        "test_skipped": TestOutcome.SKIPPED,
        "test_expected": TestOutcome.XFAILED,
        "test_unexpected": TestOutcome.XPASSED,
        "test_many[1]": TestOutcome.PASSED,
        "test_many[2]": TestOutcome.PASSED,
    }
    by_name = {result.node_id.rpartition("::")[2]: result for result in report.results}
    failed = by_name["test_fails"]
    assert failed.node_id == f"{FILE}::test_fails"
    assert failed.demonstrates_failure
    assert "assert 1 == 2" in (failed.message or "")
    assert "test_it.py" in (failed.traceback or "")
    assert failed.stdout == "seen\n"
    assert by_name["test_skipped"].message == "Skipped: not now"
    assert by_name["test_leaky"].phase == "teardown"


def test_only_what_was_asked_for_runs_and_in_that_order(lab: Lab) -> None:
    report = lab.run_names(MIXED, "test_many", "test_passes", "test_missing", package="VALUE = 1")

    assert report.status is ArmStatus.COMPLETED
    assert list(outcomes(report)) == ["test_many[1]", "test_many[2]", "test_passes"]


def test_the_environment_is_told(lab: Lab) -> None:
    report = lab.run("def test_it(): pass")

    assert set(report.environment) == {"python", "torch", "platform", "engine"}
    assert report.layers == tuple(status.name for status in lab.sandbox.layers() if status.works)


def test_no_canary_is_seen(lab: Lab) -> None:
    report = lab.run("def test_it(): pass")

    assert [result.node_id for result in report.results] == [f"{FILE}::test_it"]
    assert "hidden" not in str(report)


def test_a_suite_is_collected_with_its_markers(lab: Lab) -> None:
    collection = lab.collect(lab.arm(MIXED, "VALUE = 1"))

    assert collection.errors == ()
    by_id = {test.node_id: test for test in collection.tests}
    assert len(by_id) == 9
    many = by_id[f"{FILE}::test_many[1]"]
    assert (many.path, many.findings, many.purpose) == (FILE, ("A-1", "A-2"), "guards")
    plain = by_id[f"{FILE}::test_fails"]
    assert (plain.doc, plain.findings, plain.purpose) == ("What it claims.", (), "demonstrates")


def test_collecting_runs_nothing(lab: Lab) -> None:
    arm = lab.arm("def test_it():\n    import os\n    os._exit(3)")

    assert lab.collect(arm).errors == ()


BROKEN_FILES = {
    "pack/__init__.py": "",
    f"{SUITE}/test_good.py": "def test_good(): pass",
    f"{SUITE}/test_bad.py": "import nowhere_to_be_found\ndef test_bad(): pass",
}


def test_a_file_that_does_not_import_breaks_only_itself(lab: Lab) -> None:
    arm = lab.arm(files=BROKEN_FILES)
    wanted = [f"{SUITE}/test_bad.py::test_bad", f"{SUITE}/test_good.py::test_good"]

    report = lab.run_arm(arm, wanted)

    assert report.status is ArmStatus.COMPLETED
    assert [result.node_id for result in report.results] == wanted
    assert list(outcomes(report).values()) == [TestOutcome.ERROR, TestOutcome.PASSED]
    assert "nowhere_to_be_found" in (report.results[0].message or "")


def test_a_collection_names_the_file_that_does_not_import(lab: Lab) -> None:
    collection = lab.collect(lab.arm(files=BROKEN_FILES))

    assert [test.node_id for test in collection.tests] == [f"{SUITE}/test_good.py::test_good"]
    (error,) = collection.errors
    assert error.startswith(f"{SUITE}/test_bad.py: ")
    assert "nowhere_to_be_found" in error


def test_a_package_that_does_not_import_is_an_error_of_its_tests(lab: Lab) -> None:
    report = lab.run_names(
        "import pack\ndef test_it(): pass", "test_it", package="raise RuntimeError('broken pack')"
    )

    assert report.status is ArmStatus.COMPLETED
    assert only(report).outcome is TestOutcome.ERROR
    assert "broken pack" in (only(report).message or "")


def test_a_conftest_that_does_not_import_is_an_error_of_every_test(lab: Lab) -> None:
    arm = lab.arm(
        files={
            f"{SUITE}/conftest.py": "raise RuntimeError('broken conftest')",
            FILE: "def test_it(): 0",
        }
    )

    report = lab.run_arm(arm, [f"{FILE}::test_it"])

    assert report.status is ArmStatus.COMPLETED, report
    assert only(report).outcome is TestOutcome.ERROR
    assert "broken conftest" in (only(report).traceback or "")
    assert "broken conftest" in " ".join(lab.collect(arm).errors)


@pytest.mark.parametrize("wanted", [[], [f"{FILE}::test_it"], [f"{SUITE}/test_gone.py::test_it"]])
def test_a_suite_without_tests_gives_no_results(lab: Lab, wanted: list[str]) -> None:
    report = lab.run_arm(lab.arm("x = 1"), wanted)

    assert report.status is ArmStatus.COMPLETED
    assert report.results == ()


def test_output_outside_tests_is_kept_and_binary_survives(lab: Lab) -> None:
    report = lab.run(
        """
        import os, sys
        def test_binary():
            os.write(1, b"a\\0\\xff")
            sys.stdout.write("\\ud800" if False else "b")
        """
    )

    assert only(report).outcome is TestOutcome.PASSED
    assert "\0" not in (only(report).stdout or "")
    assert (only(report).stdout or "").startswith("a\\x00")


def test_events_come_while_it_runs(lab: Lab) -> None:
    seen: list[ArmEvent] = []

    async def note(event: ArmEvent) -> None:
        seen.append(event)

    report = lab.run_arm(lab.arm(MIXED, "VALUE = 1"), on_event=note)

    tests = [event.data["node_id"] for event in seen if event.kind == "test"]
    assert tests == [result.node_id for result in report.results]
    logs = [event.data for event in seen if event.kind == "log" and event.data["node_id"]]
    assert logs == [{"node_id": f"{FILE}::test_fails", "text": "seen\n"}]


def test_a_reader_of_events_that_fails_does_not_harm_the_run(lab: Lab) -> None:
    async def fail(_event: ArmEvent) -> None:
        raise ConnectionError("the database is away")

    report = lab.run_arm(lab.arm(MIXED, "VALUE = 1"), on_event=fail)

    assert report.status is ArmStatus.COMPLETED
    assert len(report.results) == 9


def test_the_working_folder_is_a_private_scratch(lab: Lab) -> None:
    tests = """
        import os, pathlib, sys, tempfile
        def test_scratch(tmp_path):
            assert os.getcwd() == os.environ["HOME"] == tempfile.gettempdir()
            assert tmp_path.is_relative_to(os.getcwd())
            interpreter = pathlib.Path(sys.prefix).parts  # which may lie below /tmp, too
            found = {p.name for p in pathlib.Path.cwd().iterdir()}
            assert found.difference(interpreter) == {"pytest"}
            pathlib.Path("left-behind").write_text("x")
    """
    for _ in range(2):
        report = lab.run(tests)
        assert only(report).outcome is TestOutcome.PASSED, report


def test_the_arms_own_package_is_tested_whatever_else_is_installed(lab: Lab) -> None:
    """A package without ``__init__`` must not give way to an installed one of that name."""
    arm = lab.arm(
        files={
            "pack/part.py": "VALUE = 'arm'",
            FILE: """
            import pack.part
            def test_it():
                assert pack.part.VALUE == "arm"
            """,
        }
    )

    assert only(lab.run_arm(arm)).outcome is TestOutcome.PASSED


def test_a_package_that_was_taken_away_is_not_replaced_by_an_installed_one(lab: Lab) -> None:
    root = lab.folder / "taken"
    for path in ("pack/x.txt", FILE):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("import tabnanny\ndef test_it(): pass\n")
    arm = ArmStore(lab.folder / "arms").prepare(Target("j", root, ("pack",), (SUITE,)))
    rename_package(arm, "tabnanny")

    report = lab.run_arm(arm)

    assert only(report).outcome is TestOutcome.ERROR
    assert "the arm has no module 'tabnanny'" in str(report.results)


def test_a_package_that_is_loaded_already_is_not_tested(lab: Lab) -> None:
    """A stale copy in the zygote would be tested instead of the arm's."""
    arm = lab.arm("def test_it(): pass")
    rename_package(arm, "json")

    report = lab.run_arm(arm)

    assert report.status is ArmStatus.CRASHED
    assert "json has the name of a module that is loaded already" in (report.reason or "")


def rename_package(arm: PreparedArm, name: str) -> None:
    """Have the arm be for a package of a name that is certainly importable elsewhere."""
    manifest = arm.root / "arm.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"pack"', f'"{name}"'))


def test_torch_computes_and_differentiates_on_one_thread(caged: Lab) -> None:
    require_torch()
    report = caged.run(
        """
        import torch
        def test_it():
            x = torch.randn(512, 512, requires_grad=True)
            (x @ x).sum().backward()
            assert x.grad is not None
            assert torch.get_num_threads() == 1
        """
    )

    assert only(report).outcome is TestOutcome.PASSED, report


PROJECT = Path(__file__).parents[3]


@pytest.fixture
def kasmina() -> Target:
    if not (PROJECT / "kasmina/blend_ops.py").exists():
        pytest.skip("kasmina is not here")
    require_torch()
    return Target("kasmina", PROJECT)


def test_a_defect_of_kasmina_is_caught_by_its_test(lab: Lab, kasmina: Target) -> None:
    store = ArmStore(lab.folder / "arms")
    patch = (PROJECT / kasmina.suite / "defects/B2-DRL-10.patch").read_text()
    file = f"{kasmina.suite}/test_b2_drl_10.py"

    defective = lab.run_arm(store.prepare(kasmina, patch), [file])

    assert any(result.demonstrates_failure for result in defective.results), defective


def test_the_suite_passes_on_kasmina_as_it_is(caged: Lab, kasmina: Target) -> None:
    report = caged.run_arm(ArmStore(caged.folder / "arms").prepare(kasmina))

    assert report.status is ArmStatus.COMPLETED
    assert {result.outcome for result in report.results} == {TestOutcome.PASSED}, report


# --- odd suites -----------------------------------------------------------------------------------


def test_a_suite_that_deletes_its_own_file_cannot(caged: Lab) -> None:
    report = caged.run(
        """
        import os, pytest
        def test_it():
            with pytest.raises(OSError):
                os.unlink(__file__)
        """
    )

    assert only(report).outcome is TestOutcome.PASSED, report


def test_of_tests_with_one_name_the_first_is_run_and_the_other_is_named(lab: Lab) -> None:
    arm = lab.arm(
        files={
            "pack/__init__.py": "",
            f"{SUITE}/conftest.py": """
            def pytest_collection_modifyitems(items):
                items.append(items[0])
            """,
            FILE: "def test_it(): pass",
        }
    )

    assert only(lab.run_arm(arm, [f"{FILE}::test_it"])).outcome is TestOutcome.PASSED
    (warning,) = lab.collect(arm).warnings
    assert warning.startswith(f"{FILE}::test_it: another test of this name")


OTHER_KINDS = {
    "a fixture of the session with parameters orders tests across files": {
        f"{SUITE}/conftest.py": """
        import pytest
        @pytest.fixture(scope="session", params=["one", "two"])
        def each(request): return request.param
        """,
        f"{SUITE}/test_a.py": "def test_it(each): pass",
        f"{SUITE}/test_b.py": "def test_it(each): pass",
    },
    "a suite shuffles its tests": {
        f"{SUITE}/conftest.py": """
        def pytest_collection_modifyitems(items):
            items.sort(key=lambda item: item.name)
        """,
        f"{SUITE}/test_a.py": "def test_1(): pass\ndef test_3(): pass",
        f"{SUITE}/test_b.py": "def test_2(): pass\ndef test_4(): pass",
    },
    "a suite has tests that are no functions": {
        f"{SUITE}/conftest.py": """
        import pytest
        class Lines(pytest.File):
            def collect(self): yield Line.from_parent(self, name="first")
        class Line(pytest.Item):
            def runtest(self): assert self.path.read_text() == "passes"
        def pytest_collect_file(file_path, parent):
            if file_path.name == "lines.txt":
                return Lines.from_parent(parent, path=file_path)
        """,
        f"{SUITE}/lines.txt": "passes",
    },
    "a file holds tests and doctests": {
        f"{SUITE}/conftest.py": """
        from _pytest.doctest import DoctestModule
        def pytest_collect_file(file_path, parent):
            if file_path.name == "test_a.py":
                return DoctestModule.from_parent(parent, path=file_path)
        """,
        f"{SUITE}/test_a.py": """
        def add(a, b):
            '''
            >>> add(1, 2)
            3
            '''
            return a + b
        def test_it(): assert add(1, 1) == 2
        """,
    },
}


@pytest.mark.parametrize("files", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_every_file_has_one_hidden_test_whatever_the_order_and_kind_of_its_tests(
    lab: Lab, files: Mapping[str, str]
) -> None:
    report = lab.run_arm(lab.arm(files={"pack/__init__.py": "", **files}))

    assert report.status is ArmStatus.COMPLETED, report
    assert {result.outcome for result in report.results} == {TestOutcome.PASSED}, report


def test_why_a_doctest_failed_is_told(lab: Lab) -> None:
    suite = '''
    def wrong():
        """
        >>> 1 + 1
        3
        """
    def raises():
        """
        >>> import pack
        >>> pack.refuse()
        """
    def unknown():
        """
        >>> no_such_name
        """
    '''
    doctests = OTHER_KINDS["a file holds tests and doctests"]
    package = {"pack/__init__.py": "def refuse(): raise ValueError('no')"}
    arm = lab.arm(files={**doctests, **package, f"{SUITE}/test_a.py": suite})

    report = lab.run_arm(arm)

    assert {result.node_id.rpartition(".")[2]: result.cause for result in report.results} == {
        "wrong": Cause.ASSERTION,
        "raises": Cause.PACKAGE,
        "unknown": Cause.TEST,
    }


def test_a_session_that_ends_between_tests_of_one_file_is_not_tampered_with(lab: Lab) -> None:
    files = OTHER_KINDS["a suite shuffles its tests"]
    ends = {f"{SUITE}/test_b.py": "import pytest\ndef test_2(): pytest.exit('enough')"}

    report = lab.run_arm(lab.arm(files={"pack/__init__.py": "", **files, **ends}))

    assert report.status is ArmStatus.COMPLETED, report
    assert outcomes(report)["test_1"] is TestOutcome.PASSED
    assert outcomes(report)["test_3"] is TestOutcome.ERROR


def test_subtests_belong_to_their_test(lab: Lab) -> None:
    report = lab.run(
        """
        def test_it(subtests):
            for number in range(3):
                with subtests.test(number=number):
                    assert number != 1
        """
    )

    assert report.status is ArmStatus.COMPLETED, report
    assert only(report).outcome is TestOutcome.FAILED


def test_unittest_classes_work(lab: Lab) -> None:
    report = lab.run(
        """
        import unittest
        class TestOld(unittest.TestCase):
            def test_good(self): self.assertTrue(True)
            def test_bad(self): self.fail("no")
        """
    )

    assert outcomes(report) == {"test_good": TestOutcome.PASSED, "test_bad": TestOutcome.FAILED}


def test_fixtures_of_a_module_are_set_up_once(lab: Lab) -> None:
    """The hidden test stands behind the others of its file, so it disturbs no scope."""
    report = lab.run(
        """
        import pytest
        made = []
        @pytest.fixture(scope="module", autouse=True)
        def once():
            made.append(1)
        class TestA:
            def test_one(self): pass
            def test_two(self): assert made == [1]
        def test_three(): assert made == [1]
        """
    )

    assert set(outcomes(report).values()) == {TestOutcome.PASSED}, report


def test_a_file_is_parsed_once_for_all_its_failures(lab: Lab) -> None:
    """pytest parses the whole file for each failure, and of a long one that takes long."""
    report = lab.run(
        """
        import ast
        import pytest

        whole_files = []
        plain = ast.parse

        def counted(text, *arguments, **named):
            if "def test_how_often" in text:
                whole_files.append(text)
            return plain(text, *arguments, **named)

        ast.parse = counted

        @pytest.mark.parametrize("number", range(3))
        def test_fails(number):
            assert number > 5

        def test_how_often():
            assert len(whole_files) == 1
        """
    )
    assert outcomes(report) == {
        **{f"test_fails[{number}]": TestOutcome.FAILED for number in range(3)},
        "test_how_often": TestOutcome.PASSED,
    }
    assert ">       assert number > 5" in (report.results[2].traceback or "")
