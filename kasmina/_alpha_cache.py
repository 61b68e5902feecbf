"""A small store for the amplitude's tensor, so that a forward pass does not make a new one."""

from __future__ import annotations

import math
import threading

import torch
from torch import Tensor


class AlphaTensorCache:
    """Holds one 0-dim tensor per thread, valid for one value, dtype and device.

    A change of any of the three makes a new tensor, so the store can never answer with a stale one.
    Threads do not see each other's tensor. Copies and pickles start empty: a thread-local object
    can be neither copied nor pickled, and its content is cheap to make again.
    """

    def __init__(self) -> None:
        self._entry = threading.local()

    def __reduce__(self) -> tuple[type[AlphaTensorCache], tuple[()]]:
        return AlphaTensorCache, ()

    def get(self, value: float, like: Tensor) -> Tensor:
        """The 0-dim tensor of `value` with the dtype and device of `like`.

        The same object as long as value, dtype and device stay the same. Callers check both, under
        the names that they have there.
        """
        if torch.compiler.is_compiling():
            # A graph under construction must not leave its tensors behind for later calls.
            return torch.full((), value, dtype=like.dtype, device=like.device)
        # 0.0 == -0.0, and yet they are two amplitudes: the sign tells them apart.
        key = (value, math.copysign(1.0, value), like.dtype, like.device)
        if getattr(self._entry, "key", None) != key:
            # Made in inference mode, the tensor would be refused by a later backward pass.
            with torch.inference_mode(False):
                self._entry.tensor = torch.full((), value, dtype=like.dtype, device=like.device)
            self._entry.key = key
        tensor: Tensor = self._entry.tensor
        return tensor

    def reset(self) -> None:
        """Drop the calling thread's tensor; those of other threads stay."""
        self._entry.__dict__.clear()
