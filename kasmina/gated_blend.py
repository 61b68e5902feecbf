"""GatedBlend: a small network that decides, per sample, how much of the seed is let in."""

from __future__ import annotations

from torch import Tensor, nn

from kasmina._blend_algorithm import BlendAlgorithm
from kasmina._checks import require_float_tensor, require_same_device
from kasmina._values import require_positive_int, require_topology

MIN_HIDDEN = 8
"""Hidden units of the narrowest gate: a quarter of three channels would leave it none."""


class GatedBlend(BlendAlgorithm):
    """A gate g(x) in [0, 1], one number per sample, learned from pooled features.

    The network `gate` is Linear(C → H), ReLU, Linear(H → 1), Sigmoid with H = max(8, C div 4).
    Gradients reach its parameters and, if ``x`` requires them, ``x``; frozen parameters
    (``requires_grad = False``) do not cut the way to ``x``.

    Args:
        channels: C, the features' channels (cnn) or width (transformer).
        topology: "cnn" for features (B, C, H, W), "transformer" for (B, T, C).
        total_steps: length of the schedule that the gate accompanies; the gate itself ignores it.

    Raises:
        ValueError: channels or total_steps not positive, or an unknown topology.
        TypeError: one of them has another type.

    """

    algorithm_id = "gated"

    def __init__(self, channels: int, topology: str = "cnn", total_steps: int = 10) -> None:
        super().__init__()
        self.channels = require_positive_int("channels", channels)
        self.topology = require_topology(topology)
        self.total_steps = require_positive_int("total_steps", total_steps)
        hidden = max(MIN_HIDDEN, channels // 4)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Sigmoid()
        )

    def get_alpha_for_blend(self, x: Tensor) -> Tensor:
        """The gate for the features `x`: (B, 1, 1, 1) for a cnn, (B, 1, 1) for a transformer.

        In the gate's parameter dtype, whatever the dtype of `x` (autocast may lower it).

        Raises:
            AssertionError: the rank of `x` is not the topology's.
            ValueError: another number of channels, or another device than the gate's.

        """
        require_float_tensor("x", x)
        pooled = self._pool(x)
        weight = next(self.gate.parameters())
        require_same_device("x", x, "the gate", weight)
        if pooled.dtype != weight.dtype:
            pooled = pooled.to(weight.dtype)
        gate: Tensor = self.gate(pooled)
        return gate.reshape(-1, *[1] * (x.dim() - 1))

    def _pool(self, x: Tensor) -> Tensor:
        """The mean over all positions, (B, C). The rank decides the axes, so it is not guessed."""
        if self.topology == "cnn":
            self._require_rank(x, 4, "CNN topology expects 4D input (B, C, H, W)")
            self._require_channels(x.shape[1])
            return x.mean(dim=(2, 3))
        self._require_rank(x, 3, "Transformer topology expects 3D input (B, T, C)")
        self._require_channels(x.shape[2])
        return x.mean(dim=1)

    def _require_rank(self, x: Tensor, rank: int, expected: str) -> None:
        if x.dim() != rank:
            # Raised by hand: an assert statement would be gone under python -O.
            raise AssertionError(f"{expected}, got x of shape {tuple(x.shape)}")

    def _require_channels(self, channels: int) -> None:
        if channels != self.channels:
            raise ValueError(f"x has {channels} channels, the gate expects {self.channels}")
