"""What is removed after its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Retention:
    """How long things are kept that have a setting; others carry their end with them."""

    run_events: timedelta
    """After the end of the run that they belong to; its results stay."""
