"""KAS-20: a thread-local object inside a gate kept it from being copied."""

import copy
import pickle

import pytest
import torch

from kasmina.blending import GatedBlend


@pytest.mark.finding("KAS-20")
def test_gate_survives_deepcopy_and_pickle() -> None:
    """A gate can be deep-copied and pickled, and its copies answer as it does."""
    gate, features = GatedBlend(4), torch.randn(2, 4, 3, 3)
    gate.cached_alpha_tensor(0.5, features)
    expected = gate.get_alpha_for_blend(features)
    for twin in (copy.deepcopy(gate), pickle.loads(pickle.dumps(gate))):
        assert torch.equal(twin.get_alpha_for_blend(features), expected)
