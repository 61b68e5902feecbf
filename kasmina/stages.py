"""The life of a seed: its stages, and which may follow which."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from kasmina._values import require_member


class SeedStage(IntEnum):
    """A stage in the life of a seed. The value 5 is not used."""

    UNKNOWN = 0
    DORMANT = 1
    GERMINATED = 2
    TRAINING = 3
    BLENDING = 4
    HOLDING = 6
    FOSSILIZED = 7
    PRUNED = 8
    EMBARGOED = 9
    RESETTING = 10


VALID_TRANSITIONS: Mapping[SeedStage, tuple[SeedStage, ...]] = MappingProxyType(
    {
        SeedStage.UNKNOWN: (SeedStage.DORMANT,),
        SeedStage.DORMANT: (SeedStage.GERMINATED,),
        SeedStage.GERMINATED: (SeedStage.TRAINING, SeedStage.PRUNED),
        SeedStage.TRAINING: (SeedStage.BLENDING, SeedStage.PRUNED),
        SeedStage.BLENDING: (SeedStage.HOLDING, SeedStage.PRUNED),
        SeedStage.HOLDING: (SeedStage.FOSSILIZED, SeedStage.BLENDING, SeedStage.PRUNED),
        SeedStage.FOSSILIZED: (),
        SeedStage.PRUNED: (SeedStage.EMBARGOED,),
        SeedStage.EMBARGOED: (SeedStage.RESETTING,),
        SeedStage.RESETTING: (SeedStage.DORMANT,),
    }
)
"""The stages that may follow each stage. Read-only."""

_ACTIVE = frozenset(
    {SeedStage.TRAINING, SeedStage.BLENDING, SeedStage.HOLDING, SeedStage.FOSSILIZED}
)
_FAILURE = frozenset({SeedStage.PRUNED, SeedStage.EMBARGOED, SeedStage.RESETTING})


def is_valid_transition(from_stage: SeedStage, to_stage: SeedStage) -> bool:
    """Whether `to_stage` may follow `from_stage`; ValueError for what is no stage."""
    source = require_member("from_stage", SeedStage, from_stage)
    return require_member("to_stage", SeedStage, to_stage) in VALID_TRANSITIONS[source]


def is_active_stage(stage: SeedStage) -> bool:
    """Whether a slot runs its seed in this stage."""
    return stage in _ACTIVE


def is_terminal_stage(stage: SeedStage) -> bool:
    """Whether nothing follows this stage."""
    return stage == SeedStage.FOSSILIZED


def is_failure_stage(stage: SeedStage) -> bool:
    """Whether the seed was given up and its slot is on the way back to dormant."""
    return stage in _FAILURE
