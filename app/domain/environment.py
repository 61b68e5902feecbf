"""What results depend on besides package and suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.catalogue import fold

DECISIVE = ("python", "torch", "platform", "installed")
"""Results from two environments speak of the same only where these agree."""


def environment_digest(environment: Mapping[str, Any]) -> str:
    """Return one digest of what decides in an environment."""
    return fold(str(environment.get(name, "")) for name in DECISIVE)
