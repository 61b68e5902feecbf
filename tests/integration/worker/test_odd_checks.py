"""Checks of tests that are slightly wrong, or odd: each shows what it shows, and no more."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.bench import Bench, results

pytestmark = pytest.mark.anyio


@dataclasses.dataclass(frozen=True)
class Case:
    """A test file and what a check of it on the sound package must say."""

    name: str
    source: str
    outcome: str = "inconclusive"
    says: tuple[str, ...] = ()
    """In the reason of the run."""

    def __str__(self) -> str:
        return self.name


SCALE = "from kasmina.scaling import scale\n"
CASES = (
    # --- skipped and expected failures ---
    Case(
        "xfail of a module",
        """
import pytest
pytestmark = pytest.mark.xfail(reason="waits for a release")

def test_later():
    assert False
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "xfail of a module whose test passes",
        """
import pytest
pytestmark = pytest.mark.xfail(reason="waits for a release")

def test_there():
    assert True
""",
        says=("was xpassed", "shows nothing"),
    ),
    Case(
        "xfail of a class",
        """
import pytest

@pytest.mark.xfail
class TestLater:
    def test_later(self):
        assert False
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "xfail in an autouse fixture",
        """
import pytest

@pytest.fixture(autouse=True)
def _not_yet():
    pytest.xfail("known on this machine")

def test_later():
    assert False
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "xfail behind the assertions",
        """
import pytest

def test_later():
    assert True
    pytest.xfail("the rest is known")
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "skip of a class",
        """
import pytest

@pytest.mark.skipif(True, reason="not on this machine")
class TestLater:
    def test_later(self):
        assert False
""",
        says=("was skipped", "shows nothing"),
    ),
    Case(
        "skip of a module",
        """
import pytest
pytestmark = pytest.mark.skipif(True, reason="not on this machine")

def test_later():
    assert False
""",
        says=("was skipped", "shows nothing"),
    ),
    Case(
        "skip in an autouse fixture",
        """
import pytest

@pytest.fixture(autouse=True, scope="module")
def _not_here():
    pytest.skip("needs another machine")

def test_later():
    assert False
""",
        says=("was skipped", "shows nothing"),
    ),
    Case(
        "setup_module that skips",
        """
import pytest

def setup_module():
    pytest.skip("needs another machine")

def test_later():
    assert False
""",
        says=("was skipped", "shows nothing"),
    ),
    Case(
        "setUpClass that skips",
        """
import unittest

class Later(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("needs another machine")

    def test_later(self):
        self.fail()
""",
        says=("was skipped", "shows nothing"),
    ),
    Case(
        "unittest.expectedFailure",
        """
import unittest

class Later(unittest.TestCase):
    @unittest.expectedFailure
    def test_later(self):
        self.fail()
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "strict xfail that passes",
        """
import pytest

@pytest.mark.xfail(strict=True)
def test_there():
    assert True
""",
        says=("was xpassed", "shows nothing"),
    ),
    # --- subtests ---
    Case(
        "a subtest that fails",
        """
def test_parts(subtests):
    with subtests.test("one"):
        assert False
    with subtests.test("two"):
        assert True
""",
        outcome="failed",
    ),
    Case(
        "a subtest that is expected to fail",
        """
import pytest

def test_parts(subtests):
    with subtests.test("one"):
        pytest.xfail("known")
""",
        says=("was xfailed", "shows nothing"),
    ),
    Case(
        "a subtest that is skipped beside one that passes",
        """
import pytest

def test_parts(subtests):
    with subtests.test("one"):
        pytest.skip("not here")
    with subtests.test("two"):
        assert True
""",
        outcome="passed",
        says=("Skipped subtests show nothing", "one"),
    ),
    Case(
        "a subTest of unittest that fails",
        """
import unittest

class Parts(unittest.TestCase):
    def test_parts(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
""",
        outcome="failed",
    ),
    Case(
        "a subTest of unittest that is skipped",
        """
import unittest

class Parts(unittest.TestCase):
    def test_parts(self):
        with self.subTest(n=1):
            self.skipTest("not here")
        with self.subTest(n=2):
            self.assertTrue(True)
""",
        outcome="passed",
        says=("Skipped subtests show nothing", "n=1"),
    ),
    # --- tear-down ---
    Case(
        "tear-down of a function's fixture",
        """
import pytest

@pytest.fixture
def ledger():
    yield
    assert False, "must be settled"

def test_entry(ledger):
    assert True
""",
        says=("teardown", "must be settled"),
    ),
    Case(
        "tear-down of a class's fixture",
        """
import pytest

@pytest.fixture(scope="class")
def ledger():
    yield
    assert False, "must be settled"

class TestEntries:
    def test_entry(self, ledger):
        assert True
""",
        says=("teardown", "must be settled"),
    ),
    Case(
        "tear-down of a module's fixture",
        """
import pytest

@pytest.fixture(scope="module")
def ledger():
    yield
    assert False, "must be settled"

def test_entry(ledger):
    assert True
""",
        says=("teardown", "must be settled"),
    ),
    Case(
        "tear-down of a session's fixture",
        """
import pytest

@pytest.fixture(scope="session")
def ledger():
    yield
    assert False, "must be settled"

def test_entry(ledger):
    assert True
""",
        says=("teardown", "must be settled"),
    ),
    Case(
        "tearDownModule",
        """
import unittest

def tearDownModule():
    raise AssertionError("must be settled")

class Entries(unittest.TestCase):
    def test_entry(self):
        self.assertTrue(True)
""",
        says=("teardown", "must be settled"),
    ),
    Case(
        "addClassCleanup",
        """
import unittest

class Entries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.settle)

    @classmethod
    def settle(cls):
        raise AssertionError("must be settled")

    def test_entry(self):
        self.assertTrue(True)
""",
        says=("must be settled",),
    ),
    Case(
        "addModuleCleanup",
        """
import unittest

def settle():
    raise AssertionError("must be settled")

def setUpModule():
    unittest.addModuleCleanup(settle)

class Entries(unittest.TestCase):
    def test_entry(self):
        self.assertTrue(True)
""",
        says=("must be settled",),
    ),
    # pytest calls all of a TestCase's method as one phase, set-up and clean-up included.
    Case(
        "addCleanup",
        """
import unittest

class Entries(unittest.TestCase):
    def test_entry(self):
        self.addCleanup(self.fail, "must be settled")
""",
        outcome="failed",
    ),
    Case(
        "a tear-down that holds",
        """
import unittest

def tearDownModule():
    assert True

def setUpModule():
    unittest.addModuleCleanup(print, "settled")

class Entries(unittest.TestCase):
    def test_entry(self):
        self.assertTrue(True)
""",
        outcome="passed",
    ),
    # --- bodies that never run ---
    Case(
        "an async function",
        SCALE
        + """
async def test_awaited():
    assert scale(2, 3) == 7
""",
        says=("async",),
    ),
    Case(
        "an async method of a plain class",
        """
class TestWaits:
    async def test_waits(self):
        assert False
""",
        says=("async",),
    ),
    Case(
        "an async method of a TestCase",
        """
import unittest

class Waits(unittest.TestCase):
    async def test_waits(self):
        self.assertTrue(False)
""",
        says=("never ran",),
    ),
    Case(
        "a generator method of a TestCase",
        """
import unittest

class Yields(unittest.TestCase):
    def test_yields(self):
        yield
        self.assertTrue(False)
""",
        says=("never ran",),
    ),
    Case(
        "an async generator",
        """
async def test_yields():
    yield
    assert False
""",
        says=("async",),
    ),
    Case(
        "a fixture that never yields",
        """
import pytest

@pytest.fixture
def value():
    if False:
        yield

def test_value(value):
    assert True
""",
        says=("did not yield",),
    ),
    Case(
        "an async fixture of a plain test",
        """
import pytest

@pytest.fixture
async def value():
    return 6

def test_value(value):
    assert value == 6
""",
    ),
    Case(
        "a test that makes a coroutine and awaits nothing",
        """
async def check():
    assert False

def test_waits():
    return check()
""",
        says=("broken itself", "async"),
    ),
    Case(
        "an async test that its case awaits",
        """
import unittest

class Waits(unittest.IsolatedAsyncioTestCase):
    async def test_waits(self):
        self.assertTrue(True)
""",
        outcome="passed",
    ),
    Case(
        "an async body that is run by hand",
        SCALE
        + """
import asyncio

def test_waits():
    async def body():
        assert scale(2, 3) == 6
    asyncio.run(body())
""",
        outcome="passed",
    ),
    # --- what the environment lacks ---
    Case(
        "a module that is not there",
        """
def test_helper():
    import no_such_library
    assert no_such_library
""",
        says=("environment", "no_such_library"),
    ),
    Case(
        "a program that is not there",
        """
import subprocess

def test_program():
    assert subprocess.run(["no-such-program"]).returncode == 0
""",
        says=("environment", "no-such-program"),
    ),
    Case(
        "the network",
        """
import socket

def test_network():
    socket.create_connection(("127.0.0.1", 9), timeout=1)
""",
        says=("environment",),
    ),
    Case(
        "a file outside the scratch",
        """
def test_file():
    open("/usr/of-a-test", "w")
""",
        says=("environment",),
    ),
    Case(
        "an accelerator",
        """
import torch

def test_accelerator():
    assert torch.ones(2, device="cuda").sum() == 2
""",
        says=("environment",),
    ),
    Case(
        "a backend of torch",
        """
import torch

def test_mps():
    assert torch.ones(2, device="mps").sum() == 2
""",
        says=("environment",),
    ),
    Case(
        "an environment variable",
        """
import os

def test_variable():
    assert os.environ["WHERE_THE_DATA_LIES"]
""",
    ),
    # --- broken tests ---
    Case(
        "an unknown name",
        """
def test_name():
    assert scale(2, 3) == 6
""",
        says=("broken itself", "scale"),
    ),
    Case(
        "an unknown fixture",
        """
def test_fixture(no_such_fixture):
    assert True
""",
        says=("broken itself", "no_such_fixture"),
    ),
    Case(
        "a call that the package never took",
        SCALE
        + """
def test_call():
    assert scale(2, 3, how="fast") == 6
""",
        says=("how it calls the package",),
    ),
    # --- the end of the session ---
    Case(
        "pytest.exit",
        """
import pytest

def test_exits():
    pytest.exit("enough")
""",
        says=("enough",),
    ),
    Case(
        "KeyboardInterrupt",
        """
def test_interrupted():
    raise KeyboardInterrupt
""",
        says=("KeyboardInterrupt",),
    ),
    Case(
        "SystemExit",
        """
import sys

def test_leaves():
    sys.exit(0)
""",
    ),
    # --- honest oddities ---
    Case(
        "a fixture that counts the session's tests",
        """
import pytest

@pytest.fixture
def count(request):
    return len(request.session.items)

def test_count(count):
    assert count == 2

def test_names(request):
    assert [item.name for item in request.session.items] == ["test_count", "test_names"]
""",
        outcome="passed",
    ),
    Case(
        "one fixture of a session that is slow",
        """
import time
import pytest

@pytest.fixture(scope="session")
def model():
    time.sleep(3.5)
    return 6

def test_one(model):
    assert model == 6

def test_two(model):
    assert model == 6
""",
        outcome="passed",
    ),
    Case(
        "threads at import",
        SCALE
        + """
import threading

ready = threading.Event()
threading.Thread(target=lambda: ready.wait(60), daemon=True).start()

def test_one():
    assert scale(2, 3) == 6

def test_two():
    ready.set()
    assert ready.is_set()
""",
        outcome="passed",
    ),
    Case(
        "a pool of threads at import",
        """
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(2)
assert pool.submit(int, 1).result() == 1

def test_pool():
    assert pool.submit(int, 6).result() == 6
""",
        outcome="passed",
    ),
    Case(
        "torch computes at import",
        """
import torch

TABLE = torch.ones(512, 512) @ torch.ones(512, 512)
x = torch.ones(3, requires_grad=True)
(x * 2).sum().backward()

def test_table():
    assert TABLE[0, 0] == 512
    y = torch.ones(3, requires_grad=True)
    (y * 2).sum().backward()
    assert y.grad[0] == 2
""",
        outcome="passed",
    ),
    Case(
        "what the report is written with is replaced until the tear-down",
        """
import pytest

def refuse(*arguments, **named):
    raise RuntimeError("not now")

@pytest.mark.parametrize("name", ["json.dumps", "os.write", "os.getpid", "builtins.open"])
def test_replaced(monkeypatch, name):
    monkeypatch.setattr(name, refuse)
""",
        outcome="passed",
    ),
    Case(
        "a Python is started that imports the package",
        """
import subprocess, sys

def test_started(tmp_path):
    program = "from kasmina.scaling import scale; print(scale(2, 3))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True)
    assert done.stdout == b"6\\n", done.stderr
""",
        outcome="passed",
    ),
    Case(
        "processes are spawned",
        SCALE
        + """
import multiprocessing
import pytest

@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_spawned(method):
    process = multiprocessing.get_context(method).Process(target=scale, args=(2, 3))
    process.start()
    process.join()
    assert process.exitcode == 0
""",
        outcome="passed",
    ),
    Case(
        "what was made at import is collected as garbage",
        """
import gc, weakref

class Node:
    pass

node = Node()
node.itself = node
seen = weakref.ref(node)

def test_freed():
    global node
    del node
    gc.collect()
    assert seen() is None
""",
        outcome="passed",
    ),
    Case(
        "a property is recorded",
        """
def test_requirement(record_property, record_testsuite_property, record_xml_attribute):
    record_property("requirement", "REQ-7")
    record_testsuite_property("suite", "one")
    record_xml_attribute("of", "one")
    assert True
""",
        outcome="passed",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_check_says_what_the_test_shows(bench: Bench, case: Case) -> None:
    run = await bench.check(case.source)

    assert run["outcome"] == case.outcome, run["reason"]
    for words in case.says:
        assert words in run["reason"], run["reason"]


async def test_where_a_tear_down_failed_is_told(bench: Bench) -> None:
    source = """
import pytest

@pytest.fixture(scope="module")
def ledger():
    yield
    assert False, "must be settled"

def test_entry(ledger):
    assert True
"""
    run = await bench.check(source)

    (result,) = results(run)
    assert (result["outcome"], result["phase"], result["cause"]) == (
        "error",
        "teardown",
        "assertion",
    )
    assert result["file"].endswith("/test_case.py") and result["line"] == 7
    assert f"{result['file']}:7" in run["reason"]


@pytest.mark.parametrize(
    "body",
    [
        """
    queue = torch.multiprocessing.get_context("fork").SimpleQueue()
    queue.put(torch.ones(3))
    assert queue.get().sum() == 3
""",
        """
    data = torch.utils.data.TensorDataset(torch.arange(4.0))
    seen = [float(x) for (x,) in torch.utils.data.DataLoader(data, num_workers=2, timeout=10)]
    assert seen == [0, 1, 2, 3]
""",
        """
    import socket
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\\0probe")
        listening.listen()
""",
    ],
    ids=["a queue of tensors", "a loader with workers", "a unix socket"],
)
async def test_what_talks_among_processes_runs(bench: Bench, body: str) -> None:
    run = await bench.check(f"import torch\n\n\ndef test_it():{body}")

    assert run["outcome"] == "passed", run["reason"]
