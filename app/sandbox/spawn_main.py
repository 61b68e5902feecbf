"""Entry of the plain subprocess: ``python -I spawn_main.py CONTROL REPORT OUTPUT [bare]``.

The three are descriptors; ``bare`` leaves pytest out, for an order that only tries the cage.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

if __name__ == "__main__":
    # The project's folder is on the path for these imports only: an arm brings its own package.
    project = str(Path(__file__).resolve().parents[2])
    sys.path.insert(0, project)
    from app.sandbox import keeper

    if sys.argv[4:] != ["bare"]:
        from app.sandbox import jobs as _jobs  # noqa: F401 - out of reach later

    sys.path.remove(project)
    control, report, output = (int(number) for number in sys.argv[1:4])
    keeper.keep(socket.socket(fileno=control), report, output)
