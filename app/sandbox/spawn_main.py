"""The plain subprocess: ``entry.py spawn_main CONTROL REPORT OUTPUT [bare]``.

The three are descriptors; ``bare`` leaves pytest out, for an order that only tries the cage.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from . import supervisor


def main(arguments: Sequence[str]) -> None:
    """Keep one arm."""
    if list(arguments[3:]) != ["bare"]:
        from . import jobs as _jobs  # noqa: F401 - out of reach later
    control, report, output = (int(number) for number in arguments[:3])
    supervisor.keep(socket.socket(fileno=control), report, output)
