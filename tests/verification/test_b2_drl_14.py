"""B2-DRL-14: the catalogue of blend algorithms was a plain dict that anyone could change."""

import pytest

from kasmina.blending import BlendCatalog, GatedBlend


@pytest.mark.finding("B2-DRL-14")
def test_catalogue_cannot_be_changed_from_outside() -> None:
    """The catalogue refuses new entries, and the list it gives out is the caller's own."""
    BlendCatalog.list_algorithms().append("mine")
    assert BlendCatalog.list_algorithms() == ["gated"]
    # The entry that is there already: one that lets this through is not spoilt for other tests.
    with pytest.raises(TypeError):
        BlendCatalog._algorithms["gated"] = GatedBlend
