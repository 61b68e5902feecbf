"""The interface of a gate module, and the base class that implementations share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from kasmina._alpha_cache import AlphaTensorCache
from kasmina._checks import require_float_tensor
from kasmina._values import require_count, require_real_number


@runtime_checkable
class AlphaScheduleProtocol(Protocol):
    """What a slot needs of a gate module."""

    algorithm_id: str
    total_steps: int
    current_step: int

    def get_alpha_for_blend(self, x: Tensor) -> Tensor:
        """The gate for the features `x`, of a shape that broadcasts to `x`."""
        ...


class BlendAlgorithm(nn.Module, ABC):
    """Base of gate modules: a step counter, and a tensor of a value that is kept between calls.

    Instances can be deep-copied and pickled; the kept tensor is in neither, nor in the state dict.
    """

    algorithm_id: str = "base"
    total_steps: int
    """Length of the schedule that the gate accompanies; implementations set it."""

    def __init__(self) -> None:
        super().__init__()
        self.current_step = 0
        self._alpha_cache = AlphaTensorCache()

    def step(self, step: int) -> None:
        """Remember the schedule's step; TypeError unless it is an int, ValueError below 0."""
        self.current_step = require_count("step", step)

    @abstractmethod
    def get_alpha_for_blend(self, x: Tensor) -> Tensor:
        """The gate for the features `x`, of a shape that broadcasts to `x`."""

    def cached_alpha_tensor(self, value: float, x: Tensor) -> Tensor:
        """A 0-dim tensor of `value` with the dtype and device of `x`.

        The same object as long as value, dtype and device stay the same in the calling thread.

        Raises TypeError when `x` is no floating tensor or `value` no number, ValueError for NaN.
        """
        require_float_tensor("x", x)
        return self._alpha_cache.get(require_real_number("value", value), x)

    def reset_cache(self) -> None:
        """Drop the tensor kept for the calling thread. Other threads keep theirs.

        A thread may be in the middle of a forward pass with its tensor, which is none of the
        caller's business.
        """
        self._alpha_cache.reset()
