"""What all stores have in common."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.places import Book
from app.domain.strength import StrengthGate
from app.domain.targets import Placement


@dataclass(frozen=True, slots=True)
class Context:
    """What the stores of a unit of work share."""

    connection: AsyncConnection
    placement: Placement
    """Which target a ticket belongs to."""
    book: Book
    """In which the places of new locations are looked up."""
    gate: StrengthGate
    """Whether the strength of tests is asked for before a ticket is closed."""


class Store:
    """Queries on one connection."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._connection = context.connection
