"""Gradients of the operators: the formulas, higher derivatives and functional transforms."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck

from kasmina.blend_ops import blend_add, blend_gate, blend_multiply

Operator = Callable[..., Tensor]


def add(host: Tensor, seed: Tensor, seed_input: Tensor, alpha: Tensor, gate: Tensor) -> Tensor:
    return blend_add(host, seed, alpha)


def multiply(host: Tensor, seed: Tensor, seed_input: Tensor, alpha: Tensor, gate: Tensor) -> Tensor:
    return blend_multiply(host, seed, alpha, seed_input=seed_input)


def gated(host: Tensor, seed: Tensor, seed_input: Tensor, alpha: Tensor, gate: Tensor) -> Tensor:
    return blend_gate(host, seed, alpha, gate)


OPERATORS = pytest.mark.parametrize("operator", [add, multiply, gated])


@pytest.fixture
def arguments() -> tuple[Tensor, ...]:
    """Features, an amplitude and a gate per sample, all f64 leaves."""
    features = [torch.randn(2, 3, 2, 2, dtype=torch.float64) for _ in range(3)]
    alpha = torch.tensor(0.6, dtype=torch.float64)
    gate = torch.tensor([0.3, 0.8], dtype=torch.float64).reshape(2, 1, 1, 1)
    return tuple(tensor.requires_grad_() for tensor in (*features, alpha, gate))


def test_add_has_the_gradients_of_its_formula(arguments: tuple[Tensor, ...]) -> None:
    h, s, _, a, _ = arguments
    upstream = torch.randn_like(h)
    dh, ds, da = grad(add(*arguments), (h, s, a), upstream)
    torch.testing.assert_close(dh, upstream * (1 - a))
    torch.testing.assert_close(ds, upstream * a)
    torch.testing.assert_close(da, (upstream * (s - h)).sum())


def test_gate_has_the_gradients_of_its_formula(arguments: tuple[Tensor, ...]) -> None:
    h, s, _, a, g = arguments
    upstream = torch.randn_like(h)
    dh, ds, da, dg = grad(gated(*arguments), (h, s, a, g), upstream)
    torch.testing.assert_close(dh, upstream * (1 - a * g))
    torch.testing.assert_close(ds, upstream * a * g)
    torch.testing.assert_close(da, (upstream * (s - h) * g).sum())
    torch.testing.assert_close(dg, (upstream * (s - h) * a).sum((1, 2, 3), keepdim=True))


def test_multiply_has_the_gradients_of_its_formula(arguments: tuple[Tensor, ...]) -> None:
    h, s, x, a, _ = arguments
    upstream, t = torch.randn_like(h), torch.tanh(s - x)
    dh, ds, dx, da = grad(multiply(*arguments), (h, s, x, a), upstream)
    torch.testing.assert_close(dh, upstream * (1 + a * t))
    torch.testing.assert_close(ds, upstream * h * a * (1 - t**2))
    torch.testing.assert_close(dx, -ds)
    torch.testing.assert_close(da, (upstream * h * t).sum())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_gradients_keep_their_precision(dtype: torch.dtype, tolerance: float) -> None:
    tensors = [torch.randn(4, 64, dtype=dtype).requires_grad_() for _ in range(3)]
    exact = [tensor.detach().double().requires_grad_() for tensor in tensors]
    for (h, s, x), alpha in ((tensors, torch.tensor(0.5, dtype=dtype)), (exact, torch.tensor(0.5))):
        blend_multiply(h, s, alpha, seed_input=x).sum().backward()
    for tensor, reference in zip(tensors, exact, strict=True):
        error = (tensor.grad.double() - reference.grad).abs().max()
        assert error <= tolerance * reference.grad.abs().max()


@pytest.mark.parametrize(
    ("value", "passes"), [(-0.5, 0.0), (0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (1.5, 0.0)]
)
@OPERATORS
def test_clamp_passes_gradients_on_the_closed_interval(
    operator: Operator, value: float, passes: float, arguments: tuple[Tensor, ...]
) -> None:
    h, s, x, _, g = arguments
    alpha = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    (da,) = grad(operator(h, s, x, alpha, g).sum(), alpha)
    slope = {"add": s - h, "multiply": h * torch.tanh(s - x), "gated": (s - h) * g}
    torch.testing.assert_close(da, passes * slope[operator.__name__].sum())


@OPERATORS
def test_first_and_second_derivatives(operator: Operator, arguments: tuple[Tensor, ...]) -> None:
    used = {"add": (0, 1, 3), "multiply": (0, 1, 2, 3), "gated": (0, 1, 3, 4)}[operator.__name__]

    def of_used(*tensors: Tensor) -> Tensor:
        merged = dict(enumerate(arguments)) | dict(zip(used, tensors, strict=True))
        return operator(*(merged[index] for index in range(5)))

    tensors = tuple(arguments[index] for index in used)
    assert gradcheck(of_used, tensors, check_forward_ad=True)
    assert gradgradcheck(of_used, tensors)


@OPERATORS
def test_vmap_equals_a_loop(operator: Operator, arguments: tuple[Tensor, ...]) -> None:
    h, s, x, a, g = (tensor.detach() for tensor in arguments)
    mapped = torch.vmap(operator, in_dims=(0, 0, 0, None, 0))(h, s, x, a, g)
    torch.testing.assert_close(mapped, operator(h, s, x, a, g))


@OPERATORS
def test_vmap_of_grad_gives_gradients_per_sample(
    operator: Operator, arguments: tuple[Tensor, ...]
) -> None:
    h, s, x, a, g = (tensor.detach() for tensor in arguments)

    def loss(*tensors: Tensor) -> Tensor:
        return operator(*tensors).square().sum()

    slopes = torch.func.grad(loss, argnums=(0, 1, 3))
    mapped = torch.vmap(slopes, in_dims=(0, 0, 0, None, 0))(h, s, x, a, g)
    for index in range(2):
        single = slopes(h[index], s[index], x[index], a, g[index])
        torch.testing.assert_close(tuple(part[index] for part in mapped), single)


@OPERATORS
def test_jvp_equals_the_gradient_along_a_direction(
    operator: Operator, arguments: tuple[Tensor, ...]
) -> None:
    tangents = tuple(torch.randn_like(tensor) for tensor in arguments)
    plain = tuple(tensor.detach() for tensor in arguments)
    _, along = torch.func.jvp(operator, plain, tangents)
    gradients = grad(operator(*arguments).sum(), arguments, allow_unused=True)
    expected = sum(
        (gradient * tangent).sum()
        for gradient, tangent in zip(gradients, tangents, strict=True)
        if gradient is not None
    )
    torch.testing.assert_close(along.sum(), expected)


def test_coupled_and_isolated_gradients_of_multiply(arguments: tuple[Tensor, ...]) -> None:
    h, s, _, a, _ = arguments
    t = torch.tanh(s - h)
    (coupled,) = grad(blend_multiply(h, s, a, seed_input=h).sum(), h)
    (isolated,) = grad(blend_multiply(h, s, a, seed_input=h.detach()).sum(), h)
    torch.testing.assert_close(isolated, 1 + a * t)
    torch.testing.assert_close(coupled, 1 + a * t - h * a * (1 - t**2))


@OPERATORS
def test_frozen_seed_passes_gradients_through(operator: Operator) -> None:
    seed = torch.nn.Linear(3, 3)
    seed.requires_grad_(False)
    x = torch.randn(2, 3, requires_grad=True)
    host, gate = torch.randn(2, 3), torch.rand(2, 1)
    result = operator(host, seed(x), x.detach(), torch.tensor(0.5), gate)
    result.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.abs().sum() > 0)
    assert seed.weight.grad is None
