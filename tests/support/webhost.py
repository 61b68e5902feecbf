"""A Python as on a web host: everything the service needs, without torch and without pytest."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

_LEFT_OUT = ("torch", "pytest", "_pytest", "functorch", "torchgen")


def web_host_python(folder: Path) -> Path:
    """Make a virtual environment in `folder` that shares all packages but those of a worker."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60
    )
    python = folder / "bin" / "python"
    printed = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    site = Path(printed.strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name.partition("-")[0].partition(".")[0] not in _LEFT_OUT:
            (site / entry.name).symlink_to(entry)
    return python
