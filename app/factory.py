"""Builds everything once, the same way for the web, the worker and the tests."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from app.config import Settings
from app.database import libpq_url, make_engine
from app.sandbox.arms import ArmStore
from app.sandbox.build import build_sandbox
from app.sandbox.interface import (
    Collection,
    LayerStatus,
    Limits,
    Sandbox,
    SandboxMode,
    Target,
)
from app.services.accounts import AccountService
from app.services.catalogue import CatalogueService
from app.services.client_code import ClientCode
from app.services.documents import DocumentService
from app.services.execution import ExecutionService
from app.services.links import LinkService
from app.services.patches import PatchService
from app.services.reviews import ReviewService
from app.services.runs import RunService
from app.services.submissions import SubmissionService
from app.services.tickets import TicketService
from app.services.workers import WorkerService
from app.storage.bell import Bell
from app.storage.unit import UnitOfWork


class Factory:
    """Everything a process needs, made on first use and closed together."""

    def __init__(self, settings: Settings, database_url: str, *, name: str = "web") -> None:
        self.settings = settings
        self.database_url = database_url
        self.engine = make_engine(database_url, name=name, pool_size=settings.database_pool)
        self.unit = UnitOfWork(self.engine)
        self.bell = Bell(libpq_url(database_url))
        self._work_dir: Path | None = None
        self._sandbox: Sandbox | None = None

    @property
    def target(self) -> Target:
        """What is tested."""
        return self.settings.target

    @property
    def work_dir(self) -> Path:
        """A folder of this process for arms and scratch, gone when it closes."""
        if self._work_dir is None:
            self._work_dir = Path(tempfile.mkdtemp(prefix="findings-"))
            self._work_dir.chmod(0o711)  # the tests' own user passes through, and sees no names
        return self._work_dir

    @property
    def sandbox(self) -> Sandbox:
        """What runs tests here."""
        if self._sandbox is None:
            scratch = self.work_dir / "scratch"
            scratch.mkdir(mode=0o711)
            # Without a demand, whatever layers work are in force: where all do, that is strict.
            mode = self.settings.sandbox or SandboxMode.RELAXED
            self._sandbox = build_sandbox(mode, scratch, hidden=(self.settings.data_dir,))
        return self._sandbox

    async def missing_layers(self) -> list[LayerStatus]:
        """Return the isolation layers that do not work on this machine."""
        layers = await asyncio.to_thread(self.sandbox.layers)
        return [layer for layer in layers if not layer.works]

    @cached_property
    def arms(self) -> ArmStore:
        """Prepared copies of the package."""
        return ArmStore(self.work_dir / "arms")

    @property
    def limits(self) -> Limits:
        """Bounds of one arm."""
        return Limits(
            per_test_s=self.settings.test_timeout_s, per_arm_s=self.settings.run_timeout_s
        )

    async def collect(
        self, target: Target, submitted: Mapping[str, str] | None = None
    ) -> Collection:
        """Collect the suite of `target` in the sandbox, with submitted files beside it."""
        arm = await asyncio.to_thread(self.arms.prepare, target, extra_files=submitted)
        return await self.sandbox.collect(arm)

    @cached_property
    def accounts(self) -> AccountService:
        """Accounts and tokens."""
        return AccountService(self.unit)

    @cached_property
    def catalogue(self) -> CatalogueService:
        """What can be run."""
        return CatalogueService(self.unit, self.target, self.collect)

    @cached_property
    def tickets(self) -> TicketService:
        """Tickets."""
        return TicketService(self.unit, self.target.name)

    @cached_property
    def documents(self) -> DocumentService:
        """Changes to tickets."""
        return DocumentService(self.unit, self.target.name)

    @cached_property
    def reviews(self) -> ReviewService:
        """Cross-reviews."""
        return ReviewService(self.unit)

    @cached_property
    def links(self) -> LinkService:
        """Linked tests."""
        return LinkService(self.unit, self.target.name)

    @cached_property
    def client_code(self) -> ClientCode:
        """Whether code of clients may run here."""
        return ClientCode(self.missing_layers)

    @cached_property
    def submissions(self) -> SubmissionService:
        """Tests that clients hand in."""
        return SubmissionService(self.unit, self.catalogue, self.client_code, self.target)

    @cached_property
    def patches(self) -> PatchService:
        """Patches of tickets."""
        return PatchService(self.unit, self.catalogue, self.target.name)

    @cached_property
    def runs(self) -> RunService:
        """Runs as clients see them."""
        return RunService(self.unit, self.catalogue, self.bell, self.client_code, self.target.name)

    @cached_property
    def execution(self) -> ExecutionService:
        """Runs as workers see them."""
        return ExecutionService(self.unit)

    @cached_property
    def worker_states(self) -> WorkerService:
        """Which workers there are."""
        return WorkerService(self.unit)

    async def close(self) -> None:
        """Stop what runs and free what is held."""
        await self.bell.stop()
        if self._sandbox is not None:
            await self._sandbox.close()
        await self.engine.dispose()
        if self._work_dir is not None:
            await asyncio.to_thread(shutil.rmtree, self._work_dir, ignore_errors=True)
