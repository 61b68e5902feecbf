"""How a slot mixes the features of its seed into the host's, once it knows all of them."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from kasmina._blend_algorithm import AlphaScheduleProtocol
from kasmina._values import describe
from kasmina.alpha import AlphaAlgorithm
from kasmina.blend_ops import blend_gate, blend_multiply
from kasmina.isolation import blend_with_isolation, ste_forward


def apply_blend(
    algorithm: AlphaAlgorithm,
    gate_module: AlphaScheduleProtocol | None,
    host_features: Tensor,
    seed_features: Tensor,
    alpha: Tensor,
    *,
    seed_input: Tensor,
) -> Tensor:
    """Apply the operator of `algorithm`.

    `seed_input` is the very tensor that the seed was given. MULTIPLY and GATE both look at it, so
    that detaching it isolates the host from everything but its direct path.
    """
    if algorithm == AlphaAlgorithm.GATE:
        if gate_module is None:
            raise RuntimeError("alpha_schedule is None, but GATE needs a gate module")
        gate = gate_module.get_alpha_for_blend(seed_input)
        return blend_gate(host_features, seed_features, alpha, gate)
    if algorithm not in (AlphaAlgorithm.ADD, AlphaAlgorithm.MULTIPLY):
        raise ValueError(f"alpha_algorithm must be a member, got unknown {describe(algorithm)}")
    if gate_module is not None:
        raise RuntimeError(f"alpha_schedule is a gate module, which {algorithm.name} cannot use")
    if algorithm == AlphaAlgorithm.MULTIPLY:
        return blend_multiply(host_features, seed_features, alpha, seed_input=seed_input)
    return blend_with_isolation(host_features, seed_features, alpha)


def pass_straight(host_features: Tensor, seed_features: Tensor, slot_id: str) -> Tensor:
    """`ste_forward`, with a warning when the seed cannot learn from it.

    Only where gradients are recorded: under ``torch.no_grad`` nothing is meant to train.
    """
    if torch.is_grad_enabled() and not seed_features.requires_grad:
        warnings.warn(
            f"slot {slot_id!r}: the seed is in TRAINING, but its features require no gradients, so "
            "nothing trains it; are its parameters frozen?",
            stacklevel=5,  # of the line that calls the slot, beyond two frames of torch
        )
    return ste_forward(host_features, seed_features)
