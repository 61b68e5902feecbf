"""The arms of a run while they are executed: those that hold the very same are executed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.arms import judged_last
from app.domain.runs import ArmPlan, ArmResult, RunPlan
from app.sandbox.interface import PreparedArm
from app.worker.passes import Passes
from app.worker.rest_of_suite import ArmExecution


class ArmsOfRun:
    """Which arms are executed, and whose results count for which."""

    def __init__(
        self,
        plan: RunPlan,
        arms: Sequence[tuple[ArmPlan, PreparedArm]],
        places_of_rest: Sequence[PreparedArm],
        passes: Callable[[ArmPlan, PreparedArm], Passes],
    ) -> None:
        self._plan = plan
        self._of: dict[str, ArmExecution] = {}
        self.executed: list[ArmExecution] = []
        for (arm, place), elsewhere in zip(arms, places_of_rest, strict=True):
            # A commit that leaves the package alone makes an arm that is there already.
            same = next((one for one in self.executed if one.place == place), None)
            if same is None or arm.revision is None:
                same = ArmExecution(arm, place, passes(arm, place), passes(arm, elsewhere))
                self.executed.append(same)
            self._of[arm.name] = same

    @property
    def after(self) -> ArmExecution:
        """The arm after of a proof; of a check, its one arm."""
        return self._of[self._plan.arms[judged_last(self._plan.arms)].name]

    @property
    def before(self) -> list[ArmExecution]:
        """The arms before, without one that holds what the arm after does."""
        after = self.after
        found = [self._of[arm.name] for arm in self._plan.arms if arm.name.startswith("before")]
        return [one for one in found if one is not after]

    def results(self) -> list[ArmResult]:
        """Return what the arms reported, in the order of the plan."""
        return [
            replace(self._of[arm.name].result(), name=arm.name, revision=arm.revision)
            for arm in self._plan.arms
        ]
