"""Builds everything once, the same way for the web, the worker and the tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from app import __version__
from app.config import Settings
from app.database import libpq_url, make_engine, open_connection
from app.domain.housekeeping import Retention
from app.domain.limits import RateLimits
from app.domain.monitoring import SWEPT
from app.domain.places import Book
from app.domain.revisions import RevisionRefused
from app.domain.targets import Target
from app.errors import Unavailable
from app.formats.sarif.table import scanner_table
from app.metrics import Metrics
from app.sandbox.arms import ArmStore
from app.sandbox.installed import missing_modules
from app.sandbox.interface import (
    Collection,
    LayerStatus,
    Limits,
    PreparedArm,
    Sandbox,
    SandboxMode,
)
from app.sandbox.workdir import WorkDir, sweep_orphans
from app.sandbox.zygote import ZygoteSandbox
from app.services.accounts import AccountService
from app.services.amendments import AmendmentService
from app.services.bisecting import BisectingService
from app.services.bisections import BisectionService
from app.services.calibration import CalibrationService
from app.services.catalogues import Catalogues
from app.services.changes import ChangeService
from app.services.client_code import ClientCode
from app.services.documents import DocumentService
from app.services.drift import DriftService
from app.services.examples import ExampleService
from app.services.execution import ExecutionService
from app.services.exports import ExportService
from app.services.external import ExternalService
from app.services.figures import FigureService
from app.services.filing import FilingService
from app.services.gates import GateService
from app.services.history_plans import HistoryPlans
from app.services.housekeeping import HousekeepingService
from app.services.idempotency import IdempotencyService
from app.services.imports import ImportService
from app.services.links import LinkService
from app.services.logins import LoginService
from app.services.measuring import MeasuringService
from app.services.monitoring import MonitoringService
from app.services.mutants import MutantService
from app.services.order_policy import OrderPolicyService
from app.services.patches import PatchService
from app.services.places import PlaceService
from app.services.queue import QueueService
from app.services.relations import RelationService
from app.services.reviews import ReviewService
from app.services.revisions import RevisionService
from app.services.runs import RunService
from app.services.scanning import ScanningService
from app.services.sessions import SessionService
from app.services.source import SourceService
from app.services.sources import Sources, refusal
from app.services.submissions import SubmissionService
from app.services.sweeping import SweepExecutionService
from app.services.sweeps import SweepService
from app.services.targets import TargetService
from app.services.ticket_views import TicketViewService
from app.services.tickets import TicketService
from app.services.tokens import TokenService
from app.services.transfer import TransferService
from app.services.transitions import TransitionService
from app.services.undo import UndoService
from app.services.views import ViewService
from app.services.work_orders import WorkOrderService
from app.services.workers import WorkerService
from app.storage.notifier import Notifier
from app.storage.unit import UnitOfWork
from app.targets.interpreters import InterpreterFailed, ask, require_pytest
from app.targets.registry import Registry

S = TypeVar("S")


def _on_unit(service: Callable[[UnitOfWork], S]) -> cached_property[S]:
    """A service that needs nothing but the unit of work."""
    return cached_property(lambda factory: service(factory.unit))


class Factory:
    """Everything a process needs, made on first use and closed together."""

    def __init__(self, settings: Settings, database_url: str, *, name: str = "web") -> None:
        self.settings = settings
        self.database_url = database_url
        self.engine = make_engine(database_url, name=name, pool_size=settings.database_pool)
        self.declared = Registry(settings.targets_file, settings.target)
        self.book = Book()
        self.unit = UnitOfWork(
            self.engine,
            lambda: self.declared.placement,
            self.book,
            strength_gate=settings.strength_gate,
        )
        self.notifier = Notifier(
            partial(
                open_connection,
                libpq_url(database_url),
                autocommit=True,
                application_name="findings notifier",
            )
        )
        self._work_dir: WorkDir | None = None
        self._sandbox: Sandbox | None = None

    accounts = _on_unit(AccountService)
    tokens = _on_unit(TokenService)
    logins = _on_unit(LoginService)
    filing = _on_unit(FilingService)
    idempotency = _on_unit(IdempotencyService)
    documents = _on_unit(DocumentService)
    relations = _on_unit(RelationService)
    reviews = _on_unit(ReviewService)
    amendments = _on_unit(AmendmentService)
    queue = _on_unit(QueueService)
    calibration = _on_unit(CalibrationService)
    imports = _on_unit(ImportService)
    external = _on_unit(ExternalService)
    drift = _on_unit(DriftService)
    mutants = _on_unit(MutantService)
    bisecting = _on_unit(BisectingService)
    measuring = _on_unit(MeasuringService)
    undo = _on_unit(UndoService)
    views = _on_unit(ViewService)
    worker_states = _on_unit(WorkerService)

    def target(self, name: str) -> Target:
        """Return a target that this process can run.

        Raises:
            Unavailable: its entry is missing here, or wrong.
        """
        if name in self.declared.targets:
            return self.declared.targets[name]
        reason = self.declared.reason(name) or "no entry of that name is in the targets file here"
        raise Unavailable(f"The target {name} cannot be used: {reason}")

    def environment_of(self, target: Target) -> Mapping[str, str]:
        """Return what results of a target depend on besides its files. May block: use a thread.

        Raises:
            InterpreterFailed: its interpreter cannot be used.
        """
        installed = ask(target.interpreter.python or sys.executable)
        require_pytest(installed)
        return installed.environment

    @property
    def work_dir(self) -> Path:
        """A folder of this process for arms and scratch, gone when it closes."""
        if self._work_dir is None:
            self._work_dir = WorkDir()
        return self._work_dir.path

    @property
    def sandbox(self) -> Sandbox:
        """What runs tests here."""
        if self._sandbox is None:
            scratch = self.work_dir / "scratch"
            scratch.mkdir(mode=0o711)
            # Without a demand, whatever layers work are in force: where all do, that is strict.
            mode = self.settings.sandbox or SandboxMode.RELAXED
            self._sandbox = ZygoteSandbox(scratch, mode, hidden=self._hidden)
        return self._sandbox

    def _hidden(self) -> tuple[Path, ...]:
        """Return the folders that no test may see: the data, and all projects but its own arm."""
        roots = {target.root for target in self.declared.targets.values()}
        return (self.settings.data_dir, *sorted(roots))

    @cached_property
    def runs_tests(self) -> bool:
        """Whether this machine has what tests need; a web host may do without."""
        return not missing_modules()

    async def missing_layers(self) -> list[LayerStatus]:
        """Return the isolation layers that do not work where runs of this process end up.

        That is here, or on the workers where this machine runs no tests. Each worker looks again
        before it runs a client's code, so that it may wait while no worker is known.
        """
        if not self.runs_tests:
            silence = self.settings.worker_silence_s
            names = await self.worker_states.missing_everywhere(silence)
            return [LayerStatus(name, False, "on no worker") for name in names]
        layers = await asyncio.to_thread(self.sandbox.layers)
        return [layer for layer in layers if not layer.works]

    @cached_property
    def sources(self) -> Sources:
        """Where the files of targets come from."""
        return Sources()

    @cached_property
    def arms(self) -> ArmStore:
        """Prepared copies of the package."""
        return ArmStore(self.work_dir / "arms")

    def limits(self, target: Target) -> Limits:
        """Bounds of one arm of a target."""
        memory = {} if target.memory_bytes is None else {"memory_bytes": target.memory_bytes}
        return Limits(
            per_test_s=target.test_s or self.settings.test_timeout_s,
            per_arm_s=target.arm_s or self.settings.run_timeout_s,
            **memory,
        )

    async def collect(
        self, target: Target, submitted: Mapping[str, str] | None = None
    ) -> Collection:
        """Collect the suite of `target` in the sandbox, or only files submitted to stand beside it.

        Raises:
            Unavailable: this machine runs no tests.
        """
        if not self.runs_tests:
            raise Unavailable(
                f"This host runs no tests ({' and '.join(missing_modules())} not installed), so it "
                "cannot collect any. A worker collects the suite at its start: start or restart "
                "one with findings worker, or install findings[worker] on this host."
            )
        try:
            await asyncio.to_thread(self.environment_of, target)
        except InterpreterFailed as failure:
            raise Unavailable(f"The target {target.name} cannot be run: {failure}.") from None
        try:
            arm = await asyncio.to_thread(self.prepare, target, extra_files=submitted)
        except RevisionRefused as error:
            raise Unavailable(refusal(target, error)) from None
        with self.arms.hold([arm]):
            return await self.sandbox.collect(
                arm, [f"{target.suite}/{path}" for path in submitted or ()]
            )

    def prepare(
        self,
        target: Target,
        patch_text: str | None = None,
        reverse: bool = False,
        *,
        revision: str | None = None,
        in_force: str | None = None,
        extra_files: Mapping[str, str] | None = None,
    ) -> PreparedArm:
        """Return an arm of a target at a revision, or of what is in force. Blocks: use a thread.

        `in_force` is the commit that was in force when it was asked for.

        Raises:
            RevisionRefused: the revision cannot be used.
            PatchError: the patch does not apply.
            FolderError: the target cannot be read.
            OSError: a file cannot be read or written.
        """
        read = self.sources.read(target, revision, in_force=in_force)
        return self.arms.prepare(target, patch_text, reverse, extra_files=extra_files, read=read)

    @cached_property
    def sessions(self) -> SessionService:
        """Logged-in browsers."""
        return SessionService(self.unit, self.accounts, self.logins)

    @cached_property
    def catalogues(self) -> Catalogues:
        """What can be run, of each target."""
        return Catalogues(
            self.unit,
            self.declared,
            self.collect,
            self.sources,
            self.places,
            sweeps=self.settings.sweeps,
        )

    @cached_property
    def targets(self) -> TargetService:
        """The targets that are declared."""
        return TargetService(self.unit, self.declared, self.catalogues)

    @cached_property
    def sweeps(self) -> SweepService:
        """Sweeps as clients see them."""
        return SweepService(self.unit, self.catalogues, self.sources, self.notifier)

    @cached_property
    def sweeping(self) -> SweepExecutionService:
        """Sweeps as workers see them."""
        return SweepExecutionService(self.unit, self.sources)

    @cached_property
    def revisions(self) -> RevisionService:
        """What targets were."""
        return RevisionService(self.unit, self.catalogues, self.sources)

    @cached_property
    def changes(self) -> ChangeService:
        """What happens to tickets, for those who follow it."""
        return ChangeService(self.unit, self.notifier)

    @cached_property
    def tickets(self) -> TicketService:
        """Tickets."""
        return TicketService(self.unit)

    @cached_property
    def ticket_views(self) -> TicketViewService:
        """Tickets as pages show them."""
        return TicketViewService(self.unit)

    @cached_property
    def transitions(self) -> TransitionService:
        """Steps of tickets along the workflow."""
        return TransitionService(self.unit, self.catalogues, self.client_code)

    @cached_property
    def gates(self) -> GateService:
        """Gates of tickets."""
        return GateService(self.unit, self.client_code)

    @cached_property
    def figures(self) -> FigureService:
        """Figures over all tickets."""
        return FigureService(self.unit)

    @cached_property
    def links(self) -> LinkService:
        """Linked tests."""
        return LinkService(self.unit, self.catalogues)

    @cached_property
    def client_code(self) -> ClientCode:
        """Whether code of clients may run here."""
        return ClientCode(self.missing_layers)

    @cached_property
    def scanning(self) -> ScanningService:
        """Reports of scanners that become tickets."""
        table = scanner_table(self.settings.scanner_table)
        return ScanningService(self.unit, self.settings.target, table, self.settings.url)

    @cached_property
    def places(self) -> PlaceService:
        """What became of the code that locations name."""
        return PlaceService(self.unit, self.book, self.sources)

    @cached_property
    def exports(self) -> ExportService:
        """Tickets as others read them."""
        return ExportService(self.unit, self.transfer, self.settings.url, __version__)

    @cached_property
    def transfer(self) -> TransferService:
        """Everything, out and in."""
        return TransferService(self.unit)

    @cached_property
    def source(self) -> SourceService:
        """The code that tickets speak about."""
        return SourceService(self.unit, self.declared, self.sources)

    @cached_property
    def submissions(self) -> SubmissionService:
        """Tests that clients hand in."""
        return SubmissionService(self.unit, self.catalogues, self.client_code)

    @cached_property
    def patches(self) -> PatchService:
        """Patches of tickets."""
        return PatchService(self.unit, self.catalogues, self.client_code)

    @cached_property
    def runs(self) -> RunService:
        """Runs as clients see them."""
        return RunService(
            self.unit,
            self.catalogues,
            self.notifier,
            self.client_code,
            HistoryPlans(self.sources),
            most_queued=self.settings.queued_runs_per_account,
        )

    @cached_property
    def examples(self) -> ExampleService:
        """Loads the examples."""
        return ExampleService(
            self.unit,
            self.notifier,
            self.tickets,
            self.reviews,
            self.patches,
            self.submissions,
            self.gates,
            self.runs,
            self.transitions,
            self.catalogues,
        )

    @cached_property
    def execution(self) -> ExecutionService:
        """Runs as workers see them."""
        return ExecutionService(self.unit, lambda: tuple(self.declared.targets))

    @cached_property
    def bisections(self) -> BisectionService:
        """Bisections as clients see them."""
        return BisectionService(self.unit, self.catalogues, self.runs, self.sources)

    @cached_property
    def metrics(self) -> Metrics:
        """What this process counts."""
        return Metrics()

    @cached_property
    def limits_of_requests(self) -> RateLimits:
        """How much one account may ask of this process."""
        return RateLimits(self.settings.requests_per_minute)

    @cached_property
    def monitoring(self) -> MonitoringService:
        """What operators watch."""
        return MonitoringService(self.unit, self.declared, self.settings.worker_silence_s)

    @cached_property
    def housekeeping(self) -> HousekeepingService:
        """Removes expired data."""
        retention = Retention(
            run_events=timedelta(days=self.settings.keep_run_events_days),
            run_output=timedelta(days=self.settings.keep_run_output_days),
        )
        return HousekeepingService(self.unit, retention)

    async def sweep(self) -> dict[str, int]:
        """Remove expired data, from the database and from this machine."""
        removed = await self.housekeeping.sweep()
        days, megabytes = self.settings.keep_arms_days, self.settings.keep_arms_mb
        local = {
            "arms": await asyncio.to_thread(self.arms.prune, days * 86400, megabytes << 20),
            "work folders": await asyncio.to_thread(sweep_orphans),
        }
        await self.monitoring.count({(SWEPT, (what,)): number for what, number in local.items()})
        return {**removed, **local}

    def pool_state(self) -> dict[str, int]:
        """Return how many database connections are in use and idle, and the most there may be."""
        return self.unit.pool_state()

    @cached_property
    def work_orders(self) -> WorkOrderService:
        """What is wanted of agents and people."""
        policy = OrderPolicyService(self.unit, self.settings.order_policy)
        return WorkOrderService(
            self.unit, self.runs, self.submissions, self.patches, self.reviews, policy
        )

    async def close(self) -> None:
        """Stop what runs and free what is held."""
        await self.examples.close()
        await self.notifier.stop()
        if self._sandbox is not None:
            await self._sandbox.close()
        await self.unit.close()
        await self.engine.dispose()
        if self._work_dir is not None:
            await asyncio.to_thread(self._work_dir.close)
