"""B2-CR-04 and B2-DRL-06: a damaged checkpoint of the controller must not load with defaults."""

import pytest

from kasmina.alpha_controller import AlphaController


@pytest.mark.finding("B2-CR-04")
@pytest.mark.finding("B2-DRL-06")
def test_from_dict_names_the_missing_field() -> None:
    """Each of the controller's eight fields is required when it is restored."""
    complete = AlphaController().to_dict()
    assert len(complete) == 8
    for key in complete:
        damaged = {name: value for name, value in complete.items() if name != key}
        with pytest.raises(KeyError, match=key):
            AlphaController.from_dict(damaged)
