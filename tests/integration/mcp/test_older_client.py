"""Clients of the protocol's older library (mcp 1.x) are served as well.

Both libraries have one name, so the older one has an environment of its own:
``python -m venv DIR && DIR/bin/pip install mcp==1.30.0``, and ``MCP1_PYTHON=DIR/bin/python``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from tests.support.service import Service

PYTHON = os.environ.get("MCP1_PYTHON")


@pytest.mark.skipif(PYTHON is None, reason="MCP1_PYTHON names no Python with mcp 1.x")
def test_a_client_of_the_older_library_files_reads_and_is_refused(service: Service) -> None:
    assert PYTHON is not None
    script = Path(__file__).with_name("older_client.py")
    command = [PYTHON, str(script), service.url, sys.executable, "-m", "app.cli", "mcp"]

    done = subprocess.run(
        command,
        env={**service.environment(), "PYTHONPATH": str(PROJECT_ROOT)},
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
