"""The fast form of MULTIPLY: the plain operator within tolerance, and the plain one itself else."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.graph import saved_tensors_hooks

from kasmina import _blocks, fast
from kasmina.blend_ops import blend_multiply
from kasmina.fast import MIN_ELEMENTS, blend_multiply_fast

SHAPES = ((MIN_ELEMENTS,), (8, 16, 24, 32), (5, 101, 257))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of seven elements and no lower limit, so that small tensors take the fast way."""
    monkeypatch.setattr(fast, "MIN_ELEMENTS", 0)
    monkeypatch.setattr(_blocks, "BLOCK_ELEMENTS", 7)


@pytest.fixture
def blocked_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the hosts that went through the blocked form."""
    calls: list[int] = []
    forward = fast._Blocked.forward

    def recorded(h: Tensor, *rest: Tensor) -> Any:
        calls.append(h.numel())
        return forward(h, *rest)

    monkeypatch.setattr(fast._Blocked, "forward", staticmethod(recorded))
    return calls


def features(shape: tuple[int, ...], **kwargs: Any) -> list[Tensor]:
    return [torch.randn(shape, **kwargs).requires_grad_() for _ in range(3)]


def assert_close(result: Tensor, expected: Tensor, tolerance: float = 1e-6) -> None:
    error = (result - expected).abs().max()
    assert error <= tolerance * expected.abs().max(), f"{error / expected.abs().max()}"


@pytest.mark.parametrize("amplitude", [0.0, 0.37, 1.0, 1.5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_those_of_the_plain_operator(
    shape: tuple[int, ...], amplitude: float, blocked_calls: list[int]
) -> None:
    h, s, x = features(shape)
    alpha = torch.tensor(amplitude, requires_grad=True)
    upstream = torch.randn(shape)
    fast_result = blend_multiply_fast(h, s, alpha, seed_input=x)
    plain_result = blend_multiply(h, s, alpha, seed_input=x)
    assert_close(fast_result, plain_result)
    assert len(blocked_calls) == 1
    for result, expected in zip(
        torch.autograd.grad(fast_result, (h, s, x), upstream),
        torch.autograd.grad(plain_result, (h, s, x), upstream),
        strict=True,
    ):
        assert_close(result, expected)


def test_gradient_of_the_amplitude() -> None:
    h, s, x = features(SHAPES[1])
    alpha = torch.tensor(0.4, requires_grad=True)
    slopes = [
        torch.autograd.grad(operator(h, s, alpha, seed_input=x).sum(), alpha)[0]
        for operator in (blend_multiply_fast, blend_multiply)
    ]
    torch.testing.assert_close(*slopes)


def test_coupled_host_gets_both_gradients() -> None:
    h, s, _ = features(SHAPES[1])
    upstream, alpha = torch.randn(SHAPES[1]), torch.tensor(0.6)
    slopes = [
        torch.autograd.grad(operator(h, s, alpha, seed_input=h), h, upstream)[0]
        for operator in (blend_multiply_fast, blend_multiply)
    ]
    assert_close(*slopes)


@pytest.mark.parametrize("amplitude", [0.0, 0.3, 1.0])
def test_identities_hold_bit_for_bit(amplitude: float) -> None:
    h, s, x = features(SHAPES[1])
    alpha = torch.tensor(amplitude)
    assert torch.equal(blend_multiply_fast(h, s, torch.tensor(0.0), seed_input=x), h)
    assert torch.equal(blend_multiply_fast(h, s, alpha, seed_input=s), h)


def test_bounds_hold_for_strong_modulation() -> None:
    h, s, x = features(SHAPES[1])
    result = blend_multiply_fast(h, 1e4 * s, torch.tensor(1.0), seed_input=x)
    assert bool((result.abs() <= 2 * h.abs()).all())
    assert bool((result * h >= 0).all())


@pytest.mark.parametrize("where", ["host", "seed", "seed_input", "alpha"])
def test_nan_is_not_masked(where: str) -> None:
    h, s, x = (tensor.detach() for tensor in features(SHAPES[0]))
    alpha = torch.tensor(0.0)
    {"host": h, "seed": s, "seed_input": x, "alpha": alpha}[where].fill_(torch.nan)
    assert bool(blend_multiply_fast(h, s, alpha, seed_input=x).isnan().all())


def test_keeps_two_tensors_of_the_size_of_the_host() -> None:
    h, s, x = features(SHAPES[1])
    saved: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    def count(operator: Callable[..., Tensor]) -> int:
        saved.clear()
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            operator(h, s, torch.tensor(0.4), seed_input=x.detach())
        return sum(tensor.numel() == h.numel() for tensor in saved)

    assert count(blend_multiply_fast) == 2
    assert count(blend_multiply) == 3


def test_channels_last_stays_channels_last(blocked_calls: list[int]) -> None:
    plain = [tensor.detach() for tensor in features((8, 16, 24, 32))]
    h, s, x = (t.contiguous(memory_format=torch.channels_last).requires_grad_() for t in plain)
    alpha = torch.tensor(0.4)
    result = blend_multiply_fast(h, s, alpha, seed_input=x)
    assert len(blocked_calls) == 1
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert_close(result, blend_multiply(*plain[:2], alpha, seed_input=plain[2]))
    upstream = torch.randn_like(result)
    for own, expected in zip(
        torch.autograd.grad(result, (h, s), upstream),
        torch.autograd.grad(blend_multiply(h, s, alpha, seed_input=x), (h, s), upstream),
        strict=True,
    ):
        assert_close(own, expected)


@pytest.mark.usefixtures("small_blocks")
def test_first_and_second_derivatives() -> None:
    h, s, x = features((3, 5), dtype=torch.float64)
    alpha = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)

    def operator(h: Tensor, s: Tensor, alpha: Tensor, x: Tensor) -> Tensor:
        return blend_multiply_fast(h, s, alpha, seed_input=x)

    assert gradcheck(operator, (h, s, alpha, x), check_forward_ad=True)
    assert gradgradcheck(operator, (h, s, alpha, x))


@pytest.mark.usefixtures("small_blocks")
def test_functional_transforms() -> None:
    h, s, x = (tensor.detach() for tensor in features((4, 6)))
    alpha, tangent = torch.tensor(0.6), torch.randn(4, 6)

    def fast_loss(h: Tensor, s: Tensor, x: Tensor) -> Tensor:
        return blend_multiply_fast(h, s, alpha, seed_input=x).square().sum()

    def plain_loss(h: Tensor, s: Tensor, x: Tensor) -> Tensor:
        return blend_multiply(h, s, alpha, seed_input=x).square().sum()

    for transform in (
        lambda loss: torch.vmap(loss)(h, s, x),
        lambda loss: torch.func.grad(loss, argnums=(0, 1, 2))(h, s, x),
        lambda loss: torch.vmap(torch.func.grad(loss))(h, s, x),
        lambda loss: torch.func.jvp(loss, (h, s, x), (tangent, tangent, -tangent)),
    ):
        torch.testing.assert_close(transform(fast_loss), transform(plain_loss))


class OwnTensor(Tensor):
    """A subclass, which may keep its elements anywhere."""


def plain_cases() -> dict[str, tuple[Tensor, ...]]:
    h, s, x = (tensor.detach() for tensor in features((8, 16, 24, 32)))
    alpha = torch.tensor(0.4)
    return {
        "few elements": (h[0, 0], s[0, 0], alpha, x[0, 0]),
        "bf16": (h.bfloat16(), s.bfloat16(), alpha.bfloat16(), x.bfloat16()),
        "another dtype": (h, s.double(), alpha, x),
        "amplitude of another dtype": (h, s, alpha.double(), x),
        "amplitude per sample": (h, s, torch.rand(8, 1, 1, 1), x),
        "broadcast seed": (h, s[:1], alpha, x),
        "another layout": (h, s.contiguous(memory_format=torch.channels_last), alpha, x),
        "strided": (h[..., ::2], s[..., ::2], alpha, x[..., ::2]),
        "subclass": (h, s.as_subclass(OwnTensor), alpha, x),
    }


@pytest.mark.parametrize("case", plain_cases())
def test_plain_operator_serves_where_there_is_nothing_to_gain(
    case: str, blocked_calls: list[int]
) -> None:
    h, s, alpha, x = plain_cases()[case]
    result = blend_multiply_fast(h, s, alpha, seed_input=x)
    expected = blend_multiply(h, s, alpha, seed_input=x)
    torch.testing.assert_close(result, expected, rtol=0, atol=0)
    assert blocked_calls == []


def test_graph_under_compilation_holds_the_plain_operator() -> None:
    h, s, x = (tensor.detach() for tensor in features(SHAPES[1]))
    torch.compiler.reset()
    compiled = torch.compile(blend_multiply_fast, fullgraph=True, backend="aot_eager")
    alpha = torch.tensor(0.4)
    result = compiled(h, s, alpha, seed_input=x)
    assert torch.equal(result, blend_multiply(h, s, alpha, seed_input=x))
    torch.compiler.reset()


def test_bad_input_is_the_plain_operators() -> None:
    h, s, x = features(SHAPES[1])
    with pytest.raises(TypeError, match=r"seed_input must be a torch\.Tensor"):
        blend_multiply_fast(h, s, torch.tensor(0.4), seed_input=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"alpha must be a torch\.Tensor"):
        blend_multiply_fast(h, s, 0.4, seed_input=x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed_features of shape"):
        blend_multiply_fast(h, s[None], torch.tensor(0.4), seed_input=x)
