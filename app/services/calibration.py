"""How often reviewers were right before anything was run."""

from __future__ import annotations

from app.domain.calibration import CalibrationBy, CalibrationRow, table_of
from app.services.service import Service
from app.services.sight import sight


class CalibrationService(Service):
    """What reviewers said, against what runs showed."""

    async def table(self, by: CalibrationBy) -> list[CalibrationRow]:
        """Return how often each was right, in the order of names."""
        async with self._unit.read() as stores:
            return table_of(await stores.calibration.counts(by, sight()))
