"""A fresh Python for every arm: slow and dependable, and it works wherever Python does.

It has the same cage as the zygote's children. What it does not have is their speed: each arm pays
for importing pytest and torch.
"""

from __future__ import annotations

import asyncio

from app.domain.targets import Interpreter
from app.sandbox.engine import Engine
from app.sandbox.execution import ChildEnds, Started, StartFailed
from app.sandbox.probe import ENTRY, command, draw_hash_seed, scrubbed_environment


class SubprocessSandbox(Engine):
    """Starts a new interpreter per arm."""

    async def _start(
        self,
        ends: ChildEnds,
        interpreter: Interpreter,
        modules: frozenset[str],
        *,
        other_seeds: bool,
    ) -> Started:
        return await start(ends, interpreter)  # each start has seeds of its own


async def start(ends: ChildEnds, interpreter: Interpreter) -> Started:
    """Start a supervisor in an interpreter of its own."""
    descriptors = (ends.control.fileno(), ends.report, ends.output)
    hash_seed = draw_hash_seed()
    try:
        process = await asyncio.create_subprocess_exec(
            *command(
                str(ENTRY),
                "spawn_main",
                *(str(number) for number in descriptors),
                python=interpreter.python,
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=ends.output,
            stderr=ends.output,
            env=scrubbed_environment(hash_seed),
            cwd="/",
            pass_fds=descriptors,
            start_new_session=True,
        )
    except OSError as error:
        raise StartFailed(f"no interpreter could be started: {error}") from None

    async def reap() -> None:
        await process.wait()

    return Started("subprocess", hash_seed, reap)
