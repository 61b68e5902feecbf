"""Blueprints: named recipes for seed modules, one registry for each kind of host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from kasmina._checks import require_module
from kasmina._values import (
    describe,
    require_count,
    require_positive_int,
    require_text,
    require_topology,
)

__all__ = ["Blueprint", "BlueprintRegistry"]

SeedFactory = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Blueprint:
    """A recipe for seed modules."""

    name: str
    """Unique within its topology."""
    topology: str
    """The kind of host it fits: "cnn" or "transformer"."""
    factory: SeedFactory
    """Builds the module for a number of channels; the module must keep its input's shape."""
    param_estimate: int
    """About how many parameters the module has."""
    description: str = ""
    """One line for people."""


class BlueprintRegistry:
    """All blueprints of this process, by topology and name."""

    _blueprints: ClassVar[dict[tuple[str, str], Blueprint]] = {}

    @classmethod
    def register(
        cls, name: str, topology: str, param_estimate: int, description: str = ""
    ) -> Callable[[SeedFactory], SeedFactory]:
        """Decorator that files the factory under `name`; ValueError when the name is taken."""
        key = (require_topology(topology), require_text("name", name))
        require_count("param_estimate", param_estimate)
        if key in cls._blueprints:
            raise ValueError(f"blueprint {name!r} is already registered for {topology}")

        def file(factory: SeedFactory) -> SeedFactory:
            if not callable(factory):
                raise TypeError(f"factory must be callable, got {describe(factory)}")
            cls._blueprints[key] = Blueprint(name, topology, factory, param_estimate, description)
            return factory

        return file

    @classmethod
    def create(cls, topology: str, name: str, dim: int) -> nn.Module:
        """Build a module for `dim` channels.

        Raises ValueError for an unknown blueprint, TypeError when its factory returns no module.
        """
        module = cls.get(topology, name).factory(require_positive_int("dim", dim))
        require_module(f"what blueprint {name!r} builds", module)
        return module

    @classmethod
    def get(cls, topology: str, name: str) -> Blueprint:
        """The blueprint of that name; ValueError when there is none."""
        key = (require_topology(topology), require_text("name", name))
        if key not in cls._blueprints:
            known = ", ".join(sorted(n for t, n in cls._blueprints if t == topology)) or "none"
            raise ValueError(
                f"blueprint {name!r} is not available for {topology}, registered: {known}"
            )
        return cls._blueprints[key]

    @classmethod
    def unregister(cls, topology: str, name: str) -> None:
        """Forget a blueprint; ValueError when there is none of that name."""
        blueprint = cls.get(topology, name)
        del cls._blueprints[blueprint.topology, blueprint.name]


@BlueprintRegistry.register("noop", "cnn", 0, "returns its input; no parameters")
def _noop(dim: int) -> nn.Module:
    return nn.Identity()
