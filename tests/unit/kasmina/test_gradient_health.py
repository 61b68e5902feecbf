"""The gradient monitor: norms, ratio, and their forms."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kasmina.isolation import GradientHealthMonitor


class Holder(nn.Module):
    """Parameters with the given gradients."""

    def __init__(self, *gradients: Tensor | None) -> None:
        super().__init__()
        for index, gradient in enumerate(gradients):
            parameter = nn.Parameter(torch.zeros(2) if gradient is None else gradient * 0)
            parameter.grad = gradient
            self.register_parameter(f"p{index}", parameter)


def monitor_of(host: nn.Module, seed: nn.Module) -> GradientHealthMonitor:
    monitor = GradientHealthMonitor()
    monitor.register(host, seed)
    return monitor


def test_starts_at_zero() -> None:
    monitor = GradientHealthMonitor()
    assert (monitor.host_grad_norm, monitor.seed_grad_norm) == (0.0, 0.0)
    assert monitor.compute_gradient_health()["seed_gradient_ratio"] == 0.0


def test_norm_is_taken_over_all_gradients_as_one_vector() -> None:
    host = Holder(torch.tensor([3.0, 0.0]), None, torch.tensor([[4.0]]))
    seed = Holder(torch.tensor([6.0, 8.0]))
    monitor = monitor_of(host, seed)
    health = monitor.compute_gradient_health()
    assert health == pytest.approx(
        {"host_grad_norm": 5.0, "seed_grad_norm": 10.0, "seed_gradient_ratio": 2.0}
    )
    assert (monitor.host_grad_norm, monitor.seed_grad_norm) == pytest.approx((5.0, 10.0))
    monitor.reset()
    assert (monitor.host_grad_norm, monitor.seed_grad_norm) == (0.0, 0.0)


def test_ratio_is_zero_without_a_host_gradient() -> None:
    monitor = monitor_of(Holder(None), Holder(torch.ones(2)))
    health = monitor.compute_gradient_health()
    assert health["seed_gradient_ratio"] == 0.0
    assert health["seed_grad_norm"] == pytest.approx(math.sqrt(2))


def test_asynchronous_form_keeps_tensors() -> None:
    monitor = monitor_of(Holder(torch.tensor([3.0, 4.0])), Holder(None))
    stats = monitor.compute_gradient_health_async()
    assert stats["_async"] is True
    assert stats["_seed_norm_sq"] is None
    squared = stats["_host_norm_sq"]
    assert squared is not None
    assert squared.dim() == 0
    assert squared.item() == pytest.approx(25.0)
    assert monitor.host_grad_norm == 0.0
    assert monitor.materialize_gradient_stats(stats)["host_grad_norm"] == pytest.approx(5.0)
    assert monitor.host_grad_norm == pytest.approx(5.0)


def test_only_parameters_that_were_trainable_at_registration_count() -> None:
    host = nn.Linear(2, 1)
    host.bias.requires_grad_(False)
    monitor = monitor_of(host, nn.Identity())
    host.weight.grad, host.bias.grad = torch.tensor([[3.0, 4.0]]), torch.tensor([100.0])
    assert monitor.compute_gradient_health()["host_grad_norm"] == pytest.approx(5.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    monitor = monitor_of(Holder(torch.full((2,), 3000.0, dtype=dtype)), Holder())
    norm = monitor.compute_gradient_health()["host_grad_norm"]
    assert norm == pytest.approx(3000 * math.sqrt(2), rel=1e-2)


def test_gradients_of_several_dtypes_add_up() -> None:
    gradients = (torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float16))
    health = monitor_of(Holder(*gradients), Holder()).compute_gradient_health()
    assert health["host_grad_norm"] == pytest.approx(5.0)


def test_sparse_gradients_count_like_dense_ones() -> None:
    health = []
    for sparse in (False, True):
        host = nn.Embedding.from_pretrained(torch.ones(5, 2), freeze=False, sparse=sparse)
        monitor = monitor_of(host, Holder())
        host(torch.tensor([1, 1, 2])).sum().backward()
        health.append(monitor.compute_gradient_health())
    assert health[1] == health[0]
    assert health[0]["host_grad_norm"] == pytest.approx(math.sqrt(10))


def test_records_no_gradients() -> None:
    weight = torch.ones(2, requires_grad=True)
    host = Holder(torch.ones(2))
    host.p0.grad = weight * 2
    squared = monitor_of(host, Holder()).compute_gradient_health_async()["_host_norm_sq"]
    assert squared is not None
    assert not squared.requires_grad


@pytest.mark.parametrize("arguments", [(None, nn.Identity()), (nn.Identity(), torch.ones(1))])
def test_what_is_no_module_is_refused(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match=r"(host|seed) must be a torch\.nn\.Module, got"):
        GradientHealthMonitor().register(*arguments)


def test_what_is_no_result_is_refused() -> None:
    monitor = GradientHealthMonitor()
    with pytest.raises(TypeError, match="stats must be a mapping"):
        monitor.materialize_gradient_stats(None)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="_host_norm_sq"):
        monitor.materialize_gradient_stats({})  # type: ignore[typeddict-item]
