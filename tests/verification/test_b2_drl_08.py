"""B2-DRL-08: one name for two meanings of alpha, the schedule's and the gate's."""

import pytest

from kasmina.blending import GatedBlend


@pytest.mark.finding("B2-DRL-08")
def test_gate_offers_no_alpha_by_step() -> None:
    """A gate answers for features only; an alpha by step, which meant something else, is gone."""
    gate = GatedBlend(4)
    assert not hasattr(gate, "get_alpha")
    assert callable(gate.get_alpha_for_blend)
