#!/usr/bin/env bash
# What importlib.metadata lists as installed grows when a process imports setuptools.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check setuptools==84.2.1
"$folder/env/bin/python" - <<'PYTHON'
import platform
import subprocess
import sys
from importlib import metadata


def listed() -> set[str]:
    return {one.metadata["Name"].lower() for one in metadata.distributions()}


print("Python", platform.python_version(), "- setuptools", metadata.version("setuptools"))
frozen = subprocess.run(
    [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
    capture_output=True, text=True, check=True,
).stdout.split()
before = listed()
print("installed, says pip:", ", ".join(sorted(frozen)))
print("listed before the import:", ", ".join(sorted(before)))
import setuptools  # noqa: E402

added = sorted(listed() - before)
print("expected: the same after it, for importing installs nothing")
print(f"seen: {len(added)} more:", ", ".join(added))
print("folders added to sys.path:", sum("_vendor" in one for one in sys.path))
sys.exit(0 if added else 1)
PYTHON
