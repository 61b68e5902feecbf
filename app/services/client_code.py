"""Code of clients (patches, submitted tests) runs in the whole cage or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from app.errors import SandboxRefused
from app.sandbox.interface import LayerStatus
from app.sandbox.snapshot import Snapshot


class ClientCode:
    """Decides whether code of clients may run on this machine."""

    def __init__(self, missing_layers: Callable[[], Awaitable[list[LayerStatus]]]) -> None:
        self._missing_layers = missing_layers

    async def require_cage(self, what: str) -> None:
        """Check that every layer of isolation works here.

        Raises:
            SandboxRefused: one does not; the detail names it and why.
        """
        missing = await self._missing_layers()
        if missing:
            told = "; ".join(f"{layer.name} ({layer.detail})" for layer in missing)
            raise SandboxRefused(
                f"{what} is code of a client and runs under strict isolation only. Missing on this "
                f"machine: {told}. findings doctor explains each layer.",
                extra={"layers": [layer.name for layer in missing]},
            )

    async def require_for_patches(self, digests: Iterable[str], snapshot: Snapshot) -> None:
        """Check the patches of a run; those that the suite itself ships are no client's code.

        Raises:
            SandboxRefused: one is a client's, and a layer of isolation is missing.
        """
        if any(digest not in snapshot.shipped for digest in digests):
            await self.require_cage("A patch of this run")
