"""What a first test run imports, found by having one, and imported ahead of time.

torch and pytest import much of themselves only when it is used. A throw-away child runs a small
suite that uses what tests use, those of tensor code too where torch is there, and names the modules
that came with it; the zygote then imports these. The child may compute as it likes: its threads end
with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import aside, guest, imported

SAMPLE = """
import copy, pickle, threading, dataclasses, enum, re, itertools, functools, collections.abc
import pytest

torch = pytest.importorskip("torch")


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Conv2d(2, 2, 3, padding=1), torch.nn.BatchNorm2d(2), torch.nn.ReLU()
        )
        self.head = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid())

    def forward(self, x):
        return self.head(self.net(x).mean(dim=(2, 3)))


@pytest.fixture
def host():
    return torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)


def test_gradients(host):
    y = torch.lerp(host, host.detach().tanh(), torch.tensor(0.5, dtype=torch.float64))
    (g,) = torch.autograd.grad(y.sum(), host, create_graph=True)
    y.sum().backward()
    torch.testing.assert_close(g, torch.full_like(g, 0.5))
    assert torch.autograd.gradcheck(torch.tanh, (host,))


def test_module(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAMPLE", "1")
    module = Small()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    module(torch.randn(2, 2, 4, 4).to(memory_format=torch.channels_last)).sum().backward()
    other = pickle.loads(pickle.dumps(copy.deepcopy(module)))
    other.load_state_dict(module.state_dict())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        print(other(torch.randn(1, 2, 4, 4)))
    torch.save(module.state_dict(), tmp_path / "x.pt")
    torch.load(tmp_path / "x.pt")
    torch.empty(2, device="meta")


def test_transforms():
    torch.func.vmap(torch.sin)(torch.randn(3))
    with torch.overrides.TorchFunctionMode():
        torch.ones(2).to(torch.float64)


def test_fails():
    torch.testing.assert_close(torch.ones(2), torch.zeros(2))
"""

PLAIN = """
import pytest, unittest


def test_raises():
    with pytest.raises(ValueError, match="no"):
        raise ValueError("no")
    with pytest.warns(UserWarning):
        import warnings

        warnings.warn("w", UserWarning)


@pytest.mark.parametrize("value", [1, 2.0, "x"])
def test_parameters(value):
    assert value == pytest.approx(value) or isinstance(value, str)


def test_fails_plainly():
    left, right = {"a": [1, 2, 3], "b": "text"}, {"a": [1, 2, 4], "b": "other"}
    assert left == right


@pytest.mark.xfail
def test_expected():
    assert False


def test_skipped():
    pytest.skip("s")


class TestCase(unittest.TestCase):
    def test_equal(self):
        with self.subTest(a=1):
            self.assertEqual({"a": 1}, {"a": 1})


def test_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAMPLE", "1")
    print(tmp_path)
    assert capsys.readouterr().out
"""


def preload(
    skip: frozenset[str], further: Sequence[str] = (), learned: Sequence[str] = ()
) -> str | None:
    """Import all that a run needs, `further` modules, and those `learned` that are installed.

    Returns the name of the module that started a thread, if one did; of the learned ones that of
    its whole package.
    """
    guest.describe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("pytest", "torch"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        plain = frozenset(sys.modules)
        for name in _names(further):
            if name in skip or name in sys.modules:
                continue
            # Some modules can only be imported by the one that wants them.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
            if thread_count() != 1:
                return name
        for name in learned:
            top = name.partition(".")[0]
            if top in skip or name in sys.modules or not _may_be_preloaded(top, plain):
                continue
            with contextlib.suppress(Exception):
                importlib.import_module(name)
            if thread_count() != 1:
                return top
    aside.put(sys.modules.keys() - plain)
    return None


def _names(further: Sequence[str]) -> Iterator[str]:
    # Most of what the sample pulls in comes with this one: its child need not import that as well.
    yield "torch._dynamo"
    yield from needed()
    yield from further


def needed() -> list[str]:
    """The modules that the sample pulls in, in the order in which they came."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            names = _run_sample()
            with os.fdopen(writing, "w") as file:
                json.dump(names, file)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    found: list[str] = json.loads(text) if text else []
    return found


def _may_be_preloaded(top: str, loaded: frozenset[str]) -> bool:
    return top in loaded or imported.may_be_preloaded(top)


def thread_count() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def _run_sample() -> list[str]:
    import pytest

    before = set(sys.modules)
    gc.disable()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", HOME=folder, TMPDIR=folder)
        os.chdir(folder)
        sys.dont_write_bytecode = True
        (root / "pytest.ini").write_text("[pytest]\n")
        (root / "test_sample.py").write_text(SAMPLE)
        (root / "test_plain.py").write_text(PLAIN)
        (root / "conftest.py").write_text("import pytest\n")
        pytest.main([*guest.plugin_arguments(root, root), str(root)])
    return [name for name in sys.modules if name not in before and _is_installed(name)]


def _is_installed(name: str) -> bool:
    """Whether a module belongs to Python or an installed package, not to the sample."""
    module = sys.modules[name]
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if origin in ("built-in", "frozen"):
        return True
    if not isinstance(origin, str):
        return False
    return origin.startswith((sys.prefix, sys.base_prefix))
