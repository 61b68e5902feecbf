"""One place of a file changed: the smallest thing that a mutant can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Operator(Enum):
    """How a mutant differs. The order is that of choice: of a line the first one is taken."""

    DETACH = "detach"
    CLAMP = "clamp"
    KEEPDIM = "keepdim"
    DIM = "dim"
    DTYPE = "dtype"
    COMPARISON = "comparison"
    BOOLEAN = "boolean"
    ARITHMETIC = "arithmetic"
    NEGATION = "negation"
    RETURN = "return"
    STATEMENT = "statement"
    SWAP = "swap"
    ARGUMENT = "argument"
    CONSTANT = "constant"
    DECORATOR = "decorator"


ORDER = {operator: rank for rank, operator in enumerate(Operator)}


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from `start` to `end` by `text`."""

    operator: Operator
    start: int
    end: int
    text: str

    def apply(self, data: bytes) -> bytes:
        """Return `data` with the place changed."""
        return data[: self.start] + self.text.encode() + data[self.end :]
