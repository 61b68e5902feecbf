"""Draw the plots of docs/kasmina.md from the package itself.

python -m scripts.plot_kasmina [directory, docs/images by default]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import vl_convert

from kasmina.alpha import AlphaCurve
from kasmina.alpha_controller import curve_progress
from kasmina.blend_ops import blend_add, gate_effective_alpha, multiply_valve_multiplier

AMPLITUDES = (0.0, 0.25, 0.5, 0.75, 1.0)
Points = Iterator[dict[str, Any]]


def steps(low: float, high: float, count: int = 121) -> list[float]:
    """Evenly spaced numbers."""
    return torch.linspace(low, high, count, dtype=torch.float64).tolist()


def scalar(value: float) -> torch.Tensor:
    """A 0-dim tensor of double precision."""
    return torch.tensor(value, dtype=torch.float64)


def add_points() -> Points:
    """ADD over the amplitude, beyond its ends too."""
    for seed in (-1.0, 0.0, 2.0):
        for alpha in steps(-0.5, 1.5):
            result = blend_add(scalar(1.0), scalar(seed), scalar(alpha)).item()
            yield {"x": alpha, "y": result, "line": f"s = {seed:g}"}


def multiply_points() -> Points:
    """The factor of MULTIPLY over the modulation."""
    for alpha in AMPLITUDES:
        for modulation in steps(-4.0, 4.0):
            factor = multiply_valve_multiplier(scalar(alpha), scalar(modulation)).item()
            yield {"x": modulation, "y": factor, "line": f"a = {alpha:g}"}


def gate_points() -> Points:
    """The effective alpha over the gate, beyond its ends too."""
    for alpha in AMPLITUDES[1:]:
        for gate in steps(-0.5, 1.5):
            effective = gate_effective_alpha(scalar(alpha), scalar(gate)).item()
            yield {"x": gate, "y": effective, "line": f"a = {alpha:g}"}


def curve_points() -> Points:
    """The progress of each curve over the share of the steps."""
    for curve, steepness in (
        (AlphaCurve.LINEAR, 12.0),
        (AlphaCurve.COSINE, 12.0),
        (AlphaCurve.SIGMOID, 6.0),
        (AlphaCurve.SIGMOID, 12.0),
        (AlphaCurve.SIGMOID, 24.0),
    ):
        suffix = f", k = {steepness:g}" if curve is AlphaCurve.SIGMOID else ""
        for share in steps(0.0, 1.0):
            progress = curve_progress(share, curve, steepness)
            yield {"x": share, "y": progress, "line": f"{curve.name}{suffix}"}


PLOTS = {
    "add": ("ADD of h = 1", "amplitude a", "y", add_points),
    "multiply": ("The factor of MULTIPLY", "modulation m = s − x", "y / h", multiply_points),
    "gate": ("The weight of GATE", "gate g", "effective alpha e", gate_points),
    "curves": ("The way of the amplitude", "share of the steps t", "progress", curve_points),
}


def chart(title: str, x: str, y: str, points: Points) -> dict[str, Any]:
    """A line chart in Vega-Lite; the order of the legend is that of the points."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title,
        "width": 420,
        "height": 240,
        "background": "white",
        "data": {"values": list(points)},
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": x, "scale": {"nice": False}},
            "y": {"field": "y", "type": "quantitative", "title": y},
            "color": {
                "field": "line",
                "sort": None,
                "title": None,
                "scale": {"scheme": "dark2"},
            },
            "strokeDash": {"field": "line", "sort": None, "title": None},
        },
    }


def main() -> None:
    """Write one SVG for each plot."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    directory.mkdir(parents=True, exist_ok=True)
    for name, (title, x, y, points) in PLOTS.items():
        svg = vl_convert.vegalite_to_svg(chart(title, x, y, points()))
        path = directory / f"kasmina-{name}.svg"
        path.write_text(svg)
        print(path)


if __name__ == "__main__":
    main()
