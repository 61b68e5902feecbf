"""Preparing a seed module before a slot takes it in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kasmina._values import describe, require_real_number
from kasmina.alpha import AlphaAlgorithm

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def require_target(alpha_target: float | None) -> float:
    """The amplitude that a ramp ends on, 1.0 for None; ValueError outside (0, 1]."""
    target = 1.0 if alpha_target is None else require_real_number("alpha_target", alpha_target)
    if not 0.0 < target <= 1.0:
        raise ValueError(f"alpha_target must lie in (0, 1], got {target}")
    return target


def require_pairing(blend_algorithm_id: str, algorithm: AlphaAlgorithm) -> None:
    """Raise ValueError when only one of the two calls for a gate."""
    if (blend_algorithm_id == "gated") != (algorithm is AlphaAlgorithm.GATE):
        raise ValueError(
            "blend_algorithm_id 'gated' and alpha_algorithm GATE go together, "
            f"got {blend_algorithm_id!r} with {algorithm.name}"
        )


def check_keeps_shape(seed: nn.Module, topology: str, channels: int, device: torch.device) -> None:
    """Run the seed once on a probe; AssertionError unless it returns a tensor of the same shape.

    In eval mode and without gradients, so that neither statistics nor the seed's mode change. The
    probe is (1, C, 32, 32) for a cnn and (2, 8, C) for a transformer, in the seed's own dtype.
    """
    shape = (1, channels, 32, 32) if topology == "cnn" else (2, 8, channels)
    dtypes = (p.dtype for p in seed.parameters() if p.dtype.is_floating_point)
    # Zeros, because a random probe would advance the generator that the training run depends on.
    probe = torch.zeros(shape, dtype=next(dtypes, None), device=device)
    with _eval_mode(seed), torch.no_grad():
        result = seed(probe)
    if not isinstance(result, Tensor) or result.shape != probe.shape:
        got = f"one of {tuple(result.shape)}" if isinstance(result, Tensor) else describe(result)
        raise AssertionError(f"the seed must return a tensor of shape {shape}, got {got}")


def zero_last_layer(seed: nn.Module) -> None:
    """Zero weight and bias of the last linear or convolution layer in module order, if any.

    A residual seed, ``x + f(x)``, is the identity then, so a MULTIPLY blend starts with no
    modulation.
    """
    layers = [module for module in seed.modules() if isinstance(module, _LAYERS)]
    if layers:
        for parameter in layers[-1].parameters(recurse=False):
            nn.init.zeros_(parameter)


@contextmanager
def _eval_mode(module: nn.Module) -> Iterator[None]:
    """Eval mode inside; every submodule gets its own former mode back, also after an error."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
