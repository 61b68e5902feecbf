"""Which lines each linked test executes: a pass of its own, of which nothing is decided."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Collection, Mapping, Sequence

from app.domain.runs import TestMode, TestResult
from app.sandbox.interface import Limits, PreparedArm, Sandbox
from app.sandbox.variants import make_variant, recording, remove_variant
from app.worker.passes import Sessions, draw_seed

Lines = Mapping[str, frozenset[int]]
"""By path."""

_SLOWER = 10.0
"""So many times as long a test may take while it is watched."""
_MOST_FILES = 40
"""A test tells of no more files."""
_MOST_ALONE = 64
_MOST_BYTES = 1 << 16


async def executed_lines(
    sandbox: Sandbox,
    arm: PreparedArm,
    node_ids: Sequence[str],
    files: Mapping[str, int],
    limits: Limits,
) -> dict[str, Lines] | None:
    """Return the executed lines of some files by test, or None where they cannot be told.

    Args:
        sandbox: runs it.
        arm: the package as it is.
        node_ids: the tests; each runs alone, for what one has cached is executed in no other.
        files: how many lines each file has.
        limits: of a deciding run.
    """
    if len(files) > _MOST_FILES:
        return None
    slow = Limits(
        **{
            **vars(limits),
            "per_test_s": limits.per_test_s * _SLOWER,
            "per_arm_s": limits.per_arm_s * _SLOWER,
        }
    )
    watched = await asyncio.to_thread(make_variant, arm, recording(arm, files))
    try:
        results = await _run(sandbox, watched, node_ids, slow)
    finally:
        await asyncio.to_thread(remove_variant, watched)
    found = {one.node_id: _lines(one, files) for one in results}
    if any(lines is None for lines in found.values()) or not found.keys() >= set(node_ids):
        return None
    return {node_id: lines for node_id, lines in found.items() if lines is not None}


async def _run(
    sandbox: Sandbox, arm: PreparedArm, node_ids: Sequence[str], limits: Limits
) -> list[TestResult]:
    sessions = await Sessions.open(sandbox, arm, node_ids, limits)
    alone = len(node_ids) <= _MOST_ALONE
    found: list[TestResult] = []
    try:
        for session, group in sessions.groups(node_ids):
            mode = TestMode.ALONE if alone else TestMode.TOGETHER
            for some in [[one] for one in group] if alone else [group]:
                report = await session.run(some, seed=draw_seed(), mode=mode)
                found += report.results
    finally:
        await sessions.close()
    return found


def _lines(result: TestResult, files: Collection[str]) -> Lines | None:
    told = {key: value for key, value in result.properties if key.startswith("lines:")}
    found: dict[str, frozenset[int]] = {}
    for path in files:
        try:
            packed = base64.b85decode(told[f"lines:{path}"])
            # The arm says so, and an arm is believed nothing.
            reader = zlib.decompressobj()
            data = reader.decompress(packed, _MOST_BYTES)
        except (KeyError, ValueError, zlib.error):
            return None
        bits = int.from_bytes(data, "little")
        found[path] = frozenset(n for n in range(bits.bit_length()) if bits >> n & 1)
    return found
