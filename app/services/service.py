"""What the services have in common."""

from __future__ import annotations

from app.storage.unit import UnitOfWork


class Service:
    """Verbs of the service; each opens the transaction that it needs."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
