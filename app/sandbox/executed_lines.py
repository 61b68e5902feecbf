"""A plugin for pytest, put into an arm: tells which lines of the package each test executes.

What it records is told as properties of the test: ``lines:PATH`` with a bitmap of the lines. Lines
that are executed while the arm is collected belong to every test. What ``torch.compile`` has
compiled executes no lines, so it is asked to leave functions as they are. Nothing of this decides
anything: it is a pass of its own.
"""

from __future__ import annotations

import base64
import os
import sys
import threading
import zlib
from collections.abc import Generator
from types import CodeType, FrameType
from typing import Any

import pytest

FILES: dict[str, int] = {}
_ROOT = os.path.dirname(os.path.abspath(__file__))
_PATHS = {os.path.join(_ROOT, path): path for path in FILES}
_found: dict[str, set[int]] = {path: set() for path in FILES}


def _trace(frame: FrameType, event: str, _: Any) -> Any:
    """On Python 3.11: follow frames of the package line by line."""
    lines = _found.get(_PATHS.get(frame.f_code.co_filename, ""))
    if lines is None:
        return None
    lines.add(frame.f_lineno)

    def each(frame: FrameType, event: str, _: Any) -> Any:
        lines.add(frame.f_lineno)
        return each

    return each


def _line(code: CodeType, line: int) -> Any:
    """From Python 3.12 on: each line once, and those of other files never again."""
    lines = _found.get(_PATHS.get(code.co_filename, ""))
    if lines is not None:
        lines.add(line)
    return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore]


def _begin() -> None:
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        tool = monitoring.COVERAGE_ID
        monitoring.use_tool_id(tool, "findings")
        monitoring.register_callback(tool, monitoring.events.LINE, _line)
        monitoring.set_events(tool, monitoring.events.LINE)
    else:
        threading.settrace(_trace)
        sys.settrace(_trace)


def _uncompiled() -> None:
    """Have compilers leave functions as they are, where one is loaded."""
    os.environ["TORCH_COMPILE_DISABLE"] = "1"
    compiler = getattr(sys.modules.get("torch"), "compiler", None)
    if compiler is not None and hasattr(compiler, "set_stance"):
        compiler.set_stance("force_eager")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Begin with what was executed before any test."""
    _uncompiled()
    if sys.version_info >= (3, 12):
        sys.monitoring.restart_events()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Tell the lines with the report of the tear-down."""
    try:
        return (yield)
    finally:
        for path, lines in _found.items():
            item.user_properties.append((f"lines:{path}", _packed(lines)))


def _packed(lines: set[int]) -> str:
    """Return lines as text: a bit for each, compressed."""
    bits = sum(1 << line for line in lines)
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return base64.b85encode(zlib.compress(data, 9)).decode()


_begin()
