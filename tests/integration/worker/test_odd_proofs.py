"""Proofs by tests that are slightly wrong, or that lie: nothing is proven that was not shown."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.bench import Bench, results

pytestmark = pytest.mark.anyio


@dataclasses.dataclass(frozen=True)
class Case:
    """A test file and what a proof of it against a planted defect must say.

    The defect: ``scale`` drops its factor.
    """

    name: str
    source: str
    outcome: str = "inconclusive"
    says: tuple[str, ...] = ()
    """In the reason of the run."""
    defective: str | None = None
    """What the defect makes of the module instead."""

    def __str__(self) -> str:
        return self.name


SCALE = "import pytest\nfrom kasmina.scaling import scale\n"
RENAMED = "def scale(value, by):\n    return value * by\n"
RAISES = "def scale(value, factor):\n    raise ValueError(value)\n"
CASES = (
    Case("a plain test", SCALE + "def test_it():\n    assert scale(2, 3) == 6\n", "proven"),
    # --- what was skipped or expected to fail on one arm ---
    Case(
        "the only subtest is skipped on the sound package",
        SCALE
        + """
def test_it(subtests):
    with subtests.test("factor"):
        if scale(2, 3) == 6:
            pytest.skip("cannot be looked at on the sound package")
        assert False
""",
        says=("skips a subtest", "factor"),
    ),
    Case(
        "a subTest of unittest is skipped on the sound package",
        SCALE
        + """
import unittest

class Factor(unittest.TestCase):
    def test_it(self):
        with self.subTest("factor"):
            if scale(2, 3) == 6:
                self.skipTest("cannot be looked at on the sound package")
            self.fail()
""",
        says=("skips a subtest", "factor"),
    ),
    Case(
        "one of two subtests without a name is skipped on the sound package only",
        SCALE
        + """
def test_it(subtests):
    for way in ("looked at", "elsewhere"):
        with subtests.test():
            if way == "elsewhere" or scale(2, 3) == 6:
                pytest.skip("cannot be looked at")
            assert False
""",
        says=("skips a subtest",),
    ),
    Case(
        "the subtest that is skipped has the name of one that ran on the other arm",
        SCALE
        + """
import unittest

class Factor(unittest.TestCase):
    def test_it(self):
        for way in ("looked at", "elsewhere"):
            with self.subTest("factor"):
                if (way == "elsewhere") is (scale(2, 3) == 6):
                    self.skipTest("cannot be looked at")
                self.assertEqual(scale(2, 3), 6)
""",
        says=("skips a subtest",),
    ),
    Case(
        "subtests of one name are skipped alike on both arms",
        SCALE
        + """
import unittest

class Factor(unittest.TestCase):
    def test_it(self):
        for factor in (3, 4, 5):
            with self.subTest("factor"):
                if factor == 4:
                    self.skipTest("not on this machine")
                self.assertEqual(scale(2, factor), 2 * factor)
""",
        "proven",
        says=("factor (2)",),
    ),
    Case(
        "a subtest is skipped alike on both arms",
        SCALE
        + """
def test_it(subtests):
    with subtests.test("elsewhere"):
        pytest.skip("not on this machine")
    with subtests.test("factor"):
        assert scale(2, 3) == 6
""",
        "proven",
        says=("Skipped subtests show nothing", "elsewhere"),
    ),
    Case(
        "a subtest is expected to fail on the sound package",
        SCALE
        + """
def test_it(subtests):
    with subtests.test("factor"):
        if scale(2, 3) == 6:
            pytest.xfail("known")
        assert False
""",
        says=("was xfailed",),
    ),
    Case(
        "the test skips itself on the sound package",
        SCALE
        + """
def test_it():
    if scale(2, 3) == 6:
        pytest.skip("cannot be looked at")
    assert False
""",
        says=("was skipped",),
    ),
    Case(
        "a mark expects the failure where the package is sound",
        SCALE
        + """
@pytest.mark.xfail(scale(2, 3) == 6, reason="known")
def test_it():
    assert False
""",
        says=("was xfailed",),
    ),
    Case(
        "a fixture expects the failure where the package is sound",
        SCALE
        + """
@pytest.fixture(autouse=True)
def known(request):
    if scale(2, 3) == 6:
        request.applymarker(pytest.mark.xfail)

def test_it():
    assert False
""",
        says=("was xfailed",),
    ),
    # --- tear-down ---
    Case(
        "the tear-down of a module fails on the sound package",
        SCALE
        + """
entries = []

@pytest.fixture(scope="module")
def ledger():
    yield entries
    assert not entries, "every entry must be settled"

def test_it(ledger):
    ledger.append("asked")
    assert scale(2, 3) == 6
""",
        says=("teardown", "every entry must be settled"),
    ),
    Case(
        "the tear-down of a session fails on the sound package",
        SCALE
        + """
@pytest.fixture(scope="session", autouse=True)
def ledger():
    yield
    assert scale(2, 3) != 6, "every entry must be settled"

def test_it():
    assert scale(2, 3) == 6
""",
        says=("teardown", "every entry must be settled"),
    ),
    # --- neighbours ---
    Case(
        "one test needs what another left in torch",
        SCALE
        + """
import torch

def test_a():
    assert scale(2, 3) == 6
    torch.set_default_dtype(torch.float64)

def test_b():
    assert torch.zeros(1).dtype == torch.float64
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs what another left in the module",
        SCALE
        + """
seen = []

def test_a():
    seen.append(scale(2, 3))
    assert scale(2, 3) == 6

def test_b():
    assert seen == [6]
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test is spoilt by what another left",
        SCALE
        + """
import os

def test_a():
    assert scale(2, 3) == 6
    os.environ["LEFT"] = "1"

def test_b():
    assert "LEFT" not in os.environ
    assert scale(2, 4) == 8
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs a file that another left in /tmp",
        SCALE
        + """
import pathlib

def test_a():
    pathlib.Path("/tmp/left").touch()
    assert scale(2, 3) == 6

def test_b():
    assert pathlib.Path("/tmp/left").exists()
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs shared memory that another left",
        SCALE
        + """
import pathlib

def test_a():
    pathlib.Path("/dev/shm/left").write_text("x")
    assert scale(2, 3) == 6

def test_b():
    assert pathlib.Path("/dev/shm/left").exists()
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs a process that another left",
        SCALE
        + """
import os, subprocess

def test_a():
    subprocess.Popen(["sleep", "60"])
    assert scale(2, 3) == 6

def test_b():
    names = [name for name in os.listdir("/proc") if name.isdigit()]
    assert any(open(f"/proc/{name}/comm").read() == "sleep\\n" for name in names)
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs what another left in shared memory of the module",
        SCALE
        + """
import multiprocessing

seen = multiprocessing.Value("i", 0)

def test_a():
    seen.value = 6
    assert scale(2, 3) == 6

def test_b():
    assert seen.value == 6
    assert scale(2, 4) == 8
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "one test needs what another left in a pipe of the module",
        SCALE
        + """
import os
import select

reading, writing = os.pipe()

def test_a():
    os.write(writing, b"x")
    assert scale(2, 3) == 6

def test_b():
    assert select.select([reading], [], [], 0)[0]
    assert scale(2, 4) == 8
""",
        says=("test_b depends on", "test_a"),
    ),
    Case(
        "tests that share memory honestly",
        SCALE
        + """
import torch

TABLE = torch.tensor([6.0, 8.0]).share_memory_()

def test_a():
    assert scale(2, 3) == TABLE[0]

def test_b():
    assert scale(2, 4) == TABLE[1]
""",
        "proven",
    ),
    Case(
        "tests that share a fixture honestly",
        SCALE
        + """
@pytest.fixture(scope="module")
def table():
    return {3: 6, 4: 8}

def test_a(table):
    assert scale(2, 3) == table[3]

def test_b(table):
    assert scale(2, 4) == table[4]
""",
        "proven",
    ),
    # --- chance ---
    Case(
        "tests that hang on the hash seed",
        SCALE
        + """
@pytest.mark.parametrize("bit", range(16))
def test_it(bit):
    assert scale(2, 3) == 6
    assert hash(f"word {bit}") % 2
""",
        says=("flips",),
    ),
    Case(
        "a coin of random, tossed at module level",
        SCALE
        + """
import random

COINS = [random.random() < 0.5 for _ in range(16)]

@pytest.mark.parametrize("n", range(16))
def test_it(n):
    assert scale(2, 3) == 6
    assert COINS[n]
""",
        says=("flips",),
    ),
    Case(
        "a coin of torch, tossed at module level",
        SCALE
        + """
import torch

COINS = torch.rand(16) < 0.5

@pytest.mark.parametrize("n", range(16))
def test_it(n):
    assert scale(2, 3) == 6
    assert COINS[n]
""",
        says=("flips",),
    ),
    Case(
        "a coin of random, tossed in the test",
        SCALE
        + """
import random

@pytest.mark.parametrize("n", range(16))
def test_it(n):
    assert scale(2, 3) == 6
    assert random.random() < 0.5
""",
        says=("test_it[",),
    ),
    Case(
        "a coin of torch, tossed in the test",
        SCALE
        + """
import torch

@pytest.mark.parametrize("n", range(16))
def test_it(n):
    assert scale(2, 3) == 6
    assert torch.rand(1) < 0.5
""",
        says=("test_it[",),
    ),
    Case(
        "a coin of the system",
        SCALE
        + """
import os

@pytest.mark.parametrize("n", range(16))
def test_it(n):
    assert scale(2, 3) == 6
    assert os.urandom(1)[0] % 2
""",
        says=("test_it[",),
    ),
    Case(
        "random is seeded at module level",
        SCALE
        + """
import random

random.seed(0)

def test_it():
    assert scale(2, 3) == 6
    assert random.random() == 0.8444218515250481
""",
        "proven",
    ),
    Case(
        "torch is seeded at module level",
        SCALE
        + """
import torch

torch.manual_seed(0)

def test_it():
    assert scale(2, 3) == 6
    assert torch.rand(1).item() == pytest.approx(0.4962565899)
""",
        "proven",
    ),
    Case(
        "a generator of its own is seeded at module level",
        SCALE
        + """
import random
import torch

GENERATOR = torch.Generator().manual_seed(0)
DRAWN = random.Random(0).random()

def test_it():
    assert scale(2, 3) == 6
    assert torch.rand(1, generator=GENERATOR).item() == pytest.approx(0.4962565899)
    assert DRAWN == 0.8444218515250481
""",
        "proven",
    ),
    Case(
        "seeds of the test itself",
        SCALE
        + """
import random
import torch

def test_it():
    random.seed(0)
    torch.manual_seed(0)
    assert scale(2, 3) == 6
    assert random.random() == 0.8444218515250481
    assert torch.rand(1).item() == pytest.approx(0.4962565899)
""",
        "proven",
    ),
    # --- what failed ---
    Case(
        "the package raises",
        SCALE + "def test_it():\n    assert scale(2, 3) == 6\n",
        "proven",
        says=("no assertion failed", "package"),
        defective=RAISES,
    ),
    Case(
        "the package raises in a fixture",
        SCALE
        + """
@pytest.fixture
def six():
    return scale(2, 3)

def test_it(six):
    assert six == 6
""",
        "proven",
        says=("no assertion failed", "package"),
        defective=RAISES,
    ),
    Case(
        "a call that the defective package does not take",
        SCALE + "def test_it():\n    assert scale(2, factor=3) == 6\n",
        "proven",
        says=("no assertion failed", "interface"),
        defective=RENAMED,
    ),
    Case(
        "an import that the defective package does not offer",
        "def test_it():\n    from kasmina.scaling import scale\n    assert scale(2, 3) == 6\n",
        "proven",
        says=("no assertion failed",),
        defective="def scaled(value, factor):\n    return value * factor\n",
    ),
    Case(
        "all names by a star import",
        "from kasmina.scaling import *\n\ndef test_it():\n    assert scale(2, 3) == 6\n",
        "proven",
        says=("no assertion failed",),
        defective="def scaled(value, factor):\n    return value * factor\n",
    ),
    Case(
        "a library is missed only where the package is defective",
        SCALE
        + """
def test_it():
    if scale(2, 3) != 6:
        import no_such_library
""",
        says=("environment", "no_such_library"),
    ),
    Case(
        "an unknown name only where the package is defective",
        SCALE
        + """
def test_it():
    if scale(2, 3) != 6:
        unknown
""",
        says=("broken itself", "unknown"),
    ),
    Case(
        "the session is ended where the package is defective",
        SCALE
        + """
def test_it():
    if scale(2, 3) != 6:
        pytest.exit("enough")
""",
        says=("enough",),
    ),
    Case(
        "the same failure on both arms",
        SCALE + "def test_it():\n    assert scale(2, 3) == 7\n",
        "not-fixed",
        says=("In the same way on every arm",),
    ),
    Case(
        "another failure on each arm",
        SCALE
        + """
def test_it():
    assert scale(2, 3) == 6
    assert scale(2, 3) == 7
""",
        "not-fixed",
        says=("Still failing",),
    ),
    Case(
        "a test that cannot fail",
        SCALE + "def test_it():\n    assert scale(2, 1) == 2\n",
        "cannot-fail",
    ),
    # --- honest company ---
    Case(
        "tests that start processes and leave files",
        SCALE
        + """
import pathlib, subprocess, tempfile

@pytest.mark.parametrize("n", range(3))
def test_it(n):
    left = pathlib.Path(tempfile.mkdtemp()) / "left"
    left.write_text("x")
    subprocess.Popen(["sleep", "60"])
    assert scale(2, n + 2) == 2 * (n + 2)
""",
        "proven",
    ),
    Case(
        "threads at import",
        SCALE
        + """
import threading

threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()

def test_a():
    assert scale(2, 3) == 6

def test_b():
    assert scale(3, 2) == 6
""",
        "proven",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_proof_says_what_the_test_shows(bench: Bench, case: Case) -> None:
    defect = () if case.defective is None else (case.defective,)

    run = await bench.prove(case.source, *defect)

    assert run["outcome"] == case.outcome, run["reason"]
    for words in case.says:
        assert words in run["reason"], run["reason"]


async def test_both_arms_of_a_tear_down_tell_phase_and_cause(bench: Bench) -> None:
    source = (
        SCALE
        + """
@pytest.fixture(scope="module")
def ledger():
    yield
    assert False, "must be settled"

def test_it(ledger):
    assert scale(2, 3) == 6
"""
    )
    run = await bench.prove(source)

    assert run["outcome"] == "inconclusive"
    for result in results(run, "after", ".py::test_it"):
        assert (result["outcome"], result["phase"], result["cause"]) == (
            "error",
            "teardown",
            "assertion",
        )
    assert {result["outcome"] for result in results(run, "before", ".py::test_it")} == {"failed"}


LOADED = "import builtins\nbuiltins.left_by_a_file = True\n\n"
LOOKS = """
import builtins

def test_it():
    assert getattr(builtins, "left_by_a_file", False) is WANTED
    assert scale(2, 3) == 6
"""


async def test_what_another_file_does_when_it_is_loaded_proves_nothing(bench: Bench) -> None:
    key, _ = await bench.submit(LOADED + SCALE + "def test_a():\n    assert scale(2, 3) == 6\n")
    await bench.add(key, SCALE + LOOKS.replace("WANTED", "True"), "test_looks.py")
    await bench.plant(key)

    run = await bench.run(key, "proof")

    assert run["outcome"] == "inconclusive"
    assert "hangs on other files on arm after" in run["reason"]
    modes = {result["mode"] for result in results(run, "after", "test_looks.py::test_it")}
    assert modes == {"alone", "together", "apart"}


async def test_what_another_file_does_when_it_is_loaded_shows_no_defect(bench: Bench) -> None:
    key, _ = await bench.submit(LOADED + SCALE + "def test_a():\n    assert scale(2, 3) == 6\n")
    await bench.add(key, SCALE + LOOKS.replace("WANTED", "False"), "test_looks.py")

    run = await bench.run(key, "check")

    assert run["outcome"] == "inconclusive"
    assert "hangs on other files on arm bundled" in run["reason"]
    assert await bench.state(key) == "unverified"


async def test_honest_tests_of_two_files_prove_together(bench: Bench) -> None:
    plain = SCALE + "def test_it():\n    assert scale(2, 3) == 6\n"
    key, _ = await bench.submit(plain)
    await bench.add(key, plain, "test_more.py")
    await bench.plant(key)

    run = await bench.run(key, "proof")

    assert run["outcome"] == "proven", run["reason"]
