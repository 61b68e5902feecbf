"""B2-CR-01: resetting the kept amplitude tensor concerns the calling thread alone, by design."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from kasmina.blending import GatedBlend


@pytest.mark.finding("B2-CR-01")
def test_reset_leaves_the_tensors_of_other_threads() -> None:
    """Threads keep amplitude tensors of their own, and a reset in one leaves the other's alone."""
    gate, like = GatedBlend(4), torch.zeros(1)
    own = gate.cached_alpha_tensor(0.5, like)
    with ThreadPoolExecutor(max_workers=1) as other:
        theirs = other.submit(gate.cached_alpha_tensor, 0.5, like).result()
        assert theirs is not own
        other.submit(gate.reset_cache).result()
        assert gate.cached_alpha_tensor(0.5, like) is own
        assert other.submit(gate.cached_alpha_tensor, 0.5, like).result() is not theirs
