"""Attacks on what is outside: files, sockets, processes. One property per test.

Each attack is shown to work without the cage and to get nothing within it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.runs import TestOutcome
from app.sandbox.isolation.cage import ALL
from app.sandbox.subprocess_arm import SubprocessSandbox
from app.sandbox.zygote import ZygoteSandbox
from tests.integration.sandbox.attacks import attack, with_only, without_cage
from tests.integration.sandbox.lab import FILE, Lab, only, outcomes, require_torch
from tests.support.cluster import Server


def assert_only_the_cage_stops(lab: Lab, body: str) -> None:
    with without_cage(lab):
        bare = attack(lab, body)
    assert bare.succeeded, f"the attack proves nothing: {bare.told}"
    caged = attack(lab, body)
    assert not caged.succeeded, caged.told


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the service, which a careless operator left readable."""
    file = tmp_path / "data" / "admin-token"
    file.parent.mkdir()
    file.write_text("fnd_secret")
    return file


def test_the_token_file_cannot_be_read(caged: Lab, secret: Path) -> None:
    assert_only_the_cage_stops(caged, f"return pathlib.Path({str(secret)!r}).read_text()")


def test_the_data_directory_cannot_be_listed(caged: Lab, secret: Path) -> None:
    assert_only_the_cage_stops(caged, f"return os.listdir({str(secret.parent)!r})")


def test_etc_shadow_cannot_be_read(caged: Lab, as_root: None) -> None:
    assert_only_the_cage_stops(caged, "return open('/etc/shadow').read()")


def test_the_services_environment_is_not_inherited(
    subprocess_sandbox: SubprocessSandbox,
    runner: asyncio.Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even without a cage: each interpreter is started with a fresh environment."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("FINDINGS_TOKEN", "fnd_secret")
    lab = Lab(subprocess_sandbox, runner, tmp_path)
    body = """
        text = repr(dict(os.environ)) + open("/proc/self/environ").read()
        if "secret" not in text and "FINDINGS" not in text:
            raise Stopped("only " + " ".join(os.environ))
        return text
    """
    with without_cage(lab):
        assert not attack(lab, body).succeeded
    assert not attack(lab, body).succeeded


def test_the_services_environment_cannot_be_read_from_its_process(caged: Lab) -> None:
    mark = f"secret-{secrets.token_hex(8)}"
    service = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        env={"DATABASE_URL": mark},
    )
    try:
        assert_only_the_cage_stops(
            caged,
            f"""
            for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
                try:
                    if b"{mark}" in path.read_bytes():
                        return path
                except OSError:
                    continue
            raise Stopped("no process has it")
            """,
        )
    finally:
        service.communicate(b"\n")


def test_a_unix_socket_cannot_be_reached(caged: Lab) -> None:
    with socket.socket(socket.AF_UNIX) as database:
        path = f"/tmp/findings-{secrets.token_hex(8)}"
        database.bind(path)
        database.listen()
        os.chmod(path, stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        try:
            assert_only_the_cage_stops(
                caged, f"socket.socket(socket.AF_UNIX).connect({path!r}); return 'connected'"
            )
        finally:
            os.unlink(path)


def test_an_abstract_unix_socket_cannot_be_reached(caged: Lab) -> None:
    with socket.socket(socket.AF_UNIX) as service:
        name = f"\0findings-{secrets.token_hex(8)}"
        service.bind(name)
        service.listen()
        assert_only_the_cage_stops(
            caged, f"socket.socket(socket.AF_UNIX).connect({name!r}); return 'connected'"
        )


def test_the_loopback_cannot_be_reached(caged: Lab) -> None:
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        service.listen()
        address = service.getsockname()
        assert_only_the_cage_stops(
            caged, f"socket.create_connection({address!r}, 2); return 'connected'"
        )


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
def test_no_socket_of_a_network_can_be_made(caged: Lab, family: str) -> None:
    kind = "SOCK_RAW" if family in ("AF_NETLINK", "AF_PACKET") else "SOCK_STREAM"
    body = f"return socket.socket(socket.{family}, socket.{kind}).family"
    caged_outcome = attack(caged, body)

    assert not caged_outcome.succeeded
    assert "PermissionError" in caged_outcome.told


def test_unix_sockets_serve_within_the_arm(caged: Lab) -> None:
    report = caged.run(
        """
        import os, pytest, socket

        @pytest.mark.parametrize("name", ["/tmp/own", "\\0own"], ids=["path", "abstract"])
        def test_it(name):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(name)
                server.listen()
                if os.fork() == 0:
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(name)
                        client.sendall(b"x")
                    os._exit(0)
                assert server.accept()[0].recv(1) == b"x"
        """
    )

    assert set(outcomes(report).values()) == {TestOutcome.PASSED}, report


@pytest.mark.parametrize("missing", ["mounts", "network"])
def test_unix_sockets_are_refused_where_the_host_could_be_reached(caged: Lab, missing: str) -> None:
    layers = [layer for layer in ALL if layer != missing]
    with with_only(caged, *layers):
        outcome = attack(caged, "return socket.socket(socket.AF_UNIX).family")

    assert not outcome.succeeded
    assert "PermissionError" in outcome.told


def test_a_loader_with_workers_hands_tensors_over(caged: Lab) -> None:
    require_torch()
    report = caged.run(
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        def test_it():
            data = TensorDataset(torch.arange(8.0))
            found = [batch for (batch,) in DataLoader(data, batch_size=2, num_workers=2)]
            assert torch.equal(torch.cat(found), torch.arange(8.0))
        """
    )

    assert only(report).outcome is TestOutcome.PASSED, report


@pytest.mark.parametrize(
    "call", ["shmget(0, 4096, 0o1666)", "msgget(0, 0o1666)", "semget(0, 1, 0o1666)"]
)
def test_what_outlives_a_process_cannot_be_made(caged: Lab, call: str) -> None:
    """Memory and queues with a key of their own would be there for the next test."""
    name, arguments = call.split("(", 1)
    assert_only_the_cage_stops(
        caged,
        f"""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.{name}({arguments} < 0:
            raise OSError(ctypes.get_errno(), "{name}")
        return "made"
        """,
    )


def test_event_loops_still_work(caged: Lab) -> None:
    report = caged.run("import asyncio\ndef test_it(): asyncio.run(asyncio.sleep(0))")

    assert only(report).outcome is TestOutcome.PASSED, report


def test_another_runs_scratch_cannot_be_read(caged: Lab) -> None:
    """Without the cage both would share the temporary folder of the machine."""
    name = f"leak-{secrets.token_hex(8)}"
    first = caged.run(
        f"import pathlib\ndef test_it(): pathlib.Path('/tmp/{name}').write_text('mine')"
    )
    assert only(first).outcome is TestOutcome.PASSED, first

    assert not attack(caged, f"return open('/tmp/{name}').read()").succeeded
    assert not Path("/tmp", name).exists()


def test_the_database_cannot_be_reached_even_with_its_password(caged: Lab, cluster: Server) -> None:
    """Whoever got hold of the URL, from a log perhaps, still finds no way to the socket."""
    body = f"""
        import psycopg
        try:
            with psycopg.connect({cluster.service_url!r}, connect_timeout=2) as connection:
                return connection.execute("SELECT current_user").fetchone()
        except psycopg.Error as refused:
            raise Stopped(str(refused))
    """
    assert_only_the_cage_stops(caged, body)


@pytest.mark.parametrize(
    "path",
    [
        "{arm}/pack/__init__.py",
        "{arm}/tests/verification/conftest.py",
        "{prefix}/planted.py",
        "{outside}/planted",
        "/planted",
        "/var/tmp/planted",
        "/dev/planted",
        "/etc/planted",
    ],
)
def test_nothing_outside_the_scratch_can_be_written(caged: Lab, path: str, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    body = f"""
        import pack
        arm = pathlib.Path(pack.__file__).parents[1]
        path = {path!r}.format(arm=arm, prefix=sys.prefix, outside={str(shared)!r})
        open(path, "w").write("planted")
        return path
    """
    assert not attack(caged, body).succeeded
    assert list(shared.iterdir()) == []


def test_a_folder_outside_could_be_written_without_the_cage(caged: Lab, tmp_path: Path) -> None:
    """The counter-check of the test above."""
    shared = tmp_path / "shared"
    shared.mkdir()
    assert_only_the_cage_stops(
        caged, f"return pathlib.Path({str(shared)!r}, 'planted').write_text('x')"
    )


def test_an_arm_stays_as_it_was_prepared(caged: Lab) -> None:
    arm = caged.arm(
        """
        import pack, pathlib, os
        def test_it():
            root = pathlib.Path(pack.__file__).parents[1]
            for path in (root, *root.rglob("*")):
                for change in (lambda: os.chmod(path, 0o777), lambda: os.unlink(path),
                               lambda: os.rename(path, f"{path}x")):
                    try:
                        change()
                    except OSError:
                        continue
                    raise AssertionError(path)
        """
    )
    assert only(caged.run_arm(arm)).outcome is TestOutcome.PASSED
    assert (arm.root / FILE).exists()


def test_other_processes_cannot_be_seen(caged: Lab) -> None:
    assert_only_the_cage_stops(
        caged,
        f"""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        others = [pid for pid in pids if pid not in (os.getpid(), os.getppid())]
        if {os.getpid()} not in pids and len(others) < 3:
            raise Stopped(f"only {{pids}}")
        return pids
        """,
    )


def test_other_processes_cannot_be_signalled(caged: Lab) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        assert_only_the_cage_stops(caged, f"os.kill({victim.pid}, 0); return 'it is there'")
        attack(caged, f"os.kill({victim.pid}, {int(signal.SIGKILL)}); return 'killed'")
        assert victim.poll() is None
        victim.communicate(b"\n")
        assert victim.returncode == 0


def test_killing_everything_in_reach_reaches_nothing(caged: Lab) -> None:
    assert isinstance(caged.sandbox, ZygoteSandbox)
    server = caged.sandbox._server(caged.interpreter, other_seeds=False)
    zygote = caged.runner.run(server.ready())
    attack(caged, "os.kill(-1, signal.SIGKILL); raise Stopped('still here')")

    assert zygote.alive
    assert only(caged.run("def test_it(): pass")).outcome is TestOutcome.PASSED
    assert server._zygote is zygote


LIBC_CALL = """
def libc_call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "done"
"""


@pytest.mark.parametrize(
    "body",
    [
        "return libc_call('unshare', 0x10000000)",
        "return libc_call('unshare', 0x40000000)",
        "return libc_call('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        "return libc_call('umount2', b'/proc', 2)",
        "return libc_call('chroot', b'/tmp')",
        "return libc_call('ptrace', 16, os.getppid(), 0, 0)",
        "return libc_call('setuid', 0)",
        "return libc_call('sethostname', b'x', 1)",
        "return libc_call('syscall', 321, 0, 0, 0)",
        "return libc_call('syscall', 425, 1, 0)",
        "return libc_call('syscall', 250, 0, -3, 1)",
        "return libc_call('syscall', 56, 0x10000011, 0, 0, 0, 0)",
    ],
    ids=[
        "user namespace",
        "network namespace",
        "mount",
        "unmount",
        "chroot",
        "ptrace",
        "setuid",
        "sethostname",
        "bpf",
        "io_uring",
        "keyctl",
        "clone into a namespace",
    ],
)
def test_privileged_calls_are_refused(caged: Lab, body: str) -> None:
    if "syscall" in body and os.uname().machine != "x86_64":
        pytest.skip("the numbers are those of x86_64")
    outcome = attack(caged, LIBC_CALL + body)

    assert not outcome.succeeded
    assert "PermissionError" in outcome.told


def test_nothing_is_left_of_root(caged: Lab) -> None:
    report = caged.run(
        """
        import os
        def test_it():
            assert os.getuid() == os.geteuid() != 0
            assert 0 not in os.getgroups()
            status = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines())
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(status[name], 16) == 0, name
            assert int(status["NoNewPrivs"]) == 1
            assert int(status["Seccomp"]) == 2
        """
    )
    assert only(report).outcome is TestOutcome.PASSED, report


def test_no_descriptor_of_the_service_is_open(caged: Lab) -> None:
    report = caged.run(
        """
        import os
        def test_it():
            kinds = {}
            for name in os.listdir("/proc/self/fd"):
                try:
                    kinds[int(name)] = os.readlink(f"/proc/self/fd/{name}")
                except OSError:
                    pass  # the one that listed the folder
            assert not [k for k in kinds.values() if "socket" in k], kinds
            allowed = ("pipe:", "/dev/null", "/tmp/")
            assert all(k.startswith(allowed) for k in kinds.values()), kinds
            # what is printed goes into one, the report into the other
            assert len({k for k in kinds.values() if k.startswith("pipe:")}) == 2, kinds
        """
    )
    assert only(report).outcome is TestOutcome.PASSED, report
