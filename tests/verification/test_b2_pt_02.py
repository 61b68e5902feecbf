"""B2-PT-02: a tensor is converted when its dtype differs from the host's, and only then."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kasmina.blend_ops import blend_add, blend_gate, blend_multiply

CONVERSIONS = {
    Tensor.to,
    Tensor.type,
    Tensor.type_as,
    Tensor.float,
    Tensor.half,
    Tensor.bfloat16,
    Tensor.double,
    Tensor.clone,
}
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class _Recorder(TorchFunctionMode):
    """Keeps the torch functions that were called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.called.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.finding("B2-PT-02")
def test_equal_dtypes_are_not_converted() -> None:
    """No operator calls a conversion when all of its tensors have one dtype already."""
    host, seed = torch.randn(2, 3), torch.randn(2, 3)
    alpha, gate = torch.tensor(0.5), torch.rand(2, 1)
    with _Recorder() as recorder:
        blend_add(host, seed, alpha)
        blend_multiply(host, seed, alpha, seed_input=host)
        blend_gate(host, seed, alpha, gate)
    assert [func for func in recorder.called if func in CONVERSIONS] == []


@pytest.mark.finding("B2-PT-02")
def test_differing_dtypes_give_the_dtype_of_the_host() -> None:
    """Any mix of floating dtypes blends, and the result has the dtype of the host."""
    for host_dtype, seed_dtype, alpha_dtype in product(DTYPES, repeat=3):
        host, seed = torch.randn(2, 3, dtype=host_dtype), torch.randn(2, 3, dtype=seed_dtype)
        alpha = torch.full((2, 1), 0.5, dtype=alpha_dtype)
        assert blend_add(host, seed, alpha).dtype == host_dtype
        assert blend_multiply(host, seed, alpha, seed_input=seed).dtype == host_dtype
        assert blend_gate(host, seed, alpha, alpha).dtype == host_dtype
