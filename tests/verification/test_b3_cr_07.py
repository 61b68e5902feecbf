"""B3-CR-07 and its kin: a forced amplitude must reach a slot that keeps its tensor."""

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.mark.finding("B3-CR-06")
@pytest.mark.finding("B3-CR-07")
@pytest.mark.finding("B3-PT-10")
@pytest.mark.finding("JANK-005")
@pytest.mark.finding("JANK-020")
def test_forced_amplitude_counts_inside_the_block_and_only_there(
    blending_slot: Callable[..., Any],
) -> None:
    """A slot that has run returns the host under force_alpha(0) and its former output after it."""
    host = torch.randn(2, 3, 4, 4)
    for algorithm in ("ADD", "MULTIPLY", "GATE"):
        slot = blending_slot(algorithm)
        with torch.no_grad():
            before = slot(host)
            with slot.force_alpha(0.0):
                assert torch.equal(slot(host), host)
            assert not torch.equal(before, host)
            assert torch.equal(slot(host), before)
