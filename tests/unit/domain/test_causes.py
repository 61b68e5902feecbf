"""Why a test failed, and what makes two failures the same."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Any

import pytest

from app.domain.causes import NEVER_RAN, Cause, Failure, Frame, classify, place, signature

PACKAGES, SUITES = ("kasmina",), ("tests/verification",)
IN_TEST = Frame("tests/verification/test_a.py", "test_a", 3, 12)
IN_FIXTURE = Frame("tests/verification/conftest.py", "blended", 2, 40)
IN_PACKAGE = Frame("kasmina/blend_ops.py", "blend_add", 4, 33)
THROUGH = (IN_TEST, IN_PACKAGE)

BASES = {
    "ModuleNotFoundError": ("builtins.ImportError", "builtins.Exception"),
    "PermissionError": ("builtins.OSError", "builtins.Exception"),
    "FileNotFoundError": ("builtins.OSError", "builtins.Exception"),
    "BlockingIOError": ("builtins.OSError", "builtins.Exception"),
    "UnboundLocalError": ("builtins.NameError", "builtins.Exception"),
    "RecursionError": ("builtins.RuntimeError", "builtins.Exception"),
    "ExceptionGroup": ("builtins.BaseExceptionGroup", "builtins.Exception"),
}


def failed(kind: str, *frames: Frame, **facts: Any) -> Failure:
    """A failure by the name of its type, in the test where no frames are given."""
    name = kind if "." in kind else f"builtins.{kind}"
    found = Failure(kind=name, bases=BASES.get(kind, ("builtins.Exception",)))
    return replace(found, frames=frames or (IN_TEST,), **facts)


CAUSES = [
    # What the environment lacks, whoever asks for it.
    ("environment", failed("ModuleNotFoundError", module="numpy")),
    ("environment", failed("ModuleNotFoundError", *THROUGH, module="numpy")),
    ("environment", failed("ImportError", module="itertools", message="cannot import 'batched'")),
    ("environment", failed("ModuleNotFoundError", module="kasmina_extra")),
    ("environment", failed("ImportError", origin="transformers.utils", message="needs tokenizers")),
    ("environment", failed("RuntimeError", message="Numpy is not available")),
    (
        "environment",
        failed(
            "AssertionError", message="Torch not compiled with CUDA enabled", origin="torch.cuda"
        ),
    ),
    ("environment", failed("AttributeError", message="module 'itertools' has no attribute 'x'")),
    ("environment", failed("MemoryError", *THROUGH)),
    # What the cage refuses.
    ("environment", failed("PermissionError", errno=errno.EPERM)),
    ("environment", failed("PermissionError", *THROUGH, errno=errno.EACCES)),
    ("environment", failed("OSError", errno=errno.ENETUNREACH)),
    ("environment", failed("BlockingIOError", errno=errno.EAGAIN)),
    ("environment", failed("FileNotFoundError", errno=errno.ENOENT, origin="subprocess")),
    ("environment", failed("socket.gaierror", errno=-3)),
    ("environment", failed("RuntimeError", message="can't start new thread")),
    # Behind another exception, or in a group.
    (
        "environment",
        failed("RuntimeError", others=(failed("ModuleNotFoundError", module="numpy"),)),
    ),
    # The test itself.
    ("test", failed("NameError")),
    ("test", failed("UnboundLocalError", IN_PACKAGE, IN_TEST)),
    ("test", failed("_pytest.fixtures.FixtureLookupError")),
    ("test", failed(NEVER_RAN)),
    ("test", failed("hypothesis.errors.FlakyFailure", others=(failed("AssertionError"),))),
    ("test", failed("ExceptionGroup", others=(failed("AssertionError"), failed("NameError")))),
    # The package, in the test's body or in a fixture.
    ("package", failed("ValueError", *THROUGH)),
    ("package", failed("AssertionError", *THROUGH)),
    ("package", failed("NameError", *THROUGH)),
    ("package", failed("ZeroDivisionError", IN_FIXTURE, IN_PACKAGE)),
    ("package", failed("TypeError", IN_TEST, IN_PACKAGE, IN_TEST)),
    ("package", failed("ImportError", *THROUGH, module="kasmina.blend_ops")),
    ("package", failed("ImportError", *THROUGH, origin="kasmina.blend_ops")),
    # Made by hand: no word of the system.
    ("package", failed("PermissionError", *THROUGH)),
    ("package", failed("FileNotFoundError", *THROUGH, errno=errno.ENOENT, origin="kasmina.store")),
    ("package", failed("AttributeError", *THROUGH, message="module 'torch' has no attribute 'x'")),
    # An assertion.
    ("assertion", failed("AssertionError", origin="test_a")),
    ("assertion", failed("AssertionError", origin="torch.testing._comparison")),
    ("assertion", failed("AssertionError", origin="unittest.case")),
    ("assertion", failed("builtins.Failed", origin="_pytest.outcomes")),
    ("assertion", failed("torch.autograd.gradcheck.GradcheckError")),
    ("assertion", failed("AssertionError", message="assert 'Numpy is not available' == 'x'")),
    (
        "assertion",
        failed("ExceptionGroup", others=(failed("AssertionError"), failed("AssertionError"))),
    ),
    # Any other exception in the test's own lines.
    ("interface", failed("TypeError", message="takes 2 arguments but 3 were given")),
    ("interface", failed("AttributeError", message="module 'kasmina' has no attribute 'blend'")),
    ("interface", failed("AttributeError", message="'Tensor' object has no attribute 'blend'")),
    ("interface", failed("ImportError", module="kasmina.blend_ops")),
    ("interface", failed("ModuleNotFoundError", module="kasmina.gone")),
    ("interface", failed("AssertionError", origin="torch.nn.functional")),
    # The package should have given the name.
    ("interface", failed("NameError", star_import=True)),
    ("interface", failed("FileNotFoundError", errno=errno.ENOENT, origin="test_a")),
]


@pytest.mark.parametrize(("cause", "failure"), CAUSES)
def test_why_a_test_failed(cause: str, failure: Failure) -> None:
    assert classify(failure, packages=PACKAGES, suites=SUITES) is Cause(cause)


def test_a_suite_inside_the_package_and_a_package_of_one_file_are_told_apart() -> None:
    in_suite = Failure("builtins.NameError", frames=(Frame("acme/tests/test_x.py", "f", 1, 2),))
    in_module = Failure("builtins.ValueError", frames=(Frame("acme.py", "f", 1, 2),))

    assert classify(in_suite, packages=("acme",), suites=("acme/tests",)) is Cause.TEST
    assert classify(in_module, packages=("acme.py",), suites=("tests",)) is Cause.PACKAGE


def test_a_package_below_another_folder_has_the_name_of_its_own() -> None:
    failure = failed("ModuleNotFoundError", module="kasmina.gone")

    assert classify(failure, packages=("src/kasmina",), suites=SUITES) is Cause.INTERFACE


def sign(failure: Failure) -> str:
    return signature(failure, packages=PACKAGES, suites=SUITES)


def moved(frame: Frame, lines: int) -> Frame:
    return replace(frame, line=frame.line + lines)


SAME = [
    (
        failed("ValueError", *THROUGH, message="at 0x7f"),
        failed("ValueError", *THROUGH, message="0x8"),
    ),
    (failed("ValueError", *THROUGH), failed("ValueError", IN_TEST, moved(IN_PACKAGE, 7))),
    # Below the standard library's own frames, which differ from Python to Python.
    (
        failed("AssertionError", IN_TEST, Frame("unittest/case.py", "fail", 2, 700)),
        failed("AssertionError", IN_TEST, Frame("unittest/case.py", "fail", 2, 754)),
    ),
    (failed("RecursionError", IN_PACKAGE), failed("RecursionError", IN_TEST)),
    (
        failed("ExceptionGroup", others=(failed("AssertionError"), failed("ValueError"))),
        failed("ExceptionGroup", others=(failed("ValueError"), failed("AssertionError"))),
    ),
    (Failure("builtins.ValueError"), Failure("builtins.ValueError", message="other")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_failure(one: Failure, other: Failure) -> None:
    assert sign(one) == sign(other)


DIFFERENT = [
    (failed("ValueError", *THROUGH), failed("TypeError", *THROUGH)),
    (failed("ValueError", *THROUGH), failed("ValueError", IN_TEST)),
    (
        failed("ValueError", IN_PACKAGE),
        failed("ValueError", replace(IN_PACKAGE, function="blend_multiply")),
    ),
    (
        failed("AssertionError", IN_TEST),
        failed("AssertionError", replace(IN_TEST, offset=IN_TEST.offset + 1)),
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_failure(one: Failure, other: Failure) -> None:
    assert sign(one) != sign(other)


def test_the_place_is_the_innermost_frame_of_package_or_suite() -> None:
    library = Frame("unittest/case.py", "fail", 2, 700)
    inside = failed("ExceptionGroup", library, others=(failed("AssertionError", *THROUGH),))

    assert place(failed("ValueError", *THROUGH, library), packages=PACKAGES, suites=SUITES) == (
        IN_PACKAGE
    )
    assert place(inside, packages=PACKAGES, suites=SUITES) == IN_PACKAGE
    assert place(Failure("builtins.ValueError"), packages=PACKAGES, suites=SUITES) is None
