"""How large the gradients of host and seed are, and their ratio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import torch
from torch import Tensor, nn

from kasmina._checks import require_module
from kasmina._values import require_mapping

RATIO_EPSILON = 1e-8
"""Keeps the ratio finite for a vanishing host gradient."""


class AsyncGradientStats(TypedDict):
    """Sums of squares that still live on the device; None where no parameter has a gradient."""

    _async: bool
    _host_norm_sq: Tensor | None
    _seed_norm_sq: Tensor | None


class GradientHealthMonitor:
    """Measures the gradients of a host and a seed after a backward pass.

    A norm is the 2-norm over all gradients of a module's parameters, taken as one long vector. The
    host receives gradients on its direct path in every mode of blending; that is normal, and
    nothing here judges it.
    """

    def __init__(self) -> None:
        self.host_grad_norm = 0.0
        self.seed_grad_norm = 0.0
        self._host_parameters: list[nn.Parameter] = []
        self._seed_parameters: list[nn.Parameter] = []

    def register(self, host: nn.Module, seed: nn.Module) -> None:
        """Remember the parameters of both modules that require gradients now."""
        require_module("host", host)
        require_module("seed", seed)
        self._host_parameters = [p for p in host.parameters() if p.requires_grad]
        self._seed_parameters = [p for p in seed.parameters() if p.requires_grad]

    def compute_gradient_health(self) -> dict[str, float]:
        """Norms and ratio as floats; waits for the device.

        Keys: ``host_grad_norm``, ``seed_grad_norm`` and ``seed_gradient_ratio``, which is
        seed/(host + 1e-8), or 0.0 when the host has no gradient at all.
        """
        return self.materialize_gradient_stats(self.compute_gradient_health_async())

    @torch.no_grad()
    def compute_gradient_health_async(self) -> AsyncGradientStats:
        """The same as tensors, without waiting for the device to finish."""
        return {
            "_async": True,
            "_host_norm_sq": _sum_of_squares(self._host_parameters),
            "_seed_norm_sq": _sum_of_squares(self._seed_parameters),
        }

    def materialize_gradient_stats(self, stats: AsyncGradientStats) -> dict[str, float]:
        """Read the values of `compute_gradient_health_async` back and remember the two norms.

        Raises TypeError or KeyError for anything but such a result.
        """
        require_mapping("stats", stats)
        host = _norm(stats["_host_norm_sq"])
        seed = _norm(stats["_seed_norm_sq"])
        self.host_grad_norm, self.seed_grad_norm = host, seed
        ratio = seed / (host + RATIO_EPSILON) if host > 0.0 else 0.0
        return {"host_grad_norm": host, "seed_grad_norm": seed, "seed_gradient_ratio": ratio}

    def reset(self) -> None:
        """Set both norms back to 0.0; the registered parameters stay."""
        self.host_grad_norm = 0.0
        self.seed_grad_norm = 0.0


def _sum_of_squares(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """Sum of the squared gradients as a 0-dim tensor on the first one's device."""
    norms = [_gradient_norm(p.grad) for p in parameters if p.grad is not None]
    if not norms:
        return None
    return torch.stack([norm.to(norms[0].device) for norm in norms]).square().sum()


def _gradient_norm(gradient: Tensor) -> Tensor:
    if gradient.is_sparse:  # of an embedding with sparse=True; torch has no vector norm for it
        gradient = gradient.coalesce().values()
    # Half precision overflows at 65504 when squared; f64 keeps its own precision.
    dtype = torch.promote_types(gradient.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(gradient, dtype=dtype)
    return norm


def _norm(sum_of_squares: Tensor | None) -> float:
    return 0.0 if sum_of_squares is None else float(sum_of_squares.sqrt())
