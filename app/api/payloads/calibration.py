"""Calibration out."""

from __future__ import annotations

from pydantic import Field

from app.api.payloads.fields import Output
from app.domain.calibration import CalibrationBy


class CalibrationRowOut(Output):
    """How often somebody was right."""

    who: str
    n: int = Field(description="Verdicts that were right or wrong.")
    right: int
    wrong: int
    abstained: int = Field(description="Verdicts that held the claim neither true nor false.")
    low: float | None = Field(description="Lower bound of the share of right ones, at 95 %.")
    high: float | None = Field(description="Upper bound; both null: too few to say.")


class CalibrationOut(Output):
    """How often each was right, in the order of names."""

    by: CalibrationBy
    enough: int = Field(description="With a smaller `n` nothing is said.")
    items: list[CalibrationRowOut]
    next_cursor: str | None = None
