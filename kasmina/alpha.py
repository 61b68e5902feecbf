"""The three choices that describe an amplitude: direction, curve and how it is applied."""

from enum import IntEnum


class AlphaMode(IntEnum):
    """Where the amplitude is heading."""

    HOLD = 0
    UP = 1
    DOWN = 2


class AlphaCurve(IntEnum):
    """How the amplitude travels between start and target; see `kasmina.alpha_controller`."""

    LINEAR = 1
    COSINE = 2
    SIGMOID = 3


class AlphaAlgorithm(IntEnum):
    """Which blend operator the amplitude drives; see `kasmina.blend_ops`."""

    ADD = 1
    MULTIPLY = 2
    GATE = 3
