"""The facts of an exception, as seen inside the guest: what it is and where it came from.

What they amount to is decided outside, by the rules in ``app.domain.causes``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

NEVER_RAN = "findings.NeverRan"
"""In place of an exception's type: the body of the test was never executed."""

_OF_DOCTESTS = ("doctest.UnexpectedException", "_pytest.doctest.MultipleDoctestFailures")
"""Exceptions that hold others, in ways of their own."""

_DEPTH = 3
_MOST_OTHERS = 8
_MOST_FRAMES = 30
_MESSAGE_CHARS = 500
_STAR = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+\*", re.MULTILINE)


class Facts:
    """Reads exceptions of one arm."""

    def __init__(self, root: Path, packages: Sequence[str], suites: Sequence[str]) -> None:
        """`root` is the arm as the guest sees it, where its packages and suites lie below."""
        self._root = f"{root}/"
        self._folders = tuple(f"{folder}/" for folder in (*packages, *suites))
        self._files = frozenset(packages)
        self._names = {one.rpartition("/")[2].removesuffix(".py") for one in packages}

    def of(self, error: BaseException, depth: int = 0) -> dict[str, Any]:
        """Return the facts of `error` and of those it came from or groups."""
        frames, origin, innermost = self._frames(error.__traceback__)
        found: dict[str, Any] = {
            "kind": _name(type(error)),
            "bases": [_name(base) for base in type(error).__mro__[1:8]],
            "message": _text(error),
            "frames": frames,
            "origin": origin,
        }
        if isinstance(error, ImportError) and isinstance(error.name, str):
            found["module"] = error.name[:200]
        if isinstance(error, OSError) and _is_number(error.errno):
            found["errno"] = error.errno
        if isinstance(error, SyntaxError):
            frames += self._unread(error)
        if isinstance(error, NameError) and innermost is not None:
            found["star_import"] = self._takes_all(innermost)
        if depth < _DEPTH:
            others = [self.of(other, depth + 1) for other in _others(error)[:_MOST_OTHERS]]
            if others:
                found["others"] = others
        return found

    def _frames(self, trace: TracebackType | None) -> tuple[list[dict[str, Any]], str, str | None]:
        """Frames of the arm, the module of the innermost frame of all, and its file."""
        frames: list[dict[str, Any]] = []
        origin, innermost = "", None
        while trace is not None:
            code = trace.tb_frame.f_code
            name = trace.tb_frame.f_globals.get("__name__")
            origin, innermost = (name if isinstance(name, str) else "")[:200], code.co_filename
            path = code.co_filename.removeprefix(self._root)
            if code.co_filename.startswith(self._root) and self._is_own(path):
                frames.append(
                    {
                        "path": path[:500],
                        "function": code.co_qualname[:300],
                        "offset": trace.tb_lineno - code.co_firstlineno,
                        "line": trace.tb_lineno,
                    }
                )
            trace = trace.tb_next
        # A recursion has as many as the interpreter allows.
        if len(frames) > _MOST_FRAMES:
            frames = frames[: _MOST_FRAMES // 2] + frames[-_MOST_FRAMES // 2 :]
        return frames, origin, innermost

    def _unread(self, error: SyntaxError) -> list[dict[str, Any]]:
        """The line that could not be read, where it is one of the arm: no frame stands there."""
        name, line = error.filename, error.lineno
        if not (isinstance(name, str) and name.startswith(self._root) and _is_number(line)):
            return []
        path = name.removeprefix(self._root)
        if not self._is_own(path):
            return []
        return [{"path": path[:500], "function": "<module>", "offset": line, "line": line}]

    def _is_own(self, path: str) -> bool:
        return path in self._files or path.startswith(self._folders)

    def _takes_all(self, path: str) -> bool:
        """Whether a file takes all names of a package by ``import *``."""
        if not path.startswith(self._root):
            return False
        try:
            source = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return any(name.partition(".")[0] in self._names for name in _STAR.findall(source))


def _others(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return list(error.exceptions)
    if _name(type(error)) in _OF_DOCTESTS:
        told = getattr(error, "exc_info", ())[1:2] or getattr(error, "failures", ())
        return [one for one in told if isinstance(one, BaseException)]
    if error.__cause__ is not None:
        return [error.__cause__]
    if error.__context__ is not None and not error.__suppress_context__:
        return [error.__context__]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"[:200]


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_CHARS]
    except Exception:
        return ""  # code of the arm, which may fail in turn
