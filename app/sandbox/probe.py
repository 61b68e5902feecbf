"""Which isolation layers work here: found out by trying, not by looking at versions.

A throw-away process closes the cage with all layers and runs nothing. The one that fails is taken
out, with those that stand on it, and the rest is tried again.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.sandbox.interface import LayerStatus, Limits
from app.sandbox.isolation.cage import ALL, EXPLAINED, NEEDS
from app.sandbox.order import COMPILER, Bounds, Order
from app.sandbox.workdir import PREFIX

ENTRY = Path(__file__).with_name("entry.py")
_PATIENCE_S = 30.0


def command(*arguments: str, python: str = "") -> list[str]:
    """How an interpreter is started, with no path of the caller's or the user's on its own.

    As ``-I`` does, but that would not let the environment give a hash seed. Without `python` it is
    this one.
    """
    return [python or sys.executable, "-P", "-s", *arguments]


def draw_hash_seed() -> int:
    """A seed for hashes of strings; nought would mean none."""
    return secrets.randbelow(2**32 - 1) + 1


def scrubbed_environment(hash_seed: int) -> dict[str, str]:
    """All that a supervisor inherits: no database, token or setting of the service."""
    return {
        "PYTHONHASHSEED": str(hash_seed),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        **COMPILER,
    }


def probe(hidden: Sequence[str] = (), uid: int | None = None) -> Iterator[LayerStatus]:
    """Try all layers; yield the state of each, in order. Blocks for some tenths of a second."""
    failed: dict[str, str] = {}
    while True:
        layers = tuple(layer for layer in ALL if layer not in failed)
        failure = _attempt(layers, hidden, uid) if layers else None
        if failure is None:
            break
        layer, reason = failure
        if layer not in layers:
            failed.update(dict.fromkeys(layers, reason))
            break
        failed[layer] = reason
        for other, needed in NEEDS.items():
            if layer in needed:
                failed.setdefault(other, f"stands on the layer {layer}, which is missing")
    for layer in ALL:
        works = layer not in failed
        yield LayerStatus(layer, works, EXPLAINED[layer] if works else failed[layer])


def _attempt(
    layers: tuple[str, ...], hidden: Sequence[str], uid: int | None
) -> tuple[str, str] | None:
    """Close the cage once; the layer that failed and why, or None when all is well."""
    # Named like a work folder: should this process be killed, it is swept like one.
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}probe-") as scratch:
        order = _order(layers, hidden, uid, scratch)
        try:
            return _talk(order)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return "", f"the trial could not be run: {error}"


def _talk(order: Order) -> tuple[str, str] | None:
    ours, theirs = socket.socketpair()
    report, report_end = os.pipe()
    output_end = os.dup(report_end)  # a traceback shall be seen too
    try:
        ours.settimeout(_PATIENCE_S)
        descriptors = (theirs.fileno(), report_end, output_end)
        process = subprocess.Popen(
            command(str(ENTRY), "spawn_main", *(str(number) for number in descriptors), "bare"),
            stdin=subprocess.DEVNULL,
            stdout=output_end,
            stderr=output_end,
            env=scrubbed_environment(draw_hash_seed()),
            cwd="/",
            pass_fds=descriptors,
            start_new_session=True,
        )
        theirs.close()
        os.close(report_end)
        os.close(output_end)
        report_end = output_end = -1
        ours.sendall(order.to_line())
        told = b""
        while part := ours.recv(1 << 16):
            told += part
        process.wait(_PATIENCE_S)
        with os.fdopen(report, "rb") as reading:
            report = -1
            said = reading.read(1 << 16)
    finally:
        ours.close()
        theirs.close()
        for descriptor in (report, report_end, output_end):
            if descriptor >= 0:
                os.close(descriptor)
    return _failure(told, said)


def _failure(told: bytes, said: bytes) -> tuple[str, str] | None:
    messages = [json.loads(line) for line in told.splitlines()]
    for message in messages:
        if "refused" in message:
            return message["refused"], message["reason"]
    lines = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
    for line in lines:
        if line.get("k") == "refused":
            return line["layer"], line["reason"]
    if {"exit": 0} in messages:
        return None
    return "", "the trial ended without a word: " + said.decode(errors="replace")[-500:]


def _order(layers: tuple[str, ...], hidden: Sequence[str], uid: int | None, scratch: str) -> Order:
    limits = Limits()
    return Order(
        root="",
        packages=(),
        suites=(),
        node_ids=(),
        token=secrets.token_hex(8),
        canary="",
        scratch=scratch,
        layers=layers,
        hidden=tuple(hidden),
        uid=uid,
        bounds=Bounds(
            per_arm_s=30,
            memory_bytes=limits.memory_bytes,
            file_bytes=limits.file_bytes,
            scratch_bytes=1 << 20,
            processes=limits.processes,
            open_files=limits.open_files,
            output_bytes_per_test=0,
            output_bytes_per_arm=0,
        ),
    )
