"""What an interpreter says of itself, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.targets.interpreters import Installed, InterpreterFailed, ask, require_pytest


def installed(**distributions: str) -> Installed:
    return Installed("3.13.0", "linux", (), distributions, {})


@pytest.mark.parametrize(
    ("distributions", "told"),
    [
        ({}, "it has no pytest; install one: python -m pip install 'pytest>=9'"),
        ({"pytest": "8.4.2"}, "its pytest is 8.4.2, and 9 or newer is needed"),
    ],
)
def test_an_interpreter_without_a_pytest_that_reports_subtests_is_refused(
    distributions: dict[str, str], told: str
) -> None:
    with pytest.raises(InterpreterFailed, match=told.replace("(", r"\(")):
        require_pytest(installed(**distributions))


def test_one_with_a_new_pytest_is_taken() -> None:
    require_pytest(installed(pytest="9.0.0rc1"))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "cannot be started"),
        ("echo no JSON", "answers what cannot be read"),
        ("echo broken >&2; exit 3", "cannot be used .*: broken"),
        ('echo \'{"python": "3.10.2"}\'', "is Python 3.10.2; 3.11 or newer is needed"),
    ],
)
def test_what_is_no_interpreter_says_so(tmp_path: Path, script: str | None, told: str) -> None:
    place = tmp_path / "python"
    if script is not None:
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)

    with pytest.raises(InterpreterFailed, match=told):
        ask(str(place))
