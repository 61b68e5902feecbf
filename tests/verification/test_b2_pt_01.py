"""B2-PT-01 and B2-DRL-09: the kept amplitude tensor after a move. Refuted, and held as it is."""

import pytest
import torch

from kasmina.blending import GatedBlend


@pytest.mark.finding("B2-PT-01")
@pytest.mark.finding("B2-DRL-09")
def test_kept_tensor_follows_the_dtype() -> None:
    """After a change of dtype the kept amplitude tensor has the new dtype."""
    gate = GatedBlend(4)
    gate.cached_alpha_tensor(0.5, torch.zeros(1))
    assert (
        gate.cached_alpha_tensor(0.5, torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.bfloat16
    )


@pytest.mark.finding("B2-PT-01")
@pytest.mark.finding("B2-DRL-09")
def test_kept_tensor_follows_the_device() -> None:
    """After a change of device the kept amplitude tensor is on the new device."""
    gate = GatedBlend(4)
    gate.cached_alpha_tensor(0.5, torch.zeros(1))
    # "meta" is a second device that every machine has.
    assert gate.cached_alpha_tensor(0.5, torch.zeros(1, device="meta")).device.type == "meta"


@pytest.mark.finding("B2-PT-01")
@pytest.mark.finding("B2-DRL-09")
def test_kept_tensor_follows_the_value() -> None:
    """After a change of value the kept amplitude tensor holds the new value."""
    gate = GatedBlend(4)
    gate.cached_alpha_tensor(0.5, torch.zeros(1))
    assert gate.cached_alpha_tensor(0.25, torch.zeros(1)).item() == 0.25
