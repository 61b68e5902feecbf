"""Arms that differ from a prepared one in few files, for a moment: one for each mutant.

Everything else is linked, not copied. What a prepared arm is to hold is in `arms`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

from app.sandbox.arms import read_manifest, remove_tree
from app.sandbox.interface import PreparedArm

_LINES = Path(__file__).with_name("executed_lines.py")
_PLUGIN = "_findings_executed_lines"


def make_variant(arm: PreparedArm, changes: Mapping[str, bytes | None]) -> PreparedArm:
    """Return an arm in which some files are others. File work: call it in a thread.

    Args:
        arm: the prepared one; its digests are those of the variant, too, which nobody keeps.
        changes: new bytes by path; further files are added, and those with None left out.
    """
    # What a crash leaves behind under such a name is pruned with the arms.
    root = arm.root.parent / f".variant-{uuid4().hex}"
    _link(arm.root, root, changes)
    for path, data in changes.items():
        if data is None:
            continue
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o444)
    return replace(arm, root=root)


def remove_variant(arm: PreparedArm) -> None:
    """Take a variant away. File work: call it in a thread."""
    remove_tree(arm.root)


def recording(arm: PreparedArm, files: Mapping[str, int]) -> dict[str, bytes]:
    """Return the changes that make an arm tell which lines its tests execute.

    Args:
        arm: the prepared one.
        files: how many lines each file has that is looked at.
    """
    manifest = read_manifest(arm.root)
    told = replace(manifest, plugins=(*manifest.plugins, _PLUGIN))
    wanted = f"FILES = {json.dumps(dict(files))}\n"
    return {
        "arm.json": json.dumps(asdict(told)).encode(),
        f"{_PLUGIN}.py": _LINES.read_bytes().replace(
            b"FILES: dict[str, int] = {}\n", wanted.encode()
        ),
    }


def _link(source: Path, target: Path, changes: Mapping[str, bytes | None]) -> None:
    """Link the files of `source`, but for what changes and the byte code of that."""
    stems = {
        (os.path.dirname(path), os.path.basename(path).removesuffix(".py")) for path in changes
    }
    for folder, folders, names in os.walk(source):
        inside = os.path.relpath(folder, source)
        place = target if inside == "." else target / inside
        os.mkdir(place, 0o755)
        folders.sort()
        prefix = "" if inside == "." else f"{inside}/"
        of_code = os.path.basename(folder) == "__pycache__"
        for name in names:
            if prefix + name in changes:
                continue
            if of_code and (os.path.dirname(inside), name.partition(".")[0]) in stems:
                continue
            try:
                os.link(f"{folder}/{name}", place / name)
            except OSError:  # a file system without links
                shutil.copy2(f"{folder}/{name}", place / name)
