"""What odd tests are told when they come in, what is kept of them, and what they do to others."""

from __future__ import annotations

import pytest

from tests.support.bench import STEADY, Bench, results

pytestmark = pytest.mark.anyio

OUTSIDERS = {
    "xfail of a module": """
import pytest
pytestmark = pytest.mark.xfail(reason="waits for a release")

def test_later():
    assert False

def test_there():
    assert True
""",
    "xfail in an autouse fixture": """
import pytest

@pytest.fixture(autouse=True)
def _not_yet():
    pytest.xfail("known on this machine")

def test_later():
    assert False
""",
    "setup_module that skips": """
import pytest

def setup_module():
    pytest.skip("needs another machine")

def test_later():
    assert False
""",
    "skips itself whole": """
import pytest
library = pytest.importorskip("no_such_library")

def test_later():
    assert False
""",
    "tear-down that fails": """
import unittest

def tearDownModule():
    raise AssertionError("must be settled")

def setUpModule():
    unittest.addModuleCleanup(print, "settled")

class Entries(unittest.TestCase):
    def test_entry(self):
        self.assertTrue(True)
""",
    "counts the session's tests": """
def test_count(request):
    assert all(item.name.startswith("test_") for item in request.session.items)
    assert len(request.session.items) == len({item.nodeid for item in request.session.items})
""",
    "does not import": "import no_such_library\n\ndef test_later():\n    assert True\n",
    "one name twice": """
import pytest

@pytest.mark.parametrize("n", [1, 2], ids=["same", "same"])
def test_twice(n):
    assert n

def test_again():
    assert True

def test_again():
    assert True
""",
    "a doctest of no module": "def test_nothing():\n    return 3\n",
    "leaves things": """
import os, subprocess

def test_leaves():
    open("/tmp/left", "w").close()
    os.environ["LEFT"] = "1"
    subprocess.Popen(["sleep", "60"])
""",
}
"""Files of the suite that are odd, and none of another ticket's business."""


@pytest.mark.parametrize("name", OUTSIDERS)
async def test_an_odd_file_of_the_suite_harms_no_other_tickets_proof(
    bench: Bench, name: str
) -> None:
    await bench.lay({"test_aa_odd.py": OUTSIDERS[name]})
    key = await bench.link("test_scale.py")
    await bench.plant(key)

    run = await bench.run(key, "proof")

    assert run["outcome"] == "proven", run["reason"]
    assert await bench.state(key) == "proven"
    passed = {r["node_id"] for r in results(run, "after") if r["outcome"] == "passed"}
    assert len(passed) == run["compared"] + 1


async def test_results_of_others_stand_in_one_order_whatever_was_known(bench: Bench) -> None:
    await bench.lay({"test_aa.py": STEADY})
    first = await bench.link("test_aa.py")
    await bench.plant(first)
    await bench.run(first, "proof")
    key = await bench.link("test_scale.py")
    await bench.plant(key)

    seen = [
        [r["node_id"] for r in results(await bench.run(key, "proof", force=True), "after")]
        for _ in range(2)
    ]

    assert seen[0] == seen[1]
    others = [node_id for node_id in seen[0] if "test_scale.py" not in node_id]
    assert [name.rpartition("/")[2] for name in others] == [
        "test_aa.py::test_scale_uses_its_factor",
        "test_plain.py::test_first",
        "test_plain.py::test_second",
    ]


@pytest.mark.parametrize("end", ['pytest.exit("enough")', "raise KeyboardInterrupt"])
async def test_what_never_ran_for_the_end_of_a_session_is_named(bench: Bench, end: str) -> None:
    source = f"import pytest\n\n\ndef test_ends():\n    {end}\n"
    await bench.lay({"test_aa_ends.py": source})
    key = await bench.link("test_scale.py")
    await bench.plant(key)

    run = await bench.run(key, "proof")

    assert run["outcome"] == "proven", run["reason"]
    assert f"none of the {run['compared']} other tests that passed broke" in run["reason"]
    passed = {r["node_id"] for r in results(run, "after") if r["outcome"] == "passed"}
    others = passed - {r["node_id"] for r in results(run, "after", "test_scale.py")}
    for node_id in others:
        assert "test_ends" not in node_id
    # Each of the rest ran or is named.
    for name in ("test_first", "test_second", "test_ends"):
        assert name in run["reason"] or any(node_id.endswith(name) for node_id in passed), name


async def test_tests_of_one_name_are_told_apart_or_left_out_with_a_warning(bench: Bench) -> None:
    key, answer = await bench.submit(
        "import pytest\n\n\n"
        'class TestOne:\n    @pytest.mark.parametrize("n", [1, 2], ids=["same", "same"])\n'
        "    def test_twice(self, n):\n        assert n\n"
    )

    run = await bench.run(key, "check")

    assert run["outcome"] == "passed", run["reason"]
    names = {result["node_id"].rpartition("::")[2] for result in results(run)}
    assert len(names) == len(answer["items"])
    assert len(names) == 2 or answer["warnings"]


async def test_two_files_of_one_name_stand_apart(bench: Bench) -> None:
    key, _ = await bench.submit(STEADY, "test_scale.py")
    body = {"node_id": "tests/verification/test_scale.py"}
    await bench.api.call("POST", f"/tickets/{key}/tests", json=body, expect=201)
    await bench.plant(key)

    run = await bench.run(key, "proof")

    assert run["outcome"] == "proven", run["reason"]
    files = {result["node_id"].partition("::")[0] for result in results(run, "before", "factor")}
    assert len(files) == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import pytest\nlibrary = pytest.importorskip('no_such_library')\n"
            "def test_it():\n    assert library\n",
            "could not import 'no_such_library'",
        ),
        (
            "import pytest\npytest.skip('needs another machine', allow_module_level=True)\n"
            "def test_it():\n    assert True\n",
            "needs another machine",
        ),
        (
            "import unittest\nraise unittest.SkipTest('needs another machine')\n"
            "def test_it():\n    assert True\n",
            "needs another machine",
        ),
        ("def test_it():\n    yield\n", "yield"),
    ],
)
async def test_a_refusal_tells_why_no_test_was_found(
    bench: Bench, source: str, reason: str
) -> None:
    _, answer = await bench.submit(source, status=422)
    assert reason in answer["detail"]

    # A sync tells it of a file of the suite.
    report = await bench.lay({"test_of_another_machine.py": source})
    async with bench.api.factory.unit.read() as stores:
        state = await stores.catalogue.target("kasmina")
    assert any(reason in told for told in (*report, *(state.errors if state else ())))


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "raise KeyboardInterrupt"])
async def test_a_file_that_ends_its_process_keeps_nobody_from_handing_in_tests(
    bench: Bench, end: str
) -> None:
    await bench.lay({"test_ends.py": f"import os\nimport sys\n\n{end}\n"})

    run = await bench.prove(STEADY)

    assert run["outcome"] == "proven", run["reason"]


async def test_who_looked_before_a_sync_takes_nothing_of_it_away(bench: Bench) -> None:
    await bench.lay({"test_later.py": STEADY})
    catalogue = bench.api.factory.catalogues.of("kasmina")

    await catalogue._mark_changed(await catalogue.snapshot())

    async with bench.api.factory.unit.read() as stores:
        state = await stores.catalogue.target("kasmina")
    assert state is not None
    assert state.suite_digest == (await catalogue.snapshot()).suite_digest


async def test_odd_marks_are_told_by_a_sync_and_in_the_catalogue(bench: Bench) -> None:
    known = (await bench.api.file())["key"]
    source = f"""
import pytest


@pytest.mark.finding(["B90-DRL-1", "B90-DRL-2"])
def test_list():
    assert True


@pytest.mark.finding("{known}", "NOSUCH-1")
def test_unknown():
    assert True


@pytest.mark.finding("{known}", purpose="guard")
def test_purpose():
    assert True


@pytest.mark.finding("{known}", purposes="guards")
def test_argument():
    assert True


@pytest.mark.finding
def test_bare():
    assert True


@pytest.mark.finding("{known}", purpose="guards")
def test_right():
    assert True
"""
    warnings = await bench.lay({"test_marks.py": source})
    catalogue = (await bench.api.get("/tests"))["items"]
    of_test = {test["node_id"].rpartition("::")[2]: test["warnings"] for test in catalogue}

    for name, words in {
        "test_list": "['B90-DRL-1', 'B90-DRL-2']",
        "test_purpose": "purpose is 'guard'",
        "test_argument": "'purposes'",
        "test_bare": "names no ticket",
    }.items():
        assert any(name in told and words in told for told in warnings), name
        assert any(words in told for told in of_test[name]), name
    (unknown,) = [told for told in warnings if "there is no ticket" in told]
    assert "NOSUCH-1" in unknown and known not in unknown
    assert of_test["test_right"] == of_test["test_first"] == []


async def test_a_submitted_file_is_told_what_is_odd_about_it(bench: Bench) -> None:
    _, answer = await bench.submit(
        'import pytest\n\n\n@pytest.mark.finding(purpose="guard")\n'
        "def test_it():\n    assert True\n"
    )

    assert any("purpose is 'guard'" in told for told in answer["warnings"])


async def test_one_parameter_names_no_other(bench: Bench) -> None:
    source = """
import pytest


@pytest.mark.parametrize("p", ["[", "]", "a/b", "a::b", "50%", "größe", "", "..", "\\x1b[31m"])
def test_odd(p):
    assert p is not None


@pytest.mark.parametrize("p", [pytest.param(1, id="a"), pytest.param(2, id="a][b")])
def test_bracket(p):
    assert p == 1


class TestÜber:
    def test_größe(self):
        assert True
"""
    await bench.lay({"test_ids.py": source})

    key = await bench.link("test_ids.py::test_bracket[a]")
    run = await bench.run(key, "check")
    assert run["outcome"] == "passed", run["reason"]
    (result,) = results(run)
    assert result["node_id"].endswith("::test_bracket[a]")

    odd = await bench.link("test_ids.py::test_odd", "test_ids.py::TestÜber")
    found = await bench.run(odd, "check")
    assert found["outcome"] == "passed", found["reason"]
    assert len({result["node_id"] for result in results(found)}) == 10


async def test_logs_warnings_output_and_properties_are_kept(bench: Bench) -> None:
    key, _ = await bench.submit(
        """
import logging
import warnings


def test_tells(record_property, subtests):
    print("on standard output")
    logging.getLogger("probe").warning("the valve stuck at 0.7")
    warnings.warn("the amplitude overflowed", RuntimeWarning)
    record_property("requirement", "REQ-7")
    with subtests.test("part"):
        print("within a subtest")
    assert True


def test_returns():
    return 3
"""
    )

    run = await bench.run(key, "check")
    junit = (await bench.api.call("GET", f"/runs/{run['id']}/junit.xml", expect=200)).text

    told = results(run, test="test_tells")[0]
    assert "on standard output" in told["stdout"] and "within a subtest" in told["stdout"]
    assert "the valve stuck at 0.7" in told["log"]
    assert any("the amplitude overflowed" in warning for warning in told["warnings"])
    assert ["requirement", "REQ-7"] in told["properties"]
    for words in ("REQ-7", "the valve stuck at 0.7", "the amplitude overflowed"):
        assert words in junit
    assert any("test_returns" in hint and "return" in hint for hint in run["hints"]), run["hints"]
