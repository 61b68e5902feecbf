"""Clients of the protocol's older library (mcp 1.x) are served as well.

Both libraries have one name, so the older one lies in a folder of its own, where `make` puts it; it
shares what it stands on with the newer one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from tests.support.service import Service

LIBRARY = Path(sys.prefix) / "mcp-1"
PINNED = PROJECT_ROOT / "tests/support/older_mcp.txt"


@pytest.fixture(scope="session")
def older_library() -> Path:
    """The folder of the older library, which is fetched once where `make` did not."""
    if not LIBRARY.exists():
        with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
            fetched = Path(folder) / "fetched"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            command = [*pip, "--target", str(fetched), "--requirement", str(PINNED)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"the older library cannot be fetched: {done.stderr.strip()[-300:]}")
            fetched.rename(LIBRARY)
    return LIBRARY


def test_a_client_of_the_older_library_files_reads_and_is_refused(
    service: Service, older_library: Path
) -> None:
    script = Path(__file__).with_name("older_client.py")
    command = [sys.executable, str(script), service.url, sys.executable, "-m", "app.cli", "mcp"]

    done = subprocess.run(
        command,
        env={
            **service.environment(),
            "PYTHONPATH": str(older_library),
            "SERVER_PYTHONPATH": str(PROJECT_ROOT),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["mcp"].startswith("1.")
    for way in ("http", "pipes"):
        seen = found[way]
        assert (seen["tools"], seen["title"]) == (15, "By an older client"), way
        assert seen["refused"] == [True, 422]
        assert seen["document"]
        assert seen["protocol"] == "2025-11-25"
