"""Which sandbox a process gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from app.sandbox.interface import SandboxMode
from app.sandbox.subprocess_arm import SubprocessSandbox
from app.sandbox.zygote import ZygoteSandbox


def build_sandbox(
    mode: SandboxMode,
    scratch_dir: Path,
    *,
    hidden: Callable[[], Iterable[Path]] = tuple,
    threads: int = 1,
) -> SubprocessSandbox | ZygoteSandbox:
    """Build the sandbox for this machine.

    `scratch_dir` is used where an arm cannot have a tmpfs of its own. `hidden` tells folders that
    no test may see (the data directory), should they lie inside the interpreter's tree. Nothing is
    started before the first arm.
    """
    return ZygoteSandbox(scratch_dir, mode, hidden=hidden, threads=threads)
