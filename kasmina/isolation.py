"""Blending in the slot's terms, the straight-through estimator, and the gradient monitor.

A seed is isolated from its host at the seed's *input*: the caller hands it ``h.detach()`` or ``h``.
Nothing in here detaches a path that the caller left open.
"""

from __future__ import annotations

from torch import Tensor

from kasmina._checks import require_broadcast_into, require_float_tensor, require_same_device
from kasmina.blend_ops import blend_add
from kasmina.gradient_health import GradientHealthMonitor

__all__ = ["GradientHealthMonitor", "blend_with_isolation", "ste_forward"]


def blend_with_isolation(host_features: Tensor, seed_features: Tensor, alpha: Tensor) -> Tensor:
    """`kasmina.blend_ops.blend_add` under the name of its use: ``y = h + a·(s − h)``.

    Gradients always reach both inputs, the host with 1 − a and the seed with a. Whether the seed's
    share goes on into the host depends on what the seed was fed.
    """
    return blend_add(host_features, seed_features, alpha)


def ste_forward(host_features: Tensor, seed_features: Tensor) -> Tensor:
    """Straight-through estimator: the value of the host, the gradients of the sum ``h + s``.

    A seed trains on the host's loss this way before it may change what the host computes:
    dL/dh = G and dL/ds = G, while y equals h bit for bit (but −0.0 becomes +0.0, and a NaN or an
    infinity in s gives NaN). After Bengio, Léonard and Courville, arXiv:1308.3432.

    Args:
        host_features: ``h``, any shape, any floating dtype.
        seed_features: ``s``, of a shape that broadcasts to ``h``; converted to its dtype first.

    """
    require_float_tensor("host_features", host_features)
    require_float_tensor("seed_features", seed_features)
    require_same_device("seed_features", seed_features, "host_features", host_features)
    require_broadcast_into("seed_features", seed_features, host_features)
    if seed_features.dtype != host_features.dtype:
        seed_features = seed_features.to(host_features.dtype)
    # The bracket is exactly zero; (h + s) - s would lose the bits of h where s is much larger.
    return host_features + (seed_features - seed_features.detach())
