"""Growing seed modules inside a host network: blend operators, amplitude schedules and slots.

`kasmina.blend_ops` holds the operators as pure tensor functions; `kasmina.slot.SeedSlot` puts them
to work as a torch module. Imports torch and the standard library only.
"""

from kasmina.alpha import AlphaAlgorithm, AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController
from kasmina.blend_ops import (
    blend_add,
    blend_gate,
    blend_multiply,
    gate_effective_alpha,
    multiply_valve_multiplier,
)
from kasmina.blending import AlphaScheduleProtocol, BlendAlgorithm, BlendCatalog, GatedBlend
from kasmina.blueprints import BlueprintRegistry
from kasmina.isolation import GradientHealthMonitor, blend_with_isolation, ste_forward
from kasmina.slot import SeedSlot, SeedState
from kasmina.stages import SeedStage

__all__ = [
    "AlphaAlgorithm",
    "AlphaController",
    "AlphaCurve",
    "AlphaMode",
    "AlphaScheduleProtocol",
    "BlendAlgorithm",
    "BlendCatalog",
    "BlueprintRegistry",
    "GatedBlend",
    "GradientHealthMonitor",
    "SeedSlot",
    "SeedStage",
    "SeedState",
    "blend_add",
    "blend_gate",
    "blend_multiply",
    "blend_with_isolation",
    "gate_effective_alpha",
    "multiply_valve_multiplier",
    "ste_forward",
]
