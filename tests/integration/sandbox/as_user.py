"""Runs as an ordinary user what the other tests run as whoever runs them; prints JSON.

``python as_user.py UID ARM SCRATCH``, started by root. The interpreter may live in a folder that is
closed to others: then it is opened in a mount namespace of this process only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def open_interpreter(private: Path) -> None:
    """Make the interpreter reachable for everybody, here only."""
    from app.sandbox.isolation import identity, mounts, syscalls

    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, mounts.MS_REC | mounts.MS_PRIVATE)
    for number, prefix in enumerate({os.path.realpath(sys.base_prefix), str(PROJECT)}):
        closed = identity.closed_ancestor(Path(prefix))
        if closed is None:
            continue
        aside = private / f"aside-{number}"
        aside.mkdir()
        syscalls.mount(prefix, str(aside), None, mounts.MS_BIND | mounts.MS_REC)
        syscalls.mount("open", str(closed), "tmpfs", 0, "mode=0755")
        os.makedirs(prefix)
        syscalls.mount(str(aside), prefix, None, mounts.MS_BIND | mounts.MS_REC)


async def main(arm: Path, scratch: Path) -> None:
    """Run the arm in both engines and tell."""
    from app.sandbox.engine import Engine
    from app.sandbox.interface import ArmRequest, PreparedArm, SandboxMode
    from app.sandbox.subprocess_arm import SubprocessSandbox
    from app.sandbox.zygote import ZygoteSandbox

    told = []
    kinds: tuple[type[Engine], ...] = (SubprocessSandbox, ZygoteSandbox)
    for kind in kinds:
        sandbox = kind(scratch, SandboxMode.STRICT)
        report = await sandbox.run(ArmRequest(PreparedArm(arm, "", ""), ()))
        missing = [s.name + ": " + s.detail for s in sandbox.layers() if not s.works]
        told.append(
            {
                "status": report.status,
                "reason": report.reason,
                "layers": report.layers,
                "engine": report.environment.get("engine"),
                "missing": missing,
                "failed": [
                    f"{r.node_id} {r.message}" for r in report.results if r.outcome != "passed"
                ],
                "count": len(report.results),
            }
        )
        await sandbox.close()
    print(json.dumps(told))


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    uid, arm, scratch = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    open_interpreter(scratch)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    asyncio.run(main(arm, scratch))
