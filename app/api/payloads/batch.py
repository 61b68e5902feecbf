"""Items of a batch: one that cannot be read is refused by itself, the others go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator


@dataclass(frozen=True)
class Unreadable:
    """What stands in the place of an item that does not fit its model."""

    errors: Sequence[Mapping[str, Any]]
    """As pydantic words them; ``loc`` starts at the item."""


def _read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        return Unreadable([dict(item) for item in error.errors(include_url=False)])


BY_ITSELF = WrapValidator(_read)
"""Marks the items of a list: ``list[Annotated[ItemIn, BY_ITSELF]]``."""
