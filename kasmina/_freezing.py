"""Taking parameters out of training and back, by name.

Only ``requires_grad`` changes: values stay, and gradients go on flowing *through* the modules.
Names outlive the parameter objects, which loading a state dict may replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn


def freeze(parts: Mapping[str, object]) -> list[str]:
    """Freeze what is trainable; return the names of what was."""
    trainable = [(name, p) for name, p in _parameters(parts) if p.requires_grad]
    for _, parameter in trainable:
        parameter.requires_grad_(False)
    return [name for name, _ in trainable]


def thaw(parts: Mapping[str, object], names: list[str]) -> None:
    """Make the parameters of these names trainable again, as far as they still exist."""
    for name, parameter in _parameters(parts):
        if name in names:
            parameter.requires_grad_(True)


def _parameters(parts: Mapping[str, object]) -> Iterator[tuple[str, nn.Parameter]]:
    for part, module in parts.items():
        if isinstance(module, nn.Module):
            yield from module.named_parameters(prefix=part)
