"""What each layer stops when it stands alone: together they would hide each other's gaps."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from tests.integration.sandbox.attacks import attack, with_only, without_cage
from tests.integration.sandbox.lab import Lab, only

READ_OUTSIDE = "return open({outside!r}).read()"
WRITE_OUTSIDE = "return open({outside!r}, 'a').write('x')"
CONNECT = "socket.create_connection({address!r}, 2); return 'connected'"
CONNECT_ABSTRACT = "socket.socket(socket.AF_UNIX).connect({abstract!r}); return 'connected'"
SIGNAL = "os.kill({victim}, 0); return 'there'"
SOCKET = "return socket.socket(socket.AF_UNIX).family"
RENAME_HOST = """
if ctypes.CDLL(None).sethostname(socket.gethostname().encode(), len(socket.gethostname())):
    raise Stopped("refused")
return "renamed"
"""

ALONE = [
    (("pids", "mounts"), READ_OUTSIDE),
    (("pids", "mounts"), WRITE_OUTSIDE),
    (("pids", "mounts"), "return open('/usr/planted', 'w').write('x')"),
    (("pids", "mounts"), "return open(sys.prefix + '/planted', 'w').write('x')"),
    (("landlock",), READ_OUTSIDE),
    (("landlock",), WRITE_OUTSIDE),
    (("landlock",), CONNECT),
    (("landlock",), CONNECT_ABSTRACT),
    (("landlock",), SIGNAL),
    (("network",), CONNECT),
    (("network",), CONNECT_ABSTRACT),
    (("pids",), SIGNAL),
    (("seccomp",), SOCKET),
    (("seccomp",), CONNECT),
    (("seccomp",), RENAME_HOST),
]


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[dict[str, object]]:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    abstract = f"\0findings-{secrets.token_hex(8)}"
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim,
    ):
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(abstract)
        unix.listen()
        yield {
            "outside": str(outside),
            "address": tcp.getsockname(),
            "abstract": abstract,
            "victim": victim.pid,
        }
        victim.communicate(b"\n")


@pytest.mark.parametrize(
    ("layers", "body"), ALONE, ids=[f"{'+'.join(a)}-{b.split('(')[0][-24:]}" for a, b in ALONE]
)
def test_a_layer_alone_stops_what_it_is_for(
    caged: Lab, facts: dict[str, object], layers: tuple[str, ...], body: str
) -> None:
    with with_only(caged, *layers):
        outcome = attack(caged, body.format(**facts))

    assert not outcome.succeeded, outcome.told


@pytest.mark.parametrize(
    "body", [READ_OUTSIDE, WRITE_OUTSIDE, CONNECT, CONNECT_ABSTRACT, SIGNAL, SOCKET]
)
def test_without_any_layer_it_works(caged: Lab, facts: dict[str, object], body: str) -> None:
    with without_cage(caged):
        assert attack(caged, body.format(**facts)).succeeded


def test_any_layer_comes_with_no_capabilities(caged: Lab) -> None:
    """Also where a change of user is not possible."""
    with with_only(caged, "rlimits"):
        report = caged.run(
            """
            def test_it():
                assert "CapEff:\\t0000000000000000" in open("/proc/self/status").read()
            """
        )

    assert only(report).outcome is TestOutcome.PASSED, report
