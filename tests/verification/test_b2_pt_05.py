"""B2-PT-05: a gate for few channels must still have units to decide with."""

import pytest

from kasmina.blending import GatedBlend


@pytest.mark.finding("B2-PT-05")
def test_gate_is_never_narrower_than_eight_units() -> None:
    """The gate's hidden layer has a quarter of the channels, but at least eight units."""
    widths = {channels: GatedBlend(channels).gate[0].out_features for channels in (1, 2, 3, 4, 31)}
    assert widths == dict.fromkeys((1, 2, 3, 4, 31), 8)
    assert GatedBlend(64).gate[0].out_features == 16
    assert GatedBlend(256).gate[0].out_features == 64
