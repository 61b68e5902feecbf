"""Walking several tensors of one shape and layout at once, a block that fits a cache at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_ELEMENTS = 1 << 18
"""Elements of a block, 1 MiB in f32: enough to feed a few threads, few enough for a cache."""


def is_dense(tensor: Tensor) -> bool:
    """Whether the memory holds nothing but the elements, in the standard or channels_last order."""
    return _in_memory_order(tensor).is_contiguous()


def blocks_of(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Flat views of the same part of each tensor, block by block, in the order of the memory.

    The tensors have one shape and one dense layout (see `is_dense`).
    """
    flat = [_in_memory_order(tensor).reshape(-1) for tensor in tensors]
    return zip(*(torch.split(part, BLOCK_ELEMENTS) for part in flat), strict=True)


def _in_memory_order(tensor: Tensor) -> Tensor:
    if tensor.dim() == 4 and not tensor.is_contiguous():
        return tensor.permute(0, 2, 3, 1)
    return tensor
