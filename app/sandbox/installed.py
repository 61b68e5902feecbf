"""Whether this machine has what tests need; looked up, never imported."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = ("pytest", "torch")
"""What the extra ``worker`` installs; a web host does without."""


def missing_modules() -> tuple[str, ...]:
    """Return which of the needed modules are not installed."""
    return tuple(name for name in NEEDED if find_spec(name) is None)
