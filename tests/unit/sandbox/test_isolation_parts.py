"""The parts of the cage that can be looked at without closing it."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
from pathlib import Path

import pytest

from app.sandbox import process_tree
from app.sandbox.engine import bounds_of
from app.sandbox.interface import Limits
from app.sandbox.isolation import cage, identity, seccomp, view
from app.sandbox.order import Order, canary_name, files_of, selected
from tests.support.children import run_child


def decide(
    machine: str,
    number: int,
    *arguments: int,
    architecture: int | None = None,
    unix_sockets: bool = False,
) -> int:
    """Run the filter on a system call, as the kernel would."""
    program = seccomp.program(machine, unix_sockets=unix_sockets)
    code = [struct.unpack("=HBBI", part) for part in _parts(program)]
    wanted = seccomp._ARCHITECTURES[machine] if architecture is None else architecture
    data = {0: number, 4: wanted, 16: 0, 24: 0}
    data.update({16 + 8 * index: value for index, value in enumerate(arguments)})
    at = accumulator = 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = data[operand]
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x35:
                at += if_true if accumulator >= operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case 0x06:
                return int(operand)


def _parts(code: bytes) -> list[bytes]:
    return [code[index : index + 8] for index in range(0, len(code), 8)]


REFUSED = 0x00050000 | errno.EPERM


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_each_listed_call_is_refused(machine: str) -> None:
    column = 0 if machine == "x86_64" else 1
    for name, numbers in seccomp._REFUSED.items():
        number = numbers[column]
        if number is not None and number >= 0:
            assert decide(machine, number) == REFUSED, name


@pytest.mark.parametrize(
    ("number", "arguments", "decision"),
    [
        (0, (), seccomp._ALLOW),
        (56, (17,), seccomp._ALLOW),
        (56, (17 | 0x10000000,), REFUSED),
        (56, (17 | 0x00020000,), REFUSED),
        (435, (), 0x00050000 | errno.ENOSYS),
        (16, (3, 0x5401), seccomp._ALLOW),
        (16, (3, 0x5412), REFUSED),
        (16, (3, 0x541C), REFUSED),
        (53, (), seccomp._ALLOW),
        (0x40000000, (), REFUSED),
        (0x40000029, (), REFUSED),
    ],
    ids=[
        "read",
        "fork",
        "new user namespace",
        "new mount namespace",
        "clone3",
        "ioctl",
        "TIOCSTI",
        "TIOCLINUX",
        "socketpair",
        "x32",
        "x32 socket",
    ],
)
def test_calls_with_conditions(number: int, arguments: tuple[int, ...], decision: int) -> None:
    assert decide("x86_64", number, *arguments) == decision


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_unix_sockets_are_allowed_by_themselves(machine: str) -> None:
    column = 0 if machine == "x86_64" else 1
    number = seccomp._SOCKET[machine]
    calls = [numbers[column] for numbers in seccomp._SOCKETS.values()]

    assert decide(machine, number, 1, unix_sockets=True) == seccomp._ALLOW
    assert decide(machine, number, 2, unix_sockets=True) == REFUSED
    assert decide(machine, number, 1) == REFUSED
    for call in calls:
        assert call is not None
        assert decide(machine, call, 3) == REFUSED
        assert decide(machine, call, 3, unix_sockets=True) == seccomp._ALLOW


def test_another_architecture_ends_the_process() -> None:
    assert decide("x86_64", 0, architecture=0x40000003) == seccomp._KILL


def test_a_closed_folder_on_the_way_is_found() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to others
        closed = Path(name).resolve()
        inner = closed / "open" / "inner"
        inner.mkdir(parents=True)
        closed.chmod(0o700)
        assert identity.closed_ancestor(inner) == closed

        closed.chmod(0o755)
        assert identity.closed_ancestor(inner) is None
        assert identity.closed_ancestor(closed / "missing") == closed / "missing"


def test_nested_paths_are_shown_once() -> None:
    paths = [Path("/usr/lib"), Path("/usr"), Path("/opt/x"), Path("/usr2"), Path("/usr")]

    assert view.outermost(paths) == (Path("/opt/x"), Path("/usr"), Path("/usr2"))


def test_the_project_and_the_homes_are_not_in_view() -> None:
    shown = view.readable_paths()

    for hidden in (Path(__file__), Path.home() / ".ssh", Path("/etc/shadow"), Path("/var/lib")):
        assert not any(hidden.is_relative_to(path) for path in shown), hidden


def test_every_layer_is_explained_and_stands_on_known_ones() -> None:
    assert tuple(cage.EXPLAINED) == cage.ALL
    for layer, needed in cage.NEEDS.items():
        assert cage.ALL.index(layer) > max(cage.ALL.index(other) for other in needed)


def test_descendants_are_found_through_proc() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.fork()
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        found: set[int] = set()
        while len(found) < 2:
            found = process_tree.descendants(child) | {child}
        assert found <= process_tree.descendants(os.getpid())
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_memory_of_kin_is_counted_together_and_shared_pages_once() -> None:
    # In a process of its own: what a test process has loaded by then is anybody's guess.
    printed = run_child(
        """
from app.sandbox import process_tree
ballast = bytearray(b"x") * (64 << 20)
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.close(writing)
    for _ in range(3):
        if os.fork() == 0:
            break
    os.read(reading, 1)
    os._exit(0)
while len(process_tree.descendants(child)) < 3:
    pass
pids = process_tree.descendants(os.getpid())
print(sum(process_tree._resident(pid) for pid in pids) > 4 * len(ballast))
print(process_tree.memory_exceeds(os.getpid(), 3 * len(ballast)))
print(process_tree.memory_exceeds(os.getpid(), len(ballast) // 2))
os.close(writing)
os.close(reading)
os.waitpid(child, 0)
"""
    )
    assert printed.split() == ["True", "False", "True"]


def test_an_order_survives_its_journey() -> None:
    order = Order(
        root="/arm",
        packages=("p",),
        suites=("s",),
        node_ids=("a::b[\u2028é]",),
        token="t",
        canary="c",
        scratch="/x",
        layers=("pids",),
        hidden=("/data",),
        uid=None,
        bounds=bounds_of(Limits()),
    )

    line = order.to_line()

    assert line.count(b"\n") == 1
    assert Order.from_line(line) == order


@pytest.mark.parametrize(
    ("node_id", "wanted", "expected"),
    [
        ("a.py::t", "a.py::t", True),
        ("a.py::t[1]", "a.py::t", True),
        ("a.py::C::t", "a.py::C", True),
        ("a.py::t", "a.py", True),
        ("a.py::t2", "a.py::t", False),
        ("a.pyx::t", "a.py", False),
        ("a.py::t", "a.py::t[1]", False),
    ],
)
def test_what_belongs_to_a_request(node_id: str, wanted: str, expected: bool) -> None:
    assert selected(node_id, [wanted]) is expected


def test_files_are_named_once_in_order() -> None:
    assert files_of(["b.py::x", "a.py::y", "b.py::z"]) == ("b.py", "a.py")


def test_a_canary_has_another_name_in_every_file_and_run() -> None:
    names = {canary_name(secret, path) for secret in "ab" for path in ("x.py", "y.py")}

    assert len(names) == 4
    assert all(name.startswith("test_") and name.isidentifier() for name in names)
