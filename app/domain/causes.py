"""Why a test did not pass: pure rules over what a guest saw of the exception.

What a guest says is not trusted to be true, only to be facts of one arm: the rules decide what they
amount to. A failure shows a defect only when the package or an assertion failed; what the
environment lacks, or what is wrong in the test itself, shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What a test that did not pass failed for."""

    ASSERTION = "assertion"
    """An assertion of the test, ``pytest.fail``, or an exception that did not come."""
    PACKAGE = "package"
    """An exception with a frame of the package in its traceback."""
    INTERFACE = "interface"
    """Any other exception in the test's own lines, such as a call the package does not take."""
    ENVIRONMENT = "environment"
    """What the interpreter lacks, or the cage refuses."""
    TEST = "test"
    """The test itself is broken: an unknown name or fixture, or a body that never ran."""
    NOT_RUN = "not-run"
    """The session ended before it."""


@dataclass(frozen=True)
class Frame:
    """A place in the package or the suite that an exception went through."""

    path: str
    """Relative to the arm's root, with forward slashes."""
    function: str
    """Qualified name of the code object."""
    offset: int
    """Lines from the function's first line: the same when lines above it move."""
    line: int


@dataclass(frozen=True)
class Failure:
    """The facts of one exception, as a guest reports them."""

    kind: str
    """Qualified name of its type, such as ``builtins.ValueError``."""
    bases: tuple[str, ...] = ()
    """Qualified names of the type's bases, nearest first."""
    message: str = ""
    module: str | None = None
    """The module that an ImportError names."""
    errno: int | None = None
    """Number of an OSError that the system gave; None for one made by hand."""
    frames: tuple[Frame, ...] = ()
    """Those in the package and the suite, outermost first."""
    origin: str = ""
    """Module that raised it, as the innermost frame of all names it, such as ``torch.cuda``."""
    star_import: bool = False
    """The file of the innermost frame takes all names of the package by ``import *``."""
    others: tuple[Failure, ...] = ()
    """Exceptions that it came from, or that it groups."""
