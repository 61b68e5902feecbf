"""Byte code of the target's own files, put into arms so that no arm compiles what never changes.

Only for files that are byte for byte the operator's: what a patch touches is compiled in the cage.
The bytes are the same for the same source (but for constants that are sets, whose order varies), so
they can be part of an arm's name and are checked with it.
"""

from __future__ import annotations

import importlib.util
import marshal
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import PurePosixPath

_UNCHECKED = (1).to_bytes(4, "little")


def compiled(files: Mapping[str, bytes], trusted: Mapping[str, bytes]) -> dict[str, bytes]:
    """Byte code for those of `files` that are as in `trusted`, by path in ``__pycache__``."""
    found: dict[str, bytes] = {}
    for path, source in files.items():
        if path.endswith(".py") and trusted.get(path) == source:
            code = _compile(path, source)
            if code is not None:
                found[_place(path)] = code
    return found


def _place(path: str) -> str:
    file = PurePosixPath(path)
    name = PurePosixPath(importlib.util.cache_from_source(file.name)).name
    return str(file.parent / "__pycache__" / name)


@lru_cache(maxsize=512)
def _compile(path: str, source: bytes) -> bytes | None:
    try:
        # The loader puts the file's real path in when it reads this.
        code = SourceFileLoader("module", path).source_to_code(source, path)
    except (SyntaxError, ValueError):
        return None  # whoever imports it shall see the error
    # Format 2 knows no references between objects, which would differ from process to process.
    data = marshal.dumps(code, 2)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source) + data
