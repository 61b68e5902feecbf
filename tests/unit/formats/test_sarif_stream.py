"""The first pass over a SARIF file: what it takes is bounded whatever comes."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from app.errors import InvalidInput
from app.formats.sarif.stream import heads


def test_what_is_nested_deeply_takes_little_memory() -> None:
    report = b'{"version": "2.1.0", "runs": [{"tool": ' + b"[" * 100_000
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="nested too deeply"):
            heads(io.BytesIO(report))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 64 << 20
