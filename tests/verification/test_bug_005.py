"""BUG-005 and B3-DRL-15: isolation and hosts in the channels_last layout."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("BUG-005")
@pytest.mark.finding("B3-DRL-15")
def test_isolation_keeps_the_layout_of_the_host(blending_slot: Callable[..., Any]) -> None:
    """With isolation the seed sees a contiguous, detached tensor; the host keeps its own layout."""
    slot = blending_slot("ADD", isolate=True, alpha=0.4)
    seen: list[torch.Tensor] = []
    slot.seed.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    host = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()

    result = slot(host)
    result.sum().backward()

    assert result.is_contiguous(memory_format=torch.channels_last)
    assert seen[0].is_contiguous()
    assert not seen[0].requires_grad
    torch.testing.assert_close(host.grad, torch.full_like(host, 0.6))
