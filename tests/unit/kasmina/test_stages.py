"""The stages and their transitions, written out."""

import pytest

from kasmina.stages import (
    VALID_TRANSITIONS,
    SeedStage,
    is_active_stage,
    is_failure_stage,
    is_terminal_stage,
    is_valid_transition,
)

TRANSITIONS = {
    0: (1,),
    1: (2,),
    2: (3, 8),
    3: (4, 8),
    4: (6, 8),
    6: (7, 4, 8),
    7: (),
    8: (9,),
    9: (10,),
    10: (1,),
}


def test_transitions_are_these_and_in_this_order() -> None:
    assert dict(VALID_TRANSITIONS) == TRANSITIONS
    for source in SeedStage:
        for target in SeedStage:
            assert is_valid_transition(source, target) == (target in TRANSITIONS[source])


def test_transitions_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VALID_TRANSITIONS[SeedStage.FOSSILIZED] = ()  # type: ignore[index]


def test_kinds_of_stages() -> None:
    assert [stage.name for stage in SeedStage if is_active_stage(stage)] == [
        "TRAINING",
        "BLENDING",
        "HOLDING",
        "FOSSILIZED",
    ]
    assert [stage.name for stage in SeedStage if is_terminal_stage(stage)] == ["FOSSILIZED"]
    assert [stage.name for stage in SeedStage if is_failure_stage(stage)] == [
        "PRUNED",
        "EMBARGOED",
        "RESETTING",
    ]


@pytest.mark.parametrize("stages", [(5, 1), (1, 5), (None, 1), (1, "x")])
def test_what_is_no_stage_is_named(stages: tuple[SeedStage, SeedStage]) -> None:
    with pytest.raises(ValueError, match=r"(from|to)_stage must be one of UNKNOWN"):
        is_valid_transition(*stages)
