"""Code of clients (patches, submitted tests) runs in the whole cage or not at all."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable

from app.domain.accounts import Actor
from app.domain.remedies import Caller
from app.domain.tickets import Ticket
from app.errors import SandboxRefused
from app.sandbox.interface import LayerStatus
from app.sandbox.snapshot import Snapshot

_SEEN_FOR_S = 5.0


class ClientCode:
    """Decides whether code of clients may run on this machine."""

    def __init__(self, missing_layers: Callable[[], Awaitable[list[LayerStatus]]]) -> None:
        self._missing_layers = missing_layers
        self._seen = False
        self._seen_until = 0.0

    async def is_caged(self) -> bool:
        """Tell whether every layer of isolation works here, as it was seen a moment ago.

        Good for advice; who decides asks `require_cage`.
        """
        if time.monotonic() >= self._seen_until:
            self._seen = not await self._missing_layers()
            self._seen_until = time.monotonic() + _SEEN_FOR_S
        return self._seen

    async def caller(self, actor: Actor, ticket: Ticket) -> Caller:
        """Return the actor as the reader of a ticket's remedies."""
        own = ticket.created_by == actor.name and not ticket.status.is_final
        return Caller(actor.account, owns=own, strict=await self.is_caged())

    async def require_cage(self, what: str, why: str = "is code of a client") -> None:
        """Check that every layer of isolation works here.

        Raises:
            SandboxRefused: one does not; the detail names it and why.
        """
        missing = await self._missing_layers()
        if missing:
            told = "; ".join(f"{layer.name} ({layer.detail})" for layer in missing)
            raise SandboxRefused(
                f"{what} {why} and runs under strict isolation only. Missing on this machine: "
                f"{told}. findings doctor explains each layer.",
                extra={"layers": [layer.name for layer in missing]},
            )

    async def require_for_patches(self, digests: Iterable[str], snapshot: Snapshot) -> None:
        """Check the patches of a run; those that the suite itself ships are no client's code.

        Raises:
            SandboxRefused: one is a client's, and a layer of isolation is missing.
        """
        if any(digest not in snapshot.shipped for digest in digests):
            await self.require_cage("A patch of this run")
