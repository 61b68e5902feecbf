"""A bounded memory of what never changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """What never changes once it is there, kept while it is in use."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[object, Value] = OrderedDict()

    def get(self, name: object) -> Value | None:
        """Return the value kept under `name`, or None."""
        if name in self._values:
            self._values.move_to_end(name)
        return self._values.get(name)

    def put(self, name: object, value: Value) -> None:
        """Keep a value; the one that was not asked for the longest goes."""
        self._values[name] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
