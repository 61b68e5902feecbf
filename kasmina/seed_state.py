"""SeedState: what a slot knows about the seed it holds, apart from the module itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kasmina._values import (
    describe,
    require_mapping,
    require_member,
    require_real_number,
    require_text,
    require_unit_number,
)
from kasmina.alpha import AlphaAlgorithm
from kasmina.alpha_controller import AlphaController
from kasmina.stages import SeedStage, is_valid_transition


@dataclass
class SeedState:
    """Identity, stage and amplitude of one seed."""

    seed_id: str
    """Unique among the seeds of a host."""
    blueprint_id: str
    """The blueprint that the seed was built from."""
    slot_id: str = ""
    """The slot that holds it."""
    stage: SeedStage = SeedStage.DORMANT
    """Where it is in its life."""
    previous_stage: SeedStage = SeedStage.UNKNOWN
    """Where it came from."""
    alpha: float = 0.0
    """The amplitude that the next forward pass uses."""
    alpha_controller: AlphaController = field(default_factory=AlphaController)
    """Moves the amplitude; its own ``alpha`` is set to this state's on construction."""
    alpha_algorithm: AlphaAlgorithm = AlphaAlgorithm.ADD
    """The operator that the amplitude drives."""

    def __post_init__(self) -> None:
        require_text("seed_id", self.seed_id)
        require_text("blueprint_id", self.blueprint_id)
        if not isinstance(self.alpha_controller, AlphaController):
            got = describe(self.alpha_controller)
            raise TypeError(f"alpha_controller must be an AlphaController, got {got}")
        self.alpha = require_real_number("alpha", self.alpha)
        if not 0.0 <= self.alpha <= 1.0:
            raise ValueError(f"alpha must lie in [0, 1], got {self.alpha}")
        self.stage = require_member("stage", SeedStage, self.stage)
        self.previous_stage = require_member("previous_stage", SeedStage, self.previous_stage)
        algorithm = require_member("alpha_algorithm", AlphaAlgorithm, self.alpha_algorithm)
        self.alpha_algorithm = algorithm
        self.alpha_controller.alpha = self.alpha

    def can_transition_to(self, stage: SeedStage) -> bool:
        """Whether `stage` may follow the present one."""
        return is_valid_transition(self.stage, stage)

    def transition(self, stage: SeedStage) -> bool:
        """Go on to `stage`; False, and nothing changes, when it may not follow."""
        if not self.can_transition_to(stage):
            return False
        self.previous_stage, self.stage = self.stage, SeedStage(stage)
        return True

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, fit for ``torch.save`` and JSON."""
        return {
            "seed_id": self.seed_id,
            "blueprint_id": self.blueprint_id,
            "slot_id": self.slot_id,
            "stage": int(self.stage),
            "previous_stage": int(self.previous_stage),
            # Assignments and force_alpha may leave [0, 1]; this is what the operators make of them.
            "alpha": require_unit_number("state.alpha", self.alpha),
            "alpha_controller": self.alpha_controller.to_dict(),
            "alpha_algorithm": int(self.alpha_algorithm),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SeedState:
        """The state that `to_dict` described; KeyError names a missing entry."""
        require_mapping("data", data)
        return cls(
            seed_id=data["seed_id"],
            blueprint_id=data["blueprint_id"],
            slot_id=data["slot_id"],
            stage=data["stage"],
            previous_stage=data["previous_stage"],
            alpha=data["alpha"],
            alpha_controller=AlphaController.from_dict(data["alpha_controller"]),
            alpha_algorithm=data["alpha_algorithm"],
        )
