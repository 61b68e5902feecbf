"""Where a gate comes from: the interface of blend algorithms and the catalogue of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from kasmina._blend_algorithm import AlphaScheduleProtocol, BlendAlgorithm
from kasmina._values import describe
from kasmina.gated_blend import GatedBlend

__all__ = ["AlphaScheduleProtocol", "BlendAlgorithm", "BlendCatalog", "GatedBlend"]


class BlendCatalog:
    """The gate modules by name. Fixed: neither the mapping nor what it lists can be changed."""

    _algorithms: ClassVar[Mapping[str, type[BlendAlgorithm]]] = MappingProxyType(
        {GatedBlend.algorithm_id: GatedBlend}
    )

    @classmethod
    def list_algorithms(cls) -> list[str]:
        """The names, as a list of the caller's own."""
        return list(cls._algorithms)

    @classmethod
    def create(cls, algorithm_id: str, **kwargs: Any) -> BlendAlgorithm:
        """A new module; `kwargs` go to its constructor. ValueError for a name not listed."""
        if algorithm_id not in cls._algorithms:
            known = ", ".join(cls._algorithms)
            raise ValueError(
                f"Unknown blend algorithm: {describe(algorithm_id)}, expected one of: {known}"
            )
        return cls._algorithms[algorithm_id](**kwargs)
