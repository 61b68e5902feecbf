"""AlphaController: carries an amplitude from where it is to a target, step by step.

Plain Python floats, no tensors. The controller owns the amplitude over time, a(t); a gate per
sample, g(x), belongs to `kasmina.blending.GatedBlend`; what a blend applies is their product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import IntEnum

from kasmina._curves import as_steepness, curve_progress, stable_sigmoid
from kasmina._values import require_mapping, require_member, require_step_count, require_unit_number
from kasmina.alpha import AlphaCurve, AlphaMode

__all__ = ["MIN_STEEPNESS", "AlphaController", "curve_progress", "stable_sigmoid"]

MIN_STEEPNESS = 0.1
"""Below this a sigmoid is a straight line for every practical purpose."""


@dataclass
class AlphaController:
    """An amplitude in [0, 1], and the schedule that moves it.

    It travels monotonically, never overshoots, and ends exactly on the target. A new target can be
    set only while it holds still. Construction brings the fields into their ranges; NaN is a
    ValueError, for clamping would turn it into full amplitude.
    """

    alpha: float = 0.0
    """The amplitude now."""
    alpha_start: float = 0.0
    """The amplitude when the schedule began."""
    alpha_target: float = 0.0
    """The amplitude that the schedule ends on."""
    alpha_mode: AlphaMode = AlphaMode.HOLD
    """The direction of travel, HOLD when there is nothing to do."""
    alpha_curve: AlphaCurve = AlphaCurve.LINEAR
    """The shape of the way."""
    alpha_steepness: float = 12.0
    """Steepness of the SIGMOID curve, at least `MIN_STEEPNESS`."""
    alpha_steps_total: int = 0
    """Steps that the schedule takes."""
    alpha_steps_done: int = 0
    """Steps taken so far, at most the total."""

    def __post_init__(self) -> None:
        self.alpha = require_unit_number("alpha", self.alpha)
        self.alpha_start = require_unit_number("alpha_start", self.alpha_start)
        self.alpha_target = require_unit_number("alpha_target", self.alpha_target)
        self.alpha_mode = require_member("alpha_mode", AlphaMode, self.alpha_mode)
        self.alpha_curve = require_member("alpha_curve", AlphaCurve, self.alpha_curve)
        self.alpha_steepness = _floored_steepness(self.alpha_steepness)
        total = require_step_count("alpha_steps_total", self.alpha_steps_total)
        done = require_step_count("alpha_steps_done", self.alpha_steps_done)
        self.alpha_steps_total, self.alpha_steps_done = total, min(done, total)

    def retarget(
        self,
        *,
        alpha_target: float,
        alpha_steps_total: int,
        alpha_curve: AlphaCurve | None = None,
        alpha_steepness: float | None = None,
    ) -> None:
        """Start a schedule from the present amplitude; None keeps the curve or the steepness.

        With no steps to take the target is reached at once. Raises ValueError while another
        schedule is under way, and leaves the controller as it was on any error.
        """
        if self.alpha_mode != AlphaMode.HOLD:
            mode = self.alpha_mode.name
            raise ValueError(f"retarget is only allowed from HOLD, the controller is in {mode}")
        target = require_unit_number("alpha_target", alpha_target)
        total = require_step_count("alpha_steps_total", alpha_steps_total)
        curve = self.alpha_curve if alpha_curve is None else alpha_curve
        curve = require_member("alpha_curve", AlphaCurve, curve)
        steepness = self.alpha_steepness if alpha_steepness is None else alpha_steepness
        self.alpha_steepness = _floored_steepness(steepness)
        self.alpha_curve = curve
        self.alpha_start, self.alpha_target = self.alpha, target
        self.alpha_steps_total, self.alpha_steps_done = total, 0
        if total == 0:
            self.alpha = target
        self.alpha_mode = _direction(self.alpha, target)

    def step(self) -> bool:
        """Take one step; True exactly on the one that arrives, with ``alpha == alpha_target``."""
        if self.alpha_mode == AlphaMode.HOLD or self.alpha_steps_total == 0:
            return False
        self.alpha_steps_done += 1
        if self.alpha_steps_done >= self.alpha_steps_total:
            # Assigned, not added up: rounding must not leave the amplitude beside its target.
            self.alpha = self.alpha_target
            self.alpha_mode = AlphaMode.HOLD
            return True
        self.alpha = self._on_the_way()
        return False

    def _on_the_way(self) -> float:
        share = self.alpha_steps_done / self.alpha_steps_total
        progress = curve_progress(share, self.alpha_curve, self.alpha_steepness)
        start, target = self.alpha_start, self.alpha_target
        low, high = min(start, target), max(start, target)
        return min(high, max(low, start + (target - start) * progress))

    def to_dict(self) -> dict[str, int | float]:
        """The eight fields as plain numbers, enums as int; `from_dict` continues from there."""
        return {
            name: int(value) if isinstance(value, IntEnum) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, int | float]) -> AlphaController:
        """The controller that `to_dict` described, in the middle of its schedule if it was there.

        Every field must be there: KeyError names a missing one, for a default in its place would
        change the trajectory unnoticed. ValueError for a number that is no member of its enum.
        """
        require_mapping("data", data)
        missing = [field.name for field in fields(cls) if field.name not in data]
        if missing:
            raise KeyError(f"missing in the controller's data: {', '.join(missing)}")
        values = {field.name: data[field.name] for field in fields(cls)}
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks each value


def _floored_steepness(value: object) -> float:
    return max(MIN_STEEPNESS, as_steepness("alpha_steepness", value))


def _direction(alpha: float, target: float) -> AlphaMode:
    if target > alpha:
        return AlphaMode.UP
    return AlphaMode.DOWN if target < alpha else AlphaMode.HOLD
