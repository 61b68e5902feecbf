"""B2-CR-10: the controller was missing at the package's root."""

import pytest

import kasmina
from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("B2-CR-10")
def test_controller_is_exported_at_the_root() -> None:
    """AlphaController can be imported from the package itself, and is listed there."""
    assert getattr(kasmina, "AlphaController", None) is AlphaController
    assert "AlphaController" in kasmina.__all__
