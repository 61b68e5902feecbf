"""The facts of exceptions that say odd things of themselves."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.causes import Cause, Failure, Frame, classify
from app.sandbox.failures import Facts


def facts(error: BaseException) -> dict[str, Any]:
    """What is told of an exception, as it comes out of the report."""
    found: dict[str, Any] = json.loads(
        json.dumps(Facts(Path("/arm"), ["kasmina"], ["tests"]).of(error))
    )
    return found


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EPERM, errno.EPERM), (True, None), (False, None), ("13", None)]
)
def test_only_a_number_is_the_number_of_an_error(number: object, told: int | None) -> None:
    assert facts(OSError(number, "refused")).get("errno") == told


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/arm/kasmina/scaling.py", Cause.PACKAGE),
        ("/arm/tests/helper.py", Cause.TEST),
        ("/elsewhere/library.py", Cause.TEST),
    ],
)
def test_a_file_that_cannot_be_read_is_where_the_failure_is(path: str, cause: Cause) -> None:
    found = facts(SyntaxError("invalid syntax", (path, 3, 1, "def (", 3, 2)))

    failure = Failure(
        found["kind"],
        tuple(found["bases"]),
        frames=(
            Frame("tests/test_a.py", "test_a", 1, 5),
            *(Frame(**frame) for frame in found["frames"]),
        ),
    )
    assert classify(failure, packages=["kasmina"], suites=["tests"]) is cause
