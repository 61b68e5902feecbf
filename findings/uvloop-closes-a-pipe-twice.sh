#!/usr/bin/env bash
# uvloop's connect_read_pipe closes the descriptor, and then has the file object close the same
# number again, which by then may be another file's.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check "uvloop==0.23.0"

"$dir/venv/bin/python" - <<'PY'
import asyncio
import io
import os
import sys
from importlib.metadata import version

import uvloop


class Pipe(io.FileIO):
    """Opens another file in the moment before it is closed, as a thread might."""

    another: int | None = None

    def close(self) -> None:
        if self.another is None:
            self.another = os.open(os.devnull, os.O_RDONLY)
        super().close()


async def another_is_open() -> bool:
    reading, writing = os.pipe()
    pipe = Pipe(reading)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(asyncio.Protocol, pipe)
    transport.close()
    await asyncio.sleep(0.1)
    os.close(writing)
    try:
        os.fstat(pipe.another)
    except OSError:
        return False
    return True


def ask(new_loop) -> bool:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(another_is_open())


print("versions: uvloop", version("uvloop"), "Python", sys.version.split()[0])
print("the file that was opened meanwhile is still open")
print("expected (asyncio):", expected := ask(asyncio.new_event_loop))
print("seen (uvloop):     ", seen := ask(uvloop.new_event_loop))
sys.exit((expected, seen) != (True, False))
PY
