"""Checks on tensor arguments, shared by the operators and the modules.

Every check looks at static facts only: type, dtype, device and shape. None of them reads a value,
so they cost no synchronisation and leave ``torch.compile(fullgraph=True)``, ``vmap`` and ``jvp``
intact.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kasmina._values import describe


def require_float_tensor(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a tensor of a floating dtype."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {describe(value)}")
    if not value.dtype.is_floating_point:
        raise TypeError(f"{name} must have a floating dtype, got {value.dtype}")


def require_amplitude_tensor(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a floating or integer tensor, not bool or complex."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor (0-dim for one value), got {describe(value)}"
        )
    if value.dtype.is_complex or value.dtype == torch.bool:
        raise TypeError(f"{name} must have a floating or integer dtype, got {value.dtype}")


def require_same_device(name: str, value: Tensor, reference_name: str, reference: Tensor) -> None:
    """Raise ValueError unless both tensors live on one device; nothing is moved silently."""
    if value.device != reference.device:
        raise ValueError(
            f"{name} is on {value.device}, expected {reference.device}, where {reference_name} is"
        )


def require_broadcast_into(name: str, value: Tensor, host: Tensor) -> None:
    """Require that combining `value` with `host` yields exactly the shape of `host`.

    Raises RuntimeError (as torch does) when the shapes do not broadcast at all, and ValueError when
    they do but the result would be larger than `host`, which torch would allow silently.
    """
    if value.shape == host.shape or value.dim() == 0:
        return
    excess = value.dim() - host.dim()
    pairs = zip(reversed(value.shape), reversed(host.shape), strict=False)
    enlarges = excess > 0
    for own, expected in pairs:
        if own == expected or own == 1:
            continue
        if expected != 1:
            raise RuntimeError(_shape_message(name, value, host, "does not broadcast to"))
        enlarges = True
    if enlarges:
        raise ValueError(_shape_message(name, value, host, "would enlarge the result beyond"))


def require_module(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a torch module."""
    if not isinstance(value, nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module, got {describe(value)}")


def require_device(name: str, value: object) -> torch.device:
    """Return `value` as a device; TypeError or ValueError, naming it, when it describes none."""
    if not isinstance(value, str | torch.device):
        raise TypeError(f"{name} must be a string or torch.device, got {describe(value)}")
    try:
        return torch.device(value)
    except RuntimeError as error:
        raise ValueError(f"{name} {value!r} is not a device: {error}") from error


def require_override(name: str, value: object, host: Tensor) -> None:
    """Raise unless `value` is 0-dim, or has the host's rank and fits within its shape."""
    require_amplitude_tensor(name, value)
    assert isinstance(value, Tensor)
    require_same_device(name, value, "host_features", host)
    sizes = zip(value.shape, host.shape, strict=False)
    if value.dim() in (0, host.dim()) and all(own in (1, size) for own, size in sizes):
        return
    raise ValueError(
        f"{name} must be 0-dim or of the rank of host_features, within {tuple(host.shape)}, "
        f"got shape {tuple(value.shape)}"
    )


def _shape_message(name: str, value: Tensor, host: Tensor, verb: str) -> str:
    return f"{name} of shape {tuple(value.shape)} {verb} host_features' {tuple(host.shape)}"
