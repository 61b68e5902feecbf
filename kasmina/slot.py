"""SeedSlot: a place in a host network where a seed module can grow and be blended in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Self
from uuid import uuid4

import torch
from torch import Tensor, nn

from kasmina._alpha_cache import AlphaTensorCache
from kasmina._checks import require_device, require_float_tensor, require_override
from kasmina._curves import as_steepness
from kasmina._freezing import freeze, thaw
from kasmina._germination import (
    check_keeps_shape,
    require_pairing,
    require_target,
    zero_last_layer,
)
from kasmina._slot_blend import apply_blend, pass_straight
from kasmina._values import (
    describe,
    require_member,
    require_positive_int,
    require_real_number,
    require_text,
    require_topology,
    require_unit_number,
)
from kasmina.alpha import AlphaAlgorithm, AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController
from kasmina.blending import AlphaScheduleProtocol, BlendAlgorithm, BlendCatalog
from kasmina.blueprints import BlueprintRegistry
from kasmina.seed_state import SeedState
from kasmina.stages import SeedStage, is_active_stage

__all__ = ["SeedSlot", "SeedState"]

# LINEAR for the gate is deliberate: a gate that starts low, times a sigmoid that starts low, would
# leave the gate without gradients for most of the ramp.
_CURVES = {
    "linear": AlphaCurve.LINEAR,
    "sigmoid": AlphaCurve.SIGMOID,
    "gated": AlphaCurve.LINEAR,
}


class SeedSlot(nn.Module):
    """Passes host features through, blended with a seed's once there is one.

    Attributes:
        slot_id, channels: as given.
        seed: the seed module, or None.
        state: its `SeedState`, or None.
        alpha_schedule: the gate while a GATE blend is set up, else None. A module is a submodule of
            the slot; any other object with the methods of `AlphaScheduleProtocol` will do.
        isolate_gradients: feed the seed a detached tensor, so that the host learns from its direct
            path only: dL/dh = G·(1 − a) for ADD, G·(1 + a·t) for MULTIPLY, G·(1 − e) for GATE, G
            for a seed in training. Otherwise the path through the seed (and the gate) is added.

    A slot can be deep-copied and pickled, and its state dict holds the state. Load it into a slot
    with the same modules. Not thread-safe where it changes; forward passes may run in parallel.

    """

    seed: nn.Module | None
    alpha_schedule: AlphaScheduleProtocol | None
    _device_marker: Tensor

    def __init__(self, slot_id: str, channels: int, device: str | torch.device = "cpu") -> None:
        super().__init__()
        self.slot_id = require_text("slot_id", slot_id)
        self.channels = require_positive_int("channels", channels)
        # An empty slot has no parameter that would tell its device after a move.
        marker = torch.empty(0, device=require_device("device", device))
        self.register_buffer("_device_marker", marker, persistent=False)
        self.register_module("seed", None)
        # Not registered while empty: torch would then take nothing but modules for it.
        self.alpha_schedule = None
        self.state: SeedState | None = None
        self.isolate_gradients = False
        self._topology = "cnn"
        self._blend_algorithm_id = "sigmoid"
        self._alpha_target = 1.0
        self._alpha_cache = AlphaTensorCache()
        self._frozen: list[str] = []

    @property
    def device(self) -> torch.device:
        """Where the slot lives; follows every kind of move."""
        return self._device_marker.device

    @property
    def is_active(self) -> bool:
        """Whether there is a seed with a state."""
        return self.seed is not None and self.state is not None

    @property
    def alpha(self) -> float:
        """The amplitude, 0.0 without a state."""
        return 0.0 if self.state is None else self.state.alpha

    def germinate(
        self,
        blueprint_id: str,
        seed_id: str | None = None,
        *,
        blend_algorithm_id: str = "sigmoid",
        alpha_algorithm: AlphaAlgorithm = AlphaAlgorithm.ADD,
        alpha_target: float | None = None,
        topology: str = "cnn",
    ) -> SeedState:
        """Build a seed from a blueprint and take it in; the slot is unchanged after an error.

        Args:
            blueprint_id: name in the `BlueprintRegistry`, for `topology`.
            seed_id: made up when None.
            blend_algorithm_id: how `start_blending` will ramp: "linear", "sigmoid" or "gated".
            alpha_algorithm: the operator; "gated" and GATE go together. MULTIPLY zeroes the seed's
                last layer.
            alpha_target: where the ramp will end, in (0, 1]; None is 1.0.
            topology: "cnn" or "transformer".

        Raises:
            RuntimeError: the slot is occupied.
            ValueError: unknown blueprint, algorithm or topology, a target outside (0, 1], or only
                one of "gated" and GATE.
            AssertionError: the seed returns no tensor, or one of another shape than its input's.

        """
        if self.seed is not None or self.state is not None:
            raise RuntimeError(f"slot {self.slot_id!r} is unavailable for germination: occupied")
        algorithm = require_member("alpha_algorithm", AlphaAlgorithm, alpha_algorithm)
        require_pairing(require_text("blend_algorithm_id", blend_algorithm_id), algorithm)
        target = require_target(alpha_target)
        seed = BlueprintRegistry.create(require_topology(topology), blueprint_id, self.channels)
        seed = seed.to(self.device)
        check_keeps_shape(seed, topology, self.channels, self.device)
        if algorithm is AlphaAlgorithm.MULTIPLY:
            zero_last_layer(seed)
        state = SeedState(
            seed_id=f"{blueprint_id}-{uuid4().hex[:8]}" if seed_id is None else seed_id,
            blueprint_id=blueprint_id,
            slot_id=self.slot_id,
            alpha_algorithm=algorithm,
        )
        state.transition(SeedStage.GERMINATED)
        self._topology, self._blend_algorithm_id = topology, blend_algorithm_id
        self._alpha_target = target
        self.seed, self.state, self.alpha_schedule = seed, state, None
        return state

    def set_alpha(self, alpha: float) -> None:
        """Set the amplitude, clamped to [0, 1]; does nothing without a state. NaN: ValueError."""
        amplitude = require_unit_number("alpha", alpha)
        if self.state is not None:
            self.state.alpha = amplitude
            self.state.alpha_controller.alpha = amplitude

    def start_blending(self, total_steps: int, steepness: float = 12.0) -> None:
        """Start the ramp from the present amplitude to the target set at germination.

        A "gated" blend gets a new gate module and a linear ramp. Raises RuntimeError without a
        seed, ValueError for an unknown blend algorithm.
        """
        if self.state is None:
            raise RuntimeError(f"slot {self.slot_id!r} has no seed to blend")
        if self._blend_algorithm_id not in _CURVES:
            known, got = ", ".join(_CURVES), describe(self._blend_algorithm_id)
            raise ValueError(f"blend_algorithm_id must be one of {known}, got {got}")
        controller = AlphaController(alpha=self.state.alpha)
        controller.retarget(
            alpha_target=self._alpha_target,
            alpha_steps_total=total_steps,
            alpha_curve=_CURVES[self._blend_algorithm_id],
            alpha_steepness=as_steepness("steepness", steepness),
        )
        self.alpha_schedule = self._new_gate(total_steps)
        if self.alpha_schedule is not None:
            self.state.alpha_algorithm = AlphaAlgorithm.GATE
        self.state.alpha_controller = controller
        self.set_alpha(controller.alpha)
        self._apply_freeze_rule()

    def tick(self) -> bool:
        """One step of the controller, taken over as the amplitude; True when the ramp has ended.

        While the amplitude goes down, the trainable parameters of seed and gate are frozen, and
        afterwards exactly these are trainable again. Freezing leaves the values and the gradients
        of everything else as they are: the loss still reaches the host through the seed. An
        amplitude that was assigned to ``state.alpha`` directly lasts until the next tick.
        """
        if self.state is None:
            return False
        arrived = self.state.alpha_controller.step()
        self.set_alpha(self.state.alpha_controller.alpha)
        self._apply_freeze_rule()
        return arrived

    @contextmanager
    def force_alpha(self, alpha: float) -> Iterator[None]:
        """Another amplitude inside the block, the former one after it, also after an error.

        Not clamped here (the operators do), not seen by the controller. ADD and MULTIPLY put
        ``alpha_schedule`` aside for the time; GATE needs it, and returns the host at 0 all the
        same. Blocks may be nested. NaN is a ValueError.
        """
        amplitude = require_real_number("alpha", alpha)
        state, schedule = self.state, self.alpha_schedule
        if state is None:
            yield
            return
        former = state.alpha
        puts_aside = state.alpha_algorithm != AlphaAlgorithm.GATE
        state.alpha = amplitude
        if puts_aside:
            self.alpha_schedule = None
        try:
            yield
        finally:
            state.alpha = former
            if puts_aside:
                self.alpha_schedule = schedule

    def get_parameters(self) -> Iterator[nn.Parameter]:
        """The seed's parameters, then the gate's."""
        modules = (self.seed, self.alpha_schedule)
        return chain.from_iterable(m.parameters() for m in modules if isinstance(m, nn.Module))

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """As ``nn.Module.to``; the kept amplitude tensor is dropped when the device changes."""
        before = self.device
        super().to(*args, **kwargs)
        if self.device != before:
            self._alpha_cache.reset()
            if isinstance(self.alpha_schedule, BlendAlgorithm):
                self.alpha_schedule.reset_cache()
        return self

    def get_extra_state(self) -> dict[str, Any]:
        """What a state dict holds beside the parameters, as plain values."""
        return {
            "state": None if self.state is None else self.state.to_dict(),
            "isolate_gradients": self.isolate_gradients,
            "topology": self._topology,
            "blend_algorithm_id": self._blend_algorithm_id,
            "alpha_target": self._alpha_target,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_extra_state` returned; the next forward pass uses its amplitude."""
        self.state = None if state["state"] is None else SeedState.from_dict(state["state"])
        self.isolate_gradients = bool(state["isolate_gradients"])
        self._topology = require_topology(state["topology"])
        self._blend_algorithm_id = require_text("blend_algorithm_id", state["blend_algorithm_id"])
        self._alpha_target = require_target(state["alpha_target"])
        self._apply_freeze_rule()

    def forward(self, host_features: Tensor, alpha_override: Tensor | None = None) -> Tensor:
        """The host's features, blended with the seed's as stage and amplitude say.

        Args:
            host_features: (B, C, H, W) or (B, T, C), floating.
            alpha_override: an amplitude for this call, 0-dim or of the host's rank, such as
                (B, 1, 1, 1), in place of the state's.

        Returns:
            A tensor of the shape, dtype and memory format of `host_features`; these themselves when
            there is no active seed. A seed in TRAINING at amplitude 0 is passed straight through
            (see `kasmina.isolation.ste_forward`).

        Raises:
            ValueError: an override of another rank, or one that would enlarge the result; an
                unknown algorithm.
            RuntimeError: a gate module with ADD or MULTIPLY, or none with GATE.

        """
        if self.seed is None or self.state is None or not is_active_stage(self.state.stage):
            return host_features
        require_float_tensor("host_features", host_features)
        seed_input = host_features
        if self.isolate_gradients:
            # Some seeds view their input, which needs the standard layout; the host keeps its own.
            seed_input = host_features.detach().contiguous()
        seed_features: Tensor = self.seed(seed_input)
        if alpha_override is not None:
            require_override("alpha_override", alpha_override, host_features)
            amplitude = alpha_override
        elif self.state.stage == SeedStage.TRAINING and self.state.alpha == 0.0:
            return pass_straight(host_features, seed_features, self.slot_id)
        else:
            alpha = require_real_number("state.alpha", self.state.alpha)
            amplitude = self._alpha_cache.get(alpha, host_features)
        return apply_blend(
            self.state.alpha_algorithm,
            self.alpha_schedule,
            host_features,
            seed_features,
            amplitude,
            seed_input=seed_input,
        )

    def _new_gate(self, total_steps: int) -> BlendAlgorithm | None:
        if self._blend_algorithm_id != "gated":
            return None
        gate = BlendCatalog.create(
            "gated", channels=self.channels, topology=self._topology, total_steps=total_steps
        )
        return gate.to(self.device)

    def _apply_freeze_rule(self) -> None:
        falling = (
            self.state is not None and self.state.alpha_controller.alpha_mode == AlphaMode.DOWN
        )
        parts = {"seed": self.seed, "alpha_schedule": self.alpha_schedule}
        if falling:
            self._frozen += freeze(parts)
        elif self._frozen:
            thaw(parts, self._frozen)
            self._frozen = []
