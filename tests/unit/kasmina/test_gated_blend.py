"""GatedBlend: its network, its shapes, its gradients, and what it refuses."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from kasmina.blending import AlphaScheduleProtocol, GatedBlend


@pytest.mark.parametrize(
    ("channels", "hidden"),
    [(1, 8), (3, 8), (16, 8), (31, 8), (32, 8), (36, 9), (64, 16), (256, 64)],
)
def test_hidden_width(channels: int, hidden: int) -> None:
    first, rectifier, last, squash = GatedBlend(channels).gate
    assert (first.in_features, first.out_features, last.out_features) == (channels, hidden, 1)
    assert isinstance(rectifier, nn.ReLU)
    assert isinstance(squash, nn.Sigmoid)


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 4, 1, 1), (2, 4, 1, 7), (0, 4, 2, 2)], ids=str)
def test_cnn_gate_is_the_network_of_the_spatial_mean(shape: tuple[int, ...]) -> None:
    gate, x = GatedBlend(4), torch.randn(shape)
    result = gate.get_alpha_for_blend(x)
    assert result.shape == (shape[0], 1, 1, 1)
    torch.testing.assert_close(result[:, :, 0, 0], gate.gate(x.mean(dim=(2, 3))))
    assert bool(((result >= 0) & (result <= 1)).all())


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 1, 4)], ids=str)
def test_transformer_gate_is_the_network_of_the_mean_over_time(shape: tuple[int, ...]) -> None:
    gate, x = GatedBlend(4, topology="transformer"), torch.randn(shape)
    result = gate.get_alpha_for_blend(x)
    assert result.shape == (shape[0], 1, 1)
    torch.testing.assert_close(result[:, :, 0], gate.gate(x.mean(dim=1)))


def test_is_an_alpha_schedule() -> None:
    gate = GatedBlend(4, total_steps=7)
    assert isinstance(gate, AlphaScheduleProtocol)
    assert (gate.algorithm_id, gate.total_steps, gate.current_step) == ("gated", 7, 0)
    gate.step(3)
    assert gate.current_step == 3
    assert not hasattr(gate, "get_alpha")


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_reach_features_and_parameters(frozen: bool) -> None:
    gate, x = GatedBlend(4), torch.randn(2, 4, 3, 3, requires_grad=True)
    gate.requires_grad_(not frozen)
    gate.get_alpha_for_blend(x).sum().backward()
    assert x.grad is not None
    assert bool(x.grad.abs().sum() > 0)
    assert all((p.grad is None) == frozen for p in gate.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_features_of_another_dtype_are_pooled_and_converted(dtype: torch.dtype) -> None:
    gate, x = GatedBlend(4), torch.randn(2, 4, 3, 3)
    result = gate.get_alpha_for_blend(x.to(dtype))
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, gate.get_alpha_for_blend(x), rtol=1e-2, atol=1e-2)


def test_gate_works_under_autocast() -> None:
    gate, x = GatedBlend(4), torch.randn(2, 4, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert gate.get_alpha_for_blend(x).shape == (2, 1, 1, 1)


def test_copies_answer_alike() -> None:
    gate, x = GatedBlend(4), torch.randn(2, 4, 3, 3)
    gate.cached_alpha_tensor(0.5, x)
    for twin in (copy.deepcopy(gate), pickle.loads(pickle.dumps(gate))):
        torch.testing.assert_close(twin.get_alpha_for_blend(x), gate.get_alpha_for_blend(x))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"channels": 0}, ValueError, "channels > 0"),
        ({"channels": -2}, ValueError, "channels > 0"),
        ({"channels": 2.0}, TypeError, "channels must be an int, got float"),
        ({"channels": None}, TypeError, "channels must be an int, got None"),
        ({"topology": "rnn"}, ValueError, "topology must be 'cnn' or 'transformer', got str 'rnn'"),
        ({"topology": None}, TypeError, "topology must be a string, got None"),
        ({"total_steps": 0}, ValueError, "total_steps > 0"),
        ({"total_steps": -1}, ValueError, "total_steps > 0"),
        ({"total_steps": True}, TypeError, "total_steps must be an int"),
    ],
    ids=str,
)
def test_bad_construction_is_refused(
    wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        GatedBlend(**({"channels": 4} | wrong))


@pytest.mark.parametrize("rank", [1, 2, 3, 5])
def test_cnn_gate_refuses_other_ranks(rank: int) -> None:
    with pytest.raises(AssertionError, match="CNN topology expects 4D input"):
        GatedBlend(4).get_alpha_for_blend(torch.randn([4] * rank))


@pytest.mark.parametrize("rank", [1, 2, 4, 5])
def test_transformer_gate_refuses_other_ranks(rank: int) -> None:
    with pytest.raises(AssertionError, match="Transformer topology expects 3D input"):
        GatedBlend(4, topology="transformer").get_alpha_for_blend(torch.randn([4] * rank))


def test_bad_features_are_refused() -> None:
    gate = GatedBlend(4)
    with pytest.raises(ValueError, match="x has 5 channels, the gate expects 4"):
        gate.get_alpha_for_blend(torch.randn(2, 5, 3, 3))
    with pytest.raises(ValueError, match="x is on meta, expected cpu"):
        gate.get_alpha_for_blend(torch.randn(2, 4, 3, 3, device="meta"))
    with pytest.raises(TypeError, match=r"x must be a torch\.Tensor"):
        gate.get_alpha_for_blend(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="x must have a floating dtype"):
        gate.get_alpha_for_blend(torch.ones(2, 4, 3, 3, dtype=torch.int64))
