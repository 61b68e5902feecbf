"""KAS-34: nothing compared the fast form of MULTIPLY with the plain one."""

import pytest
import torch

from kasmina.blend_ops import blend_multiply
from kasmina.fast import MIN_ELEMENTS, blend_multiply_fast


@pytest.mark.finding("KAS-34")
def test_fast_multiply_is_the_plain_one() -> None:
    """Values and gradients of the fast form are those of the formula, within 1e-6."""
    features = [torch.randn(MIN_ELEMENTS // 16, 16, requires_grad=True) for _ in range(3)]
    alpha = torch.tensor(0.6, requires_grad=True)
    upstream = torch.randn_like(features[0])

    def found(result: torch.Tensor) -> list[torch.Tensor]:
        return [result.detach(), *torch.autograd.grad(result, [*features, alpha], upstream)]

    h, s, x = features
    formula = found(h * (1 + alpha * torch.tanh(s - x)))
    fast = found(blend_multiply_fast(h, s, alpha, seed_input=x))
    for one, expected in zip(fast, formula, strict=True):
        assert (one - expected).abs().max() <= 1e-6 * expected.abs().max()
    small = [one.detach()[:1] for one in features]
    assert torch.equal(
        blend_multiply_fast(*small[:2], alpha, seed_input=small[2]),
        blend_multiply(*small[:2], alpha, seed_input=small[2]),
    )
