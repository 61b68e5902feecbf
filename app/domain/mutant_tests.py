"""The skeleton of a test that is to fail on a mutant. Pure."""

from __future__ import annotations

from app.domain.strength import Mutant

_SKELETON = '''"""A mutant that the tests of {key} do not notice: {operator} in {function}.

{diff}
The test asserts what holds of the package as it is and does not hold of this mutant.
"""

from __future__ import annotations

import pytest


@pytest.mark.finding("{key}", purpose="guards")
def test_{name}_{digest}() -> None:
    raise AssertionError("call {function} where the changed line matters, and assert its result")
'''


def skeleton(key: str, mutant: Mutant) -> str:
    """Return a pytest file that names a mutant, to be completed by a person."""
    name = "".join(c if c.isalnum() else "_" for c in mutant.function.lower()).strip("_")
    return _SKELETON.format(
        key=key,
        operator=mutant.operator,
        function=_plain(mutant.function),
        diff="".join(f"    {_plain(line)}\n" for line in mutant.diff.splitlines()),
        name=name or "mutant",
        digest=mutant.digest[:8],
    )


def _plain(text: str) -> str:
    """Return text that cannot end a docstring or a string, nor means anything in one."""
    return text.replace("\\", "\\\\").replace('"', "'")
