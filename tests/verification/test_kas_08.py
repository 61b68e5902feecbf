"""KAS-08: a schedule without steps is a mistake of the caller, not a schedule of one step."""

import pytest

from kasmina.blending import GatedBlend


@pytest.mark.finding("KAS-08")
def test_gate_refuses_a_schedule_without_steps() -> None:
    """A gate for zero or fewer steps is refused instead of being given one step silently."""
    for total_steps in (0, -1):
        with pytest.raises(ValueError, match="total_steps > 0"):
            GatedBlend(4, total_steps=total_steps)
