"""Interpreters of targets' own: environments with pytest and nothing of the service."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

NEWER = ("3.13", "3.12")
_PURE = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")


def base_interpreters() -> list[Path]:
    """The interpreters that are here: another version first where there is one, then this one."""
    places = [Path(found) for version in NEWER if (found := shutil.which(f"python{version}"))]
    versions = Path.home() / ".pyenv" / "versions"
    for version in NEWER:
        places += sorted(versions.glob(f"{version}.*/bin/python"))
    return [*(place for place in places if _starts(place)), Path(sys.executable)]


def make_environment(folder: Path, base: Path | None = None, *, pytest: bool = True) -> Path:
    """Make an environment in `folder` and return its interpreter.

    pytest comes from this one, by copy: it is pure Python, and nothing has to be downloaded.
    """
    if base is None or base == Path(sys.executable):
        venv.create(folder, symlinks=True)
    else:
        subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in _PURE if pytest else ():
        _copy(metadata.distribution(name), packages)
    return folder / "bin" / "python"


def _copy(found: metadata.Distribution, packages: Path) -> None:
    for file in found.files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        place = packages / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(found.locate_file(file)), place)


def _starts(place: Path) -> bool:
    return subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0
