"""What holds for all inputs: identities, bounds, NaN, over shapes, dtypes and memory layouts."""

from dataclasses import dataclass

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kasmina.blend_ops import blend_add, blend_gate, blend_multiply, multiply_valve_multiplier

PROPERTY = settings(deadline=None, derandomize=True, max_examples=40)
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SHAPES = ((3,), (2, 5), (2, 4, 6), (1, 3, 4, 4), (3, 4, 5, 6), (2, 1, 3, 2, 4), (0, 3), ())


@dataclass(frozen=True)
class Case:
    """One set of arguments."""

    host: Tensor
    seed: Tensor
    seed_input: Tensor
    alpha: Tensor
    gate: Tensor

    def with_alpha(self, value: float) -> Tensor:
        return torch.full_like(self.alpha, value)

    def results(self, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """ADD, MULTIPLY and GATE with this amplitude."""
        return (
            blend_add(self.host, self.seed, alpha),
            blend_multiply(self.host, self.seed, alpha, seed_input=self.seed_input),
            blend_gate(self.host, self.seed, alpha, self.gate),
        )


def laid_out(tensor: Tensor, layout: str) -> Tensor:
    """The same values in another memory layout."""
    if layout == "channels_last" and tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "strided" and tensor.dim() > 0:
        # Every second element of a buffer, with the outer dimensions in reverse order.
        reverse = tuple(range(tensor.dim() - 1, -1, -1))
        buffer = torch.zeros(*(2 * size for size in reversed(tensor.shape)), dtype=tensor.dtype)
        view = buffer[tuple(slice(None, None, 2) for _ in reverse)].permute(reverse)
        return view.copy_(tensor)
    return tensor


@st.composite
def cases(draw: st.DrawFn, scale: float = 3.0) -> Case:
    shape = draw(st.sampled_from(SHAPES))
    layouts = st.sampled_from(("contiguous", "strided", "channels_last"))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def features() -> Tensor:
        dtype = draw(st.sampled_from(DTYPES))
        values = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
        return laid_out(values.to(dtype), draw(layouts))

    per_sample = (*shape[:1], *(1 for _ in shape[1:]))
    amplitude_shape = draw(st.sampled_from(((), per_sample, shape)))
    amplitude = torch.rand(amplitude_shape, generator=generator)
    gate = torch.rand(per_sample, generator=generator)
    dtype = draw(st.sampled_from(DTYPES))
    return Case(features(), features(), features(), amplitude.to(dtype), gate.to(dtype))


def assert_same_bits(result: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


@PROPERTY
@given(cases())
def test_result_looks_like_the_host(case: Case) -> None:
    for result in case.results(case.alpha):
        assert result.shape == case.host.shape
        assert result.dtype == case.host.dtype
        assert bool(result.isfinite().all())


@PROPERTY
@given(cases())
def test_layout_does_not_change_values(case: Case) -> None:
    plain = Case(
        *(t.contiguous() for t in (case.host, case.seed, case.seed_input)), case.alpha, case.gate
    )
    for result, expected in zip(case.results(case.alpha), plain.results(case.alpha), strict=True):
        # Vectorised and scalar kernels may round the last bit of tanh differently.
        tolerance = 2 * torch.finfo(result.dtype).eps
        torch.testing.assert_close(result, expected, rtol=tolerance, atol=tolerance)


@PROPERTY
@given(cases())
def test_zero_amplitude_is_the_identity(case: Case) -> None:
    for result in case.results(case.with_alpha(0.0)):
        assert_same_bits(result, case.host)


@PROPERTY
@given(cases())
def test_multiply_ignores_a_seed_that_returns_its_input(case: Case) -> None:
    result = blend_multiply(case.host, case.seed, case.alpha, seed_input=case.seed)
    assert_same_bits(result, case.host)


@PROPERTY
@given(cases(), st.sampled_from((0.1, 1.0, 100.0, torch.inf)))
def test_multiplier_is_bounded(case: Case, strength: float) -> None:
    modulation = strength * (case.seed + 0.1)
    amplitude = case.alpha.to(modulation.dtype)
    factor = multiply_valve_multiplier(case.alpha, modulation)
    assert bool((factor >= 1 - amplitude).all())
    assert bool((factor <= 1 + amplitude).all())


@PROPERTY
@given(cases())
def test_multiply_at_most_doubles_and_turns_no_sign(case: Case) -> None:
    result = blend_multiply(case.host, case.seed, case.alpha, seed_input=case.seed_input)
    assert bool((result.abs() <= 2 * case.host.abs()).all())
    assert bool((result * case.host >= 0).all())


@PROPERTY
@given(cases())
def test_multiply_is_affine_in_the_amplitude(case: Case) -> None:
    host, seed, seed_input = (t.double() for t in (case.host, case.seed, case.seed_input))
    alpha = case.alpha.double()
    full = blend_multiply(host, seed, torch.ones_like(alpha), seed_input=seed_input)
    result = blend_multiply(host, seed, alpha, seed_input=seed_input)
    torch.testing.assert_close(result, host + alpha * (full - host))


@PROPERTY
@given(cases(), st.floats(0, 1), st.floats(0, 1))
def test_multiply_grows_with_the_amplitude(case: Case, one: float, other: float) -> None:
    host, seed = case.host.abs(), case.seed_input + case.seed_input.abs()
    low, high = (
        blend_multiply(host, seed, case.with_alpha(value), seed_input=case.seed_input)
        for value in sorted((one, other))
    )
    # seed − seed_input = |seed_input| ≥ 0, and the host is not negative either.
    assert bool((high >= low).all())


@PROPERTY
@given(cases())
def test_add_and_gate_stay_between_host_and_seed(case: Case) -> None:
    seed = case.seed.to(case.host.dtype)
    low, high = torch.minimum(case.host, seed), torch.maximum(case.host, seed)
    slack = 2 * torch.finfo(case.host.dtype).eps * torch.maximum(low.abs(), high.abs())
    for result in (
        blend_add(case.host, case.seed, case.alpha),
        blend_gate(case.host, case.seed, case.alpha, case.gate),
    ):
        assert bool((result >= low - slack).all())
        assert bool((result <= high + slack).all())


@PROPERTY
@given(cases())
def test_open_gate_is_add_and_closed_gate_is_the_host(case: Case) -> None:
    opened = blend_gate(case.host, case.seed, case.alpha, torch.ones_like(case.gate))
    closed = blend_gate(case.host, case.seed, case.alpha, torch.zeros_like(case.gate))
    assert_same_bits(opened, blend_add(case.host, case.seed, case.alpha))
    assert_same_bits(closed, case.host)


@PROPERTY
@given(cases(), st.floats(-4, 5))
def test_amplitude_outside_counts_as_the_nearer_end(case: Case, value: float) -> None:
    beyond = case.results(case.with_alpha(value))
    clamped = case.results(case.with_alpha(value).clamp(0, 1))
    for result, expected in zip(beyond, clamped, strict=True):
        assert_same_bits(result, expected)


@PROPERTY
@given(
    cases(), st.sampled_from(("host", "seed", "seed_input", "alpha")), st.sampled_from((0.0, 0.5))
)
def test_nan_is_never_masked(case: Case, where: str, amplitude: float) -> None:
    tensors = {
        "host": case.host,
        "seed": case.seed,
        "seed_input": case.seed_input,
        "alpha": case.with_alpha(amplitude),
    }
    tensors[where] = torch.full_like(tensors[where], torch.nan)
    poisoned = Case(**tensors, gate=case.gate)
    add, multiply, gate = poisoned.results(poisoned.alpha)
    assert bool(multiply.isnan().all())
    if where != "seed_input":
        assert bool(add.isnan().all())
        assert bool(gate.isnan().all())


@PROPERTY
@given(cases(scale=1000.0))
def test_large_features_stay_finite(case: Case) -> None:
    for result in case.results(case.alpha):
        assert bool(result.isfinite().all())
