"""The blend operators: pure functions of tensors that mix a seed's features into a host's.

Notation of the docstrings: ``h`` host features, ``s`` seed features (what the seed module
returned), ``x`` seed input (what it was given), ``a`` amplitude clamped to [0, 1], ``g`` gate
clamped to [0, 1], ``y`` the result, ``G`` = dL/dy. Gradients towards a broadcast argument are
summed over the dimensions it was broadcast along. A clamp passes gradients on the closed interval
[0, 1] and none outside.

All operators
    * return a tensor of the shape, dtype and device of ``host_features``, under autocast too;
    * convert another argument only when its dtype differs, and never move one between devices;
    * are the identity at ``a = 0``, bit for bit (but −0.0 may become +0.0), as long as the other
      arguments are finite (and, for ADD and GATE, ``s − h`` does not overflow, for 0 · ∞ is NaN);
    * let a NaN through, at ``a = 0`` as well: 0 · NaN is NaN;
    * detach nothing and read no value, so they differentiate twice, vectorise and compile.

They raise TypeError for what is no tensor or has the wrong dtype, ValueError for a tensor on
another device or one that would enlarge the result, RuntimeError for shapes that do not broadcast.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kasmina._checks import (
    require_amplitude_tensor,
    require_broadcast_into,
    require_float_tensor,
    require_same_device,
)


def blend_add(host_features: Tensor, seed_features: Tensor, alpha: Tensor) -> Tensor:
    """ADD: move from the host towards the seed, ``y = h + a·(s − h)``.

    Evaluated as a linear interpolation that is exact at both ends: ``a = 0`` returns ``h`` and
    ``a = 1`` returns ``s``, bit for bit.

    Args:
        host_features: ``h``, any shape, any floating dtype.
        seed_features: ``s``, normally of the host's shape.
        alpha: ``a``, 0-dim, per sample as (B, 1, 1, 1) or (B, 1, 1), or anything that broadcasts to
            ``h``. Values outside [0, 1] count as the nearer end.

    Gradients: dL/dh = G·(1 − a), dL/ds = G·a, dL/da = Σ G·(s − h).

    """
    _check_host_and_seed(host_features, seed_features)
    _check_amplitude(alpha, host_features)
    # Clamped before it is converted: an integer amplitude becomes a float one on the way.
    weight = _as_dtype(_clip01(alpha), host_features.dtype)
    return torch.lerp(host_features, _as_dtype(seed_features, host_features.dtype), weight)


def blend_multiply(
    host_features: Tensor, seed_features: Tensor, alpha: Tensor, *, seed_input: Tensor
) -> Tensor:
    """MULTIPLY: scale the host by what the seed changed, ``y = h·(1 + a·tanh(s − x))``.

    For ``a`` in [0, 1] the factor lies in [1 − a, 1 + a], so |y| ≤ 2|h| and no sign turns. A seed
    that returns its input (``s = x``) leaves the host as it is, for every ``a``.

    Args:
        host_features: ``h``, any shape, any floating dtype.
        seed_features: ``s``, normally of the host's shape.
        alpha: ``a``, 0-dim or broadcasting to ``h``; clamped to [0, 1].
        seed_input: ``x``, the very tensor the seed module was given. There is no default, because
            this argument decides where gradients go, and the caller alone knows:

            * ``host_features.detach()``: ISOLATED. The host learns from its direct path only,
              dL/dh = G·(1 + a·t) with t = tanh(s − x).
            * ``host_features``: COUPLED. The host also receives dL/dx, so its total is
              G·(1 + a·t) − G·h·a·(1 − t²), plus what flows through ``s``. The extra term ties the
              host's gradient to the seed's output and may turn its sign.

            The value of ``y`` is the same either way. Nothing is detached in here.

    Gradients: dL/dh = G·(1 + a·t) directly, dL/ds = G·h·a·(1 − t²), dL/dx = −dL/ds,
    dL/da = Σ G·h·t.

    """
    _check_host_and_seed(host_features, seed_features)
    _check_partner("seed_input", seed_input, host_features)
    _check_amplitude(alpha, host_features)
    dtype = host_features.dtype
    modulation = _as_dtype(seed_features, dtype) - _as_dtype(seed_input, dtype)
    return host_features * multiply_valve_multiplier(_as_dtype(alpha, dtype), modulation)


def blend_gate(host_features: Tensor, seed_features: Tensor, alpha: Tensor, gate: Tensor) -> Tensor:
    """GATE: ADD with a gate per sample, ``y = h + e·(s − h)`` where ``e = clip01(a·g)``.

    Args:
        host_features: ``h``, any shape, any floating dtype.
        seed_features: ``s``, normally of the host's shape.
        alpha: ``a``, 0-dim or broadcasting to ``h``; clamped to [0, 1].
        gate: ``g``, usually (B, 1, 1, 1) or (B, 1, 1); clamped to [0, 1] before the product.

    With ``g = 1`` this is ADD, with ``g = 0`` it is ``h``, both bit for bit.

    Gradients: dL/dh = G·(1 − e), dL/ds = G·e, dL/da = Σ G·(s − h)·g, dL/dg = Σ G·(s − h)·a.

    """
    _check_host_and_seed(host_features, seed_features)
    _check_amplitude(alpha, host_features)
    _check_partner("gate", gate, host_features)
    weight = _as_dtype(gate_effective_alpha(alpha, gate), host_features.dtype)
    return torch.lerp(host_features, _as_dtype(seed_features, host_features.dtype), weight)


def gate_effective_alpha(alpha: Tensor, gate: Tensor) -> Tensor:
    """Amplitude and gate as one weight: ``e = clip01(clip01(a)·clip01(g))``.

    Each factor is clamped before the product, so that an overshooting gate cannot make up for a
    small amplitude: a = 0.7 and g = 2 give 0.7. Returns the broadcast shape and the promoted dtype
    of the two. Gradients inside [0, 1]: de/da = g, de/dg = a.
    """
    require_amplitude_tensor("alpha", alpha)
    require_float_tensor("gate", gate)
    require_same_device("gate", gate, "alpha", alpha)
    return _clip01(_clip01(alpha) * _clip01(gate))


def multiply_valve_multiplier(alpha: Tensor, seed_modulation: Tensor) -> Tensor:
    """The factor of MULTIPLY, ``M = 1 + a·tanh(m)``, with ``a`` clamped to [0, 1].

    1 − a ≤ M ≤ 1 + a for every m, infinities included, so M is never negative. Returns the
    broadcast shape of the two and the dtype of `seed_modulation`.

    Gradients, with t = tanh(m): dM/da = t, dM/dm = a·(1 − t²).
    """
    require_amplitude_tensor("alpha", alpha)
    require_float_tensor("seed_modulation", seed_modulation)
    require_same_device("alpha", alpha, "seed_modulation", seed_modulation)
    amplitude = _as_dtype(_clip01(alpha), seed_modulation.dtype)
    return 1.0 + amplitude * torch.tanh(seed_modulation)


def _clip01(value: Tensor) -> Tensor:
    return torch.clamp(value, 0.0, 1.0)


def _as_dtype(value: Tensor, dtype: torch.dtype) -> Tensor:
    # `to` would return the tensor itself too, but only after a dispatch through torch.
    return value if value.dtype == dtype else value.to(dtype)


def _check_host_and_seed(host_features: Tensor, seed_features: Tensor) -> None:
    require_float_tensor("host_features", host_features)
    _check_partner("seed_features", seed_features, host_features)


def _check_partner(name: str, value: Tensor, host_features: Tensor) -> None:
    require_float_tensor(name, value)
    require_same_device(name, value, "host_features", host_features)
    require_broadcast_into(name, value, host_features)


def _check_amplitude(alpha: Tensor, host_features: Tensor) -> None:
    require_amplitude_tensor("alpha", alpha)
    require_same_device("alpha", alpha, "host_features", host_features)
    require_broadcast_into("alpha", alpha, host_features)
