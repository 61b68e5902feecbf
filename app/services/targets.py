"""The targets that an operator has declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.accounts import Actor
from app.domain.catalogue import TargetState
from app.errors import FindingsError, NotFound
from app.services.catalogue import SyncReport
from app.services.catalogues import Catalogues
from app.storage.unit import Stores, UnitOfWork
from app.targets.registry import Registry

_MOST_CHARS = 300


@dataclass(frozen=True)
class DomainTally:
    """How many tickets name a domain that no target covers."""

    name: str
    tickets: int


@dataclass(frozen=True)
class TargetView:
    """A target as it stands."""

    name: str
    domains: tuple[str, ...]
    packages: tuple[str, ...]
    suite: tuple[str, ...]
    kind: str
    """``git`` where a commit is in force, ``folder`` where the files are as they lie there."""
    revision: str | None
    """The commit that is in force; a folder has none."""
    follows: str | None
    """The branch or commit that the entry names."""
    package_digest: str | None
    suite_digest: str | None
    environment: str | None
    """Digest of the environment in which workers run it."""
    state: str
    """``ok`` or ``degraded``."""
    reason: str | None
    errors: tuple[str, ...]
    """Test files that could not be collected."""
    tests: int
    tickets: int
    """Those that it covers."""


class TargetService:
    """Targets as clients see them."""

    def __init__(self, unit: UnitOfWork, declared: Registry, catalogues: Catalogues) -> None:
        self._unit = unit
        self._declared = declared
        self._catalogues = catalogues

    async def all(self) -> list[TargetView]:
        """Return all targets, those with a wrong entry too."""
        async with self._unit.read() as stores:
            tickets = await stores.figures.by_target()
            found = [await self._view(stores, name, tickets) for name in self._declared.names]
        wrong = [one for one in self._declared.problems if not one.name]
        return found + [_degraded("", problem.line) for problem in wrong]

    async def show(self, name: str) -> TargetView:
        """Return one target.

        Raises:
            NotFound: none has this name.
        """
        names = self._declared.names
        if name not in names:
            raise NotFound(f"There is no target {name}; there are {', '.join(names)}.")
        async with self._unit.read() as stores:
            return await self._view(stores, name, await stores.figures.by_target())

    async def sync(self, actor: Actor, name: str) -> SyncReport:
        """Collect the suite of a target anew.

        Raises:
            NotFound: none has this name.
            Unavailable: its entry is wrong, or it cannot be read or run.
        """
        return await self._catalogues.of(name).sync(actor)

    async def not_covered(self) -> list[DomainTally]:
        """Return the domains of tickets that no target covers, those of most tickets first."""
        async with self._unit.read() as stores:
            return [DomainTally(*row) for row in await stores.figures.not_covered()]

    def problems(self) -> list[str]:
        """Return what is wrong with the file that declares targets, a line each."""
        return [problem.line for problem in self._declared.problems]

    async def _view(self, stores: Stores, name: str, tickets: dict[str, int]) -> TargetView:
        target = self._declared.targets.get(name)
        if target is None:
            return _degraded(name, self._declared.reason(name) or "", tickets.get(name, 0))
        state = await stores.catalogue.target(name)
        reason = await self._reason(name, state)
        environments = await stores.workers.environments(name)
        return TargetView(
            name=name,
            domains=target.domains,
            packages=target.packages,
            suite=target.suites,
            kind="folder" if target.revision is None else "git",
            revision=None if state is None else state.revision,
            follows=target.revision,
            package_digest=None if state is None else state.package_digest,
            suite_digest=(state.suite_digest or None) if state else None,
            environment=environments[0] if environments else None,
            state="ok" if reason is None else "degraded",
            reason=reason,
            errors=() if state is None else state.errors,
            tests=await stores.catalogue.count(name),
            tickets=tickets.get(name, 0),
        )

    async def _reason(self, name: str, state: TargetState | None) -> str | None:
        try:
            await self._catalogues.of(name).require_readable()
        except FindingsError as error:
            return error.detail
        if state is None:
            return self._catalogues.of(name).failure or "Its suite was not collected yet."
        if state.errors:
            return _not_collected(state.errors)
        return self._catalogues.of(name).failure


def _not_collected(errors: Sequence[str]) -> str:
    first = errors[0].strip().rpartition("\n")[2][:_MOST_CHARS]
    if len(errors) == 1:
        return f"A test file or the suite could not be collected: {first}"
    return f"{len(errors)} test files could not be collected, such as: {first}"


def _degraded(name: str, reason: str, tickets: int = 0) -> TargetView:
    return TargetView(
        name=name,
        domains=(),
        packages=(),
        suite=(),
        kind="folder",
        revision=None,
        follows=None,
        package_digest=None,
        suite_digest=None,
        environment=None,
        state="degraded",
        reason=reason,
        errors=(),
        tests=0,
        tickets=tickets,
    )
