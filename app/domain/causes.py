"""Why a test did not pass: pure rules over what a guest saw of the exception.

What a guest says is not trusted to be true, only to be facts of one arm: the rules decide what they
amount to. A failure shows a defect only when the package or an assertion failed; what the
environment lacks, or what is wrong in the test itself, shows nothing.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterator
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


_ORDER = (Cause.ENVIRONMENT, Cause.TEST, Cause.PACKAGE, Cause.ASSERTION, Cause.INTERFACE)
"""In which order causes are looked for: what shows nothing comes first."""

NEVER_RAN = "findings.NeverRan"
"""Kind of a failure of a test that pytest reported without having run it."""

_REFUSED = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EROFS,
        errno.ENOSYS,
        errno.EAFNOSUPPORT,
        errno.EPROTONOSUPPORT,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.ECONNREFUSED,
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    }
)
"""What the system answers where the cage, or a limit of it, stands in the way."""

_ENVIRONMENT_KINDS = frozenset(
    {
        "builtins.MemoryError",
        "socket.gaierror",
        "torch.OutOfMemoryError",
        "torch.cuda.OutOfMemoryError",
        "torch._inductor.exc.InvalidCxxCompiler",
    }
)
_ENVIRONMENT_SAYS = re.compile(
    r"Numpy is not available"
    r"|not compiled with \w+ enabled"
    r"|Found no NVIDIA driver|No CUDA GPUs are available|No HIP GPUs are available"
    r"|Cannot access accelerator device when none is available"
    r"|Could not run '[^']+' with arguments from the '(?:CUDA|MPS|XPU|HIP)\w*' backend"
    r"|No working C\+\+ compiler found"
    r"|can't start new thread|can't allocate memory"
    r"|unable to open shared memory object|unable to mmap|unable to write to file </torch"
)
"""Words by which libraries say that something is missing here, without a type of its own."""

_NO_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute")
_TEST_KINDS = frozenset({NEVER_RAN, "_pytest.fixtures.FixtureLookupError"})
_ASSERTIONS = frozenset(
    {
        "builtins.AssertionError",
        "builtins.Failed",
        "_pytest.outcomes.Failed",
        "doctest.DocTestFailure",
        "torch.autograd.gradcheck.GradcheckError",
    }
)
_GROUPS = frozenset({"builtins.BaseExceptionGroup", "builtins.ExceptionGroup"})


def classify(failure: Failure, *, packages: Collection[str], suites: Collection[str]) -> Cause:
    """Return why a test failed; of several exceptions the cause that shows least.

    Args:
        failure: what the guest saw, in any phase.
        packages: folders of the target's packages, relative to the arm's root.
        suites: folders of the suite, relative to the arm's root.
    """
    found = {_cause_of(one, packages, suites) for one in _all(failure)}
    return next(cause for cause in _ORDER if cause in found)


def signature(failure: Failure, *, packages: Collection[str], suites: Collection[str]) -> str:
    """Return what makes two failures the same.

    The type, and the innermost frame in the package or the suite as path, function and offset from
    its first line. Never the message, which may hold addresses and numbers; of a RecursionError
    the type alone, for where it strikes depends on how the interpreter was started.
    """
    if _is_a(failure, _GROUPS) and failure.others:
        members = {signature(one, packages=packages, suites=suites) for one in failure.others}
        return f"{failure.kind}({'; '.join(sorted(members))})"
    frame = _innermost(failure, packages, suites)
    if frame is None or _is_a(failure, {"builtins.RecursionError"}):
        return failure.kind
    return f"{failure.kind} at {frame.path}::{frame.function}+{frame.offset}"


def place(failure: Failure, *, packages: Collection[str], suites: Collection[str]) -> Frame | None:
    """Return where a test failed: the innermost frame in the package or the suite, if any.

    A group has none of its own in them, as often as not; then it is that of what it holds.
    """
    for one in _all(failure):
        frame = _innermost(one, packages, suites)
        if frame is not None:
            return frame
    return None


def _cause_of(failure: Failure, packages: Collection[str], suites: Collection[str]) -> Cause:
    if _lacks_something(failure, packages, suites):
        return Cause.ENVIRONMENT
    if _test_is_broken(failure, packages, suites):
        return Cause.TEST
    if any(_is_package(frame.path, packages, suites) for frame in failure.frames):
        return Cause.PACKAGE
    if _asserts(failure):
        return Cause.ASSERTION
    return Cause.INTERFACE


def _lacks_something(failure: Failure, packages: Collection[str], suites: Collection[str]) -> bool:
    if _is_a(failure, {"builtins.ImportError"}):
        if failure.module is not None:
            return not _is_of(failure.module, _names(packages))
        # One made by hand names nothing: the package's own word, or that of a library.
        return not _is_of(failure.origin, _names(packages))
    if _is_a(failure, {"builtins.OSError"}) and failure.errno is not None:
        missing_program = failure.errno == errno.ENOENT and failure.origin == "subprocess"
        return failure.errno in _REFUSED or missing_program or _is_a(failure, _ENVIRONMENT_KINDS)
    if _is_a(failure, _ENVIRONMENT_KINDS):
        return True
    # An assertion may quote any words.
    if not _asserts(failure) and _ENVIRONMENT_SAYS.search(failure.message):
        return True
    return _lacks_attribute(failure, packages, suites)


def _lacks_attribute(failure: Failure, packages: Collection[str], suites: Collection[str]) -> bool:
    """Tell whether a module that is none of the target's lacks a name that the test asks for."""
    if not _is_a(failure, {"builtins.AttributeError"}):
        return False
    named = _NO_ATTRIBUTE.search(failure.message)
    frame = _innermost(failure, packages, suites)
    asked_by_test = frame is not None and not _is_package(frame.path, packages, suites)
    return named is not None and asked_by_test and not _is_of(named[1], _names(packages))


def _test_is_broken(failure: Failure, packages: Collection[str], suites: Collection[str]) -> bool:
    if failure.kind in _TEST_KINDS or failure.kind.startswith("hypothesis.errors."):
        return True
    frame = _innermost(failure, packages, suites)
    in_test = frame is None or not _is_package(frame.path, packages, suites)
    unknown_name = _is_a(failure, {"builtins.NameError", "builtins.SyntaxError"})
    return unknown_name and in_test and not failure.star_import


def _asserts(failure: Failure) -> bool:
    # torch asserts what it is called with; that is no word of the test.
    of_torch = _is_of(failure.origin, {"torch"}) and not _is_of(failure.origin, {"torch.testing"})
    if of_torch and failure.kind == "builtins.AssertionError":
        return False
    return _is_a(failure, _ASSERTIONS)


def _all(failure: Failure) -> Iterator[Failure]:
    yield failure
    for one in failure.others:
        yield from _all(one)


def _is_a(failure: Failure, kinds: Collection[str]) -> bool:
    return failure.kind in kinds or any(base in kinds for base in failure.bases)


def _innermost(
    failure: Failure, packages: Collection[str], suites: Collection[str]
) -> Frame | None:
    own = (*packages, *suites)
    return next((f for f in reversed(failure.frames) if _below(f.path, own)), None)


def _below(path: str, folders: Collection[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _is_package(path: str, packages: Collection[str], suites: Collection[str]) -> bool:
    """Tell whether a file is one of the package; a suite may lie inside it, or it inside one."""
    around = [one for one in (*packages, *suites) if _below(path, (one,))]
    return bool(around) and max(around, key=len) in packages


def _names(packages: Collection[str]) -> set[str]:
    """Return the packages' import names; a folder may stand below another, such as ``src``."""
    return {package.rpartition("/")[2].removesuffix(".py") for package in packages}


def _is_of(module: str, tops: Collection[str]) -> bool:
    return any(module == top or module.startswith(f"{top}.") for top in tops)
