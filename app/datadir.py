"""Where the service keeps its state on this machine; standard library only.

The server's settings and the command-line client both need it, and the client must not load the
server to find it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ADMIN_TOKEN_FILE = "admin-token"  # noqa: S105  # a file name, not a secret
"""Name of the file, within the data directory, that holds the first admin's token."""


def default_data_dir() -> Path:
    """Return where state lives when nothing is set.

    ``/var/lib/findings`` for root (the database server runs as a user of its own, who cannot
    reach root's home), else ``$XDG_DATA_HOME/findings``, by default ``~/.local/share/findings``.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/findings")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "findings"


def admin_token_file(environ: Mapping[str, str]) -> Path:
    """Return where the first admin's token lies, given ``FINDINGS_DATA_DIR`` or nothing."""
    given = environ.get("FINDINGS_DATA_DIR")
    data_dir = Path(given).expanduser().absolute() if given else default_data_dir()
    return data_dir / ADMIN_TOKEN_FILE
