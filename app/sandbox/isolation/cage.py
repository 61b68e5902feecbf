"""All layers in the one order that works, in the supervisor (`outer`) and in the guest (`enter`).

A layer that was asked for and fails stops everything: which layers to ask for is found out
beforehand, by trying (``app.sandbox.probe``). No single layer suffices; what each covers and what
it does not stands in its own file.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..order import Order
from . import (
    LayerUnavailable,
    identity,
    landlock,
    mounts,
    namespaces,
    rlimits,
    seccomp,
    view,
)

EXPLAINED = {
    "session": "own session, dies with its supervisor: stops orphans and signals of the terminal",
    "rlimits": "limits of CPU, memory, files and processes: stops runaway use",
    "pids": "own process namespace: stops sight of and signals to other processes",
    "network": "own empty network, queues and host name: stops any network",
    "mounts": "own read-only file system with a private /tmp: stops reading and writing elsewhere",
    "identity": "no root, no capabilities, no setuid: stops what only root or the service may",
    "landlock": "the kernel's list of readable paths: stops reading secrets, behind the mounts",
    "seccomp": "refused system calls: stops networks, mounts, tracing, keyrings and the like",
}
ALL = tuple(EXPLAINED)
"""Every layer, in the order in which they are applied."""

NEEDS = {"mounts": ("pids",)}
"""Layers that stand on others."""


class LayerFailed(Exception):
    """A layer that was asked for does not work."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer = layer
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """Where a guest finds its arm and its scratch once the cage is closed."""

    root: Path
    scratch: Path


def outer(order: Order) -> None:
    """The part of the cage that has to be there before the guest is forked."""
    if "pids" in order.layers:
        with _Layer("pids"):
            namespaces.enter_outer()


def enter(order: Order) -> Place:
    """Close the cage around this process; raise `LayerFailed`."""
    root, scratch = Path(order.root), Path(order.scratch)
    layers = order.layers
    owner = os.getuid() if order.uid is None else order.uid
    if "network" in layers:
        with _Layer("network"):
            namespaces.enter_inner()
    if "mounts" in layers:
        with _Layer("mounts"):
            visible = view.readable_paths()
            # Of a folder around an interpreter nothing is shown but the interpreter.
            hidden = [
                path
                for path in map(Path, order.hidden)
                if not any(shown.is_relative_to(path) for shown in visible)
            ]
            size = order.bounds.scratch_bytes
            arm = root if order.root else Path("/usr")
            mounts.enter(arm, visible, hidden, size, owner)
            root, scratch = mounts.ARM, mounts.SCRATCH
    if "rlimits" in layers:
        with _Layer("rlimits"):
            rlimits.apply(order.bounds)
            rlimits.limit_processes(order.bounds.processes, shared=_shares_user(order))
    if "identity" in layers:
        with _Layer("identity"):
            if order.uid is not None:
                needed = (*view.interpreter_paths(), *((root,) if order.root else ()))
                identity.become(order.uid, needed)
            identity.give_up_privileges()
    elif layers:
        # Whoever stays has no need of capabilities; the next layers ask for no_new_privs too.
        with suppress(LayerUnavailable, OSError):
            identity.give_up_privileges()
    if "session" in layers:
        # After the change of user, which makes the kernel forget it.
        with _Layer("session"):
            identity.die_with_parent()
    if "landlock" in layers:
        with _Layer("landlock"):
            read = (*view.readable_paths(), Path("/proc"), Path("/etc"), root)
            read = read if "mounts" in layers else (*view.readable_paths(), Path("/proc"), root)
            devices = [Path(path) for path in view.DEVICES]
            landlock.restrict(read, (scratch, mounts.SHARED_MEMORY), devices)
    if "seccomp" in layers:
        with _Layer("seccomp"):
            apart = {"mounts", "network"} <= set(layers)
            seccomp.restrict(unix_sockets=apart)
    return Place(root, scratch)


def _shares_user(order: Order) -> bool:
    """Whether the kernel counts other processes of this user together with the guest's."""
    if order.uid is not None and "identity" in order.layers:
        return False
    if "pids" not in order.layers:
        return True
    # Since Linux 5.14 a user namespace has a count of its own.
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return (major, minor) < (5, 14)


class _Layer:
    """Turns what goes wrong inside into `LayerFailed` with the layer's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, LayerUnavailable):
            raise LayerFailed(self._name, str(error)) from None
        if isinstance(error, OSError | ValueError):
            code = errno.errorcode.get(getattr(error, "errno", 0) or 0, "")
            raise LayerFailed(self._name, f"{error} {code}".strip()) from None
